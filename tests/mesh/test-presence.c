/* SPDX-License-Identifier: MIT */
/* Who is there: at the limits, across steps of the wall clock, and after suspend. */

#include "mesh/presence.h"

#include "test.h"

#define WALL (UINT64_C(1760000000) * USEC_PER_SEC)
#define BOOT (UINT64_C(5000000) * USEC_PER_SEC)
#define HOUR (3600 * USEC_PER_SEC)

/* One peer that is read again and again: times are relative to WALL and BOOT, 0 as a handshake is never. */
typedef struct Reading {
        int64_t handshake_sec, wall_sec, boot_sec;
        Presence presence;
} Reading;

static void run(const Reading *readings, size_t n)
{
        Sighting sighting = { 0 };

        for (size_t i = 0; i < n; i++) {
                usec_t handshake = WALL + (usec_t) (readings[i].handshake_sec * (int64_t) USEC_PER_SEC);
                WireguardPeer peer = { .last_handshake_at_usec =
                                               readings[i].handshake_sec == 0 ? 0 : handshake };

                sighting_update(&sighting, &peer,
                                WALL + (usec_t) (readings[i].wall_sec * (int64_t) USEC_PER_SEC),
                                BOOT + (usec_t) (readings[i].boot_sec * (int64_t) USEC_PER_SEC));
                if (sighting.presence != readings[i].presence)
                        fail_msg("reading %zu: %s instead of %s", i, presence_to_string(sighting.presence),
                                 presence_to_string(readings[i].presence));
        }
}

static void test_limits(void **state)
{
        static const Reading readings[] = {
                { 0, 10, 10, PRESENCE_NEVER },
                { 11, 12, 12, PRESENCE_ONLINE },
                { 11, 191, 191, PRESENCE_ONLINE },
                { 11, 192, 192, PRESENCE_OFFLINE },
                { 11, 11 + 24 * 3600, 11 + 24 * 3600, PRESENCE_OFFLINE },
                { 11, 12 + 24 * 3600, 12 + 24 * 3600, PRESENCE_STALE },
                { 90000, 90001, 90001, PRESENCE_ONLINE },
        };

        run(readings, ELEMENTSOF(readings));
}

/* Neither makes it stale nor keeps it online. */
static void test_steps_of_the_wall_clock(void **state)
{
        static const Reading readings[] = {
                { 100, 101, 101, PRESENCE_ONLINE },         { 100, 101 + 90000, 102, PRESENCE_ONLINE },
                { 100, 101 - 90000, 103, PRESENCE_ONLINE }, { 100, 101 - 90000, 283, PRESENCE_OFFLINE },
                { 300, 100, 300, PRESENCE_ONLINE }, /* a handshake in the future */
        };

        run(readings, ELEMENTSOF(readings));
}

static void test_suspend_counts(void **state)
{
        static const Reading readings[] = {
                { 100, 101, 101, PRESENCE_ONLINE },
                { 100, 101 + 10 * 3600, 101 + 10 * 3600, PRESENCE_OFFLINE },
        };

        run(readings, ELEMENTSOF(readings));
}

/* What happened before the daemon started has its age by the wall clock. */
static void test_the_first_reading(void **state)
{
        static const Reading stale[] = { { 100, 100 + 90000, 200, PRESENCE_STALE } },
                             offline[] = { { 100, 400, 5, PRESENCE_OFFLINE } };

        run(stale, 1);
        run(offline, 1);
}

static void test_a_peer_that_is_not_loaded_grows_old(void **state)
{
        Sighting sighting = { 0 };
        WireguardPeer peer = { .last_handshake_at_usec = WALL, .rx_bytes = 7 };

        sighting_update(&sighting, &peer, WALL, BOOT);
        sighting_update(&sighting, NULL, WALL + HOUR, BOOT + HOUR);
        assert_int_equal(sighting.presence, PRESENCE_OFFLINE);
        assert_int_equal(sighting.rx_bytes, 7);
}

static void test_silence(void **state)
{
        static const struct {
                bool loaded, has_endpoint, had_handshake, woken;
                bool silent, still_woken;
        } rows[] = {
                { true, true, false, false, true, false },   { true, true, false, true, true, true },
                { true, true, true, true, false, false },    { true, false, false, false, false, false },
                { false, false, false, true, false, false }, /* the link is missing: the next one is new */
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Sighting sighting = { .woken = rows[i].woken };
                WireguardPeer peer = { .last_handshake_at_usec = rows[i].had_handshake ? WALL : 0 };

                if (rows[i].has_endpoint)
                        assert_ok(wireguard_endpoint_parse("192.0.2.1:9", &peer.endpoint));
                sighting_update(&sighting, rows[i].loaded ? &peer : NULL, WALL, BOOT);
                assert_int_equal(sighting.silent, rows[i].silent);
                assert_int_equal(sighting.woken, rows[i].still_woken);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_steps_of_the_wall_clock),
                cmocka_unit_test(test_suspend_counts),
                cmocka_unit_test(test_the_first_reading),
                cmocka_unit_test(test_a_peer_that_is_not_loaded_grows_old),
                cmocka_unit_test(test_silence),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
