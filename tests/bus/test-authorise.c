/* SPDX-License-Identifier: MIT */
/* Authorisation by user and by polkit: a service, a fake polkit and their clients in one loop, on a private
 * bus. */

#include "bus/authorise.h"

#include <stdio.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "basic/time.h"
#include "harness.h"

#define SERVICE   "org.devbox.Test1"
#define PATH      "/org/devbox/Test1"
#define POLKIT    "org.freedesktop.PolicyKit1"
#define AUTHORITY "org.freedesktop.PolicyKit1.Authority"
#define ACTION    "org.devbox.test.act"
#define DENIED    "org.devbox.Error.AccessDenied"
#define NOBODY    65534 /* "nobody" on Debian */

typedef enum Verdict { DENY, ALLOW, CHALLENGE, HOLD } Verdict;

typedef struct Fixture {
        TestBus *bus;
        sd_event *event;
        sd_bus *service, *polkit, *client;
        BusAuthority *authority;
        int n_acted;

        /* Of the fake polkit. */
        Verdict verdict;
        sd_bus_message *held;
        int n_checks, n_cancels;
        char action[64], detail[64], subject[64], check_id[24], cancelled_id[24];
        uint32_t flags;

        /* The last reply to the client. */
        int n_replies;
        char error[128], text[64];
} Fixture;

static void copy(char *buffer, size_t size, const char *text)
{
        (void) snprintf(buffer, size, "%s", text);
}

/* ---- the service */

static int act_authorised(sd_bus_message *message, void *userdata)
{
        Fixture *fixture = userdata;
        const char *text;

        if (sd_bus_message_read(message, "s", &text) < 0)
                return -EBADMSG;
        fixture->n_acted++;
        return MIN(sd_bus_reply_method_return(message, "s", text), 0);
}

static int method_act(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Fixture *fixture = userdata;
        const char *text;

        int r = sd_bus_message_read(message, "s", &text);
        if (r < 0)
                return r;

        const char *const details[] = { "text", text, NULL };
        return bus_authorise(fixture->authority, message,
                             &(BusAccess){ .action = ACTION, .details = details }, act_authorised, fixture);
}

static int method_act_as_user(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Fixture *fixture = userdata;

        return bus_authorise(fixture->authority, message, &(BusAccess){ .users = 1 << 1 }, act_authorised,
                             fixture);
}

static int method_act_as_other(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Fixture *fixture = userdata;

        return bus_authorise(fixture->authority, message, &(BusAccess){ .users = 1 << 0 }, act_authorised,
                             fixture);
}

static const sd_bus_vtable service_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Act", "s", "s", method_act, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ActAsUser", "s", "s", method_act_as_user, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ActAsOther", "s", "s", method_act_as_other, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* ---- the fake polkit */

static int method_check(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Fixture *fixture = userdata;
        const char *kind, *key, *subject, *action, *detail_key, *detail, *id;

        int r = sd_bus_message_read(message, "(sa{sv})sa{ss}us", &kind, 1, &key, "s", &subject, &action, 1,
                                    &detail_key, &detail, &fixture->flags, &id);
        if (r < 0)
                return r;

        fixture->n_checks++;
        copy(fixture->subject, sizeof fixture->subject, subject);
        copy(fixture->action, sizeof fixture->action, action);
        copy(fixture->detail, sizeof fixture->detail, detail);
        copy(fixture->check_id, sizeof fixture->check_id, id);
        if (fixture->verdict == HOLD) {
                sd_bus_message_unref(fixture->held);
                fixture->held = sd_bus_message_ref(message);
                return 1;
        }

        return sd_bus_reply_method_return(message, "(bba{ss})", fixture->verdict == ALLOW,
                                          fixture->verdict == CHALLENGE, 0);
}

static int method_cancel(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Fixture *fixture = userdata;
        const char *id;

        int r = sd_bus_message_read(message, "s", &id);
        if (r < 0)
                return r;

        fixture->n_cancels++;
        copy(fixture->cancelled_id, sizeof fixture->cancelled_id, id);
        return sd_bus_reply_method_return(message, NULL);
}

static const sd_bus_vtable polkit_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", method_check,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("CancelCheckAuthorization", "s", "", method_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* ---- clients */

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Fixture *fixture = userdata;
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        const char *text = "";

        if (!error)
                assert_ok(sd_bus_message_read(reply, "s", &text));
        copy(fixture->error, sizeof fixture->error, error ? error->name : "");
        copy(fixture->text, sizeof fixture->text, text);
        fixture->n_replies++;
        return 0;
}

static void call(Fixture *fixture, const char *member, const char *text, bool interactive)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

        assert_ok(sd_bus_message_new_method_call(fixture->client, &message, SERVICE, PATH, SERVICE, member));
        assert_ok(sd_bus_message_set_allow_interactive_authorization(message, interactive));
        assert_ok(sd_bus_message_append(message, "s", text));
        assert_ok(sd_bus_call_async(fixture->client, NULL, message, on_reply, fixture,
                                    TEST_DEADLINE_SEC * USEC_PER_SEC));
}

/* Runs the loop until the counter has the value. */
static void wait_for(Fixture *fixture, const int *counter, int value)
{
        usec_t deadline = time_now(CLOCK_MONOTONIC) + TEST_DEADLINE_SEC * USEC_PER_SEC;

        while (*counter < value) {
                assert_true(time_now(CLOCK_MONOTONIC) < deadline);
                assert_ok(sd_event_run(fixture->event, USEC_PER_SEC));
        }
}

static void assert_reply(Fixture *fixture, const char *error, const char *text)
{
        wait_for(fixture, &fixture->n_replies, fixture->n_replies + 1);
        assert_string_equal(fixture->error, error);
        assert_string_equal(fixture->text, text);
}

static sd_bus *connect_in_loop(Fixture *fixture)
{
        sd_bus *bus = test_bus_connect(fixture->bus);

        assert_ok(sd_bus_attach_event(bus, fixture->event, SD_EVENT_PRIORITY_NORMAL));
        return bus;
}

/* The bus takes the user of a connection from the moment it was made. */
static sd_bus *connect_as(Fixture *fixture, uid_t uid)
{
        assert_int_equal(seteuid(uid), 0);
        sd_bus *bus = connect_in_loop(fixture);
        assert_ok(sd_bus_get_unique_name(bus, &(const char *){ NULL }));
        assert_int_equal(seteuid(0), 0);
        return bus;
}

static void start_polkit(Fixture *fixture)
{
        fixture->polkit = connect_in_loop(fixture);
        assert_ok(sd_bus_add_object_vtable(fixture->polkit, NULL, "/org/freedesktop/PolicyKit1/Authority",
                                           AUTHORITY, polkit_vtable, fixture));
        assert_ok(sd_bus_request_name(fixture->polkit, POLKIT, 0));
}

static int set_up(void **state)
{
        static const char *const users[] = { "no-such-user", "nobody", NULL };
        Fixture *fixture = calloc(1, sizeof *fixture);

        assert_non_null(fixture);
        *state = fixture;
        fixture->bus = test_bus_new();
        assert_int_equal(chmod(fixture->bus->directory, 0711), 0);
        assert_ok(sd_event_new(&fixture->event));
        fixture->service = connect_in_loop(fixture);
        assert_ok(bus_authority_new(fixture->service, users, &fixture->authority));
        assert_ok(sd_bus_add_object_vtable(fixture->service, NULL, PATH, SERVICE, service_vtable, fixture));
        assert_ok(sd_bus_request_name(fixture->service, SERVICE, 0));
        if (geteuid() == 0)
                fixture->client = connect_as(fixture, NOBODY);
        return 0;
}

static int tear_down(void **state)
{
        Fixture *fixture = *state;

        bus_authority_free(fixture->authority);
        sd_bus_message_unref(fixture->held);
        sd_bus_flush_close_unref(fixture->client);
        sd_bus_flush_close_unref(fixture->polkit);
        sd_bus_flush_close_unref(fixture->service);
        sd_event_unref(fixture->event);
        test_bus_free(fixture->bus);
        free(fixture);
        return 0;
}

/* Only root can be several users. */
#define NEEDS_ROOT()                                                                                        \
        do {                                                                                                \
                if (geteuid() != 0)                                                                         \
                        skip();                                                                             \
        } while (0)

static void test_polkit_decides(void **state)
{
        static const struct {
                Verdict verdict;
                bool interactive;
                const char *error;
        } rows[] = {
                { ALLOW, false, "" },
                { ALLOW, true, "" },
                { DENY, false, DENIED },
                { DENY, true, DENIED },
                { CHALLENGE, false, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED },
        };
        Fixture *fixture = *state;

        NEEDS_ROOT();
        start_polkit(fixture);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int n_acted = fixture->n_acted;
                const char *name;

                fixture->verdict = rows[i].verdict;
                call(fixture, "Act", "hello", rows[i].interactive);
                assert_reply(fixture, rows[i].error, *rows[i].error ? "" : "hello");
                assert_int_equal(fixture->n_acted, n_acted + (*rows[i].error == '\0'));
                assert_ok(sd_bus_get_unique_name(fixture->client, &name));
                assert_string_equal(fixture->subject, name);
                assert_string_equal(fixture->action, ACTION);
                assert_string_equal(fixture->detail, "hello");
                assert_int_equal(fixture->flags, rows[i].interactive);
        }
        assert_int_equal(fixture->n_checks, ELEMENTSOF(rows));
        assert_int_equal(fixture->n_cancels, 0);
        assert_int_equal(bus_authority_stats(fixture->authority)->denied_total, 2);
}

static void test_without_polkit_only_root_has_access(void **state)
{
        Fixture *fixture = *state;

        NEEDS_ROOT();
        call(fixture, "Act", "hello", true);
        assert_reply(fixture, DENIED, "");
        assert_int_equal(fixture->n_acted, 0);

        sd_bus_flush_close_unref(fixture->client);
        fixture->client = connect_in_loop(fixture);
        call(fixture, "Act", "root", false);
        assert_reply(fixture, "", "root");
}

static void test_users_with_access_bypass_polkit(void **state)
{
        Fixture *fixture = *state;

        NEEDS_ROOT();
        start_polkit(fixture);
        call(fixture, "ActAsUser", "nobody", false);
        assert_reply(fixture, "", "nobody");
        call(fixture, "ActAsOther", "nobody", false);
        assert_reply(fixture, DENIED, "");
        assert_int_equal(fixture->n_checks, 0);
}

static void test_a_client_that_leaves_cancels_its_check(void **state)
{
        Fixture *fixture = *state;

        NEEDS_ROOT();
        start_polkit(fixture);
        fixture->verdict = HOLD;
        call(fixture, "Act", "hello", true);
        wait_for(fixture, &fixture->n_checks, 1);

        fixture->client = sd_bus_flush_close_unref(fixture->client);
        wait_for(fixture, &fixture->n_cancels, 1);
        assert_string_equal(fixture->cancelled_id, fixture->check_id);

        /* A verdict that crosses the cancellation has no effect: the next call is handled after it. */
        assert_ok(sd_bus_reply_method_return(fixture->held, "(bba{ss})", true, false, 0));
        fixture->client = connect_in_loop(fixture);
        call(fixture, "Act", "root", false);
        assert_reply(fixture, "", "root");
        assert_int_equal(fixture->n_acted, 1);
}

static void test_pending_calls_are_limited(void **state)
{
        Fixture *fixture = *state;

        NEEDS_ROOT();
        start_polkit(fixture);
        fixture->verdict = HOLD;
        for (int i = 0; i < 33; i++)
                call(fixture, "Act", "hello", false);
        assert_reply(fixture, "org.devbox.Error.Busy", "");
        wait_for(fixture, &fixture->n_checks, 32);
        assert_int_equal(fixture->n_replies, 1);

        sd_bus_flush_close_unref(fixture->client);
        fixture->client = connect_as(fixture, NOBODY);
        fixture->verdict = ALLOW;
        call(fixture, "Act", "other", false);
        assert_reply(fixture, "", "other");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_polkit_decides, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_without_polkit_only_root_has_access, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_users_with_access_bypass_polkit, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_a_client_that_leaves_cancels_its_check, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(test_pending_calls_are_limited, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
