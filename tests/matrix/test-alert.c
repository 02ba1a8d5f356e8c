/* SPDX-License-Identifier: MIT */
/* Alerts: once each, and taken back. */

#include "matrix/alert.h"

#include <stdio.h>

#include "matrix/room-queue.h"
#include "store.h"
#include "store/query.h"
#include "test.h"

static int64_t count(TestStore *store, const char *pattern)
{
        int64_t n = 0;

        assert_ok(query_integer(store->database, &n, "SELECT count(*) FROM outbox WHERE content LIKE ?", "t",
                                pattern));
        return n;
}

static void test_life(void **state)
{
        TestStore *store = *state;

        assert_ok(room_queue_want(store->database, ROOM_APPROVALS, ""));
        for (int i = 0; i < 2; i++) { /* there is no room yet, and no reader */
                assert_ok(alert_raise(store->database, "stale:home", "home is stale"));
                assert_ok(database_run(store->database, "UPDATE chat_room SET room_id = '!approvals'"));
        }
        test_store_add_approvals(store);
        assert_int_equal(count(store, "%"), 0);

        for (int i = 0; i < 2; i++)
                assert_ok(alert_raise(store->database, "stale:home", "home is stale"));
        assert_ok(alert_raise(store->database, "stale:work", "work is stale"));
        assert_int_equal(count(store, "%home is stale%"), 1);
        assert_int_equal(count(store, "%work is stale%"), 1);
        assert_ok(alert_sent(store->database, "stale:home", "$1"));

        for (int i = 0; i < 2; i++)
                assert_ok(alert_end(store->database, "stale:home", "home is back"));
        assert_int_equal(count(store, "%home is back%"), 1);
        assert_int_equal(count(store, "%home is back%m.replace%") + count(store, "%m.replace%home is back%"),
                         1);
        assert_ok(alert_end(store->database, "stale:work", "work is back")); /* it was not sent yet */
        assert_int_equal(count(store, "%m.replace%"), 1);
        assert_ok(alert_end(store->database, "stale:other", "other is back"));
        assert_int_equal(count(store, "%other%"), 0);

        assert_ok(alert_raise(store->database, "stale:home", "home is stale")); /* again */
        assert_int_equal(count(store, "%home is stale%"), 2);
}

/* Nothing that is over is kept for ever, and what is not, is. */
static void test_retention(void **state)
{
        TestStore *store = *state;
        char key[32];

        test_store_add_approvals(store);
        assert_ok(alert_raise(store->database, "stale:home", "home is stale"));
        assert_ok(database_run(store->database, "BEGIN"));
        for (int i = 0; i < 3000; i++) {
                (void) snprintf(key, sizeof key, "drift:home:%d", i / 2);
                assert_ok(alert_announce(store->database, key, "home has drifted"));
                (void) snprintf(key, sizeof key, "ledger:%d", i);
                assert_ok(alert_raise(store->database, key, "x"));
                assert_ok(alert_end(store->database, key, "y"));
        }
        assert_ok(database_run(store->database, "COMMIT"));
        assert_int_equal(count(store, "%home has drifted%"), 1500);
        assert_int_equal(
                assert_ok(query_exists(store->database, "SELECT 1 FROM alert LIMIT 1 OFFSET 1001", "")), 0);
        assert_ok(alert_announce(store->database, "drift:home:1499", "again"));
        assert_ok(alert_raise(store->database, "stale:home", "again"));
        assert_int_equal(count(store, "%again%"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_life, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_retention, test_store_up, test_store_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
