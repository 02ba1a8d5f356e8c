/* SPDX-License-Identifier: MIT */
/* What lines ask for. */

#include "matrix/command.h"

#include "proto/error.h"
#include "test.h"

static void test_commands(void **state)
{
        static const struct {
                const char *line;
                CommandKind kind;
                const char *capability; /* NULL: none */
                size_t n_words;
                const char *word; /* the first */
        } rows[] = {
                { "!exec ls -l '/a b'", COMMAND_REQUEST, "shell.exec", 3, "ls" },
                { "!exec", COMMAND_REQUEST, "shell.exec", 0, NULL },
                { "!ls /home", COMMAND_REQUEST, "fs.list", 1, "/home" },
                { "!fs.read /etc/hostname", COMMAND_REQUEST, "fs.read", 1, "/etc/hostname" },
                { "!docker list", COMMAND_REQUEST, "docker.list", 0, NULL },
                { "!docker exec web ls", COMMAND_REQUEST, "docker.exec", 2, "web" },
                { "!camera.snapshot", COMMAND_REQUEST, "camera.snapshot", 0, NULL },
                { "!no.such x", COMMAND_REQUEST, "no.such", 1, "x" }, /* the device rejects it */
                { "!approve 7KQ2PD", COMMAND_APPROVE, NULL, 1, "7KQ2PD" },
                { "!deny 7KQ2PD no", COMMAND_DENY, NULL, 2, "7KQ2PD" },
                { "!cancel 7KQ2PD", COMMAND_CANCEL, NULL, 1, "7KQ2PD" },
                { "!revoke home confirm", COMMAND_REVOKE, NULL, 2, "home" },
                { "!help", COMMAND_HELP, NULL, 0, NULL },
                { "!status", COMMAND_STATUS, NULL, 0, NULL },
                { "!devices", COMMAND_DEVICES, NULL, 0, NULL },
                { "!requests", COMMAND_REQUESTS, NULL, 0, NULL },
                { "!status a.service", COMMAND_REQUEST, "service.status", 1, "a.service" },
                { "!shell.exec ls", COMMAND_REQUEST, "shell.exec", 1, "ls" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(command_done) Command command = COMMAND_NULL;
                const char *why = NULL;
                size_t n_words;

                assert_err(command_parse(rows[i].line, &command, &why), 0);
                assert_int_equal(command.kind, rows[i].kind);
                char *const *words = command_words(&command, &n_words);
                assert_int_equal(n_words, rows[i].n_words);
                if (rows[i].word)
                        assert_string_equal(words[0], rows[i].word);
                if (rows[i].capability)
                        assert_string_equal(command.capability, rows[i].capability);
                else
                        assert_null(command.capability);
        }
}

static void test_subjects(void **state)
{
        static const struct {
                const char *line, *subject;
        } rows[] = {
                { "!exec ls -l", "ls" },
                { "!exec /usr/bin/ls", "ls" },
                { "!exec /", "/" },
                { "!exec", "shell.exec" },
                { "!ls /home", "fs.list" },
                { "!fs.read /etc/motd", "fs.read" },
                { "!docker exec web ls", "docker.exec" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(command_done) Command command = COMMAND_NULL;
                const char *why;

                assert_err(command_parse(rows[i].line, &command, &why), 0);
                assert_string_equal(command_subject(&command), rows[i].subject);
        }
}

static void test_no_commands(void **state)
{
        static const struct {
                const char *line, *why;
        } rows[] = {
                { "!", "there is no such command; !help lists them" },
                { "!!", "there is no such command; !help lists them" },
                { "!reboot", "there is no such command; !help lists them" },
                { "! exec ls", "there is no such command; !help lists them" },
                { "!exce ls", "there is no such command; did you mean !exec?" },
                { "!EXEC ls", "there is no such command; !help lists them" },
                { "!hlep", "there is no such command; did you mean !help?" },
                { "!aprove 7KQ2PD", "there is no such command; did you mean !approve?" },
                { "!fs.raed /etc/motd", "there is no such command; did you mean !fs.read?" },
                { "!Fs.Read x", "there is no such command; did you mean !fs.read?" },
                { "!.read", "there is no such command; did you mean !fs.read?" },
                { "!docker", "say !docker list, !docker logs or !docker exec" },
                { "!docker rm x", "say !docker list, !docker logs or !docker exec" },
                { "!dokcer list", "say !docker list, !docker logs or !docker exec" },
                { "!revoke", "the name of a device is missing" },
                { "!approve", "the id of a request is missing" },
                { "!exec 'x", "a quote has no end" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(command_done) Command command = COMMAND_NULL;
                const char *why = NULL;

                assert_err(command_parse(rows[i].line, &command, &why), DEVBOX_ERROR_BAD_REQUEST);
                assert_string_equal(why, rows[i].why);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_commands), cmocka_unit_test(test_subjects),
                                            cmocka_unit_test(test_no_commands) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
