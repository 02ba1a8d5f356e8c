/* SPDX-License-Identifier: MIT */
/* The devbox-ledger of a hub, killed before each call by which it changes something while devbox-mesh gives
 * it a row of the outbox: the Record, Pin or Unpin of a device that joins and is revoked. Afterwards its
 * chain has each entry once, its pins are those of the network, and the device is in the state it was in. */

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "enrol-calls.h"
#include "files.h"
#include "ledger-world.h"

#define ENTRIES_MAX 64

static struct {
        LedgerBus ledger;
        MeshWorld counter; /* of the ledger's calls alone: the mesh has none */
        Database *outbox;  /* of the hub's mesh, to look into */
        unsigned n_kills;
} crash;

/* ---- kills */

static int64_t n_rows(void)
{
        int64_t n = 0;

        assert_ok(query_integer(crash.outbox, &n, "SELECT count(*) FROM outbox", ""));
        return n;
}

static bool ledger_has_ended(void)
{
        siginfo_t end = { .si_pid = 0 };

        assert_int_equal(waitid(P_PID, (id_t) crash.ledger.daemon->pid, &end, WEXITED | WNOHANG | WNOWAIT),
                         0);
        return end.si_pid != 0;
}

/* A mesh that starts sends the first row within a second; one that runs on waits longer after each kill. */
static bool survives(int at)
{
        usec_t deadline = deadline_after(TEST_DEADLINE_SEC * USEC_PER_SEC);

        crash.ledger.daemon = start_mortal_ledger(&crash.ledger, crash.counter.kill_variable);
        atomic_store(crash.counter.left, at);
        machine_enter(&hub);
        mesh_world_start(hub.world);
        while (!ledger_has_ended() && n_rows() > 0) {
                assert_true(deadline_left(deadline) > 0);
                (void) poll(NULL, 0, 10);
        }
        bool survived = atomic_exchange(crash.counter.left, 0) > 0;
        mesh_world_stop(hub.world);
        if (survived)
                return true;

        crash.n_kills++;
        assert_int_equal(test_daemon_wait(crash.ledger.daemon), 128 + SIGKILL);
        crash.ledger.daemon = test_daemon_free(crash.ledger.daemon);
        test_bus_wait_owner(crash.ledger.bus, LEDGER, false);
        return false;
}

/* Each row meets each of the kills: the count begins anew with the next one. */
static void deliver_through_kills(void)
{
        int64_t before = n_rows();

        assert_true(before > 0);
        for (int at = 1; !survives(at); at++) {
                int64_t left = n_rows();

                at = left < before ? 0 : at;
                before = left;
        }
        assert_int_equal(n_rows(), 0);
}

/* ---- what must hold */

/* Reads the whole chain: fails unless it has this event as often. */
static void assert_events(const char *name, unsigned wanted)
{
        _cleanup_(freep) char *text = text_of("\"event\":\"%s\"", name);
        sd_bus_message *call = new_call(&crash.ledger, "Export");
        unsigned n = 0;
        int r;

        assert_ok(sd_bus_message_append(call, "stu", "", UINT64_C(0), (uint32_t) UINT32_MAX));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                finish_call(crash.ledger.client, call, NULL);
        assert_ok(sd_bus_message_enter_container(reply, 'a', "(ttqayayay)"));
        while ((r = sd_bus_message_enter_container(reply, 'r', "ttqayayay")) > 0) {
                const void *body;
                size_t size;

                assert_ok(sd_bus_message_skip(reply, "ttq"));
                assert_ok(sd_bus_message_read_array(reply, 'y', &body, &size));
                n += memmem(body, size, text, strlen(text)) != NULL;
                assert_ok(sd_bus_message_skip(reply, "ayay"));
                assert_ok(sd_bus_message_exit_container(reply));
        }
        assert_ok(r);
        if (n != wanted)
                fail_msg("%s: %u times instead of %u", name, n, wanted);
}

static void assert_pinned(bool revoked)
{
        sd_bus_message *call = new_call(&crash.ledger, "GetReplica");
        const char *key;
        int value = -1;

        assert_ok(sd_bus_message_append(call, "s", "laptop"));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                finish_call(crash.ledger.client, call, NULL);
        assert_ok(sd_bus_message_enter_container(reply, 'a', "{sv}"));
        while (assert_ok(sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
                assert_ok(sd_bus_message_read(reply, "s", &key));
                if (streq(key, "revoked"))
                        assert_ok(sd_bus_message_read(reply, "v", "b", &value));
                else
                        assert_ok(sd_bus_message_skip(reply, "v"));
                assert_ok(sd_bus_message_exit_container(reply));
        }
        assert_int_equal(value, revoked);
}

static void assert_once(const char *const *events)
{
        for (; *events; events++)
                assert_events(*events, 1);
        verify_chain_of(&crash.ledger, "hub");
}

static void stop_ledger(void)
{
        assert_int_equal(test_daemon_stop(crash.ledger.daemon), 0);
        crash.ledger.daemon = test_daemon_free(crash.ledger.daemon);
}

static void start_hub_mesh(void)
{
        machine_enter(&hub);
        mesh_world_start(hub.world);
        mesh_world_until(mesh_state_is, hub.world, "up");
}

static void test_each_row(void **state)
{
        static const char *const joined[] = { "invited", "claimed", "admitted", "active", NULL },
                                 *const gone[] = { "invited", "active", "revoked", "unpinned", NULL };
        _cleanup_(freep) char *path = NULL;

        machines_skip();
        enrol_device();
        mesh_world_stop(hub.world);
        path = text_of("%s/mesh.db", hub.world->directory);
        assert_ok(database_open(path, DATABASE_OWN, &mesh_schema, &crash.outbox));
        crash.counter.bus = hub.world->bus;
        mesh_world_preload(&crash.counter);
        ledger_bus_init(&crash.ledger, hub.world->bus, "ledger");
        crash.ledger.daemon = start_ledger(&crash.ledger, false);
        enroll(&crash.ledger, "hub", NULL);
        stop_ledger();

        deliver_through_kills();
        assert_once(joined);
        assert_events("unpinned", 0);
        assert_pinned(false);
        stop_ledger();

        start_hub_mesh();
        assert_string_equal(mesh_peer(hub.world, "laptop", "state"), "active");
        mesh_call_name(hub.world, "Revoke", "laptop", NULL);
        mesh_world_stop(hub.world);
        deliver_through_kills();
        assert_once(gone);
        assert_pinned(true);
        stop_ledger();

        start_hub_mesh();
        assert_string_equal(mesh_peer(hub.world, "laptop", "state"), "revoked");
        assert_true(crash.n_kills > 20); /* it was preloaded */
        crash.outbox = database_close(crash.outbox);
}

int main(void)
{
        const struct CMUnitTest tests[] = { machines_test(test_each_row) };

        return cmocka_run_group_tests(tests, machines_up, NULL);
}
