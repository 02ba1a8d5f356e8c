/* SPDX-License-Identifier: MIT */
#include "fake-polkit.h"

#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/time.h"

#define POLKIT    "org.freedesktop.PolicyKit1"
#define AUTHORITY "org.freedesktop.PolicyKit1.Authority"
#define NOBODY    65534

static int method_check(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        FakePolkit *polkit = userdata;
        const char *kind, *key, *subject, *action, *id;

        int r = sd_bus_message_read(message, "(sa{sv})s", &kind, 1, &key, "s", &subject, &action);
        if (r >= 0)
                r = sd_bus_message_skip(message, "a{ss}");
        if (r >= 0)
                r = sd_bus_message_read(message, "us", &polkit->flags, &id);
        if (r < 0)
                return r;

        polkit->n_checks++;
        (void) snprintf(polkit->action, sizeof polkit->action, "%s", action);
        bool asks = polkit->verdict == CHALLENGE;
        return sd_bus_reply_method_return(message, "(bba{ss})",
                                          polkit->verdict == ALLOW || (asks && polkit->flags & 1),
                                          asks && !(polkit->flags & 1), 0);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", method_check,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

void fake_polkit_start(FakePolkit *polkit, const TestBus *bus)
{
        *polkit = (FakePolkit){ .bus = test_bus_connect(bus) };
        assert_ok(sd_bus_add_object_vtable(polkit->bus, NULL, "/org/freedesktop/PolicyKit1/Authority",
                                           AUTHORITY, vtable, polkit));
        assert_ok(sd_bus_request_name(polkit->bus, POLKIT, 0));
}

void fake_polkit_stop(FakePolkit *polkit)
{
        sd_bus_flush_close_unref(polkit->bus);
}

sd_bus *connect_as(const TestBus *bus, uid_t uid)
{
        sd_bus *caller;
        const char *name;

        assert_int_equal(chmod(bus->directory, 0711), 0);
        assert_int_equal(seteuid(uid), 0);
        caller = test_bus_connect(bus);
        assert_ok(sd_bus_get_unique_name(caller, &name));
        assert_int_equal(seteuid(0), 0);
        return caller;
}

/* ---- a call */

typedef struct Reply {
        bool ended;
        char error[128]; /* empty: none */
} Reply;

static int on_reply(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const sd_bus_error *failure = sd_bus_message_get_error(message);
        Reply *reply = userdata;

        reply->ended = true;
        (void) snprintf(reply->error, sizeof reply->error, "%s", failure ? failure->name : "");
        return 0;
}

static void append_pipe(sd_bus_message *call)
{
        int fds[2];

        assert_int_equal(pipe(fds), 0);
        assert_ok(sd_bus_message_append_basic(call, 'h', &fds[1]));
        (void) close(fds[0]);
        (void) close(fds[1]);
}

static void append_empty(sd_bus_message *call, const char *types)
{
        for (const char *type = types; *type; type++)
                switch (*type) {
                case 's':
                        assert_ok(sd_bus_message_append_basic(call, 's', ""));
                        break;
                case 'b':
                        assert_ok(sd_bus_message_append_basic(call, 'b', &(int){ 0 }));
                        break;
                case 't':
                        assert_ok(sd_bus_message_append_basic(call, 't', &(uint64_t){ 0 }));
                        break;
                case 'D':
                        assert_ok(sd_bus_message_append(call, "a{sv}", 0));
                        break;
                case 'S':
                        assert_ok(sd_bus_message_append(call, "as", 0));
                        break;
                case 'h':
                        append_pipe(call);
                        break;
                default:
                        assert_ok(sd_bus_message_append_array(call, 'y', NULL, 0));
                }
}

/* "org.devbox.Mesh1": "/org/devbox/Mesh1". */
static void make_path(const char *name, char *ret_path, size_t size)
{
        int n = snprintf(ret_path, size, "/%s", name);

        assert_true(n > 0 && (size_t) n < size);
        for (char *dot = ret_path; (dot = strchr(dot, '.'));)
                *dot = '/';
}

const char *call_as(FakePolkit *polkit, sd_bus *caller, const char *name, const MethodRow *row,
                    bool interactive)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        static Reply reply;
        char path[64];

        make_path(name, path, sizeof path);
        assert_ok(sd_bus_message_new_method_call(caller, &call, name, path, name, row->member));
        append_empty(call, row->types);
        assert_ok(sd_bus_message_set_allow_interactive_authorization(call, interactive));
        reply.ended = false;
        assert_ok(sd_bus_call_async(caller, NULL, call, on_reply, &reply, 0));
        usec_t deadline = deadline_after(TEST_DEADLINE_SEC * USEC_PER_SEC);
        while (!reply.ended) {
                assert_true(deadline_left(deadline) > 0);
                if (assert_ok(sd_bus_process(polkit->bus, NULL)) + assert_ok(sd_bus_process(caller, NULL)) ==
                    0)
                        (void) poll(NULL, 0, 1);
        }
        return reply.error;
}

void assert_polkit_decides(const TestBus *bus, const char *name, const MethodRow *rows, size_t n)
{
        sd_bus *nobody = connect_as(bus, NOBODY);
        FakePolkit polkit;

        fake_polkit_start(&polkit, bus);
        for (size_t i = 0; i < n; i++) {
                polkit.verdict = DENY;
                assert_string_equal(call_as(&polkit, nobody, name, &rows[i], false), POLKIT_DENIED);
                assert_string_equal(polkit.action, rows[i].action);
                polkit.verdict = CHALLENGE;
                assert_string_equal(call_as(&polkit, nobody, name, &rows[i], false), POLKIT_ASK);
                assert_int_equal(polkit.flags & 1, 0);
                assert_string_not_equal(call_as(&polkit, nobody, name, &rows[i], true), POLKIT_ASK);
                assert_int_equal(polkit.flags & 1, 1);
                polkit.verdict = ALLOW;
                const char *error = call_as(&polkit, nobody, name, &rows[i], false);
                assert_string_not_equal(error, POLKIT_DENIED);
                if (rows[i].allowed)
                        assert_string_equal(error, rows[i].allowed);
                assert_int_equal(polkit.n_checks, 4 * (i + 1));
        }
        fake_polkit_stop(&polkit);
        sd_bus_flush_close_unref(nobody);
}
