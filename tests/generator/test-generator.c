/* SPDX-License-Identifier: MIT */
/* From the configuration and the role in the mesh to the addresses of devbox-api. */

#include "generator/generator.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "generator/workers.h"
#include "test.h"

#define HEAD                                                                                                \
        "# Made by devbox-generator(8) at boot and daemon-reload; changes here are lost.\n"                 \
        "[Unit]\nSourcePath=/etc/devbox/config.yaml\n\n"                                                    \
        "[Socket]\nListenStream=\n"
#define TAIL "ListenStream=/run/devbox/api.sock\n"

static void test_addresses(void **state)
{
        static const struct {
                const char *host;
                uint64_t port;
                const char *text;
        } rows[] = {
                { "127.0.0.1", 8080, HEAD "ListenStream=127.0.0.1:8080\n" TAIL },
                { "::1", 1, HEAD "ListenStream=[::1]:1\n" TAIL },
                { "localhost", 8080,
                  HEAD "ListenStream=127.0.0.1:8080\nListenStream=[::1]:8080\n" TAIL "FreeBind=yes\n" },
                { "0.0.0.0", 65535, HEAD "ListenStream=0.0.0.0:65535\n" TAIL "FreeBind=yes\n" },
                { "2001:db8::1", 80, HEAD "ListenStream=[2001:db8::1]:80\n" TAIL "FreeBind=yes\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Config config = { .http_host = (char *) rows[i].host, .http_port = rows[i].port };
                _cleanup_(freep) char *text = NULL;

                assert_ok(generator_format_drop_in(&config, "/etc/devbox/config.yaml", &text));
                assert_string_equal(text, rows[i].text);
        }
}

static void test_sockets_of_a_hub(void **state)
{
        static const struct {
                const char *unit, *text;
        } rows[_GENERATOR_SOCKET_MAX] = {
                { "devbox-api-mesh.socket",
                  "\nSourcePath=/var/lib/%%n\nPartOf=devbox-hub.target\nStartLimitIntervalSec=0\n\n"
                  "[Socket]\nListenStream=10.42.0.1:8081\nFreeBind=yes\nService=devbox-api.service\n"
                  "FileDescriptorName=mesh=10.42.0.0/24\n"
                  "IPAddressAllow=10.42.0.0/24\nIPAddressDeny=any\n" },
                { "devbox-api-bootstrap.socket",
                  "[Socket]\nListenStream=169.254.42.1:51821\nFreeBind=yes\nService=devbox-api.service\n"
                  "FileDescriptorName=bootstrap=169.254.64.0/18\n"
                  "IPAddressAllow=169.254.64.0/18\nIPAddressDeny=any\n" },
                { "devbox-agent.socket",
                  "[Socket]\nListenStream=10.42.0.1:51822\nFreeBind=yes\nService=devbox-agent.service\n"
                  "FileDescriptorName=10.42.0.1/32\nIPAddressAllow=10.42.0.1/32\nIPAddressDeny=any\n" },
        };
        MeshNode hub;

        assert_ok(mesh_node_parse("hub 10.42.0.1/24\n", &hub));
        for (GeneratorSocket which = 0; which < _GENERATOR_SOCKET_MAX; which++) {
                _cleanup_(freep) char *text = NULL;

                assert_string_equal(generator_socket_unit(which), rows[which].unit);
                assert_ok(generator_format_socket(which, &hub, 8081, "/var/lib/%n", &text));
                if (!strstr(text, rows[which].text))
                        fail_msg("%s", text);
        }
}

static void test_socket_of_a_device(void **state)
{
        _cleanup_(freep) char *text = NULL;
        MeshNode node;

        assert_ok(mesh_node_parse("device 10.42.0.10/24 10.42.0.1\n", &node));
        assert_false(generator_socket_wanted(GENERATOR_SOCKET_MESH, node.role));
        assert_false(generator_socket_wanted(GENERATOR_SOCKET_BOOTSTRAP, node.role));
        assert_true(generator_socket_wanted(GENERATOR_SOCKET_AGENT, node.role));
        assert_false(generator_socket_wanted(GENERATOR_SOCKET_AGENT, MESH_ROLE_NONE));

        assert_ok(generator_format_socket(GENERATOR_SOCKET_AGENT, &node, 8080, "/node", &text));
        assert_non_null(strstr(text, "ListenStream=10.42.0.10:51822\n"));
        assert_non_null(strstr(text, "FileDescriptorName=10.42.0.1/32\nIPAddressAllow=10.42.0.1/32\n"));
        assert_non_null(strstr(text, "PartOf=devbox-device.target\n"));
}

#define NO_SYS "InaccessiblePaths=\"+/sys\"\n"
#define READ   "BindReadOnlyPaths=\"-/home\"\nNoExecPaths=\"-+/home\"\n" NO_SYS

static void test_workers_see_what_the_ceiling_has(void **state)
{
        static const char *const texts[_GENERATOR_WORKER_MAX] = {
                [GENERATOR_WORKER_EXEC] =
                        "[Service]\nExecPaths=\"-+/usr/bin/ls\"\nExecPaths=\"-+/opt/100%%\"\n" READ,
                [GENERATOR_WORKER_FSR] = "[Service]\n" READ,
                [GENERATOR_WORKER_FSW] =
                        "[Service]\nBindPaths=\"-/srv/in box\"\nNoExecPaths=\"-+/srv/in box\"\n" NO_SYS,
        };
        char *programs[] = { (char *) "/usr/bin/ls", (char *) "/opt/100%", (char *) "/opt/a:b\"" },
             *read[] = { (char *) "/home" }, *write[] = { (char *) "/srv/in box" };
        const Ceiling ceiling = { .programs = { programs, 3 }, .read = { read, 1 }, .write = { write, 1 } };

        for (GeneratorWorker which = 0; which < _GENERATOR_WORKER_MAX; which++) {
                _cleanup_(freep) char *text = NULL;

                assert_ok(generator_format_worker(which, &ceiling, "/etc/devbox/ceiling.yaml", &text));
                if (!endswith(text, texts[which]))
                        fail_msg("%s", text);
        }
}

#define HIDDEN                                                                                              \
        "InaccessiblePaths=\"-+/boot\"\nInaccessiblePaths=\"-+/etc/devbox\"\n"                              \
        "InaccessiblePaths=\"-+/etc/ssh\"\nInaccessiblePaths=\"-+/etc/wireguard\"\n"                        \
        "InaccessiblePaths=\"-+/var/lib/devbox\"\n"

static void test_what_stays_hidden(void **state)
{
        static const struct {
                const char *path, *read, *write;
        } rows[] = {
                { "/usr/share/doc", "", "BindPaths=\"-/usr/share/doc\"\n" },
                { "/etc/ssh/keys",
                  "BindReadOnlyPaths=\"-/etc/ssh/keys\"\nNoExecPaths=\"-+/etc/ssh/keys\"\n"
                  "InaccessiblePaths=\"-+/etc/ssh\"\n",
                  "BindPaths=\"-/etc/ssh/keys\"\nNoExecPaths=\"-+/etc/ssh/keys\"\n"
                  "InaccessiblePaths=\"-+/etc/ssh\"\n" },
                { "/", "BindReadOnlyPaths=\"-/\"\nNoExecPaths=\"-+/\"\n" HIDDEN,
                  "BindPaths=\"-/\"\nNoExecPaths=\"-+/\"\n" HIDDEN },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char *paths[] = { (char *) rows[i].path };
                const Ceiling ceiling = { .read = { paths, 1 }, .write = { paths, 1 } };
                bool has_sys = streq(rows[i].path, "/");
                _cleanup_(freep) char *read = NULL, *write = NULL, *wanted_read = NULL, *wanted_write = NULL;

                assert_ok(generator_format_worker(GENERATOR_WORKER_FSR, &ceiling, "/c", &read));
                assert_ok(generator_format_worker(GENERATOR_WORKER_FSW, &ceiling, "/c", &write));
                assert_ok(asprintf(&wanted_read, "[Service]\n%s%s", rows[i].read, has_sys ? "" : NO_SYS));
                assert_ok(asprintf(&wanted_write, "[Service]\n%s%s", rows[i].write, has_sys ? "" : NO_SYS));
                if (!endswith(read, wanted_read) || !endswith(write, wanted_write))
                        fail_msg("%s: %s%s", rows[i].path, read, write);
        }
}

static void test_specifiers_are_escaped(void **state)
{
        Config config = { .http_host = (char *) "127.0.0.1", .http_port = 1 };
        _cleanup_(freep) char *text = NULL;

        assert_ok(generator_format_drop_in(&config, "/tmp/100%/%n.yaml", &text));
        assert_non_null(strstr(text, "SourcePath=/tmp/100%%/%%n.yaml\n"));
}

/* A directory of its own, gone after the test. */
static int make_directory(void **state)
{
        char *path = strdup("/tmp/devbox-test-generator-XXXXXX");

        *state = path && mkdtemp(path) ? path : NULL;
        return *state ? 0 : -1;
}

static int remove_directory(void **state)
{
        char *path = *state;
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        (void) unlinkat(fd, "devbox-api.socket.d/50-config.conf", 0);
        (void) unlinkat(fd, "devbox-api.socket.d", AT_REMOVEDIR);
        (void) unlinkat(fd, "devbox-api.socket.d", 0);
        (void) fd_close(fd);
        (void) rmdir(path);
        free(path);
        return 0;
}

static void assert_content(const char *directory, const char *wanted)
{
        _cleanup_(freep) char *path = NULL, *text = NULL;

        assert_ok(asprintf(&path, "%s/devbox-api.socket.d/50-config.conf", directory));
        assert_ok(fd_read_file_at(AT_FDCWD, path, 4096, &text, NULL));
        assert_string_equal(text, wanted);
}

static void test_the_file_is_written_and_replaced(void **state)
{
        const char *directory = *state;
        _cleanup_(freep) char *left_over = NULL;

        assert_ok(generator_write_drop_in(directory, "devbox-api.socket", "50-config.conf",
                                          "first, and longer\n"));
        assert_content(directory, "first, and longer\n");
        assert_ok(generator_write_drop_in(directory, "devbox-api.socket", "50-config.conf", "second\n"));
        assert_content(directory, "second\n");

        assert_ok(asprintf(&left_over, "%s/devbox-api.socket.d/.50-config.conf.new", directory));
        assert_int_equal(access(left_over, F_OK), -1);
}

static void test_places_that_cannot_be_written(void **state)
{
        const char *directory = *state;
        _cleanup_(freep) char *absent = NULL, *file = NULL;

        assert_ok(asprintf(&absent, "%s/absent", directory));
        assert_err(generator_write_drop_in(absent, "devbox-api.socket", "50-config.conf", "x"), -ENOENT);

        assert_ok(asprintf(&file, "%s/devbox-api.socket.d", directory));
        assert_ok(mknod(file, S_IFREG | 0600, 0));
        assert_err(generator_write_drop_in(directory, "devbox-api.socket", "50-config.conf", "x"), -ENOTDIR);
        assert_err(generator_write_drop_in(file, "devbox-api.socket", "50-config.conf", "x"), -ENOTDIR);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_addresses),
                cmocka_unit_test(test_sockets_of_a_hub),
                cmocka_unit_test(test_socket_of_a_device),
                cmocka_unit_test(test_workers_see_what_the_ceiling_has),
                cmocka_unit_test(test_what_stays_hidden),
                cmocka_unit_test(test_specifiers_are_escaped),
                cmocka_unit_test_setup_teardown(test_the_file_is_written_and_replaced, make_directory,
                                                remove_directory),
                cmocka_unit_test_setup_teardown(test_places_that_cannot_be_written, make_directory,
                                                remove_directory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
