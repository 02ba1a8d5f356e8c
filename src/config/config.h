/* SPDX-License-Identifier: MIT */
#pragma once

/* /etc/devbox/config.yaml as a value. One reader for every program, strict: what it does not know or cannot
 * take, it refuses, and says where and what to write instead. The keys are one table in config.c;
 * devbox-config(5) explains them. */

#include "basic/macro.h"
#include "basic/time.h"
#include "crypto/secret.h"

#define CONFIG_SERVICES_MAX 64
#define CONFIG_DISKS_MAX    16

typedef struct ConfigService {
        char *name; /* as written: "docker" */
        char *unit; /* as systemd names it: "docker.service" */
} ConfigService;

typedef struct Config {
        char *http_host; /* an IP literal, or "localhost": 127.0.0.1 and ::1 */
        uint64_t http_port;
        bool http_insecure_expose;

        Secret *auth_token; /* NULL: not set, actions are refused */
        bool auth_token_is_placeholder;

        size_t n_services;
        ConfigService services[CONFIG_SERVICES_MAX];

        usec_t api_cache_ttl_usec;
        usec_t api_idle_exit_usec; /* 0: never */
        uint64_t api_max_connections;

        size_t n_disks;
        char *disks[CONFIG_DISKS_MAX];   /* at least one */
        usec_t collector_idle_exit_usec; /* 0: never */

        bool ledger_trust_clock; /* the clock is right even where the kernel does not say so */
} Config;

/* Where the configuration is: $DEVBOX_CONFIG, or /etc/devbox/config.yaml. */
const char *config_path(void);

/* Reads and checks the file. Returns DEVBOX_ERROR_CONFIG_INVALID when it is absent, unreadable or wrong;
 * then `ret_problem` is one line for a person, without secrets: "/etc/devbox/config.yaml:3: unknown key
 * 'prot' in http; did you mean 'port'?". The caller frees both. Errors: -ENOMEM. */
int config_load(const char *path, Config **ret_config, char **ret_problem);

/* The same for a text in memory; `name` stands for the path in `ret_problem`. */
int config_parse(const char *name, const char *text, size_t size, Config **ret_config, char **ret_problem);

Config *config_free(Config *config);
DEFINE_CLEANUP(Config, config_free);

/* Whether the host (an IP literal) is a loopback address, so that nobody else can reach the API. */
bool config_host_is_loopback(const char *host);
