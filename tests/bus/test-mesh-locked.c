/* SPDX-License-Identifier: MIT */
/* devbox-mesh while another process has its database locked for a minute, as a backup that hangs may:
 * revocations and repairs go on, and what they have to write is written afterwards. */

#include <poll.h>
#include <stdio.h>

#include "mesh-world.h"

#define LOCKED_USEC (60 * USEC_PER_SEC)
#define REPAIRS     8 /* spread over the minute; each is an entry, of which a minute has 10 */

typedef struct Lock {
        Database *database;
        Transaction transaction;
} Lock;

static void lock(const MeshWorld *world, Lock *ret_lock)
{
        char path[128];

        *ret_lock = (Lock){ .transaction = TRANSACTION_NULL };
        (void) snprintf(path, sizeof path, "%s/mesh.db", world->directory);
        assert_ok(database_open(path, DATABASE_OWN, &mesh_schema, &ret_lock->database));
        assert_ok(transaction_begin(ret_lock->database, &ret_lock->transaction));
}

static int64_t count(const Lock *lock, const char *sql)
{
        int64_t n = 0;

        assert_ok(query_integer(lock->database, &n, sql, ""));
        return n;
}

static bool has_peer(const MeshWorld *world, const void *key)
{
        return mesh_world_has_peer(world, *(const uint8_t *) key);
}

static void remove_by_hand(const MeshWorld *world, uint8_t byte)
{
        WireguardDevice changes = WIREGUARD_DEVICE_NULL;
        WireguardKey key = mesh_world_key(byte);
        WireguardPeer *peer;

        assert_ok(wireguard_device_add_peer(&changes, &key, &peer));
        peer->flags = WIREGUARD_PEER_REMOVE;
        mesh_world_apply(world, &changes);
}

static bool is_recorded(const MeshWorld *world, const void *argument)
{
        return mesh_state_is(world, "up") &&
               test_metric(world->client, MESH, "revocations_recorded_later") == 0;
}

static bool has_drift_rows(const MeshWorld *world, const void *lock)
{
        return count(lock, "SELECT count(*) FROM outbox WHERE kind = 'drift'") > 0;
}

static void test_a_minute(void **state)
{
        static const uint8_t kept = 0xa1;
        MeshWorld *world = *state;
        Lock held;

        mesh_world_skip();
        lock(world, &held);
        usec_t end = deadline_after(LOCKED_USEC);
        mesh_call_name(world, "Revoke", "dev-b", NULL);
        assert_false(mesh_world_has_peer(world, 0xb2));
        mesh_world_until(mesh_state_is, world, "degraded");

        for (unsigned i = 0; i < REPAIRS; i++) {
                remove_by_hand(world, kept);
                mesh_world_until(has_peer, world, &kept);
                while (deadline_left(end) > LOCKED_USEC / REPAIRS * (REPAIRS - 1 - i))
                        (void) poll(NULL, 0, 100);
        }
        mesh_call_name(world, "Revoke", "dev-c", NULL);
        assert_false(mesh_world_has_peer(world, 0xc3));
        assert_int_equal(test_metric(world->client, MESH, "revocations_recorded_later"), 2);
        assert_int_equal(count(&held, "SELECT count(*) FROM outbox"), 0);

        transaction_done(&held.transaction);
        mesh_world_until(is_recorded, world, NULL);
        mesh_world_until(has_drift_rows, world, &held);
        mesh_world_stop(world);
        assert_int_equal(count(&held, "SELECT count(*) FROM outbox WHERE kind = 'drift'"), REPAIRS);
        assert_int_equal(count(&held, "SELECT count(*) FROM outbox WHERE kind = 'revoked'"), 2);
        assert_int_equal(count(&held, "SELECT count(*) FROM outbox WHERE member = 'Unpin'"), 2);
        assert_int_equal(count(&held, "SELECT count(*) FROM device WHERE state = 'revoked'"), 2);
        (void) database_close(held.database);
}

int main(void)
{
        const struct CMUnitTest tests[] = { mesh_hub_test(test_a_minute) };

        return cmocka_run_group_tests(tests, mesh_world_enter, NULL);
}
