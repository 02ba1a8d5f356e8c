/* SPDX-License-Identifier: MIT */
/* devboxctl matrix, and the identities that devboxctl person add pins, against fake-matrix.c. */

#include <fcntl.h>

#include "basic/fd.h"
#include "ctl-run.h"
#include "files.h"

#define MATRIX        "org.devbox.Matrix1"
#define USER          "FAKE_USER=@devbox:example.org"
#define HUB_KEY       "11qY AYKx CrfV S/7T yWQH Og7h cvPa piMl rwIa aPcH URo"
#define ANA_KEY       "PUAX w+hD iVqS twqn TRt+ vJyY LM8u xJaM wM1V 8Sr0 Zgw"
#define ANA_KEY_HEX   "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
#define OTHER_KEY_HEX "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

/* The bus, and a fake whose variables end with NULL. */
static TestBus *bus;
static TestDaemon *mesh;

static TestDaemon *start(const char *const *environment)
{
        return test_daemon_start_full(bus, &(TestDaemonOptions){ .program = "tests/bus/fake-matrix",
                                                                 .name = MATRIX,
                                                                 .environment = environment });
}

#define start_with(...) start((const char *const[]){ __VA_ARGS__, NULL })
#define WORDS(...)      ((const char *const[]){ __VA_ARGS__, NULL })

static void assert_log(const char *text)
{
        _cleanup_(freep) char *log = test_bus_read_log(bus, MATRIX);

        assert_has(log, text);
}

static int bus_up(void **state)
{
        bus = test_bus_new();
        mesh = test_daemon_start_full(
                bus, &(TestDaemonOptions){ .program = "tests/bus/fake-hub",
                                           .name = "org.devbox.Mesh1",
                                           .environment = (const char *const[]){ "FAKE_ROLE=hub", NULL } });
        return 0;
}

static int bus_down(void **state)
{
        mesh = test_daemon_free(mesh);
        bus = test_bus_free(bus);
        return 0;
}

typedef struct Row {
        const char *words[8], *input, *output;
        int status;
} Row;

static void check_rows(const Row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                _cleanup_(run_done) Run run =
                        run_ctl_with_input(bus, rows[i].words, strempty(rows[i].input));

                assert_has(run.output, rows[i].output);
                assert_int_equal(run.status, rows[i].status);
        }
}

/* ---- the account */

static void test_login(void **state)
{
        _cleanup_(test_daemon_freep) TestDaemon *daemon = start_with(NULL);

        _cleanup_(run_done) Run run =
                run_ctl_on_terminal(bus, WORDS("matrix", "login", "@devbox:example.org"), "right\n");
        assert_has(run.output, "Password of @devbox:example.org: \n"
                               "account @devbox:example.org\n"
                               "homeserver https://matrix.example.org\n"
                               "device HUBDEVICE\n"
                               "state synced\n"
                               "last sync never\n"
                               "identity " HUB_KEY "\n"
                               "rooms 2 of 3\n"
                               "not sent yet 0\n"
                               "undecryptable 0\nskipped 7\n"
                               "Next: devboxctl person add NAME --mxid @NAME:SERVER, then ");
        assert_null(strstr(run.output, "right"));
        assert_int_equal(run.status, 0);
        assert_log("Login '' @devbox:example.org password\n");

        _cleanup_(run_done) Run again = run_ctl_words(bus, WORDS("matrix", "login", "@devbox:example.org"));
        assert_int_equal(again.status, 0); /* no password was read */
        assert_true(startswith(again.output, "account @devbox:example.org\n"));
        _cleanup_(run_done) Run other = run_ctl_words(bus, WORDS("matrix", "login", "@bot:example.org"));
        assert_has(other.output, "@devbox:example.org is logged in; run first: devboxctl matrix logout\n");
        assert_int_equal(other.status, 1);
}

/* With the password of the login, or after it. */
static void test_reset_identity(void **state)
{
        static const struct {
                const char *user, *password, *output, *log;
                int status;
        } rows[] = {
                { NULL, "right\n", "account @devbox:example.org\n",
                  "Login '' @devbox:example.org password\nResetIdentity @devbox:example.org\n", 0 },
                { USER, "right\n", "account @devbox:example.org\n", "ResetIdentity @devbox:example.org\n",
                  0 },
                { USER, "wrong\n",
                  "does not take the account's cross-signing identity without its password; run: "
                  "devboxctl matrix login @devbox:example.org --reset-identity\n",
                  "ResetIdentity @devbox:example.org\n", 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(test_daemon_freep) TestDaemon *daemon =
                        start_with("FAKE_FAULT=foreign_identity", rows[i].user);
                _cleanup_(run_done) Run run = run_ctl_with_input(
                        bus, WORDS("matrix", "login", "@devbox:example.org", "--reset-identity"),
                        rows[i].password);

                assert_has(run.output, rows[i].output);
                assert_int_equal(run.status, rows[i].status);
                assert_log(rows[i].log);
        }
}

static void test_login_without_a_terminal(void **state)
{
        _cleanup_(test_daemon_freep) TestDaemon *daemon = start_with(NULL);

        _cleanup_(run_done) Run run =
                run_ctl_with_input(bus,
                                   WORDS("matrix", "login", "@devbox:example.org", "--token", "--server",
                                         "https://m.example.org", "--json"),
                                   "right\nmore\n");
        assert_true(startswith(run.output, "{\"state\":\"synced\",\"user\":\"@devbox:example.org\","));
        assert_has(run.output, "\"last_sync_at\":null,\"fault\":\"\",\"outsider\":\"\",\"problem\":null}\n");
        assert_int_equal(run.status, 0);
        assert_log("Login 'https://m.example.org' @devbox:example.org token\n");

        _cleanup_(run_done) Run logout = run_ctl_words(bus, WORDS("matrix", "logout", "--yes"));
        assert_int_equal(logout.status, 0);
        _cleanup_(run_done) Run service = run_ctl_with_input(
                bus, WORDS("matrix", "login", "@devbox:example.org", "--appservice"), "right\n");
        assert_int_equal(service.status, 0);
        assert_log("Login '' @devbox:example.org appservice\n");
}

static void test_logins_that_fail(void **state)
{
        _cleanup_(test_daemon_freep) TestDaemon *daemon = start_with(NULL);
        static const Row rows[] = {
                { { "matrix", "login", "@devbox:example.org" },
                  "wrong\n",
                  "devboxctl: the Matrix homeserver refuses it: Invalid password\n",
                  1 },
                { { "matrix", "login", "@devbox:example.org" },
                  "",
                  "no password was given: it is asked",
                  1 },
                { { "matrix", "login", "@devbox:example.org", "--token" },
                  "\n",
                  "no access token was given",
                  1 },
                { { "matrix", "login", "@devbox:example.org" }, "\xff\n", "the password is not UTF-8", 1 },
                { { "matrix", "login", "@devbox:example.org", "--server", "https://away" },
                  "right\n",
                  "no Matrix homeserver answers",
                  1 },
                { { "matrix", "login", "devbox" },
                  NULL,
                  "takes the hub's own Matrix user, @NAME:SERVER",
                  2 },
                { { "matrix", "login" }, NULL, "; see: devboxctl help matrix login", 2 },
                { { "matrix", "login", "@devbox:example.org", "--token", "--reset-identity" },
                  NULL,
                  "exclude each other",
                  2 },
                { { "matrix", "login", "@devbox:example.org", "--server", "example.org" },
                  NULL,
                  "--server takes https://HOST",
                  2 },
                { { "matrix", "login", "@devbox:example.org", "secret" },
                  NULL,
                  "; see: devboxctl help matrix login",
                  2 },
                { { "matrix" }, NULL, "'matrix' needs one of: login, status, rooms, identity, ", 2 },
        };

        check_rows(rows, ELEMENTSOF(rows));
        _cleanup_(freep) char *log = test_bus_read_log(bus, MATRIX);
        assert_string_equal(log, "");
}

static void test_without_an_account(void **state)
{
        _cleanup_(test_daemon_freep) TestDaemon *daemon = start_with(NULL);
        static const Row rows[] = {
                { { "matrix", "status" },
                  NULL,
                  "problem no account is logged in; run: devboxctl matrix login @USER:SERVER\n",
                  1 },
                { { "matrix", "rooms" }, NULL, "no rooms yet: ", 0 },
                { { "matrix", "identity", "@ana:example.org" }, NULL, "no Matrix account is logged in", 1 },
                { { "matrix", "logout" }, NULL, "No account is logged in.\n", 0 },
                { { "matrix", "logout", "--json" }, NULL, "{\"logged_out\":null}\n", 0 },
        };

        check_rows(rows, ELEMENTSOF(rows));
}

static void test_without_the_daemon(void **state)
{
        static const Row rows[] = {
                { { "matrix", "status" },
                  NULL,
                  "devboxctl: devbox-matrix does not answer; see: systemctl status devbox-matrix\n",
                  1 },
                { { "matrix", "login", "@devbox:example.org" }, "x\n", "devbox-matrix does not answer", 1 },
        };

        check_rows(rows, ELEMENTSOF(rows));
}

static void test_problems_of_an_account(void **state)
{
        static const struct {
                const char *variable, *problem;
        } rows[] = {
                { "FAKE_STATE=ended",
                  "problem the homeserver has ended the session; run: devboxctl matrix login "
                  "@devbox:example.org\n" },
                { "FAKE_STATE=expired",
                  "problem the access token of the session has expired; run: devboxctl matrix login @" },
                { "FAKE_FAULT=foreign_identity", "problem the account already has a cross-sign" },
                { "FAKE_FAULT=new_one", "problem new_one\n" },
                { "FAKE_OUTSIDER=@ana:y",
                  "run: devboxctl person add PERSON --mxid @NAME:example.org and devboxctl manifest" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(test_daemon_freep) TestDaemon *daemon = start_with(USER, rows[i].variable);
                _cleanup_(run_done) Run run = run_ctl_words(bus, WORDS("matrix", "status"));

                assert_has(run.output, rows[i].problem);
                assert_int_equal(run.status, 1);
        }
}

/* The same user may log in again; another one must log this one out. */
static void test_login_after_the_end(void **state)
{
        _cleanup_(test_daemon_freep) TestDaemon *daemon = start_with(USER, "FAKE_STATE=ended");

        _cleanup_(run_done) Run run =
                run_ctl_with_input(bus, WORDS("matrix", "login", "@devbox:example.org"), "right\n");
        assert_has(run.output, "\nstate synced\n");
        assert_int_equal(run.status, 0);
}

static void test_logout(void **state)
{
        _cleanup_(test_daemon_freep) TestDaemon *daemon = start_with(USER);
        const char *const words[] = { "matrix", "logout", NULL };

        _cleanup_(run_done) Run none = run_ctl_words(bus, words);
        assert_has(none.output, "there is no terminal to ask on; give --yes");
        assert_int_equal(none.status, 2);
        _cleanup_(run_done) Run no = run_ctl_on_terminal(bus, words, "n\n");
        assert_has(no.output, "Log out @devbox:example.org? ");
        assert_has(no.output, "devboxctl: nothing was done\n");
        assert_int_equal(no.status, 1);
        _cleanup_(run_done) Run yes = run_ctl_words(bus, WORDS("matrix", "logout", "--yes"));
        assert_string_equal(yes.output, "@devbox:example.org is logged out; its old keys are kept aside.\n");
        assert_int_equal(yes.status, 0);
        assert_log("Logout @devbox:example.org\n");
}

static void test_rooms(void **state)
{
        _cleanup_(test_daemon_freep) TestDaemon *daemon = start_with(USER);

        _cleanup_(run_done) Run run = run_ctl_words(bus, WORDS("matrix", "rooms"));
        assert_string_equal(run.output, "ROOM KIND DEVICE STATE ID\n"
                                        "#operator-approvals approvals - made !one:example.org\n"
                                        "#dev-home-wsl device home-wsl failed M_ROOM_IN_USE\n");
        _cleanup_(run_done) Run json = run_ctl_words(bus, WORDS("matrix", "rooms", "--json"));
        assert_has(json.output, "{\"rooms\":[{\"kind\":\"approvals\",\"device\":null,\"room_id\":");
}

/* ---- identities */

static void test_identity(void **state)
{
        _cleanup_(test_daemon_freep) TestDaemon *daemon = start_with(USER);
        static const Row rows[] = {
                { { "matrix", "identity", "@ana:example.org" }, NULL, "@ana:example.org " ANA_KEY "\n", 0 },
                { { "matrix", "identity", "@ana:example.org", "--json" },
                  NULL,
                  "{\"user\":\"@ana:example.org\",\"master_key\":\"PUAXw+hDiVqStwqnTRt+"
                  "vJyYLM8uxJaMwM1V8Sr0Zgw\",\"msk\":\"" ANA_KEY_HEX "\",\"changed\":false}\n",
                  0 },
                { { "matrix", "identity", "@mia:example.org" }, NULL, "\nA manifest pins another one. ", 1 },
                { { "matrix", "identity", "@ben:example.org" }, NULL, "has no cross-signing identity", 1 },
                { { "matrix", "identity", "ana" }, NULL, "takes a Matrix user, @NAME:SERVER", 2 },
        };

        check_rows(rows, ELEMENTSOF(rows));
}

/* People in a directory of the test. */
#define person(...) WORDS("person", __VA_ARGS__, "--dir", directory)

static void assert_pinned(const char *directory, const char *key)
{
        _cleanup_(freep) char *path = text_of("%s/people.yaml", directory);
        _cleanup_(freep) char *people = NULL;

        assert_ok(fd_read_file_at(AT_FDCWD, path, 65536, &people, NULL));
        if (key)
                assert_has(people, key);
        else
                assert_null(strstr(people, "msk"));
}

static void test_person_add_pins(void **state)
{
        _cleanup_(test_daemon_freep) TestDaemon *daemon = start_with(USER);
        _cleanup_(freep) char *directory = text_of("%s/operator", bus->directory);
        const char *const *add = person("add", "ana", "--mxid", "@ana:example.org");

        _cleanup_(run_done) Run no = run_ctl_on_terminal(bus, add, "n\n");
        assert_has(no.output,
                   "Identity " ANA_KEY "\n"
                   " compare it with @ana:example.org; once a manifest names them, emojis in Element "
                   "compare it, too: devboxctl matrix verify @ana:example.org\n"
                   "is it theirs? [y/N] n\n"
                   "devboxctl: nothing was written: the identity is not that of ");
        assert_int_equal(no.status, 1);
        _cleanup_(run_done) Run without = run_ctl_words(bus, add);
        assert_has(without.output, "Not pinned, for there is no terminal to ask on. If it is theirs: "
                                   "devboxctl person add ana --msk " ANA_KEY_HEX "\n");
        assert_int_equal(without.status, 0);
        assert_pinned(directory, NULL);

        _cleanup_(run_done) Run yes = run_ctl_on_terminal(bus, add, "y\n");
        assert_has(yes.output, "is it theirs? [y/N] y\n"
                               "ana is in people.yaml. Manifests change with: devboxctl manifest publish "
                               "--all\n");
        assert_pinned(directory, ANA_KEY_HEX);
        _cleanup_(run_done) Run again = run_ctl_words(bus, add);
        assert_true(startswith(again.output, "ana is in people.yaml. ")); /* no question */
        assert_int_equal(again.status, 0);
}

static void test_a_changed_identity(void **state)
{
        _cleanup_(test_daemon_freep) TestDaemon *daemon = start_with(USER);
        _cleanup_(freep) char *directory = text_of("%s/operator", bus->directory);

        _cleanup_(run_done) Run option =
                run_ctl_words(bus, person("add", "ana", "--mxid", "@ana:example.org", "--msk", HUB_KEY));
        assert_int_equal(option.status, 0);
        assert_pinned(directory, OTHER_KEY_HEX);
        _cleanup_(run_done) Run without = run_ctl_words(bus, person("add", "ana"));
        assert_has(without.output, "Pinned " HUB_KEY "\nNow " ANA_KEY "\n"
                                   " @ana:example.org has reset it, or the homeserver lets another pose");
        assert_pinned(directory, OTHER_KEY_HEX);
        _cleanup_(run_done) Run yes = run_ctl_on_terminal(bus, person("add", "ana"), "y\n");
        assert_has(yes.output, "devboxctl manifest publish --all\n");
        assert_pinned(directory, ANA_KEY_HEX);

        /* The pin was that of another user. */
        _cleanup_(run_done) Run other =
                run_ctl_words(bus, person("add", "ana", "--mxid", "@ben:example.org"));
        assert_has(other.output,
                   "The identity of @ben:example.org was not compared: the Matrix homeserver "
                   "has no cross-signing identity of this user; to pin it later, run this again\n");
        assert_int_equal(other.status, 0);
        assert_pinned(directory, NULL);
}

static void test_person_add_without_the_daemon(void **state)
{
        _cleanup_(freep) char *directory = text_of("%s/operator", bus->directory);

        _cleanup_(run_done) Run run = run_ctl_words(bus, person("add", "ana", "--mxid", "@ana:example.org"));
        assert_has(run.output, "Not pinned: commands of @ana:example.org count once their identity is. On "
                               "the hub, or with -H USER@HUB: devboxctl person add ana\n");
        assert_int_equal(run.status, 0);
        _cleanup_(run_done) Run msk = run_ctl_words(bus, person("add", "ana", "--msk", ANA_KEY));
        assert_true(startswith(msk.output, "ana is in people.yaml."));
        _cleanup_(run_done) Run again = run_ctl_words(bus, person("add", "ana", "--group", "ops"));
        assert_true(startswith(again.output, "ana is in people.yaml."));
        _cleanup_(run_done) Run bad = run_ctl_words(bus, person("add", "ana", "--msk", "PUAX"));
        assert_has(bad.output, "--msk takes a key in base64, as Element shows it, or of 64 hexadecimal ");
        assert_int_equal(bad.status, 2);
}

/* ---- verification */

#define EMOJIS                                                                                              \
        "Element must show the same, in this order:\n 1 🐶 Dog\n 2 ❤ Heart\n 3 🐱 Cat\n"              \
        "or the numbers 1234 5678 9012\n"

static void test_verify(void **state)
{
        _cleanup_(test_daemon_freep) TestDaemon *daemon = start_with(USER);
        const char *const words[] = { "matrix", "verify", "@ana:example.org", NULL };

        _cleanup_(run_done) Run yes = run_ctl_on_terminal(bus, words, "y\n");
        assert_string_equal(yes.output, "Accept the verification in Element, as @ana:example.org.\n" EMOJIS
                                        "are they the same? [y/N] y\n"
                                        "@ana:example.org is verified: the identity is theirs. It is pinned "
                                        "with: devboxctl person add NAME --mxid @ana:example.org\n");
        assert_int_equal(yes.status, 0);
        assert_log("StartVerification @ana:example.org\nConfirm $one\n");
        _cleanup_(run_done) Run no = run_ctl_on_terminal(bus, words, "n\n");
        assert_has(no.output, "[y/N] n\nThe verification is cancelled.\ndevboxctl: not verified. If they "
                              "differ, a third party is between @ana:example.org and the hub\n");
        assert_int_equal(no.status, 1);
        assert_log("Cancel $one\n");
}

/* Begun, and ended by a second command. */
static void test_verify_without_a_terminal(void **state)
{
        _cleanup_(test_daemon_freep) TestDaemon *daemon = start_with(USER);

        _cleanup_(run_done) Run begun = run_ctl_words(bus, WORDS("matrix", "verify", "@ana:example.org"));
        assert_has(begun.output, EMOJIS "Next, if they are: devboxctl matrix verify @ana:example.org "
                                        "--confirm; if not: the same with --cancel\n");
        assert_int_equal(begun.status, 0);
        _cleanup_(run_done) Run json =
                run_ctl_words(bus, WORDS("matrix", "verify", "@ana:example.org", "--json"));
        assert_string_equal(json.output,
                            "{\"id\":\"$one\",\"user\":\"@ana:example.org\",\"device\":null,\"state\":"
                            "\"keys\",\"emojis\":[\"🐶 Dog\",\"❤️ Heart\",\"🐱 Cat\"],\"decimals\":"
                            "\"1234 5678 9012\"}\n");
        _cleanup_(run_done) Run done =
                run_ctl_words(bus, WORDS("matrix", "verify", "@ana:example.org", "--confirm", "--json"));
        assert_has(done.output, "\"state\":\"done\"");
        assert_int_equal(done.status, 0);

        _cleanup_(freep) char *log = test_bus_read_log(bus, MATRIX);
        assert_string_equal(log, "StartVerification @ana:example.org\nConfirm $one\n");
}

static void test_verifications_that_fail(void **state)
{
        _cleanup_(test_daemon_freep) TestDaemon *daemon = start_with(USER);
        static const Row rows[] = {
                { { "matrix", "verify", "@eve:example.org" },
                  NULL,
                  "devboxctl: not verified: it was not answered in Element in time\n",
                  1 },
                { { "matrix", "verify", "@ana:example.org", "--confirm" },
                  NULL,
                  "no verification of @ana:example.org is under way; begin with: ",
                  1 },
                { { "matrix", "verify", "@ana:example.org", "--confirm", "--cancel" },
                  NULL,
                  "--confirm and --cancel exclude each other",
                  2 },
                { { "matrix", "verify", "ana" }, NULL, "takes a Matrix user, @NAME:SERVER", 2 },
        };

        check_rows(rows, ELEMENTSOF(rows));
}

int main(void)
{
#define test(function) cmocka_unit_test_setup_teardown(function, bus_up, bus_down)
        const struct CMUnitTest tests[] = {
                test(test_login),
                test(test_reset_identity),
                test(test_login_without_a_terminal),
                test(test_logins_that_fail),
                test(test_without_an_account),
                test(test_without_the_daemon),
                test(test_problems_of_an_account),
                test(test_login_after_the_end),
                test(test_logout),
                test(test_rooms),
                test(test_identity),
                test(test_person_add_pins),
                test(test_a_changed_identity),
                test(test_person_add_without_the_daemon),
                test(test_verify),
                test(test_verify_without_a_terminal),
                test(test_verifications_that_fail),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
