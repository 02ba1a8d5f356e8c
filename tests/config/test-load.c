/* SPDX-License-Identifier: MIT */
/* /etc/devbox/config.yaml as a value: what is valid, and every key wrong in every way a person may get it
 * wrong. */

#include "config/load.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/text.h"
#include "proto/error.h"
#include "test.h"

static int parse(const char *text, Config **ret_config, char **ret_problem)
{
        return config_parse("c.yaml", text, strlen(text), ret_config, ret_problem);
}

static void test_everything_has_a_default(void **state)
{
        static const char *const texts[] = { "",
                                             "# nothing\n",
                                             "---\n",
                                             "{}\n",
                                             "http:\nauth:\nservices:\n",
                                             "collector:\n  disks:\n",
                                             "~",
                                             "http: ~\n",
                                             "services: []\n" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(config_freep) Config *config = NULL;
                _cleanup_(freep) char *problem = NULL;

                assert_err(parse(texts[i], &config, &problem), 0);
                assert_string_equal(config->http_host, "127.0.0.1");
                assert_int_equal(config->http_port, 8080);
                assert_false(config->http_insecure_expose);
                assert_null(config->auth_token);
                assert_false(config->auth_token_is_placeholder);
                assert_int_equal(config->n_services, 0);
                assert_int_equal(config->api_cache_ttl_usec, USEC_PER_SEC);
                assert_int_equal(config->api_idle_exit_usec, 120 * USEC_PER_SEC);
                assert_int_equal(config->api_max_connections, 512);
                assert_int_equal(config->n_disks, 1);
                assert_string_equal(config->disks[0], "/");
                assert_int_equal(config->collector_idle_exit_usec, 300 * USEC_PER_SEC);
                assert_false(config->ledger_trust_clock);
                assert_int_equal(config->mesh_tcp_ports.n + config->mesh_udp_ports.n, 0);
                assert_false(config->worker_require_limits);
                assert_null(problem);
        }
}

static void test_everything_can_be_said(void **state)
{
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(freep) char *problem = NULL;

        assert_err(parse("http:\n"
                         "  host: \"0.0.0.0\"\n"
                         "  port: 1\n"
                         "  insecure_expose: true\n"
                         "auth:\n"
                         "  token: 12345678\n"
                         "services:\n"
                         "  - docker\n"
                         "  - \"ssh.socket\"\n"
                         "  - getty@tty1\n"
                         "api:\n"
                         "  cache_ttl_ms: 0\n"
                         "  idle_exit_sec: 0\n"
                         "  max_connections: 4096\n"
                         "collector:\n  disks: [/home, '/']\n"
                         "  idle_exit_sec: 86400\n"
                         "ledger:\n  trust_clock: true\n"
                         "mesh:\n"
                         "  open_ports: [443/tcp, '22/tcp', 53/udp, 22/udp]\n"
                         "worker:\n  require_limits: true\n",
                         &config, &problem),
                   0);
        assert_string_equal(config->http_host, "0.0.0.0");
        assert_int_equal(config->http_port, 1);
        assert_true(config->http_insecure_expose);
        assert_true(secret_equals(config->auth_token, "12345678"));
        assert_false(config->auth_token_is_placeholder);
        assert_int_equal(config->n_services, 3);
        assert_string_equal(config->services[0].name, "docker");
        assert_string_equal(config->services[0].unit, "docker.service");
        assert_string_equal(config->services[1].unit, "ssh.socket");
        assert_string_equal(config->services[2].name, "getty@tty1");
        assert_string_equal(config->services[2].unit, "getty@tty1.service");
        assert_int_equal(config->api_cache_ttl_usec, 0);
        assert_int_equal(config->api_idle_exit_usec, 0);
        assert_int_equal(config->api_max_connections, 4096);
        assert_int_equal(config->n_disks, 2);
        assert_string_equal(config->disks[0], "/home");
        assert_string_equal(config->disks[1], "/");
        assert_int_equal(config->collector_idle_exit_usec, 86400 * USEC_PER_SEC);
        assert_true(config->ledger_trust_clock);
        assert_true(config->worker_require_limits);
        assert_int_equal(config->mesh_tcp_ports.n, 2);
        assert_int_equal(config->mesh_tcp_ports.ports[0], 22);
        assert_int_equal(config->mesh_tcp_ports.ports[1], 443);
        assert_int_equal(config->mesh_udp_ports.n, 2);
        assert_int_equal(config->mesh_udp_ports.ports[1], 53);
}

static void test_hosts(void **state)
{
        static const struct {
                const char *text, *host;
        } rows[] = {
                { "http: {host: localhost}", "localhost" }, { "http: {host: 127.1.2.3}", "127.1.2.3" },
                { "http: {host: '::1'}", "::1" },           { "http: {host: '0:0:0:0:0:0:0:1'}", "::1" },
                { "http:\n  host: ::1\n", "::1" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(config_freep) Config *config = NULL;
                _cleanup_(freep) char *problem = NULL;

                assert_err(parse(rows[i].text, &config, &problem), 0);
                assert_string_equal(config->http_host, rows[i].host);
        }
}

static void test_loopback(void **state)
{
        static const struct {
                const char *host;
                bool loopback;
        } rows[] = {
                { "127.0.0.1", true },
                { "127.255.255.254", true },
                { "::1", true },
                { "::ffff:127.0.0.1", true },
                { "0.0.0.0", false },
                { "::", false },
                { "128.0.0.1", false },
                { "192.0.2.1", false },
                { "2001:db8::1", false },
                { "::ffff:192.0.2.1", false },
                { "localhost", true },
                { "localhost.example", false },
                { "", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(config_host_is_loopback(rows[i].host), rows[i].loopback);
}

static void test_placeholders_are_no_tokens(void **state)
{
        static const struct {
                const char *text;
                bool placeholder;
        } rows[] = {
                { "auth: {token: CAMBIAR_ESTE_TOKEN}", true },
                { "auth: {token: CHANGE_ME_PLEASE}", true },
                { "auth: {token: change_me}", true },
                { "auth: {token: changeme}", true },
                { "auth: {token: xCHANGE_ME}", false },
                { "auth: {token: '0123456789abcdef'}", false },
                { "auth: {token: false000}", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(config_freep) Config *config = NULL;
                _cleanup_(freep) char *problem = NULL;

                assert_err(parse(rows[i].text, &config, &problem), 0);
                assert_non_null(config->auth_token);
                assert_int_equal(config->auth_token_is_placeholder, rows[i].placeholder);
        }
}

#define TOKEN                                                                                               \
        "must be 8 to 256 visible ASCII characters without blanks; make one with: "                         \
        "openssl rand -hex 32"
#define HOST     "http.host must be 127.0.0.1, localhost, or another IP address of this machine"
#define PORT     "http.port must be a whole number from 1 to 65535"
#define SERVICES "services must be a list of units, each on a line of its own after '- '"
#define PROTOCOL "is not a port with its protocol, as in 22/tcp or 53/udp"
#define DISKS    "collector.disks must be a list of absolute paths, each on a line of its own after '- '"

typedef struct WrongRow {
        const char *text, *problem;
} WrongRow;

/* Each problem begins with the line. */
static const WrongRow wrong_rows[] = {
        /* The file as a whole. */
        { "just words", "1: the file must hold lines of the form 'key: value'" },
        { "- a\n- b\n", "1: the file must hold lines of the form 'key: value'" },
        { "http:\n\tport: 1\n", "2: indented with a tab; use spaces" },
        { "http:\n  port: 1\n port: 2\n", "3: not YAML: did not find expected key; check the quotes and "
                                          "the indentation, also on the lines before" },
        { "http: {}\n---\nhttp: {}\n", "2: a second document begins here; keep one" },
        { "http: &a {}\n", "1: anchors (&name) are not allowed; write the values out" },
        { "services: [*a]\n",
          "1: aliases (*name) are not allowed; write the value out, in quotes if it begins "
          "with *" },

        /* Unknown keys. */
        { "htpp:\n  port: 1\n", "1: unknown key 'htpp' at the top level; did you mean 'http'?" },
        { "service: []\n", "1: unknown key 'service' at the top level; did you mean 'services'?" },
        { "http:\n  prot: 1\n", "2: unknown key 'prot' in http; did you mean 'port'?" },
        { "http:\n  Host: x\n", "2: unknown key 'Host' in http; did you mean 'host'?" },
        { "port: 8080\n", "1: unknown key 'port' at the top level; it belongs under 'http:'" },
        { "api:\n  disks: [/]\n", "2: unknown key 'disks' in api; it belongs under 'collector:'" },
        { "api:\n  colour: 1\n",
          "2: unknown key 'colour' in api, which takes: cache_ttl_ms, idle_exit_sec, max_connections" },
        { "matrix: {}\n", "1: unknown key 'matrix' at the top level, which takes: http, auth, services, "
                          "api, collector, ledger, mesh, worker" },
        { "? a\x1b[31m\n: 1\n", "1: not UTF-8 text: control characters are not allowed" },
        { "\"a\\e[31m\": 1\n",
          "1: unknown key at the top level, which takes: http, auth, services, api, collector, ledger, "
          "mesh, worker" },
        { "auth:\n  s3cr3t-t0ken: 1\n", "2: unknown key in auth, which takes: token" },
        { "auth:\n  tokn: 1\n", "2: unknown key in auth; did you mean 'token'?" },

        /* Duplicates. */
        { "http: {}\nauth: {}\nhttp: {}\n", "3: this key is already on line 1; keep one of the two" },
        { "http:\n  port: 1\n  port: 1\n", "3: this key is already on line 2; keep one of the two" },

        /* Sections that are none. */
        { "http: 8080\n", "1: http must hold lines of the form 'key: value', indented by two blanks" },
        { "auth: s3cr3t-t0ken\n",
          "1: auth must hold lines of the form 'key: value', indented by two blanks" },
        { "api: []\n", "1: api must hold lines of the form 'key: value', indented by two blanks" },
        { "collector:\n  - disks\n",
          "2: collector must hold lines of the form 'key: value', indented by two blanks" },

        /* http.host */
        { "http:\n  host: example.org\n", "2: " HOST },
        { "http:\n  host: 127.0.0.1:8080\n", "2: " HOST },
        { "http:\n  host: 127.1\n", "2: " HOST },
        { "http:\n  host: '[::1]'\n", "2: " HOST ", without brackets" },
        { "http:\n  host: fe80::1%eth0\n", "2: " HOST },
        { "http:\n  host: ''\n", "2: " HOST },
        { "http:\n  host:\n", "2: " HOST "; write it, or remove the line" },
        { "http:\n  host: [127.0.0.1]\n", "2: " HOST },
        { "http:\n  port: 80\n  host: 0.0.0.0\n",
          "3: http.host is not a loopback address, so that others could reach the API, unencrypted; write "
          "127.0.0.1, or add 'insecure_expose: true' under 'http:' if all of that network may" },

        /* http.port */
        { "http:\n  port: 0\n", "2: " PORT },
        { "http:\n  port: 65536\n", "2: " PORT },
        { "http:\n  port: 99999999999999999999999\n", "2: " PORT },
        { "http:\n  port: -1\n", "2: " PORT },
        { "http:\n  port: 80.5\n", "2: " PORT },
        { "http:\n  port: 0x50\n", "2: " PORT },
        { "http:\n  port: http\n", "2: " PORT },
        { "http:\n  port: 08080\n", "2: " PORT ", without leading zeros" },
        { "http:\n  port: \"8080\"\n", "2: " PORT "; write it without quotes" },
        { "http:\n  port:\n", "2: " PORT "; write it, or remove the line" },
        { "http:\n  port:\n    - 1\n", "3: " PORT },

        /* http.insecure_expose */
        { "http:\n  insecure_expose: yes\n", "2: http.insecure_expose must be true or false" },
        { "http:\n  insecure_expose: 1\n", "2: http.insecure_expose must be true or false" },
        { "http:\n  insecure_expose: True\n", "2: http.insecure_expose must be true or false" },
        { "http:\n  insecure_expose: 'true'\n",
          "2: http.insecure_expose must be true or false; write it without quotes" },
        { "http:\n  insecure_expose: {}\n", "2: http.insecure_expose must be true or false" },

        /* auth.token: never quoted */
        { "auth:\n  token: s3cr3t!\n", "2: auth.token " TOKEN },
        { "auth:\n  token: s3cr3t t0ken\n", "2: auth.token " TOKEN },
        { "auth:\n  token: \"s3cr3t-t\\x00ken\"\n", "2: NUL characters are not allowed" },
        { "auth:\n  token: s3cr3t-t\xc3\xb3ken\n", "2: auth.token " TOKEN },
        { "auth:\n  token: |\n    s3cr3t-t0ken\n", "2: auth.token " TOKEN },
        { "auth:\n  token:\n", "2: auth.token " TOKEN "; write it, or remove the line" },
        { "auth:\n  token: null\n", "2: auth.token " TOKEN "; write it, or remove the line" },
        { "auth:\n  token: [s3cr3t-t0ken]\n", "2: auth.token " TOKEN },

        /* services */
        { "services: docker\n", "1: " SERVICES },
        { "services: {docker: ssh}\n", "1: " SERVICES },
        { "services:\n  - docker\n  -\n", "3: " SERVICES },
        { "services:\n  - [docker]\n", "2: " SERVICES },
        { "services:\n  - docker: yes\n", "2: " SERVICES },
        { "services:\n  - docker\n  - ssh\n  - docker.service\n",
          "4: services: 'docker.service' is in the list already; remove one" },
        { "services:\n  - getty@.service\n",
          "2: services: 'getty@.service' is a template; name an instance, as in getty@tty1.service" },
        { "services:\n  - s*\n", "2: services: 's*' is a pattern; name each unit on a line of its own" },
        { "services:\n  - -Mfoo\n",
          "2: services: '-Mfoo' begins with '-', like an option; name a unit, as in docker or ssh.socket" },
        { "services:\n  - /home\n",
          "2: services: '/home' is a path; name its unit, as in home.mount (see: systemd-escape --path)" },
        { "services:\n  - \"a\\e[31mb\"\n",
          "2: services: this item is a pattern; name each unit on a line of "
          "its own" },
        { "services:\n  - ''\n",
          "2: services: this item is empty; name a unit, as in docker or ssh.socket" },

        /* api */
        { "api:\n  cache_ttl_ms: 60001\n", "2: api.cache_ttl_ms must be a whole number from 0 to 60000" },
        { "api:\n  cache_ttl_ms: 1s\n", "2: api.cache_ttl_ms must be a whole number from 0 to 60000" },
        { "api:\n  idle_exit_sec: 86401\n", "2: api.idle_exit_sec must be a whole number from 0 to 86400" },
        { "api:\n  idle_exit_sec: never\n", "2: api.idle_exit_sec must be a whole number from 0 to 86400" },
        { "api:\n  max_connections: 7\n", "2: api.max_connections must be a whole number from 8 to 4096" },
        { "api:\n  max_connections: 4097\n",
          "2: api.max_connections must be a whole number from 8 to 4096" },

        /* ledger */
        { "ledger:\n  trust_clock: yes\n", "2: ledger.trust_clock must be true or false" },

        /* mesh */
        { "mesh:\n  open_ports: 22/tcp\n",
          "2: mesh.open_ports must be a list of ports as in 22/tcp, each on a line of its own after '- '" },
        { "mesh:\n  open_ports:\n    - 22\n", "3: mesh.open_ports: '22' " PROTOCOL },
        { "mesh:\n  open_ports:\n    - ssh/tcp\n", "3: mesh.open_ports: 'ssh/tcp' " PROTOCOL },
        { "mesh:\n  open_ports:\n    - 22/sctp\n", "3: mesh.open_ports: '22/sctp' " PROTOCOL },
        { "mesh:\n  open_ports:\n    - 022/tcp\n", "3: mesh.open_ports: '022/tcp' " PROTOCOL },
        { "mesh:\n  open_ports:\n    - 0/udp\n", "3: mesh.open_ports: '0/udp' " PROTOCOL },
        { "mesh:\n  open_ports:\n    - 65536/tcp\n", "3: mesh.open_ports: '65536/tcp' " PROTOCOL },
        { "mesh:\n  open_ports:\n    - 222222/tcp\n", "3: mesh.open_ports: '222222/tcp' " PROTOCOL },
        { "mesh:\n  open_ports:\n    - /tcp\n", "3: mesh.open_ports: '/tcp' " PROTOCOL },
        { "mesh:\n  open_ports:\n    - 22/tcp\n    - 22/udp\n    - 22/tcp\n",
          "5: mesh.open_ports: '22/tcp' is in the list already; remove one" },

        /* collector */
        { "collector:\n  disks: /\n", "2: " DISKS },
        { "collector:\n  disks: []\n", "2: " DISKS },
        { "collector:\n  disks:\n    - home\n",
          "3: collector.disks: 'home' is not an absolute path in its plain form, as in /home" },
        { "collector:\n  disks:\n    - /home/\n",
          "3: collector.disks: '/home/' is not an absolute path in its plain form, as in /home" },
        { "collector:\n  disks:\n    - /a/../b\n",
          "3: collector.disks: '/a/../b' is not an absolute path in its plain form, as in /home" },
        { "collector:\n  disks:\n    - //\n",
          "3: collector.disks: '//' is not an absolute path in its plain form, as in /home" },
        { "collector:\n  disks:\n    - \"/a\\nb\"\n",
          "3: collector.disks: this item is not an absolute path in its plain form, as in /home" },
        { "collector:\n  disks:\n    - /\n    - /\n",
          "4: collector.disks: '/' is in the list already; remove one" },
        { "collector:\n  idle_exit_sec: -5\n",
          "2: collector.idle_exit_sec must be a whole number from 0 to 86400" },
};

static void test_every_key_wrong_once(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(wrong_rows); i++) {
                _cleanup_(config_freep) Config *config = NULL;
                _cleanup_(freep) char *problem = NULL;
                char wanted[512];

                (void) snprintf(wanted, sizeof wanted, "c.yaml:%s", wrong_rows[i].problem);
                assert_err(parse(wrong_rows[i].text, &config, &problem), DEVBOX_ERROR_CONFIG_INVALID);
                assert_string_equal(problem, wanted);
                assert_null(config);
                assert_null(strstr(problem, "s3cr3t"));
        }
}

static void test_lists_have_an_end(void **state)
{
        _cleanup_(text_done) Text services = TEXT_NULL, disks = TEXT_NULL, ports = TEXT_NULL;
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(freep) char *problem = NULL, *other = NULL, *third = NULL;

        text_append(&services, "services:\n");
        for (int i = 1; i <= CONFIG_SERVICES_MAX; i++)
                text_appendf(&services, "- unit%d\n", i);
        assert_err(parse(services.data, &config, &problem), 0);
        assert_int_equal(config->n_services, CONFIG_SERVICES_MAX);

        text_append(&services, "- last\n");
        assert_err(parse(services.data, &config, &problem), DEVBOX_ERROR_CONFIG_INVALID);
        assert_string_equal(problem, "c.yaml:66: services: 'last' is one too many: 64 units at most");

        text_append(&disks, "collector:\n  disks:\n");
        for (int i = 0; i <= CONFIG_DISKS_MAX; i++)
                text_appendf(&disks, "  - /disk%d\n", i);
        assert_err(parse(disks.data, &config, &other), DEVBOX_ERROR_CONFIG_INVALID);
        assert_string_equal(other,
                            "c.yaml:19: collector.disks: '/disk16' is one too many: 16 paths at most");

        text_append(&ports, "mesh:\n  open_ports:\n");
        for (int i = 0; i <= CONFIG_PORTS_MAX; i++)
                text_appendf(&ports, "  - %d/%s\n", 100 + i, i % 2 ? "udp" : "tcp");
        assert_err(parse(ports.data, &config, &third), DEVBOX_ERROR_CONFIG_INVALID);
        assert_string_equal(third,
                            "c.yaml:35: mesh.open_ports: '132/tcp' is one too many: 32 ports at most");
}

static void test_tokens_have_an_end(void **state)
{
        char text[sizeof "auth:\n  token: " + 257] = "auth:\n  token: ";
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(freep) char *problem = NULL;
        size_t before = strlen(text);

        memset(text + before, 't', 256);
        assert_err(parse(text, &config, &problem), 0);
        text[before + 256] = 't';
        assert_err(parse(text, &config, &problem), DEVBOX_ERROR_CONFIG_INVALID);
}

/* A directory of its own, removed after the test. */
static int make_directory(void **state)
{
        char *path = strdup("/tmp/devbox-test-config-XXXXXX");

        *state = path && mkdtemp(path) ? path : NULL;
        return *state ? 0 : -1;
}

static int remove_directory(void **state)
{
        char *path = *state;

        (void) rmdir(path);
        free(path);
        return 0;
}

static void test_files_that_cannot_be_read(void **state)
{
        const char *directory = *state;
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(freep) char *absent = NULL, *is_directory = NULL, *endless = NULL, *secret = NULL;
        char path[128];

        (void) snprintf(path, sizeof path, "%s/config.yaml", directory);
        assert_err(config_load(path, &config, &absent), DEVBOX_ERROR_CONFIG_INVALID);
        assert_non_null(strstr(absent, "/config.yaml: does not exist; copy "
                                       "/usr/share/devbox/config.example.yaml there"));

        assert_err(config_load(directory, &config, &is_directory), DEVBOX_ERROR_CONFIG_INVALID);
        assert_non_null(strstr(is_directory, ": is not a regular file; remove it"));

        assert_err(config_load("/dev/zero", &config, &endless), DEVBOX_ERROR_CONFIG_INVALID);
        assert_string_equal(endless, "/dev/zero: is not a regular file; remove it, and copy "
                                     "/usr/share/devbox/config.example.yaml there");

        if (geteuid() == 0)
                return; /* root may read everything */
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_ok(fclose(file));
        assert_ok(chmod(path, 0));
        assert_err(config_load(path, &config, &secret), DEVBOX_ERROR_CONFIG_INVALID);
        assert_ok(unlink(path));
        assert_non_null(
                strstr(secret, ": may not be read by this user; it is for root and the group devbox"));
}

static void test_a_file_is_read(void **state)
{
        const char *directory = *state;
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(freep) char *problem = NULL;
        char path[128];

        (void) snprintf(path, sizeof path, "%s/config.yaml", directory);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_ok(fputs("http:\n  port: 8081\n", file));
        assert_ok(fclose(file));
        assert_err(config_load(path, &config, &problem), 0);
        assert_ok(unlink(path));
        assert_int_equal(config->http_port, 8081);
}

static void test_where_the_configuration_is(void **state)
{
        assert_ok(setenv("DEVBOX_CONFIG", "/tmp/other.yaml", 1));
        assert_string_equal(config_path(), "/tmp/other.yaml");
        assert_ok(setenv("DEVBOX_CONFIG", "", 1));
        assert_true(endswith(config_path(), ".yaml"));
        assert_string_not_equal(config_path(), "/tmp/other.yaml");
        assert_ok(unsetenv("DEVBOX_CONFIG"));
        assert_true(endswith(config_path(), ".yaml"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_everything_has_a_default),
                cmocka_unit_test(test_everything_can_be_said),
                cmocka_unit_test(test_hosts),
                cmocka_unit_test(test_loopback),
                cmocka_unit_test(test_placeholders_are_no_tokens),
                cmocka_unit_test(test_every_key_wrong_once),
                cmocka_unit_test(test_lists_have_an_end),
                cmocka_unit_test(test_tokens_have_an_end),
                cmocka_unit_test_setup_teardown(test_files_that_cannot_be_read, make_directory,
                                                remove_directory),
                cmocka_unit_test_setup_teardown(test_a_file_is_read, make_directory, remove_directory),
                cmocka_unit_test(test_where_the_configuration_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
