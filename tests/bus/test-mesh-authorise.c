/* SPDX-License-Identifier: MIT */
/* Who may call which method of the mesh: a caller that is not root, with a fake polkit that allows, denies
 * or would ask; which action it is asked about; and that nothing happens before. */

#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mesh-world.h"

#define POLKIT    "org.freedesktop.PolicyKit1"
#define AUTHORITY "org.freedesktop.PolicyKit1.Authority"
#define NOBODY    65534
#define DENIED    "org.devbox.Error.AccessDenied"
#define ASK       "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
#define ENROLL    "org.devbox.mesh.enroll"
#define CONFIGURE "org.devbox.mesh.configure"
#define REVOKE    "org.devbox.mesh.revoke"

typedef enum Verdict { DENY, ALLOW, CHALLENGE } Verdict;

static struct Polkit {
        sd_bus *bus;
        Verdict verdict;
        unsigned n_checks;
        uint32_t flags;
        char action[64];
} polkit;

static struct Reply {
        bool ended;
        char error[128]; /* empty: none */
} reply;

/* ---- the fake polkit */

static int method_check(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *kind, *key, *subject, *action, *id;

        int r = sd_bus_message_read(message, "(sa{sv})s", &kind, 1, &key, "s", &subject, &action);
        if (r >= 0)
                r = sd_bus_message_skip(message, "a{ss}");
        if (r >= 0)
                r = sd_bus_message_read(message, "us", &polkit.flags, &id);
        if (r < 0)
                return r;

        polkit.n_checks++;
        (void) snprintf(polkit.action, sizeof polkit.action, "%s", action);
        bool asks = polkit.verdict == CHALLENGE;
        return sd_bus_reply_method_return(message, "(bba{ss})",
                                          polkit.verdict == ALLOW || (asks && polkit.flags & 1),
                                          asks && !(polkit.flags & 1), 0);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", method_check,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static void polkit_start(const MeshWorld *world)
{
        polkit = (struct Polkit){ .bus = test_bus_connect(world->bus) };
        assert_ok(sd_bus_add_object_vtable(polkit.bus, NULL, "/org/freedesktop/PolicyKit1/Authority",
                                           AUTHORITY, vtable, NULL));
        assert_ok(sd_bus_request_name(polkit.bus, POLKIT, 0));
}

/* ---- the caller */

static int on_reply(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const sd_bus_error *failure = sd_bus_message_get_error(message);

        reply.ended = true;
        (void) snprintf(reply.error, sizeof reply.error, "%s", failure ? failure->name : "");
        return 0;
}

typedef struct Row {
        const char *member, *types; /* of its arguments, which are all empty */
        const char *action;         /* that polkit is asked about; NULL: it is not asked */
        const char *allowed;        /* the error once it is allowed; empty: none */
} Row;

static void append_empty(sd_bus_message *call, const char *types)
{
        for (const char *type = types; *type; type++)
                if (*type == 's')
                        assert_ok(sd_bus_message_append_basic(call, 's', ""));
                else if (*type == 'b')
                        assert_ok(sd_bus_message_append_basic(call, 'b', &(int){ 0 }));
                else if (*type == 't')
                        assert_ok(sd_bus_message_append_basic(call, 't', &(uint64_t){ 0 }));
                else if (*type == 'D')
                        assert_ok(sd_bus_message_append(call, "a{sv}", 0));
                else
                        assert_ok(sd_bus_message_append_array(call, 'y', NULL, 0));
}

static const char *call_as(sd_bus *caller, const Row *row, bool interactive)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        assert_ok(sd_bus_message_new_method_call(caller, &call, MESH, MESH_PATH, MESH, row->member));
        append_empty(call, row->types);
        assert_ok(sd_bus_message_set_allow_interactive_authorization(call, interactive));
        reply.ended = false;
        assert_ok(sd_bus_call_async(caller, NULL, call, on_reply, NULL, 0));
        usec_t deadline = deadline_after(TEST_DEADLINE_SEC * USEC_PER_SEC);
        while (!reply.ended) {
                assert_true(deadline_left(deadline) > 0);
                if (assert_ok(sd_bus_process(polkit.bus, NULL)) + assert_ok(sd_bus_process(caller, NULL)) ==
                    0)
                        (void) poll(NULL, 0, 1);
        }
        return reply.error;
}

static sd_bus *connect_as(const MeshWorld *world, uid_t uid)
{
        sd_bus *caller;
        const char *name;

        assert_int_equal(chmod(world->bus->directory, 0711), 0);
        assert_int_equal(seteuid(uid), 0);
        caller = test_bus_connect(world->bus);
        assert_ok(sd_bus_get_unique_name(caller, &name));
        assert_int_equal(seteuid(0), 0);
        return caller;
}

/* Letters of `types`: s, b, t, y for ay, D for a{sv}. */
static const Row rows[] = {
        { "ConfigureHub", "D", CONFIGURE, "org.devbox.Error.BadRequest" },
        { "SetRoot", "s", CONFIGURE, "org.devbox.Error.NetworkMissing" },
        { "SetPeer", "sD", CONFIGURE, "org.devbox.Error.PeerUnknown" },
        { "Invite", "yD", ENROLL, NULL },
        { "Admit", "ss", ENROLL, NULL },
        { "Withdraw", "s", ENROLL, NULL },
        { "PublishManifest", "s", ENROLL, "org.devbox.Error.NetworkMissing" },
        { "Revoke", "s", REVOKE, "org.devbox.Error.PeerUnknown" },
        { "RevokeAll", "", REVOKE, "org.devbox.Error.NetworkMissing" },
};

static void test_polkit_decides(void **state)
{
        MeshWorld *world = *state;

        if (geteuid() != 0)
                skip(); /* only root can be several users */

        sd_bus *nobody = connect_as(world, NOBODY);
        polkit_start(world);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                polkit.verdict = DENY;
                assert_string_equal(call_as(nobody, &rows[i], false), DENIED);
                assert_string_equal(polkit.action, rows[i].action);
                polkit.verdict = CHALLENGE;
                assert_string_equal(call_as(nobody, &rows[i], false), ASK);
                assert_int_equal(polkit.flags & 1, 0);
                assert_string_not_equal(call_as(nobody, &rows[i], true), ASK);
                assert_int_equal(polkit.flags & 1, 1);
                polkit.verdict = ALLOW;
                const char *error = call_as(nobody, &rows[i], false);
                assert_string_not_equal(error, DENIED);
                if (rows[i].allowed)
                        assert_string_equal(error, rows[i].allowed);
                assert_int_equal(polkit.n_checks, 4 * (i + 1));
        }
        sd_bus_flush_close_unref(nobody);
        sd_bus_flush_close_unref(polkit.bus);
}

static void test_root_is_not_asked_about(void **state)
{
        MeshWorld *world = *state;

        polkit_start(world);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_string_not_equal(call_as(world->client, &rows[i], false), DENIED);
        assert_int_equal(polkit.n_checks, 0);
        sd_bus_flush_close_unref(polkit.bus);
}

/* Only root joins a network, or passes on claims and what the hub sets; who reads is the bus policy's
 * decision. */
static void test_without_polkit(void **state)
{
        static const Row closed[] = {
                { "Join", "yys" },    { "SignJoin", "y" },     { "OpenAnswer", "y" },
                { "FinishJoin", "" }, { "ConfirmJoin", "" },   { "Leave", "" },
                { "Claim", "ys" },    { "SetKeepalive", "t" }, { "RevokeFor", "ss" },
        };
        static const Row open[] = {
                { "GetStatus", "" },
                { "ListPeers", "b" },
                { "GetRoots", "" },
                { "GetDrift", "" },
        };
        MeshWorld *world = *state;

        if (geteuid() != 0)
                skip();

        sd_bus *nobody = connect_as(world, NOBODY);
        polkit_start(world);
        for (size_t i = 0; i < ELEMENTSOF(closed); i++)
                assert_string_equal(call_as(nobody, &closed[i], true), DENIED);
        for (size_t i = 0; i < ELEMENTSOF(open); i++)
                assert_string_equal(call_as(nobody, &open[i], false), "");
        assert_int_equal(polkit.n_checks, 0);
        sd_bus_flush_close_unref(nobody);
        sd_bus_flush_close_unref(polkit.bus);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                mesh_test(test_polkit_decides),
                mesh_test(test_root_is_not_asked_about),
                mesh_test(test_without_polkit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
