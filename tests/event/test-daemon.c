/* SPDX-License-Identifier: MIT */
/* The life of a daemon, from its arguments to its exit status. Each test runs one in this process. */

#include "event/daemon.h"

#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "basic/fd.h"
#include "test.h"

typedef struct Plan {
        int on_start[4]; /* signals to raise in start(), in order; 0 ends them */
        int start_result, reload_result, stop_result;
        bool stop_itself; /* daemon_stop() instead of a signal */
        bool drain_later; /* daemon_exit() from a timer */
} Plan;

static struct World {
        Plan plan;
        Daemon *daemon;
        sd_event_source *timer;
        char value[32];
        int n_new, n_free, n_starts, n_reloads, n_stops, n_late;
        bool bus;
} world;

static void *fake_new(void)
{
        world.n_new++;
        return &world;
}

static void fake_free(void *self)
{
        world.timer = sd_event_source_disable_unref(world.timer);
        world.n_free++;
}

static int fake_set(void *self, const char *value)
{
        assert_ptr_equal(self, &world);
        if (streq(value, "bad"))
                return -EINVAL;

        (void) snprintf(world.value, sizeof world.value, "%s", value);
        return 0;
}

static int fake_start(void *self, Daemon *daemon)
{
        world.daemon = daemon;
        world.n_starts++;
        world.bus = daemon_bus(daemon);
        assert_non_null(daemon_event(daemon));
        for (size_t i = 0; i < ELEMENTSOF(world.plan.on_start) && world.plan.on_start[i]; i++)
                assert_int_equal(raise(world.plan.on_start[i]), 0);
        if (world.plan.stop_itself) {
                daemon_stop(daemon, DAEMON_EXIT_RESTART);
                daemon_stop(daemon, 3); /* the first one counts */
                assert_int_equal(world.n_stops, 0);
        }
        return world.plan.start_result;
}

static int fake_reload(void *self)
{
        world.n_reloads++;
        return world.plan.reload_result;
}

static int on_drained(sd_event_source *source, uint64_t now_usec, void *userdata)
{
        world.n_late++;
        daemon_exit(world.daemon, NULL);
        return 0;
}

static int fake_stop(void *self)
{
        world.n_stops++;
        if (world.plan.stop_result < 0)
                return world.plan.stop_result;
        if (!world.plan.drain_later)
                daemon_exit(world.daemon, NULL);
        else
                assert_ok(sd_event_add_time_relative(daemon_event(world.daemon), &world.timer,
                                                     CLOCK_MONOTONIC, 1000, 1, on_drained, NULL));
        return 0;
}

static const DaemonOption options[] = {
        { "set", "VALUE", "a value", fake_set },
        { NULL, NULL, NULL, NULL },
};

static const DaemonType fake = {
        .name = "devbox-fake",
        .summary = "Does nothing.",
        .manual = "devbox-fake(8)",
        .options = options,
        .new = fake_new,
        .free = fake_free,
        .start = fake_start,
        .reload = fake_reload,
        .stop = fake_stop,
};

/* Runs it with these words; what it prints goes to the file `output`. */
static int run(const DaemonType *type, const Plan *plan, const char *output, const char *const *words)
{
        char *argv[8] = { (char *) "devbox-fake" };
        int argc = 1, saved[2], fd = open(output, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        for (; words && words[argc - 1]; argc++)
                argv[argc] = (char *) words[argc - 1];
        world = (struct World){ .plan = *plan };
        optind = 0;

        (void) fflush(stdout);
        for (int i = 0; i < 2; i++) {
                saved[i] = dup(STDOUT_FILENO + i);
                assert_true(saved[i] >= 0 && dup2(fd, STDOUT_FILENO + i) >= 0);
        }
        int status = daemon_run(type, argc, argv);
        clearerr(stdout);
        for (int i = 0; i < 2; i++) {
                assert_true(dup2(saved[i], STDOUT_FILENO + i) >= 0);
                (void) close(saved[i]);
        }
        (void) close(fd);
        assert_int_equal(world.n_new, 1);
        assert_int_equal(world.n_free, 1);
        return status;
}

static char output[] = "/tmp/devbox-daemon-XXXXXX";

static void assert_printed(const char *expected)
{
        _cleanup_(freep) char *text = NULL;

        assert_ok(fd_read_file_at(AT_FDCWD, output, 4096, &text, NULL));
        if (!strstr(text, expected))
                fail_msg("'%s' is not in: %s", expected, text);
}

static void test_arguments(void **state)
{
        static const struct {
                const char *words[4];
                int status;
                const char *printed;
        } rows[] = {
                { { "--version" }, EXIT_SUCCESS, "devbox-fake " DEVBOX_VERSION "\n" },
                { { "-V" }, EXIT_SUCCESS, "devbox-fake " DEVBOX_VERSION "\n" },
                { { "--help" }, EXIT_SUCCESS, "  --set VALUE       a value\n" },
                { { "-h" }, EXIT_SUCCESS, "See devbox-fake(8).\n" },
                { { "--set", "bad" }, DAEMON_EXIT_USAGE, "cannot take the value 'bad'" },
                { { "--set" }, DAEMON_EXIT_USAGE, "requires an argument" },
                { { "--nothing" }, DAEMON_EXIT_USAGE, "unrecognized option" },
                { { "word" }, DAEMON_EXIT_USAGE, "unknown argument 'word'; see devbox-fake --help\n" },
                { { "--set", "good", "word" }, DAEMON_EXIT_USAGE, "unknown argument 'word'" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(run(&fake, &(Plan){ 0 }, output, rows[i].words), rows[i].status);
                assert_printed(rows[i].printed);
                assert_int_equal(world.n_starts, 0);
        }
}

static void test_output_that_is_lost(void **state)
{
        static const char *const rows[] = { "--version", "--help" };

        if (access("/dev/full", W_OK) < 0)
                skip();
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(
                        run(&fake, &(Plan){ 0 }, "/dev/full", (const char *const[]){ rows[i], NULL }),
                        EXIT_FAILURE);
}

static void test_life(void **state)
{
        static const struct {
                Plan plan;
                int status, n_reloads, n_stops;
        } rows[] = {
                { { .on_start = { SIGTERM } }, EXIT_SUCCESS, 0, 1 },
                { { .on_start = { SIGINT, SIGTERM } }, EXIT_SUCCESS, 0, 1 },
                { { .on_start = { SIGHUP, SIGTERM } }, EXIT_SUCCESS, 1, 1 },
                { { .on_start = { SIGTERM }, .drain_later = true }, EXIT_SUCCESS, 0, 1 },
                { { .stop_itself = true }, DAEMON_EXIT_RESTART, 0, 1 },
                { { .stop_itself = true, .drain_later = true }, DAEMON_EXIT_RESTART, 0, 1 },
                { { .start_result = -EXDEV }, EXIT_FAILURE, 0, 0 },
                { { .start_result = -EALREADY }, EXIT_FAILURE, 0, 0 },
                { { .on_start = { SIGHUP }, .reload_result = -EXDEV }, EXIT_FAILURE, 1, 0 },
                { { .on_start = { SIGTERM }, .stop_result = -EXDEV }, EXIT_FAILURE, 0, 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                static const char *const words[] = { "--set", "good", NULL };

                print_message("row %zu\n", i);
                assert_int_equal(run(&fake, &rows[i].plan, output, words), rows[i].status);
                assert_string_equal(world.value, "good");
                assert_int_equal(world.n_starts, 1);
                assert_int_equal(world.n_reloads, rows[i].n_reloads);
                assert_int_equal(world.n_stops, rows[i].n_stops);
                assert_int_equal(world.n_late, rows[i].plan.drain_later);
        }
}

/* Without these steps SIGHUP is ignored, and a stop leaves the loop. */
static void test_optional_steps(void **state)
{
        DaemonType type = fake;

        type.reload = NULL;
        type.stop = NULL;
        type.options = NULL;
        assert_int_equal(run(&type, &(Plan){ .on_start = { SIGHUP, SIGTERM } }, output, NULL), EXIT_SUCCESS);
        assert_int_equal(world.n_reloads + world.n_stops, 0);
        assert_int_equal(run(&type, &(Plan){ 0 }, output, (const char *const[]){ "--set", "x", NULL }),
                         DAEMON_EXIT_USAGE);
}

static void test_no_bus(void **state)
{
        DaemonType type = fake;

        type.on_bus = true;
        assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", true), 0);
        assert_int_equal(run(&type, &(Plan){ 0 }, output, NULL), EXIT_FAILURE);
        assert_printed("Cannot open the system bus");
        assert_int_equal(world.n_starts, 0);
}

static void test_a_closed_pipe_is_no_reason_to_die(void **state)
{
        int ends[2];

        assert_int_equal(run(&fake, &(Plan){ .on_start = { SIGTERM } }, output, NULL), EXIT_SUCCESS);
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(close(ends[0]), 0);
        assert_int_equal(write(ends[1], "x", 1), -1);
        assert_int_equal(errno, EPIPE);
        assert_int_equal(close(ends[1]), 0);
}

static void test_notifications(void **state)
{
        static const char *const expected[] = { "READY=1", "RELOADING=1\nMONOTONIC_USEC=", "READY=1",
                                                "STOPPING=1" };
        _cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char name[32];

        /* An abstract address: "@name" in the environment. */
        int length = snprintf(name, sizeof name, "@devbox-test-%d", (int) getpid());
        memcpy(address.sun_path + 1, name + 1, (size_t) length - 1);
        assert_int_equal(bind(fd, (struct sockaddr *) &address,
                              (socklen_t) (offsetof(struct sockaddr_un, sun_path) + (size_t) length)),
                         0);
        assert_int_equal(setenv("NOTIFY_SOCKET", name, true), 0);
        assert_int_equal(run(&fake, &(Plan){ .on_start = { SIGHUP, SIGTERM } }, output, NULL), EXIT_SUCCESS);
        assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);

        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                char text[128];

                ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
                assert_true(n > 0);
                text[n] = '\0';
                assert_true(startswith(text, expected[i]));
        }
}

/* glibc keeps twice the size of a large block once it was freed. */
static int start_with_a_peak(void *self, Daemon *daemon)
{
        void *blocks[16], *large = malloc(1 << 20);

        assert_non_null(large);
        free(large);
        for (size_t i = 0; i < ELEMENTSOF(blocks); i++)
                assert_non_null(blocks[i] = malloc(64 << 10));
        for (size_t i = 0; i < ELEMENTSOF(blocks); i++)
                free(blocks[i]);
        return fake_start(self, daemon);
}

static void test_memory_of_a_peak_is_returned(void **state)
{
        DaemonType type = fake;

        type.start = start_with_a_peak;
        assert_int_equal(run(&type, &(Plan){ .on_start = { SIGTERM } }, output, NULL), EXIT_SUCCESS);
        assert_true(mallinfo2().keepcost < 1 << 19);
}

static int make_output(void **state)
{
        return fd_close(mkstemp(output)) == -EBADF ? 0 : -1;
}

static int remove_output(void **state)
{
        return unlink(output);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_arguments),
                cmocka_unit_test(test_output_that_is_lost),
                cmocka_unit_test(test_life),
                cmocka_unit_test(test_optional_steps),
                cmocka_unit_test(test_no_bus),
                cmocka_unit_test(test_a_closed_pipe_is_no_reason_to_die),
                cmocka_unit_test(test_notifications),
                cmocka_unit_test(test_memory_of_a_peak_is_returned),
        };

        return cmocka_run_group_tests(tests, make_output, remove_output);
}
