/* SPDX-License-Identifier: MIT */
/* Commands, and the restarts of the process in between. */

#include "matrix/command-journal.h"

#include "matrix/room-queue.h"
#include "store.h"
#include "store/query.h"
#include "test.h"

static void add(TestStore *store, const char *event_id, int64_t received_ms)
{
        const ReceivedCommand command = { event_id, "!home", "@ana:x", "!exec ls", NULL, received_ms };

        assert_ok(command_journal_add(store->database, &command));
}

/* "": none */
static void expect_next(TestStore *store, const char *event_id, const char *device)
{
        _cleanup_(journal_command_done) JournalCommand command = JOURNAL_COMMAND_NULL;

        assert_int_equal(assert_ok(command_journal_next(store->database, &command)), *event_id != '\0');
        assert_string_equal(strempty(command.event_id), event_id);
        assert_string_equal(strempty(command.device), device);
}

static void expect_outbox(TestStore *store, int64_t wanted)
{
        int64_t n = -1;

        assert_ok(query_integer(store->database, &n, "SELECT count(*) FROM outbox", ""));
        assert_int_equal(n, wanted);
}

static void test_life(void **state)
{
        static const Answer answer = { .line = "done" };
        TestStore *store = *state;

        add(store, "$2", 2);
        add(store, "$1", 1);
        add(store, "$1", 3); /* received again */
        expect_next(store, "$1", "");
        assert_ok(room_queue_want(store->database, ROOM_DEVICE, "home"));
        assert_ok(query_run(store->database, "UPDATE chat_room SET room_id = '!home'", ""));
        expect_next(store, "$1", "home");

        assert_ok(command_journal_submit(store->database, "$1"));
        expect_next(store, "$2", "home");
        assert_ok(command_journal_answer(store->database, "$2", &answer));
        expect_next(store, "", "");
        assert_ok(command_journal_answer(store->database, "$1", &answer));
        assert_ok(command_journal_answer(store->database, "$1", &answer)); /* only the first counts */
        expect_outbox(store, 2);
        add(store, "$1", 4); /* and again, much later */
        expect_next(store, "", "");
}

static int count(void *userdata, const char *line)
{
        ++*(int *) userdata;
        return 0;
}

static void test_lines_before(void **state)
{
        static const struct {
                const char *event_id, *room_id, *sender;
                int64_t received_ms, answered_ms; /* answered_ms 0: it is not */
        } rows[] = {
                { "$old", "!home", "@ana:x", 1, 2 },         { "$room", "!other", "@ana:x", 950, 950 },
                { "$sender", "!home", "@ben:x", 950, 950 },  { "$before", "!home", "@ana:x", 850, 900 },
                { "$queued", "!home", "@ana:x", 950, 1000 }, { "$open", "!home", "@ana:x", 950, 0 },
                { "$it", "!home", "@ana:x", 1000, 0 },       { "$after", "!home", "@ana:x", 1000, 1001 },
        };
        TestStore *store = *state;
        int n = 0;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_ok(command_journal_add(store->database,
                                              &(ReceivedCommand){ rows[i].event_id, rows[i].room_id,
                                                                  rows[i].sender, "!revoke home", NULL,
                                                                  rows[i].received_ms }));
                assert_ok(query_run(store->database,
                                    "UPDATE command SET answered_ms = nullif(?, 0) WHERE event_id = ?", "it",
                                    rows[i].answered_ms, rows[i].event_id));
        }
        assert_ok(command_journal_each_before(store->database, "$it", 900, count, &n));
        assert_int_equal(n, 1);
        assert_ok(command_journal_each_before(store->database, "$it", 901, count, &n));
        assert_int_equal(n, 1);
}

/* What a process that is gone had submitted is answered, and not submitted again; what it had begun, is. */
static void test_interrupt(void **state)
{
        TestStore *store = *state;

        add(store, "$1", 1);
        add(store, "$2", 2);
        add(store, "$0", 0);
        assert_ok(command_journal_submit(store->database, "$1"));
        assert_ok(command_journal_begin(store->database, "$0"));
        expect_next(store, "$2", "");
        assert_ok(command_journal_recover(store->database));
        expect_outbox(store, 1);
        expect_next(store, "$0", ""); /* once more */
        assert_ok(command_journal_answer(store->database, "$0", &(Answer){ .line = "done" }));
        assert_ok(query_run(store->database, "DELETE FROM outbox WHERE owner_id = '$0'", ""));
        expect_next(store, "$2", "");
        assert_ok(command_journal_recover(store->database));
        expect_outbox(store, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_life, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_lines_before, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_interrupt, test_store_up, test_store_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
