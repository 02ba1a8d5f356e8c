/* SPDX-License-Identifier: MIT */
/* Alerts: once each, and taken back. */

#include "matrix/alert.h"

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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_life, test_store_up, test_store_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
