/* SPDX-License-Identifier: MIT */
/* The configuration as a value. */

#include "config/config.h"

#include "basic/sockaddr.h"

bool config_host_is_loopback(const char *host)
{
        SockAddr address;

        return streq(host, "localhost") ||
               (sockaddr_parse_host(host, &address) == 0 && sockaddr_is_loopback(&address));
}

Config *config_free(Config *config)
{
        if (!config)
                return NULL;

        for (size_t i = 0; i < config->n_services; i++) {
                free(config->services[i].name);
                free(config->services[i].unit);
        }
        for (size_t i = 0; i < config->n_disks; i++)
                free(config->disks[i]);
        free(config->http_host);
        (void) secret_free(config->auth_token);
        free(config);
        return NULL;
}
