/* SPDX-License-Identifier: MIT */
/* The real devbox-matrix on a private bus, and a homeserver that follows a script. */

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/text.h"
#include "harness.h"
#include "introspect.h"
#include "matrix/schema.h"
#include "server.h"
#include "store/query.h"

#define MATRIX "org.devbox.Matrix1"

typedef struct MatrixBus {
        TestBus *bus;
        TestDaemon *daemon;
        char directory[96], variable[128];
        sd_event *event;
        Server web;

        bool refuse, logged_out; /* logins are refused; the token is no longer known */
        bool expired, refreshes; /* it has ended; there is a way to another */
        bool asks;               /* the next sync has a request of Ana's for a verification */
        unsigned n_logins, n_logouts, n_changed;
        sd_bus_message *reply; /* of the call that ran last */
} MatrixBus;

/* ---- the homeserver */

static Answer answer_text(unsigned status, const char *text)
{
        return (Answer){ ANSWER, status, NULL, strdup(text) };
}

/* The device id that the daemon has chosen. */
static Answer answer_login(MatrixBus *world, const char *body)
{
        const char *device = strstr(body, "\"device_id\":\"");
        _cleanup_(text_done) Text text = TEXT_NULL;

        world->n_logins++;
        assert_non_null(device);
        if (world->refuse)
                return answer_text(403, "{\"errcode\":\"M_FORBIDDEN\",\"error\":\"Invalid password\"}");
        text_appendf(&text, "{\"access_token\":\"syt_1\",\"user_id\":\"@devbox:x\",%s%.*s}",
                     world->refreshes ? "\"refresh_token\":\"ref_1\"," : "", 30, device);
        assert_ok(text.error);
        world->logged_out = false;
        return answer_text(200, text.data);
}

static Answer on_request(const ServerRequest *request, void *userdata)
{
        const char *target = request->target + strlen("/_matrix/client/v3");
        MatrixBus *world = userdata;

        if (startswith(target, "/login"))
                assert_true(strstr(request->body, "m.login.password") ||
                            (strstr(request->body, "m.login.application_service") &&
                             strstr(request->head, "Authorization: Bearer syt_secret")));
        if (startswith(target, "/login"))
                return answer_login(world, request->body);
        if (startswith(target, "/refresh")) {
                world->expired = false;
                return answer_text(200, "{\"access_token\":\"syt_2\"}");
        }
        assert_non_null(strstr(request->head, "Authorization: Bearer syt_"));
        if (world->logged_out)
                return answer_text(401, "{\"errcode\":\"M_UNKNOWN_TOKEN\"}");
        if (world->expired)
                return answer_text(401, "{\"errcode\":\"M_UNKNOWN_TOKEN\",\"soft_logout\":true}");
        if (startswith(target, "/account/whoami"))
                return answer_text(200, "{\"user_id\":\"@devbox:x\",\"device_id\":\"THEIRS\"}");
        if (startswith(target, "/sync") && TAKE(world->asks, false))
                return answer_text(200, "{\"next_batch\":\"2\",\"to_device\":{\"events\":["
                                        "{\"type\":\"m.key.verification.request\",\"sender\":\"@ana:x\","
                                        "\"content\":{\"transaction_id\":\"t\",\"from_device\":\"ANA\","
                                        "\"methods\":[\"m.sas.v1\"]}}]}}");
        if (startswith(target, "/sync") && strstr(target, "timeout=") && !strstr(target, "timeout=0&"))
                return (Answer){ .how = ANSWER_LATER };
        if (startswith(target, "/sync"))
                return answer_text(200, "{\"next_batch\":\"1\"}");
        if (startswith(target, "/logout")) {
                world->n_logouts++;
                world->logged_out = true;
        }
        if (startswith(target, "/keys/query") && strstr(request->body, "@ana:x"))
                return answer_text(
                        200, "{\"master_keys\":{\"@ana:x\":{\"user_id\":\"@ana:x\",\"usage\":[\"master\"],"
                             "\"keys\":{\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo\":"
                             "\"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}}}}");
        return answer_text(200, "{}");
}

/* ---- the world */

static void start_matrix_with(MatrixBus *world, const char *variable)
{
        const char *const environment[] = { world->variable, variable, NULL };

        world->daemon = test_daemon_start_full(world->bus,
                                               &(TestDaemonOptions){ .program = "src/matrix/devbox-matrix",
                                                                     .name = MATRIX,
                                                                     .environment = environment });
}

static void start_matrix(MatrixBus *world)
{
        start_matrix_with(world, NULL);
}

static int up(void **state)
{
        MatrixBus *world = calloc(1, sizeof *world);

        assert_non_null(world);
        world->bus = test_bus_new();
        (void) snprintf(world->directory, sizeof world->directory, "%s/state", world->bus->directory);
        (void) snprintf(world->variable, sizeof world->variable, "STATE_DIRECTORY=%s", world->directory);
        assert_int_equal(mkdir(world->directory, 0700), 0);
        assert_ok(sd_event_new(&world->event));
        server_init(&world->web, world->event, on_request, world);
        assert_ok(sd_bus_attach_event(world->bus->client, world->event, 0));
        start_matrix(world);
        *state = world;
        return 0;
}

static int down(void **state)
{
        MatrixBus *world = *state;

        test_daemon_free(world->daemon);
        server_done(&world->web);
        sd_bus_message_unref(world->reply);
        (void) sd_bus_detach_event(world->bus->client);
        test_bus_free(world->bus);
        sd_event_unref(world->event);
        free(world);
        return 0;
}

static int on_reply(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        ((MatrixBus *) userdata)->reply = sd_bus_message_ref(message);
        return 0;
}

/* While the homeserver answers. `wanted`: the end of the name of the error; NULL: it must succeed. Returns
 * the reply, borrowed. */
static sd_bus_message *finish(MatrixBus *world, sd_bus_message *take_call, const char *wanted)
{
        world->reply = sd_bus_message_unref(world->reply);
        assert_ok(sd_bus_call_async(world->bus->client, NULL, take_call, on_reply, world, 0));
        sd_bus_message_unref(take_call);
        while (!world->reply)
                assert_ok(sd_event_run(world->event, UINT64_MAX));

        const sd_bus_error *error = sd_bus_message_get_error(world->reply);
        assert_string_equal(error ? error->name + strlen("org.devbox.Error.") : "success",
                            wanted ?: "success");
        return world->reply;
}

static sd_bus_message *new_call(const MatrixBus *world, const char *member)
{
        sd_bus_message *call = NULL;

        assert_ok(sd_bus_message_new_method_call(world->bus->client, &call, MATRIX, "/org/devbox/Matrix1",
                                                 MATRIX, member));
        return call;
}

static void log_in(MatrixBus *world, const char *server, const char *kind, const char *wanted)
{
        sd_bus_message *call = new_call(world, "Login");

        assert_ok(sd_bus_message_append(call, "ssss", server, "@devbox:x", kind, "syt_secret"));
        (void) finish(world, call, wanted);
}

/* A string of GetStatus; "" if it is absent. In static memory. */
static const char *status(MatrixBus *world, const char *wanted)
{
        static char text[64];
        sd_bus_message *reply = finish(world, new_call(world, "GetStatus"), NULL);
        const char *key, *value, *types;

        text[0] = '\0';
        assert_ok(sd_bus_message_enter_container(reply, 'a', "{sv}"));
        while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                assert_ok(sd_bus_message_read(reply, "s", &key));
                assert_ok(sd_bus_message_peek_type(reply, NULL, &types));
                if (streq(key, wanted) && streq(types, "s")) {
                        assert_ok(sd_bus_message_read(reply, "v", "s", &value));
                        (void) snprintf(text, sizeof text, "%s", value);
                } else
                        assert_ok(sd_bus_message_skip(reply, "v"));
                assert_ok(sd_bus_message_exit_container(reply));
        }
        return text;
}

static void wait_state(MatrixBus *world, const char *wanted)
{
        while (!streq(status(world, "state"), wanted))
                assert_ok(sd_event_run(world->event, 10000));
}

/* As if a device had been here before. */
static void change_store(MatrixBus *world, const char *sql)
{
        Database *database = NULL;
        char path[128];

        assert_int_equal(test_daemon_stop(world->daemon), EXIT_SUCCESS);
        test_daemon_free(world->daemon);
        (void) snprintf(path, sizeof path, "%s/matrix.db", world->directory);
        assert_ok(matrix_database_open(path, &database));
        assert_ok(database_run(database, sql));
        database_close(database);
        start_matrix(world);
        wait_state(world, "synced");
}

/* ---- tests */

static void test_introspects_as_promised(void **state)
{
        const MatrixBus *world = *state;

        assert_introspects(world->bus, MATRIX, MATRIX);
        assert_introspects(world->bus, MATRIX, "org.devbox.Component1");
}

static void test_without_an_account(void **state)
{
        MatrixBus *world = *state;
        sd_bus_message *call = new_call(world, "GetIdentity"), *reset = new_call(world, "ResetIdentity");

        assert_string_equal(status(world, "state"), "logged_out");
        assert_string_equal(status(world, "user"), "");
        assert_ok(sd_bus_message_append(call, "s", "@ana:x"));
        (void) finish(world, call, "MatrixLoggedOut");
        (void) finish(world, new_call(world, "Logout"), "MatrixLoggedOut");
        assert_ok(sd_bus_message_append(reset, "s", "secret"));
        (void) finish(world, reset, "MatrixLoggedOut");
        assert_true(test_metric(world->bus->client, MATRIX, "rooms_wanted") == 0);
}

static void test_refused_logins(void **state)
{
        MatrixBus *world = *state;

        world->refuse = true;
        log_in(world, world->web.url, "password", "MatrixRefused");
        assert_non_null(strstr(sd_bus_message_get_error(world->reply)->message, ": Invalid password"));
        log_in(world, "http://127.0.0.1:1", "password", "MatrixUnreachable");
        log_in(world, "http://matrix.example.org", "password", "BadRequest"); /* in clear over a network */
        log_in(world, world->web.url, "magic", "BadRequest");
        assert_string_equal(status(world, "state"), "logged_out");
        assert_int_equal(world->n_logins, 1);
}

/* Two times the same device; a restart needs no password; after a logout the store is another one. */
static void test_an_account(void **state)
{
        MatrixBus *world = *state;
        char device[64];

        log_in(world, world->web.url, "password", NULL);
        wait_state(world, "synced");
        assert_string_equal(status(world, "user"), "@devbox:x");
        (void) snprintf(device, sizeof device, "%s", status(world, "device"));
        assert_true(startswith(device, "DEVBOX"));
        log_in(world, world->web.url, "password", "MatrixOther");

        assert_int_equal(test_daemon_stop(world->daemon), EXIT_SUCCESS);
        test_daemon_free(world->daemon);
        start_matrix(world);
        wait_state(world, "synced");

        world->logged_out = true;
        server_poke(&world->web);
        wait_state(world, "ended");
        log_in(world, world->web.url, "password", NULL);
        wait_state(world, "synced");
        assert_string_equal(status(world, "device"), device);

        (void) finish(world, new_call(world, "Logout"), NULL);
        assert_int_equal(world->n_logouts, 1);
        assert_string_equal(status(world, "state"), "logged_out");
        log_in(world, world->web.url, "appservice", NULL);
        wait_state(world, "synced");
        (void) finish(world, new_call(world, "Logout"), NULL);
        log_in(world, world->web.url, "token", "MatrixRefused");
        world->logged_out = false;
        log_in(world, world->web.url, "token", NULL);
        wait_state(world, "synced");
        assert_string_equal(status(world, "device"), "THEIRS");
}

/* With a refresh token there is no other login; without one the same device does. */
static void test_expired_tokens(void **state)
{
        MatrixBus *world = *state;

        world->refreshes = true;
        log_in(world, world->web.url, "password", NULL);
        wait_state(world, "synced");
        world->expired = true;
        server_poke(&world->web);
        while (world->expired)
                assert_ok(sd_event_run(world->event, UINT64_MAX));
        wait_state(world, "synced");
        (void) finish(world, new_call(world, "Logout"), NULL);

        world->refreshes = world->logged_out = false;
        log_in(world, world->web.url, "password", NULL);
        wait_state(world, "synced");
        world->expired = true;
        server_poke(&world->web);
        wait_state(world, "ended");
        assert_string_equal(status(world, "fault"), "token_expired");
        world->expired = false;
        log_in(world, world->web.url, "password", NULL);
        wait_state(world, "synced");
}

static void test_identity(void **state)
{
        MatrixBus *world = *state;
        sd_bus_message *call = new_call(world, "GetIdentity"), *unknown = new_call(world, "GetIdentity"),
                       *reply;
        const char *fingerprint;

        log_in(world, world->web.url, "password", NULL);
        assert_ok(sd_bus_message_append(call, "s", "@ana:x"));
        reply = finish(world, call, NULL);
        assert_ok(sd_bus_message_enter_container(reply, 'a', "{sv}"));
        for (size_t i = 0; i < 2; i++)
                assert_ok(sd_bus_message_skip(reply, "{sv}"));
        assert_ok(sd_bus_message_read(reply, "{sv}", NULL, "s", &fingerprint));
        assert_string_equal(fingerprint, "11qY AYKx CrfV S/7T yWQH Og7h cvPa piMl rwIa aPcH URo");
        assert_ok(sd_bus_message_append(unknown, "s", "@eve:x"));
        (void) finish(world, unknown, "PersonUnknown");
}

static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        MatrixBus *world = userdata;
        const char *id, *state;

        assert_ok(sd_bus_message_read(message, "ss", &id, &state));
        assert_true(streq(id, "1") && streq(state, "ready"));
        world->n_changed++;
        return 0;
}

static sd_bus_message *call_with(const MatrixBus *world, const char *member, const char *argument)
{
        sd_bus_message *call = new_call(world, member);

        assert_ok(sd_bus_message_append(call, "s", argument));
        return call;
}

/* Ana, whom a manifest names, asks: test-verification.c of the library has the rest of it. */
static void test_verification(void **state)
{
        MatrixBus *world = *state;
        sd_bus_message *reply;
        const char *user;

        (void) finish(world, call_with(world, "StartVerification", "@ana:x"), "MatrixLoggedOut");
        (void) finish(world, call_with(world, "CancelVerification", "1"), "MatrixLoggedOut");
        log_in(world, world->web.url, "password", NULL);
        wait_state(world, "synced");
        (void) finish(world, call_with(world, "StartVerification", "ana"), "BadRequest");
        (void) finish(world, call_with(world, "StartVerification", "@ana:x"), "PersonUnpinned");

        assert_ok(sd_bus_match_signal(world->bus->client, NULL, MATRIX, "/org/devbox/Matrix1", MATRIX,
                                      "VerificationChanged", on_changed, world));
        change_store(world, "INSERT INTO person(device, user_id) VALUES ('home', '@ana:x')");
        (void) finish(world, call_with(world, "StartVerification", "@ana:x"), "PersonUnpinned");
        world->asks = true;
        server_poke(&world->web);
        while (world->n_changed == 0)
                assert_ok(sd_event_run(world->event, UINT64_MAX));

        reply = finish(world, new_call(world, "ListVerifications"), NULL);
        assert_ok(sd_bus_message_enter_container(reply, 'a', "a{sv}"));
        assert_ok(sd_bus_message_enter_container(reply, 'a', "{sv}"));
        assert_ok(sd_bus_message_skip(reply, "{sv}"));
        assert_ok(sd_bus_message_read(reply, "{sv}", NULL, "s", &user));
        assert_string_equal(user, "@ana:x");

        (void) finish(world, call_with(world, "ConfirmVerification", "1"), "VerificationState");
        (void) finish(world, call_with(world, "CancelVerification", "2"), "VerificationState");
        assert_int_equal(world->n_changed, 1);
}

/* Who cannot be in the rooms. */
static void test_outsider(void **state)
{
        MatrixBus *world = *state;

        log_in(world, world->web.url, "password", NULL);
        wait_state(world, "synced"); /* the first sync forgets rooms that it does not have */
        assert_string_equal(status(world, "outsider"), "");
        change_store(world, "INSERT INTO chat_room(id, kind, name, alias, room_id)"
                            " VALUES (1, 2, 'home', 'dev-home', '!home');"
                            "INSERT INTO chat_member(room, user_id, state) VALUES (1, '@ana:y', 1)");
        assert_string_equal(status(world, "outsider"), "@ana:y");
}

/* Without an account there is nothing to stay for. */
static void test_idle(void **state)
{
        MatrixBus *world = *state;

        assert_int_equal(test_daemon_stop(world->daemon), EXIT_SUCCESS);
        test_daemon_free(world->daemon);
        start_matrix_with(world, "DEVBOX_IDLE_SEC=1");
        assert_int_equal(test_daemon_wait(world->daemon), EXIT_SUCCESS);
}

#define matrix_test(function) cmocka_unit_test_setup_teardown(function, up, down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                matrix_test(test_introspects_as_promised),
                matrix_test(test_without_an_account),
                matrix_test(test_refused_logins),
                matrix_test(test_an_account),
                matrix_test(test_expired_tokens),
                matrix_test(test_identity),
                matrix_test(test_verification),
                matrix_test(test_outsider),
                matrix_test(test_idle),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
