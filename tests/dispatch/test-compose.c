/* SPDX-License-Identifier: MIT */
/* From words to requests, by the manifest of a device: the seed's commands, and what no entry allows. */

#include "dispatch/compose.h"

#include "proto/error.h"

#include "test.h"

typedef struct World {
        ArgumentConstraint directory, insert_and_directory[2];
        PathRoot roots[2];
        Capability capabilities[5];
        char *home[1], *logs[1], *containers[1];
        Manifest manifest;
        RequestOrigin origin;
} World;

static int up(void **state)
{
        World *world = calloc(1, sizeof *world);

        assert_non_null(world);
        world->home[0] = (char *) "home";
        world->logs[0] = (char *) "logs";
        world->containers[0] = (char *) "mycontainer";
        world->roots[0] = (PathRoot){ (char *) "home", (char *) "/home" };
        world->roots[1] = (PathRoot){ (char *) "logs", (char *) "/var/log" };
        world->insert_and_directory[0] =
                (ArgumentConstraint){ .kind = CONSTRAINT_INSERT, .literal = (char *) "--" };
        world->insert_and_directory[1] =
                (ArgumentConstraint){ .kind = CONSTRAINT_PATH, .path_root = (char *) "home" };
        world->directory = (ArgumentConstraint){ .kind = CONSTRAINT_LITERAL, .literal = (char *) "ps" };
        world->capabilities[0] = (Capability){ .kind = CAPABILITY_SHELL_EXEC,
                                               .id = (char *) "ls",
                                               .bin = (char *) "/opt/bin/ls",
                                               .argv = { world->insert_and_directory, 2 },
                                               .max_age_s = 600 };
        world->capabilities[1] = (Capability){ .kind = CAPABILITY_FS_READ,
                                               .id = (char *) "read",
                                               .roots = { world->logs, 1 },
                                               .max_bytes = 1024,
                                               .max_age_s = 120 };
        world->capabilities[2] = (Capability){ .kind = CAPABILITY_FS_WRITE,
                                               .id = (char *) "write",
                                               .roots = { world->home, 1 },
                                               .max_bytes = 1024,
                                               .max_age_s = 300,
                                               .approval = APPROVAL_MESSAGE,
                                               .approval_count = 1 };
        world->capabilities[3] = (Capability){ .kind = CAPABILITY_DOCKER_EXEC,
                                               .id = (char *) "ps",
                                               .containers = { world->containers, 1 },
                                               .argv = { &world->directory, 1 },
                                               .max_age_s = 120 };
        world->manifest = (Manifest){ .device = (char *) "home-wsl",
                                      .epoch = 1,
                                      .version = 3,
                                      .roots = { world->roots, 2 },
                                      .capabilities = { world->capabilities, 4 } };
        world->origin.principal = (char *) "local:ana";
        *state = world;
        return 0;
}

static int down(void **state)
{
        free(*state);
        return 0;
}

static int compose(const World *world, const char *capability, char *const *words, Composed *ret,
                   const char **why)
{
        const ComposeInput input = { .device = "home-wsl",
                                     .capability = capability,
                                     .words = words,
                                     .n_words = words[0] == NULL   ? 0
                                                : words[1] == NULL ? 1
                                                : words[2] == NULL ? 2
                                                : words[3] == NULL ? 3
                                                                   : 4,
                                     .manifest = &world->manifest,
                                     .origin = &world->origin,
                                     .now_ms = 1760000000000 };

        return compose_request(&input, ret, why);
}

static const struct {
        const char *capability;
        const char *words[5];
        const char *args, *entry, *subject; /* entry NULL: no entry allows it, and it is sent nevertheless */
        const char *description;            /* NULL: any */
} requests[] = {
        { "shell.exec",
          { "ls", "/home/lucas" },
          "{\"argv\":[\"/opt/bin/ls\",\"/home/lucas\"]}",
          "ls",
          "shell.exec.ls" },
        { "shell.exec", { "ls", "/etc" }, "{\"argv\":[\"/opt/bin/ls\",\"/etc\"]}", NULL, "shell.exec.ls" },
        { "shell.exec",
          { "rm", "-rf", "/" },
          "{\"argv\":[\"/usr/bin/rm\",\"-rf\",\"/\"]}",
          NULL,
          "shell.exec.rm",
          "shell.exec /usr/bin/rm -rf /" },
        { "shell.exec",
          { "/bin/ls", "/home" },
          "{\"argv\":[\"/bin/ls\",\"/home\"]}",
          NULL,
          "shell.exec.ls" },
        { "fs.read",
          { "/var/log/syslog" },
          "{\"root\":\"logs\",\"path\":\"syslog\"}",
          "read",
          "fs.read.logs",
          "fs.read /var/log/syslog" },
        { "fs.read", { "/home/x" }, "{\"root\":\"home\",\"path\":\"x\"}", NULL, "fs.read.home" },
        { "fs.read",
          { "/etc/shadow" },
          "{\"root\":\"none\",\"path\":\"etc/shadow\"}",
          NULL,
          "fs.read.none",
          "fs.read /etc/shadow" },
        { "fs.list", { "/home" }, "{\"root\":\"home\"}", NULL, "fs.list.home" },
        { "fs.write",
          { "/home/x", "hello", "you" },
          "{\"root\":\"home\",\"path\":\"x\",\"mode\":\"create\",\"content_b64\":\"aGVsbG8geW91\"}",
          "write",
          "fs.write.home" },
        { "docker.exec",
          { "mycontainer", "ps" },
          "{\"name\":\"mycontainer\",\"argv\":[\"ps\"]}",
          "ps",
          "docker.exec.mycontainer" },
        { "docker.logs", { "web", "5" }, "{\"name\":\"web\",\"tail\":5}", NULL, "docker.logs.web" },
        { "camera.snapshot",
          { NULL },
          "{\"device\":\"/dev/video0\",\"w\":640,\"h\":480}",
          NULL,
          "camera.snapshot" },
        { "camera.snapshot",
          { "front" },
          "{\"device\":\"/dev/front\",\"w\":640,\"h\":480}",
          NULL,
          "camera.snapshot" },
        { "door.open", { "front" }, "{\"argv\":[\"front\"]}", NULL, "door.open" },
};

static void test_requests(void **state)
{
        const World *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(requests); i++) {
                Composed composed = { .payload = NULL };
                const char *why = NULL;
                Request *request = NULL;

                assert_err(compose(world, requests[i].capability, (char *const *) requests[i].words,
                                   &composed, &why),
                           0);
                if (!strstr(composed.payload, requests[i].args))
                        fail_msg("%s: %s", requests[i].args, composed.payload);
                assert_non_null(composed.description);
                if (requests[i].description)
                        assert_string_equal(composed.description, requests[i].description);
                if (strncmp(composed.subject, requests[i].subject, strlen(requests[i].subject)) != 0)
                        fail_msg("%s", composed.subject);
                assert_string_equal(composed.capability ? composed.capability->id : "",
                                    requests[i].entry ? requests[i].entry : "");
                assert_int_equal(composed.expires_at_ms - 1760000000000,
                                 composed.capability ? composed.capability->max_age_s * 1000 : 120000);
                assert_err(request_parse(bytes_of_string(composed.payload), &request, NULL), 0);
                assert_string_equal(request->request_id, composed.request_id);
                assert_string_equal(request->origin.principal, "local:ana");
                request_free(request);
                composed_done(&composed);
        }
}

static void test_what_is_missing(void **state)
{
        static const struct {
                const char *capability;
                const char *words[5];
        } rows[] = {
                { "shell.exec", { NULL } },          { "fs.read", { NULL } },
                { "fs.read", { "relative" } },       { "fs.read", { "/home/../etc" } },
                { "fs.read", { "/home" } },          { "docker.exec", { "web" } },
                { "docker.exec", { "../x", "ps" } }, { "docker.logs", { "web", "0" } },
                { "service.restart", { "nginx" } },  { "sensors.read", { NULL } },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Composed composed = { .payload = NULL };
                const char *why = NULL;

                assert_err(
                        compose(*state, rows[i].capability, (char *const *) rows[i].words, &composed, &why),
                        DEVBOX_ERROR_BAD_REQUEST);
                assert_non_null(why);
        }
}

static void test_ids_are_fresh(void **state)
{
        char *words[] = { (char *) "ls", (char *) "/home", NULL };
        Composed first, second;
        const char *why = NULL;

        assert_err(compose(*state, "shell.exec", words, &first, &why), 0);
        assert_err(compose(*state, "shell.exec", words, &second, &why), 0);
        assert_string_not_equal(first.request_id, second.request_id);
        assert_string_not_equal(first.payload, second.payload);
        composed_done(&first);
        composed_done(&second);
}

/* The device must recognise the nonce, and reject it by its date where it does not. */
static void test_replay(void **state)
{
        World *world = *state;
        char *words[] = { (char *) "ls", (char *) "/home/lucas", NULL };
        Composed composed = { .payload = NULL }, again = { .payload = NULL };
        _cleanup_(request_freep) Request *used = NULL, *replay = NULL;
        const ComposeInput input = { .manifest = &world->manifest,
                                     .origin = &world->origin,
                                     .now_ms = 1760000090000 };
        const char *why = NULL;

        assert_ok(compose(world, "shell.exec", words, &composed, &why));
        assert_ok(request_parse(bytes_of_string(composed.payload), &used, NULL));
        assert_ok(compose_replay(&input, used, &again));
        assert_ok(request_parse(bytes_of_string(again.payload), &replay, NULL));
        assert_memory_equal(replay->nonce, used->nonce, sizeof used->nonce);
        assert_string_equal(replay->arguments.argv.items[1], "/home/lucas");
        assert_string_equal(again.subject, "shell.exec.ls");
        assert_string_equal(again.request_id, replay->request_id);
        assert_string_not_equal(replay->request_id, used->request_id);
        assert_true(replay->expires_at_ms < (int64_t) input.now_ms - 2 * 300 * 1000);
        assert_true(again.expires_at_ms > input.now_ms);
        assert_null(again.capability);
        composed_done(&composed);
        composed_done(&again);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_requests, up, down),
                cmocka_unit_test_setup_teardown(test_what_is_missing, up, down),
                cmocka_unit_test_setup_teardown(test_ids_are_fresh, up, down),
                cmocka_unit_test_setup_teardown(test_replay, up, down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
