/* SPDX-License-Identifier: MIT */
/* Parses the values of configuration keys. */

#include "config/value.h"

#include <arpa/inet.h>
#include <limits.h>
#include <strings.h>

#include "basic/parse.h"
#include "config/unit-name.h"

#define TOKEN_MIN 8
#define TOKEN_MAX 256

#define STRINGIFY_(number) #number
#define STRINGIFY(number)  STRINGIFY_(number)

static int reject(const char **ret_why, const char *why)
{
        *ret_why = why;
        return CONFIG_VALUE_REJECTED;
}

/* The words that examples have in place of a token. */
static bool token_is_placeholder(const char *text)
{
        return strcasecmp(text, "CAMBIAR_ESTE_TOKEN") == 0 || strncasecmp(text, "CHANGE_ME", 9) == 0 ||
               strncasecmp(text, "CHANGEME", 8) == 0;
}

/* Absolute, of printable characters, without empty parts, "." and "..": the one way to write a path. */
static bool path_is_plain(const char *path)
{
        if (path[0] != '/' || strlen(path) >= PATH_MAX)
                return false;
        for (const char *at = path; *at; at++)
                if ((unsigned char) *at < ' ' || *at == 0x7f)
                        return false;

        return streq(path, "/") || (!strstr(path, "//") && !strstr(path, "/./") && !strstr(path, "/../") &&
                                    !endswith(path, "/") && !endswith(path, "/.") && !endswith(path, "/.."));
}

int config_set_number(Config *config, const ConfigKey *key, const char *text, const char **ret_why)
{
        uint64_t *field = (uint64_t *) ((char *) config + key->offset), value;

        if (text[0] == '0' && text[1] >= '0' && text[1] <= '9') /* octal to some readers of YAML */
                return reject(ret_why, ", without leading zeros");
        if (parse_u64(text, key->min, key->max, &value) < 0)
                return reject(ret_why, "");

        *field = value * key->unit;
        return 0;
}

int config_set_bool(Config *config, const ConfigKey *key, const char *text, const char **ret_why)
{
        bool *field = (bool *) ((char *) config + key->offset);

        if (!streq(text, "true") && !streq(text, "false"))
                return reject(ret_why, "");

        *field = streq(text, "true");
        return 0;
}

int config_set_host(Config *config, const ConfigKey *key, const char *text, const char **ret_why)
{
        unsigned char bytes[sizeof(struct in6_addr)];
        char canonical[INET6_ADDRSTRLEN];
        int family = strchr(text, ':') ? AF_INET6 : AF_INET;
        bool is_name = streq(text, "localhost");

        if (!is_name &&
            (inet_pton(family, text, bytes) != 1 || !inet_ntop(family, bytes, canonical, sizeof canonical)))
                return reject(ret_why, text[0] == '[' ? ", without brackets" : "");

        config->http_host = strdup(is_name ? text : canonical);
        return config->http_host ? 0 : -ENOMEM;
}

int config_set_token(Config *config, const ConfigKey *key, const char *text, const char **ret_why)
{
        size_t size = strlen(text);

        for (const char *at = text; *at; at++)
                if (*at <= ' ' || *at > '~')
                        return reject(ret_why, "");
        if (size < TOKEN_MIN || size > TOKEN_MAX)
                return reject(ret_why, "");

        config->auth_token_is_placeholder = token_is_placeholder(text);
        return secret_new(text, size, &config->auth_token);
}

int config_add_service(Config *config, const ConfigKey *key, const char *text, const char **ret_why)
{
        _cleanup_(freep) char *name = NULL, *unit = NULL;

        int r = unit_name_mangle(text, &unit);
        if (r < 0)
                return r;
        if (r > 0)
                return reject(ret_why, unit_name_flaw_sentence((UnitNameFlaw) r));
        if (config->n_services >= CONFIG_SERVICES_MAX)
                return reject(ret_why, "is one too many: " STRINGIFY(CONFIG_SERVICES_MAX) " units at most");
        for (size_t i = 0; i < config->n_services; i++)
                if (streq(config->services[i].unit, unit))
                        return reject(ret_why, "is in the list already; remove one");

        name = strdup(text);
        if (!name)
                return -ENOMEM;

        config->services[config->n_services++] = (ConfigService){ TAKE_PTR(name), TAKE_PTR(unit) };
        return 0;
}

int config_add_disk(Config *config, const ConfigKey *key, const char *text, const char **ret_why)
{
        if (!path_is_plain(text))
                return reject(ret_why, "is not an absolute path in its plain form, as in /home");
        if (config->n_disks >= CONFIG_DISKS_MAX)
                return reject(ret_why, "is one too many: " STRINGIFY(CONFIG_DISKS_MAX) " paths at most");
        for (size_t i = 0; i < config->n_disks; i++)
                if (streq(config->disks[i], text))
                        return reject(ret_why, "is in the list already; remove one");

        config->disks[config->n_disks] = strdup(text);
        if (!config->disks[config->n_disks])
                return -ENOMEM;

        config->n_disks++;
        return 0;
}

/* "22/tcp", as in services(5). */
static int parse_port(Config *config, const char *text, PortSet **ret_set, uint16_t *ret_port)
{
        bool udp = endswith(text, "/udp");
        char number[sizeof "65535"] = "";
        uint64_t port;

        if (!udp && !endswith(text, "/tcp"))
                return -EINVAL;
        size_t n = strlen(text) - strlen("/tcp");
        if (n >= sizeof number || text[0] == '0')
                return -EINVAL;
        memcpy(number, text, n);
        int r = parse_u64(number, 1, UINT16_MAX, &port);
        if (r < 0)
                return r;

        *ret_set = udp ? &config->mesh_udp_ports : &config->mesh_tcp_ports;
        *ret_port = (uint16_t) port;
        return 0;
}

int config_add_port(Config *config, const ConfigKey *key, const char *text, const char **ret_why)
{
        PortSet *set;
        uint16_t port;

        if (parse_port(config, text, &set, &port) < 0)
                return reject(ret_why, "is not a port with its protocol, as in 22/tcp or 53/udp");
        if (config->mesh_tcp_ports.n + config->mesh_udp_ports.n >= CONFIG_PORTS_MAX)
                return reject(ret_why, "is one too many: " STRINGIFY(CONFIG_PORTS_MAX) " ports at most");

        return port_set_add(set, port) < 0 ? reject(ret_why, "is in the list already; remove one") : 0;
}
