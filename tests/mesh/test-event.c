/* SPDX-License-Identifier: MIT */
/* Alarms, which are kept for a week: one of a kind and a device an hour. */

#include "mesh/event.h"

#include <stdio.h>

#include "mesh-store.h"

typedef struct Listed {
        unsigned n;
        char last[256]; /* "kind device detail" */
} Listed;

static int on_alarm(const Alarm *alarm, void *userdata)
{
        Listed *listed = userdata;

        listed->n++;
        (void) snprintf(listed->last, sizeof listed->last, "%s %s %s", alarm->kind, alarm->device,
                        alarm->detail);
        return 0;
}

static Listed list(const MeshStore *world)
{
        Listed listed = { .n = 0 };

        assert_ok(alarm_each(world->store.database, on_alarm, &listed));
        return listed;
}

static void add(const MeshStore *world, MeshEvent event, const char *device, const char *detail)
{
        assert_ok(outbox_add_record(world->store.database, event, device, detail));
}

/* All that was stored happened earlier. */
static void pass_hours(const MeshStore *world, int64_t n)
{
        assert_ok(query_run(world->store.database,
                            "UPDATE alarm SET hour = hour - ?1, time_ms = time_ms - ?1 * 3600000", "i", n));
}

static void test_alarms(void **state)
{
        static const struct {
                MeshEvent event;
                const char *device, *detail;
                unsigned n;
                const char *last;
        } rows[] = {
                { MESH_EVENT_DRIFT, "dev-a", "mtu", 1, "drift dev-a mtu" },
                { MESH_EVENT_DRIFT, "dev-a", "firewall", 1, "drift dev-a mtu" },
                { MESH_EVENT_DRIFT, "", "firewall", 2, NULL },
                { MESH_EVENT_TOKEN_REUSED, "dev-a", "token_used", 3, NULL },
                { MESH_EVENT_TOKEN_REUSED, "dev-a", "token_used", 3, NULL },
                { MESH_EVENT_INVITED, "dev-b", "", 3, NULL },
                { MESH_EVENT_CLAIM_REJECTED, "dev-b", "unauthorized", 3, NULL },
        };
        const MeshStore *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                add(world, rows[i].event, rows[i].device, rows[i].detail);
                Listed listed = list(world);
                assert_int_equal(listed.n, rows[i].n);
                if (rows[i].last)
                        assert_string_equal(listed.last, rows[i].last);
        }
}

/* Oldest first, for a week. */
static void test_time(void **state)
{
        const MeshStore *world = *state;

        add(world, MESH_EVENT_TOKEN_REUSED, "dev-a", "first");
        pass_hours(world, 1);
        add(world, MESH_EVENT_TOKEN_REUSED, "dev-a", "second");
        Listed listed = list(world);
        assert_int_equal(listed.n, 2);
        assert_string_equal(listed.last, "token_reused dev-a second");

        pass_hours(world, 166);
        add(world, MESH_EVENT_DRIFT, "dev-b", "third");
        assert_int_equal(list(world).n, 3);
        pass_hours(world, 3);
        assert_int_equal(list(world).n, 1);
        add(world, MESH_EVENT_DRIFT, "dev-b", "fourth");
        listed = list(world);
        assert_int_equal(listed.n, 2);
        assert_string_equal(listed.last, "drift dev-b fourth");
}

#define test(function) cmocka_unit_test_setup_teardown(function, mesh_store_up, mesh_store_down)

int main(void)
{
        const struct CMUnitTest tests[] = { test(test_alarms), test(test_time) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
