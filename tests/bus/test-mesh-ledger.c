/* SPDX-License-Identifier: MIT */
/* What the mesh gives to the ledger, in order and once, also after the ledger was away; and the roots and
 * manifests that the hub keeps. */

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "ledger/signed.h"
#include "mesh-world.h"

#define LEDGER      "org.devbox.Ledger1"
#define LEDGER_PATH "/org/devbox/Ledger1"
#define CALLS_MAX   16

/* ---- the fake ledger */

static struct Ledger {
        sd_bus *bus;
        bool unavailable;
        char calls[CALLS_MAX][64]; /* "Record revoked dev-b" */
        char ids[CALLS_MAX][32];   /* of records */
        size_t n_calls;
} ledger;

static int reply_to(sd_bus_message *message, const char *id, const char *text)
{
        if (ledger.unavailable)
                return sd_bus_reply_method_errorf(message, "org.devbox.Error.AuditUnavailable", "not now");

        assert_true(ledger.n_calls < CALLS_MAX);
        (void) snprintf(ledger.calls[ledger.n_calls], sizeof ledger.calls[0], "%s %s",
                        sd_bus_message_get_member(message), text);
        (void) snprintf(ledger.ids[ledger.n_calls++], sizeof ledger.ids[0], "%s", id);
        return sd_bus_reply_method_return(message, NULL);
}

static int method_record(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *kind, *device, *key, *id;
        char text[64];

        int r = sd_bus_message_read(message, "ss", &kind, &device);
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_read(message, "{sv}", &key, "s", &id);
        if (r < 0)
                return r;
        assert_string_equal(key, "id");
        (void) snprintf(text, sizeof text, "%s %s", kind, device);
        return reply_to(message, id, text);
}

static int method_unpin(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *device;

        int r = sd_bus_message_read(message, "s", &device);
        return r < 0 ? r : reply_to(message, "", device);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Record", "ssa{sv}", "", method_record, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Unpin", "s", "", method_unpin, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static void ledger_start(const MeshWorld *world)
{
        ledger = (struct Ledger){ .bus = test_bus_connect(world->bus) };
        assert_ok(sd_bus_add_object_vtable(ledger.bus, NULL, LEDGER_PATH, LEDGER, vtable, NULL));
        assert_ok(sd_bus_request_name(ledger.bus, LEDGER, 0));
}

static void ledger_wait(size_t n_calls)
{
        usec_t deadline = deadline_after(TEST_DEADLINE_SEC * USEC_PER_SEC);

        while (ledger.n_calls < n_calls) {
                assert_true(deadline_left(deadline) > 0);
                if (assert_ok(sd_bus_process(ledger.bus, NULL)) == 0)
                        (void) poll(NULL, 0, 5);
        }
}

static void test_revocations_reach_the_ledger(void **state)
{
        static const char *const wanted[] = { "Unpin dev-b", "Record revoked dev-b", "Unpin dev-a",
                                              "Record revoked dev-a" };
        const MeshWorld *world = *state;

        mesh_world_skip();
        mesh_call_name(world, "Revoke", "dev-b", NULL); /* the ledger is away */
        ledger_start(world);
        ledger_wait(2);
        mesh_call_name(world, "Revoke", "dev-a", NULL);
        ledger_wait(4);
        for (size_t i = 0; i < ELEMENTSOF(wanted); i++)
                assert_string_equal(ledger.calls[i], wanted[i]);
        assert_true(strlen(ledger.ids[1]) == 26 && !streq(ledger.ids[1], ledger.ids[3]));
        sd_bus_flush_close_unref(ledger.bus);
}

static void test_the_outbox_survives_a_crash(void **state)
{
        MeshWorld *world = *state;

        mesh_world_skip();
        mesh_call_name(world, "Revoke", "dev-b", NULL);
        while (test_metric(world->client, MESH, "revocations_recorded_later") > 0)
                (void) poll(NULL, 0, 5);
        test_daemon_signal(world->daemon, 9);
        (void) test_daemon_wait(world->daemon);
        world->daemon = test_daemon_free(world->daemon);
        ledger_start(world);
        mesh_world_start(world);
        ledger_wait(2);
        assert_string_equal(ledger.calls[1], "Record revoked dev-b");
        sd_bus_flush_close_unref(ledger.bus);
}

/* ---- roots and manifests */

static void set_device_key(MeshWorld *world, const char *device, WorldKey key)
{
        Store store;

        mesh_world_stop(world);
        assert_ok(store_init(&store, world->directory, NULL));
        assert_ok(store_open(&store));
        assert_ok(query_run(store.database, "UPDATE device SET device_key = ? WHERE name = ?", "bt",
                            BYTES_OF(key_pair_public(world_key(key))->bytes), device));
        store_done(&store);
        mesh_world_start(world);
}

static void revoke_for(const MeshWorld *world, const char *device, const char *principal, const char *wanted)
{
        sd_bus_message *call = mesh_call(world, "RevokeFor");

        assert_ok(sd_bus_message_append(call, "ss", device, principal));
        sd_bus_message_unref(mesh_finish(world, call, wanted));
}

static void test_roots_and_manifests(void **state)
{
        MeshWorld *world = *state;
        Signed made = { .shift_ms =
                                (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC) - (int64_t) WORLD_NOW };

        mesh_world_skip();
        set_device_key(world, "dev-a", KEY_DEVICE);
        _cleanup_(freep) char *root = signed_root(&made);
        _cleanup_(freep) char *manifest = signed_manifest(&made, NULL, 0, KEY_MANIFEST);
        _cleanup_(freep) char *forged = signed_manifest(&made, NULL, 0, KEY_STRANGER);
        _cleanup_(freep) char *foreign =
                signed_manifest(&made, (const Edit[]){ { "dev-a", "dev-x" } }, 1, KEY_MANIFEST);
        _cleanup_(freep) char *other =
                signed_manifest(&made, (const Edit[]){ { "dev-a", "dev-b" } }, 1, KEY_MANIFEST);

        mesh_call_name(world, "PublishManifest", manifest, "NetworkMissing");
        mesh_call_name(world, "SetRoot", manifest, "RootChain");
        mesh_call_name(world, "SetRoot", root, NULL);
        mesh_call_name(world, "SetRoot", root, NULL);
        mesh_call_name(world, "PublishManifest", "{}", "BadEnvelope");
        mesh_call_name(world, "PublishManifest", forged, "ManifestInvalidSignature");
        mesh_call_name(world, "PublishManifest", foreign, "PeerUnknown");
        mesh_call_name(world, "PublishManifest", other, "WrongDevice");
        mesh_call_name(world, "GetManifest", "dev-a", "ManifestMissing");
        mesh_call_name(world, "GetManifest", "dev-x", "PeerUnknown");
        mesh_call_name(world, "PublishManifest", manifest, NULL);
        mesh_call_name(world, "PublishManifest", manifest, NULL);
        mesh_call_name(world, "GetManifest", "dev-a", NULL);
        assert_string_equal(mesh_peer(world, "dev-a", "manifest_version"), "7");

        revoke_for(world, "dev-x", "@ana:hs.example", "PeerUnknown");
        revoke_for(world, "dev-b", "@ana:hs.example", "ManifestMissing");
        revoke_for(world, "dev-a", "@eve:hs.example", "OperatorUnknown");
        revoke_for(world, "dev-a", "ana", "BadRequest");
        assert_string_equal(mesh_peer(world, "dev-a", "state"), "joining");
        revoke_for(world, "dev-a", "@ana:hs.example", NULL);
        revoke_for(world, "dev-a", "@ana:hs.example", NULL); /* nothing to do */
        mesh_call_name(world, "PublishManifest", manifest, "PeerRevoked");
        ledger_start(world);
        ledger_wait(8);
        assert_string_equal(ledger.calls[0], "Record manifest_rejected ");
        assert_string_equal(ledger.calls[3], "Record manifest_rejected dev-b");
        assert_string_equal(ledger.calls[4], "Record manifest_published dev-a");
        assert_string_equal(ledger.calls[5], "Record revoke_requested dev-a");
        assert_string_equal(ledger.calls[7], "Record revoked dev-a");
        sd_bus_flush_close_unref(ledger.bus);
}

/* Warned of once, a week before its end. */
static void test_a_manifest_that_expires(void **state)
{
        MeshWorld *world = *state;
        Signed made = { .shift_ms =
                                (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC) - (int64_t) WORLD_NOW };
        const Edit soon[] = { { "\"expires_at\":1762000000000", "\"expires_at\":1760500000000" },
                              { "\"not_after\":1762000000000", "\"not_after\":1760500000000" },
                              { "\"not_after\":1762000000000", "\"not_after\":1760500000000" } };

        mesh_world_skip();
        set_device_key(world, "dev-a", KEY_DEVICE);
        _cleanup_(freep) char *root = signed_root(&made);
        _cleanup_(freep) char *manifest = signed_manifest(&made, soon, ELEMENTSOF(soon), KEY_MANIFEST);
        mesh_call_name(world, "SetRoot", root, NULL);
        mesh_call_name(world, "PublishManifest", manifest, NULL);
        ledger_start(world);
        ledger_wait(2);
        assert_string_equal(ledger.calls[0], "Record manifest_published dev-a");
        assert_string_equal(ledger.calls[1], "Record manifest_expiring dev-a");
        mesh_call_name(world, "Revoke", "dev-c", NULL); /* a second later: it is not said again */
        ledger_wait(4);
        assert_string_equal(ledger.calls[2], "Unpin dev-c");

        /* Nor by another process, whose first tick is over when it has sent something. */
        mesh_world_stop(world);
        mesh_world_start(world);
        mesh_world_until(mesh_state_is, world, "up");
        mesh_call_name(world, "Revoke", "dev-b", NULL);
        ledger_wait(6);
        mesh_call_name(world, "Revoke", "dev-a", NULL);
        ledger_wait(8);
        assert_string_equal(ledger.calls[4], "Unpin dev-b");
        assert_string_equal(ledger.calls[6], "Unpin dev-a");
        sd_bus_flush_close_unref(ledger.bus);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                mesh_hub_test(test_revocations_reach_the_ledger),
                mesh_hub_test(test_the_outbox_survives_a_crash),
                mesh_hub_test(test_roots_and_manifests),
                mesh_hub_test(test_a_manifest_that_expires),
        };

        return cmocka_run_group_tests(tests, mesh_world_enter, NULL);
}
