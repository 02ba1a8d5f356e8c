/* SPDX-License-Identifier: MIT */
/* The hub's address, while what its names mean changes. */

#include "mesh/resolver.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "lookups.h"
#include "test.h"

static struct World {
        sd_event *event;
        Resolver *resolver;
        char heard[64]; /* "ADDRESS:PORT" */
        unsigned n_heard;
} world;

static void on_address(const WireguardEndpoint *endpoint, void *owner)
{
        char address[INET_ADDRSTRLEN];

        assert_ptr_equal(owner, &world);
        assert_int_equal(endpoint->any.sa_family, AF_INET);
        assert_non_null(inet_ntop(AF_INET, &endpoint->v4.sin_addr, address, sizeof address));
        (void) snprintf(world.heard, sizeof world.heard, "%s:%u", address, ntohs(endpoint->v4.sin_port));
        world.n_heard++;
}

static int up(void **state)
{
        world = (struct World){ 0 };
        memset(&lookups, 0, sizeof lookups);
        assert_ok(sd_event_new(&world.event));
        assert_ok(resolver_new(world.event, on_address, &world, &world.resolver));
        return 0;
}

static int down(void **state)
{
        resolver_free(world.resolver);
        sd_event_unref(world.event);
        return 0;
}

static const Node node = { .role = NODE_ROLE_DEVICE,
                           .endpoints = { { "hub.example.org", 51820 }, { "other.example.org", 443 } },
                           .n_endpoints = 2 };

/* Runs until the resolver has looked whether the lookup has ended. */
static void run_until_polled(void)
{
        unsigned n_polled = lookups.n_polled;

        while (lookups.n_polled == n_polled)
                assert_ok(sd_event_run(world.event, UINT64_MAX));
        assert_int_equal(lookups.n_polled, n_polled + 1);
}

static void seek(void)
{
        unsigned begun = lookups.n_begun;

        resolver_reset(world.resolver);
        resolver_seek(world.resolver, &node);
        assert_int_equal(lookups.n_begun, begun + 1);
        run_until_polled();
}

static void test_a_name_that_moves(void **state)
{
        lookups.zone[0].name = "hub.example.org";
        lookups.zone[0].address = "192.0.2.1";
        seek();
        assert_string_equal(world.heard, "192.0.2.1:51820");

        lookups.zone[0].address = "198.51.100.7";
        seek(); /* the other endpoint, which has no address */
        assert_int_equal(world.n_heard, 1);
        seek();
        assert_string_equal(world.heard, "198.51.100.7:51820");
        assert_int_equal(lookups.n_freed, 2);
}

static void test_endpoints_take_turns(void **state)
{
        lookups.zone[0].name = "hub.example.org";
        lookups.zone[0].address = "192.0.2.1";
        lookups.zone[1].name = "other.example.org";
        lookups.zone[1].address = "203.0.113.9";
        for (unsigned i = 0; i < 4; i++) {
                seek();
                assert_string_equal(world.heard, i % 2 == 0 ? "192.0.2.1:51820" : "203.0.113.9:443");
        }
}

/* One lookup at a time, and none too soon after the last one. */
static void test_limits(void **state)
{
        lookups.zone[0].name = "hub.example.org";
        lookups.zone[0].address = "192.0.2.1";
        lookups.slow = true;
        seek();
        resolver_reset(world.resolver);
        resolver_seek(world.resolver, &node);
        assert_int_equal(lookups.n_begun, 1);

        lookups.slow = false;
        run_until_polled();
        assert_int_equal(world.n_heard, 1);
        resolver_seek(world.resolver, &node);
        assert_int_equal(lookups.n_begun, 2);
        run_until_polled();
        resolver_seek(world.resolver, &node);
        assert_int_equal(lookups.n_begun, 2);
}

static void test_freed_meanwhile(void **state)
{
        lookups.zone[0].name = "hub.example.org";
        lookups.zone[0].address = "192.0.2.1";
        lookups.slow = true;
        seek();
        world.resolver = resolver_free(world.resolver);
        assert_int_equal(lookups.n_cancelled, 1);
        assert_int_equal(lookups.n_freed, 1);
        assert_int_equal(world.n_heard, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_a_name_that_moves, up, down),
                cmocka_unit_test_setup_teardown(test_endpoints_take_turns, up, down),
                cmocka_unit_test_setup_teardown(test_limits, up, down),
                cmocka_unit_test_setup_teardown(test_freed_meanwhile, up, down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
