/* SPDX-License-Identifier: MIT */
#pragma once

/* The configuration as a value; config/load.h reads it, devbox-config(5) explains it. */

#include "basic/port-set.h"
#include "basic/time.h"
#include "crypto/secret.h"

#define CONFIG_SERVICES_MAX 64
#define CONFIG_DISKS_MAX    16
#define CONFIG_PORTS_MAX    32

typedef struct ConfigService {
        char *name; /* as written: "docker" */
        char *unit; /* as systemd names it: "docker.service" */
} ConfigService;

typedef struct Config {
        char *http_host; /* an IP literal, or "localhost": 127.0.0.1 and ::1 */
        uint64_t http_port;
        bool http_insecure_expose;

        Secret *auth_token; /* NULL: not set, actions are denied */
        bool auth_token_is_placeholder;

        size_t n_services;
        ConfigService services[CONFIG_SERVICES_MAX];

        usec_t api_cache_ttl_usec;
        usec_t api_idle_exit_usec; /* 0: never */
        uint64_t api_max_connections;

        size_t n_disks;
        char *disks[CONFIG_DISKS_MAX];   /* at least one */
        usec_t collector_idle_exit_usec; /* 0: never */

        bool ledger_trust_clock; /* the clock counts as synchronised, whatever the kernel reports */

        bool worker_require_limits; /* without memory and pids controllers workers do not run */

        PortSet mesh_tcp_ports, mesh_udp_ports; /* open to peers; CONFIG_PORTS_MAX in all */
} Config;

Config *config_free(Config *config);
DEFINE_CLEANUP(Config, config_free);

/* Whether the host (an IP literal) is a loopback address, so that no other machine can reach the API. */
bool config_host_is_loopback(const char *host);
