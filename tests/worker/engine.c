/* SPDX-License-Identifier: MIT */
/* The capabilities of containers with a real engine; engine.py starts it and the containers:
 * "mycontainer" runs and has written to both streams, "terminal" has a terminal, "privileged" was only
 * created. */

#include "job-world.h"

#include "worker/docker.h"

static const char *socket_path;

static int run_docker(const Job *job, Output *output, JobOutcome *ret_outcome)
{
        return docker_run(job, socket_path, output, ret_outcome);
}

static void run(JobWorld *world, CapabilityKind kind)
{
        world->request.kind = kind;
        world->capability.kind = kind;
        job_world_run(world, run_docker);
        assert_ok(world->result);
}

static void execute(JobWorld *world, const char *container, char **argv, size_t n)
{
        world->request.arguments.container = (char *) container;
        world->request.arguments.argv.items = argv;
        world->request.arguments.argv.n = n;
        run(world, CAPABILITY_DOCKER_EXEC);
}

#define ARGV(...) ((char *[]){ __VA_ARGS__ }), sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *)

static void test_list(void **state)
{
        JobWorld *world = *state;
        char *only[] = { (char *) "mycontainer" };

        run(world, CAPABILITY_DOCKER_LIST);
        assert_int_equal(world->outcome.exit_code, 0);
        assert_non_null(strstr(world->streams[OUTPUT_STDOUT], "mycontainer"));
        assert_non_null(strstr(world->streams[OUTPUT_STDOUT], "privileged"));

        world->capability.containers.items = only;
        world->capability.containers.n = 1;
        run(world, CAPABILITY_DOCKER_LIST);
        assert_non_null(strstr(world->streams[OUTPUT_STDOUT], "running"));
        assert_null(strstr(world->streams[OUTPUT_STDOUT], "privileged"));
}

static void test_logs(void **state)
{
        JobWorld *world = *state;

        world->request.arguments.tail = 10;
        world->request.arguments.container = (char *) "mycontainer";
        run(world, CAPABILITY_DOCKER_LOGS);
        assert_non_null(strstr(world->streams[OUTPUT_STDOUT], "Z started\n"));
        assert_non_null(strstr(world->streams[OUTPUT_STDERR], "Z oops\n"));

        world->request.arguments.container = (char *) "terminal";
        run(world, CAPABILITY_DOCKER_LOGS);
        assert_non_null(strstr(world->streams[OUTPUT_STDOUT], "Z started\r\n"));
}

static void test_exec(void **state)
{
        JobWorld *world = *state;

        world->capability.exec_kill = EXEC_KILL_TIMEOUT;
        execute(world, "mycontainer", ARGV((char *) "echo", (char *) "$HOME;*"));
        assert_int_equal(world->outcome.exit_code, 0);
        assert_string_equal(world->streams[OUTPUT_STDOUT], "$HOME;*\n");

        execute(world, "mycontainer", ARGV((char *) "ls", (char *) "/absent"));
        assert_int_equal(world->outcome.exit_code, 1);
        assert_non_null(strstr(world->streams[OUTPUT_STDERR], "/absent"));
}

static void test_exec_timeout(void **state)
{
        JobWorld *world = *state;

        world->request.limits.timeout_ms = 1000;
        world->capability.exec_kill = EXEC_KILL_TIMEOUT;
        execute(world, "mycontainer", ARGV((char *) "sleep", (char *) "1000"));
        assert_int_equal(world->outcome.status, RESULT_TIMEOUT);
        assert_false(world->outcome.process_may_continue);

        world->capability.exec_kill = EXEC_KILL_NONE;
        execute(world, "mycontainer", ARGV((char *) "sleep", (char *) "3"));
        assert_int_equal(world->outcome.status, RESULT_TIMEOUT);
        assert_true(world->outcome.process_may_continue);
}

static void test_exec_is_refused(void **state)
{
        JobWorld *world = *state;

        execute(world, "mycontainer", ARGV((char *) "id"));
        assert_int_equal(world->outcome.status, RESULT_FAILED);
        assert_int_equal(world->outcome.reason, DEVBOX_ERROR_BINARY_NOT_ALLOWED);

        world->capability.exec_kill = EXEC_KILL_TIMEOUT;
        execute(world, "privileged", ARGV((char *) "id"));
        assert_int_equal(world->outcome.status, RESULT_FAILED);
        assert_string_equal(world->outcome.why, "is privileged");

        execute(world, "mycontaine", ARGV((char *) "id"));
        assert_int_equal(world->outcome.exit_code, 1);
        assert_non_null(strstr(world->streams[OUTPUT_STDERR], "no such container"));
}

static void test_cancel(void **state)
{
        JobWorld *world = *state;

        world->cancel_on_output = true;
        world->capability.exec_kill = EXEC_KILL_TIMEOUT;
        world->request.limits.timeout_ms = 20000;
        execute(world, "mycontainer", ARGV((char *) "yes"));
        assert_int_equal(world->outcome.status, RESULT_CANCELLED);
        assert_true(world->outcome.process_may_continue);
}

static void test_no_engine(void **state)
{
        JobWorld *world = *state;
        const char *engine = socket_path;

        socket_path = "/nonexistent/docker.sock";
        run(world, CAPABILITY_DOCKER_LIST);
        socket_path = engine;
        assert_int_equal(world->outcome.status, RESULT_FAILED);
        assert_int_equal(world->outcome.reason, DEVBOX_ERROR_CAPABILITY_UNAVAILABLE);
        assert_string_equal(world->streams[OUTPUT_STDERR], "docker: no container engine can be reached\n");
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_list, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_logs, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_exec, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_exec_timeout, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_exec_is_refused, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_cancel, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_no_engine, job_world_up, job_world_down),
        };

        assert(argc == 2);
        socket_path = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
