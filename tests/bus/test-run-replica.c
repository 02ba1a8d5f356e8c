/* SPDX-License-Identifier: MIT */
/* What the hub's ledger keeps of a device's chain, and a device whose chain got shorter. */

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/file.h"
#include "fleet-world.h"

#define DATABASE_MAX (8 * 1024 * 1024)

static int up(void **state)
{
        assert_int_equal(run_world_up(state), 0);
        fleet_up(*state, 1, false);
        fleet_start_agents(*state);
        return 0;
}

static int down(void **state)
{
        fleet_down(*state);
        return run_world_down(state);
}

/* A member of GetDevice, in static memory; empty: absent. */
static const char *get_member(const RunWorld *world, const char *key)
{
        sd_bus_message *call = new_dispatch_call(world, "GetDevice");

        assert_ok(sd_bus_message_append(call, "s", world->others[0].name));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_call(world->client, call, NULL);
        return dictionary_text(reply, key);
}

static unsigned long count(const RunWorld *world, const char *key)
{
        return strtoul(get_member(world, key), NULL, 10);
}

static void submit_ls(const RunWorld *world)
{
        char id[64], *words[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL };

        fleet_submit(world, 0, words, id);
        assert_string_equal(wait_end(world, id), "finished");
}

static bool is_witnessed(void *userdata)
{
        return count(userdata, "witnessed_entries") >= count(userdata, "audit_entries");
}

static bool is_in_quarantine(void *userdata)
{
        return get_member(userdata, "quarantine")[0] != '\0';
}

/* The database of a device that does not run, which was closed in order. */
static void stop_ledger(LedgerBus *ledger, char path[static 128])
{
        assert_int_equal(test_daemon_stop(ledger->daemon), 0);
        test_daemon_free(ledger->daemon);
        (void) snprintf(path, 128, "%s/ledger.db", ledger->directory);
}

/* Its own statement about all of its chain convicts it: what follows the entries that the hub has it cannot
 * show. */
static void test_a_database_that_was_put_back(void **state)
{
        RunWorld *world = *state;
        LedgerBus *ledger = fleet_ledger(0);
        _cleanup_(freep) char *copy = NULL;
        char path[128];
        size_t size;

        submit_ls(world);
        test_bus_process_until(world->client, is_witnessed, world);
        stop_ledger(ledger, path);
        assert_ok(fd_read_file_at(AT_FDCWD, path, DATABASE_MAX, &copy, &size));
        ledger->daemon = start_ledger(ledger, false);
        for (unsigned i = 0; i < 4; i++)
                submit_ls(world);
        test_bus_process_until(world->client, is_witnessed, world);
        assert_string_equal(get_member(world, "quarantine"), "");

        stop_ledger(ledger, path);
        assert_ok(file_write(path, FILE_REPLACE, 0600, BYTES(copy, size)));
        ledger->daemon = start_ledger(ledger, false);
        submit_ls(world);
        test_bus_process_until(world->client, is_in_quarantine, world);
        assert_true(startswith(get_member(world, "quarantine"), "witness_"));
        wait_chain(world, (const char *const[]){ "\"dev-1\"", "\"witness_", NULL });
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_a_database_that_was_put_back, up, down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
