/* SPDX-License-Identifier: MIT */
/* Events of a hub: each is recorded once, in the form that the interface documents. */

#include "ledger/record.h"

#include "ledger-world.h"

#define ID       "01K75A3Q0000000000000000AA"
#define OTHER_ID "01K75A3Q0000000000000000AB"

#define DETAIL(key, value)                                                                                  \
        {                                                                                                   \
                (char *) (key), (char *) (value)                                                            \
        }

static const LedgerEvent claimed = { .kind = AUDIT_EVENT_CLAIMED,
                                     .id = ID,
                                     .device = "pc-aurgi",
                                     .details = { DETAIL("source", "203.0.113.7:41000") },
                                     .n_details = 1 };

static void test_an_event_is_recorded_once(void **state)
{
        LedgerWorld *world = *state;
        uint64_t size = ledger_world_size(world);
        uint16_t type;

        assert_int_equal(ledger_record(world->ledger, &claimed), 0);
        assert_int_equal(ledger_record(world->ledger, &claimed), 0);
        ledger_world_close(world);
        ledger_world_open(world);
        assert_int_equal(ledger_record(world->ledger, &claimed), 0);
        assert_true(ledger_world_size(world) == size + 1);

        _cleanup_(freep) char *body = ledger_world_entry(world, 1, &type);
        assert_int_equal(type, AUDIT_EVENT);
        assert_string_equal(body, "{\"event\":\"claimed\",\"device\":\"pc-aurgi\",\"id\":\"" ID "\","
                                  "\"details\":{\"source\":\"203.0.113.7:41000\"}}");
        ledger_world_verify(world);
}

static void test_an_id_is_of_one_event(void **state)
{
        LedgerWorld *world = *state;
        LedgerEvent other = claimed;

        assert_int_equal(ledger_record(world->ledger, &claimed), 0);
        uint64_t size = ledger_world_size(world);
        other.kind = AUDIT_EVENT_ADMITTED;
        assert_int_equal(ledger_record(world->ledger, &other), DEVBOX_ERROR_BAD_REQUEST);
        other = claimed;
        other.n_details = 0;
        assert_int_equal(ledger_record(world->ledger, &other), DEVBOX_ERROR_BAD_REQUEST);
        assert_true(ledger_world_size(world) == size);
        other.id = OTHER_ID;
        assert_int_equal(ledger_record(world->ledger, &other), 0);
        assert_true(ledger_world_size(world) == size + 1);
}

static void test_events_are_bounded(void **state)
{
        LedgerWorld *world = *state;
        static char long_value[AUDIT_DETAIL_SIZE_MAX + 2];
        uint64_t size = ledger_world_size(world);

        memset(long_value, 'x', sizeof long_value - 1);
        const LedgerEvent rows[] = {
                { .id = "1" },
                { .id = ID, .device = "Not a name" },
                { .id = ID, .details = { DETAIL("Key", "value") }, .n_details = 1 },
                { .id = ID, .details = { DETAIL("key", long_value) }, .n_details = 1 },
                { .id = ID, .details = { DETAIL("key", "1"), DETAIL("key", "2") }, .n_details = 2 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (ledger_record(world->ledger, &rows[i]) != DEVBOX_ERROR_BAD_SCHEMA)
                        fail_msg("row %zu was not rejected", i);
        assert_true(ledger_world_size(world) == size);

        long_value[AUDIT_DETAIL_SIZE_MAX] = '\0';
        assert_int_equal(ledger_record(world->ledger, &rows[3]), 0);
}

static void test_without_a_chain_nothing_is_recorded(void **state)
{
        LedgerWorld *world = *state;

        assert_int_equal(ledger_record(world->ledger, &claimed), DEVBOX_ERROR_NOT_ENROLLED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_an_event_is_recorded_once),
                ledger_test(test_an_id_is_of_one_event),
                ledger_test(test_events_are_bounded),
                ledger_test_empty(test_without_a_chain_nothing_is_recorded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
