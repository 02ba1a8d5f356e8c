/* SPDX-License-Identifier: MIT */
/* The configuration: what is taken keeps its promises, what is refused is one harmless line. */

#include <string.h>

#include "config/load.h"
#include "config/unit-name.h"
#include "fuzz.h"
#include "proto/error.h"

static void check_config(const Config *config)
{
        fuzz_check(config->http_port >= 1 && config->http_port <= 65535);
        fuzz_check(config->http_insecure_expose || config_host_is_loopback(config->http_host));
        fuzz_check(config->api_cache_ttl_usec <= 60 * USEC_PER_SEC);
        fuzz_check(config->api_idle_exit_usec <= 86400 * USEC_PER_SEC);
        fuzz_check(config->api_max_connections >= 8 && config->api_max_connections <= 4096);
        fuzz_check(config->collector_idle_exit_usec <= 86400 * USEC_PER_SEC);
        fuzz_check(config->auth_token || !config->auth_token_is_placeholder);

        fuzz_check(config->n_services <= CONFIG_SERVICES_MAX);
        for (size_t i = 0; i < config->n_services; i++) {
                _cleanup_(freep) char *again = NULL;

                fuzz_check(unit_name_mangle(config->services[i].unit, &again) == 0);
                fuzz_check(streq(again, config->services[i].unit));
                fuzz_check(strlen(again) < 256 && !strpbrk(again, "/*?[ \n"));
        }

        fuzz_check(config->n_disks >= 1 && config->n_disks <= CONFIG_DISKS_MAX);
        for (size_t i = 0; i < config->n_disks; i++)
                fuzz_check(config->disks[i][0] == '/');
        fuzz_check(config->mesh_tcp_ports.n + config->mesh_udp_ports.n <= CONFIG_PORTS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(freep) char *problem = NULL;

        int r = config_parse("config.yaml", (const char *) data, size, &config, &problem);
        if (r == 0) {
                fuzz_check(config && !problem);
                check_config(config);
                return 0;
        }

        fuzz_check(r == DEVBOX_ERROR_CONFIG_INVALID);
        fuzz_check(!config && startswith(problem, "config.yaml:"));
        for (const char *at = problem; *at; at++)
                fuzz_check(*at == '\n' || (*at >= ' ' && *at <= '~'));

        return 0;
}
