/* SPDX-License-Identifier: MIT */
/* devbox-generator as systemd runs it: its arguments, its exit status, what it leaves behind. It needs the
 * ring for running programs, not for the bus. */

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/file.h"
#include "harness.h"

typedef struct Run {
        int status;
        char *complaint;
        char *drop_in, *mesh, *bootstrap; /* NULL: there is none */
} Run;

static void run_done(Run *run)
{
        free(run->complaint);
        free(run->drop_in);
        free(run->mesh);
        free(run->bootstrap);
}

/* What it wrote; NULL: nothing. */
static char *read_output(const TestBus *bus, const char *file)
{
        _cleanup_(freep) char *path = NULL;
        char *text = NULL;

        assert_ok(asprintf(&path, "%s/%s", bus->directory, file));
        (void) fd_read_file_at(AT_FDCWD, path, 4096, &text, NULL);
        return text;
}

static Run run_generator(const TestBus *bus, const char *const *arguments)
{
        static unsigned n_runs;
        _cleanup_(freep) char *node = NULL;
        Run run = { 0 };
        char name[32];

        (void) snprintf(name, sizeof name, "generator-%u", n_runs++);
        assert_ok(asprintf(&node, "DEVBOX_MESH_NODE=%s/node", bus->directory));
        _cleanup_(test_daemon_freep) TestDaemon *daemon = test_daemon_start_full(
                bus, &(TestDaemonOptions){ .program = "src/generator/devbox-generator",
                                           .name = name,
                                           .arguments = arguments,
                                           .environment = (const char *const[]){ node, NULL },
                                           .no_wait = true });
        run.status = test_daemon_wait(daemon);
        run.complaint = test_bus_read_log(bus, name);
        run.drop_in = read_output(bus, "devbox-api.socket.d/50-config.conf");
        run.mesh = read_output(bus, "devbox-api-mesh.socket");
        run.bootstrap = read_output(bus, "devbox-api-bootstrap.socket");
        return run;
}

static int bus_up(void **state)
{
        *state = test_bus_new();
        return 0;
}

static int bus_down(void **state)
{
        test_bus_free(*state);
        return 0;
}

static void test_the_configured_address(void **state)
{
        const TestBus *bus = *state;
        const char *arguments[] = { bus->directory, "/nonexistent/early", "/nonexistent/late", NULL };

        test_bus_write_config(bus, "http:\n  host: ::1\n  port: 8081\n");
        _cleanup_(run_done) Run run = run_generator(bus, arguments);
        assert_int_equal(run.status, 0);
        assert_string_equal(run.complaint, "");
        assert_non_null(run.drop_in);
        assert_non_null(strstr(run.drop_in, "\nListenStream=\nListenStream=[::1]:8081\n"
                                            "ListenStream=/run/devbox/api.sock\n"));
}

static void test_an_error_leaves_the_default(void **state)
{
        static const struct {
                const char *config, *complaint;
        } rows[] = {
                { "http:\n  port: 0\n", "config.yaml:2: http.port must be a whole number from 1 to 65535; "
                                        "devbox-api.socket keeps its default address\n" },
                { "http:\n  host: 0.0.0.0\n", "config.yaml:2: http.host is not a loopback address" },
                { NULL, "config.yaml: does not exist; copy /usr/share/devbox/config.example.yaml there" },
        };
        const TestBus *bus = *state;
        const char *arguments[] = { bus->directory, NULL };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                test_bus_write_config(bus, rows[i].config);
                _cleanup_(run_done) Run run = run_generator(bus, arguments);
                assert_int_equal(run.status, 1);
                assert_true(startswith(run.complaint, "devbox-generator: /"));
                assert_non_null(strstr(run.complaint, rows[i].complaint));
                assert_null(run.drop_in);
        }
}

/* systemd checks the assertion at each start of a worker. */
static void test_required_limits(void **state)
{
        const TestBus *bus = *state;
        const char *arguments[] = { bus->directory, NULL };
        const char *const drop_in = "devbox-worker-.service.d/50-config.conf";
        static const char *const configs[] = { "worker:\n  require_limits: false\n",
                                               "worker:\n  require_limits: true\n" };

        for (size_t i = 0; i < ELEMENTSOF(configs); i++) {
                test_bus_write_config(bus, configs[i]);
                _cleanup_(run_done) Run run = run_generator(bus, arguments);
                _cleanup_(freep) char *text = read_output(bus, drop_in);

                assert_int_equal(run.status, 0);
                assert_int_equal(!!text, i);
                assert_true(!text || strstr(text, "[Unit]\nSourcePath=/"));
                assert_true(!text || strstr(text, "\nAssertControlGroupController=memory pids\n"));
        }
}

static void test_a_directory_that_is_not_there(void **state)
{
        const TestBus *bus = *state;
        const char *arguments[] = { "/nonexistent", NULL };

        test_bus_write_config(bus, "");
        _cleanup_(run_done) Run run = run_generator(bus, arguments);
        assert_int_equal(run.status, 1);
        assert_non_null(strstr(run.complaint, "below /nonexistent: No such file or directory\n"));
}

static void write_node(const TestBus *bus, const char *text)
{
        _cleanup_(freep) char *path = NULL;

        assert_ok(asprintf(&path, "%s/node", bus->directory));
        assert_ok(file_write(path, FILE_REPLACE, 0644, bytes_of_string(text)));
}

static void test_a_role(void **state)
{
        static const struct {
                const char *node;
                int status;
                bool sockets;
        } rows[] = {
                { "device 10.42.0.10/24 10.42.0.1\n", 0, false },
                { "hub 0.0.0.0/0\n", 1, false },
                { "hub 10.42.0.1/24\n", 0, true },
        };
        const TestBus *bus = *state;
        const char *arguments[] = { bus->directory, NULL };

        test_bus_write_config(bus, "http:\n  port: 8081\n");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                write_node(bus, rows[i].node);
                _cleanup_(run_done) Run run = run_generator(bus, arguments);
                assert_int_equal(run.status, rows[i].status);
                assert_int_equal(!!strstr(run.complaint, "/node: not what devbox-mesh writes"), run.status);
                assert_non_null(run.drop_in); /* whatever the role */
                assert_int_equal(!!run.mesh, rows[i].sockets);
                assert_int_equal(!!run.bootstrap, rows[i].sockets);
                if (run.mesh)
                        assert_non_null(strstr(run.mesh, "\nListenStream=10.42.0.1:8081\n"));
        }
}

static void test_wrong_usage(void **state)
{
        static const char *const rows[][4] = { { NULL }, { "/tmp", "/tmp" }, { "--foo" } };
        const TestBus *bus = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(run_done) Run run = run_generator(bus, rows[i]);
                assert_int_equal(run.status, 2);
                assert_true(startswith(run.complaint, "Usage: devbox-generator DIRECTORY"));
        }
}

#define test_with_bus(function) cmocka_unit_test_setup_teardown(function, bus_up, bus_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                test_with_bus(test_the_configured_address),
                test_with_bus(test_an_error_leaves_the_default),
                test_with_bus(test_required_limits),
                test_with_bus(test_a_directory_that_is_not_there),
                test_with_bus(test_a_role),
                test_with_bus(test_wrong_usage),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
