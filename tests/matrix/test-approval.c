/* SPDX-License-Identifier: MIT */
/* Requests that wait, and what people do with them. */

#include "matrix/approval.h"

#include "e2ee/json.h"
#include "matrix/outbox.h"
#include "matrix/room-queue.h"
#include "store.h"
#include "store/query.h"
#include "test.h"

#define REQUEST "01JDQ0000000000000007KQ2PD"
#define ANOTHER "01JDQ0000000000000007KQ2PE"

#define THUMB_UP   "\xf0\x9f\x91\x8d"
#define THUMB_DOWN "\xf0\x9f\x91\x8e"

static int64_t count(TestStore *store, const char *sql)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        assert_ok(query(store->database, &rows, sql, ""));
        assert_int_equal(assert_ok(statement_step(rows)), 1);
        return statement_integer(rows, 0);
}

/* Announced in a room that exists, and on its way. */
static void begin_announcement(TestStore *store, ApprovalTier tier)
{
        assert_ok(room_queue_want(store->database, ROOM_APPROVALS, ""));
        for (int i = 0; i < 2; i++) { /* there is no room yet, and no reader */
                assert_err(approval_add(store->database, REQUEST, tier, &(Answer){ .line = "home: rm" }), 1);
                assert_ok(database_run(store->database, "UPDATE chat_room SET room_id = '!approvals'"));
        }
        test_store_add_approvals(store);
        for (int i = 0; i < 2; i++)
                assert_err(approval_add(store->database, REQUEST, tier, &(Answer){ .line = "home: rm" }), 0);
        assert_int_equal(count(store, "SELECT count(*) FROM outbox WHERE owner_id = '" REQUEST "'"), 1);
        assert_int_equal(count(store, "SELECT content ->> '$.body' = 'home: rm' FROM outbox"), 1);
        assert_ok(query_run(store->database, "DELETE FROM outbox", ""));
}

static void announce(TestStore *store)
{
        begin_announcement(store, APPROVAL_REACTION);
        assert_ok(approval_sent(store->database, REQUEST, "$message"));
        assert_int_equal(count(store, "SELECT count(*) FROM outbox WHERE type = 'm.reaction'"), 2);
}

static void react_in(TestStore *store, const char *room_id, const char *event_id, const char *target,
                     const char *key)
{
        assert_ok(approval_react(store->database, &(Reaction){ room_id, event_id, "@ben:x", target, key }));
}

static void react(TestStore *store, const char *event_id, const char *target, const char *key)
{
        react_in(store, "!approvals", event_id, target, key);
}

/* The homeserver is asked for each reaction, and answers with this. */
static unsigned answer_checks(TestStore *store, unsigned status, const char *text)
{
        _cleanup_(json_freep) cJSON *body = cJSON_Parse(text);
        const MatrixReply reply = { .status = status, .body = body };
        unsigned n = 0;

        for (;; n++) {
                _cleanup_(freep) char *target = NULL;
                int64_t id;

                if (assert_ok(approval_next_check(store->database, &id, &target)) == 0)
                        return n;
                assert_non_null(strstr(target, "/rooms/%21approvals/event/%24"));
                assert_ok(approval_checked(store->database, id, &reply));
        }
}

static unsigned check(TestStore *store)
{
        return answer_checks(store, 200, "{\"content\":{\"m.relates_to\":{\"key\":\"👍\"}}}");
}

/* The dispatcher accepts what comes next. */
static void accept(TestStore *store, const char *reaction_id, bool withdraw)
{
        _cleanup_(decision_done) Decision decision = DECISION_NULL;

        (void) check(store);
        assert_int_equal(assert_ok(approval_next_decision(store->database, &decision)), 1);
        assert_string_equal(decision.reaction_id, reaction_id);
        assert_int_equal(decision.withdraw, withdraw);
        assert_ok(approval_decided(store->database, &decision, true));
}

/* NULL: none */
static void expect_decision(TestStore *store, const char *reaction_id, bool approve)
{
        _cleanup_(decision_done) Decision decision = DECISION_NULL;

        (void) check(store);
        assert_int_equal(assert_ok(approval_next_decision(store->database, &decision)), reaction_id != NULL);
        if (!reaction_id)
                return;
        assert_string_equal(decision.reaction_id, reaction_id);
        assert_string_equal(decision.request_id, REQUEST);
        assert_string_equal(decision.user_id, "@ben:x");
        assert_string_equal(decision.message_id, "$message");
        assert_int_equal(decision.approve, approve);
}

static void test_keys(void **state)
{
        static const struct {
                const char *key;
                int decision; /* 1 approved, 0 denied, -1 none */
        } rows[] = {
                { "\xf0\x9f\x91\x8d", 1 },
                { "\xf0\x9f\x91\x8e", 0 },
                { "\xf0\x9f\x91\x8d\xef\xb8\x8f", 1 },      /* U+FE0F */
                { "\xf0\x9f\x91\x8e\xf0\x9f\x8f\xbd", 0 },  /* a skin tone */
                { "\xf0\x9f\x91\x8d\xf0\x9f\x91\x8e", -1 }, /* both */
                { "\xf0\x9f\x8f\xbd", -1 },                 /* a tone alone */
                { "\xf0\x9f\x8e\x89", -1 },
                { "yes", -1 },
                { "", -1 },
                { "\xf0\x9f\x91", -1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                void *own = NULL;

                (void) test_store_up(&own);
                announce(own);
                react(own, "$reaction", "$message", rows[i].key);
                expect_decision(own, rows[i].decision < 0 ? NULL : "$reaction", rows[i].decision == 1);
                (void) test_store_down(&own);
        }
}

/* The answer to the message was lost, or we were killed before it: people see it and react meanwhile. */
static void test_early_reactions(void **state)
{
        TestStore *store = *state;

        begin_announcement(store, APPROVAL_REACTION);
        react(store, "$1", "$another", "\xf0\x9f\x91\x8d");
        react_in(store, "!home", "$2", "$message", "\xf0\x9f\x91\x8d"); /* from another room */
        react(store, "$3", "$message", "\xf0\x9f\x91\x8e");
        assert_ok(approval_unreact(store->database, "$3"));
        for (int i = 0; i < 2; i++)
                react(store, "$4", "$message", "\xf0\x9f\x91\x8d");
        expect_decision(store, NULL, false);

        assert_ok(approval_sent(store->database, REQUEST, "$message"));
        expect_decision(store, "$4", true);
        assert_int_equal(count(store, "SELECT count(*) FROM decision"), 1);
        react(store, "$5", "$another", "\xf0\x9f\x91\x8d");
        assert_int_equal(count(store, "SELECT count(*) FROM early_reaction"), 0);
}

static void test_life(void **state)
{
        TestStore *store = *state;

        announce(store);
        react(store, "$other", "$another", "\xf0\x9f\x91\x8d");
        expect_decision(store, NULL, false);

        react_in(store, "!home", "$other", "$message", "\xf0\x9f\x91\x8d"); /* from another room */
        expect_decision(store, NULL, false);

        react(store, "$2", "$message", "\xf0\x9f\x91\x8d");
        expect_decision(store, "$2", true);
        accept(store, "$2", false);
        expect_decision(store, NULL, false);
        react(store, "$2", "$message", "\xf0\x9f\x91\x8d"); /* received again */
        expect_decision(store, NULL, false);

        react(store, "$3", "$message", "\xf0\x9f\x91\x8e");
        for (int i = 0; i < 2; i++)
                assert_ok(approval_close(store->database, REQUEST, "done"));
        assert_int_equal(count(store,
                               "SELECT count(*) FROM outbox WHERE content LIKE '%m.replace%$message%' OR"
                               " content LIKE '%$message%m.replace%'"),
                         1);
        expect_decision(store, NULL, false);
        react(store, "$4", "$message", "\xf0\x9f\x91\x8d"); /* too late */
        expect_decision(store, NULL, false);
}

static int64_t count_redactions(TestStore *store, const char *event_id)
{
        int64_t n = 0;

        assert_ok(query_integer(
                store->database, &n,
                "SELECT count(*) FROM outbox WHERE type = 'm.room.redaction' AND room_id = '!approvals'"
                " AND target = ?",
                "t", event_id));
        return n;
}

/* Our own reactions are gone with the verdict, one that was on its way then as well. */
static void test_thumbs(void **state)
{
        TestStore *store = *state;

        announce(store);
        assert_int_equal(count(store, "SELECT count(*) FROM outbox WHERE type = 'm.reaction'"
                                      " AND owner_id = '" REQUEST "'"),
                         2);
        assert_ok(approval_thumb_sent(store->database, REQUEST, "$up"));
        assert_int_equal(count_redactions(store, "$up"), 0);
        for (int i = 0; i < 2; i++) {
                assert_ok(approval_close(store->database, REQUEST, "done"));
                assert_int_equal(count_redactions(store, "$up"), 1);
        }
        assert_int_equal(count_redactions(store, "$down"), 0);
        assert_ok(approval_thumb_sent(store->database, REQUEST, "$down"));
        assert_int_equal(count_redactions(store, "$down"), 1);
        assert_ok(approval_thumb_sent(store->database, REQUEST, NULL));
        assert_int_equal(count(store, "SELECT count(*) FROM thumb"), 0);
}

/* The reactions that are on their way. */
static void expect_thumbs(TestStore *store, const char *thumbs)
{
        _cleanup_(freep) char *keys = NULL;

        assert_ok(query_text(store->database, &keys,
                             "SELECT group_concat(content ->> '$.\"m.relates_to\".key', '') FROM"
                             " (SELECT content FROM outbox WHERE type = 'm.reaction' AND"
                             " content ->> '$.\"m.relates_to\".event_id' = '$message' AND"
                             " room_id = '!approvals' AND owner_kind = ? ORDER BY seq)",
                             "i", (int64_t) OUTBOX_THUMB));
        assert_string_equal(strempty(keys), thumbs);
}

/* One tap decides, but never one that would be refused. */
static void test_thumbs_of_tiers(void **state)
{
        static const struct {
                ApprovalTier tier;
                const char *thumbs;
        } rows[] = {
                { APPROVAL_REACTION, THUMB_UP THUMB_DOWN },
                { APPROVAL_MESSAGE, THUMB_DOWN },
                { APPROVAL_SIGNED, THUMB_DOWN },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                void *own = NULL;

                (void) test_store_up(&own);
                begin_announcement(own, rows[i].tier);
                assert_ok(approval_sent(((TestStore *) own)->database, REQUEST, "$message"));
                expect_thumbs(own, rows[i].thumbs);
                (void) test_store_down(&own);
        }
}

/* What was decided before its message was known to be sent gets no reactions to tap. */
static void test_closed_before_it_was_sent(void **state)
{
        TestStore *store = *state;

        begin_announcement(store, APPROVAL_REACTION);
        assert_ok(approval_close(store->database, REQUEST, "done"));
        assert_ok(approval_sent(store->database, REQUEST, "$message"));
        assert_int_equal(count(store, "SELECT count(*) FROM outbox WHERE type = 'm.reaction'"), 0);
}

/* Before it was passed on, while it is, and after. */
static void test_taken_back(void **state)
{
        _cleanup_(decision_done) Decision passed = DECISION_NULL;
        _cleanup_(freep) char *users = NULL;
        TestStore *store = *state;

        announce(store);
        react(store, "$1", "$message", "\xf0\x9f\x91\x8d");
        assert_ok(approval_unreact(store->database, "$1"));
        accept(store, "$1", true);

        react(store, "$2", "$message", "\xf0\x9f\x91\x8d");
        (void) check(store);
        assert_int_equal(assert_ok(approval_next_decision(store->database, &passed)), 1);
        assert_ok(approval_unreact(store->database, "$2"));
        assert_ok(approval_decided(store->database, &passed, true));
        accept(store, "$2", true);

        react(store, "$3", "$message", "\xf0\x9f\x91\x8d");
        accept(store, "$3", false);
        assert_int_equal(assert_ok(approval_deciders(store->database, REQUEST, true, &users)), 1);
        assert_string_equal(users, "@ben:x");
        for (int i = 0; i < 2; i++)
                assert_ok(approval_unreact(store->database, "$3"));
        accept(store, "$3", true);
        expect_decision(store, NULL, false);
        free(TAKE_PTR(users));
        assert_int_equal(assert_ok(approval_deciders(store->database, REQUEST, true, &users)), 0);
}

/* Read again before it counts, and after a restart once more; what is gone by then never counted. */
static void test_read_again(void **state)
{
        static const struct {
                unsigned status;
                const char *body;
        } gone[] = { { 200, "{\"content\":{}}" },
                     { 404, "{\"errcode\":\"M_NOT_FOUND\"}" },
                     { 403, "{\"errcode\":\"M_FORBIDDEN\"}" } };
        _cleanup_(decision_done) Decision decision = DECISION_NULL;
        TestStore *store = *state;
        char id[] = "$0";

        announce(store);
        for (size_t i = 0; i < ELEMENTSOF(gone); i++) {
                id[1]++;
                react(store, id, "$message", "\xf0\x9f\x91\x8d");
                assert_int_equal(answer_checks(store, gone[i].status, gone[i].body), 1);
                assert_ok(approval_unreact(store->database, id)); /* the sync says so as well */
                expect_decision(store, NULL, false);
        }
        react(store, "$4", "$message", "\xf0\x9f\x91\x8d");
        assert_int_equal(assert_ok(approval_next_decision(store->database, &decision)), 0);
        assert_int_equal(check(store), 1);
        assert_ok(approval_recover(store->database));
        assert_int_equal(assert_ok(approval_next_decision(store->database, &decision)), 0);
        accept(store, "$4", false);
        assert_ok(approval_recover(store->database));
        assert_int_equal(check(store), 0);
}

/* !approve, by the end of the id as people type it. */
static void test_written(void **state)
{
        _cleanup_(freep) char *users = NULL, *open = NULL;
        TestStore *store = *state;

        announce(store);
        assert_int_equal(assert_ok(approval_next_open(store->database, "", &open)), 1);
        assert_string_equal(open, REQUEST);
        assert_ok(approval_begin(store->database, "$a", "7kq2pd", "@ana:x", true));
        assert_ok(approval_begin(store->database, "$b", "000000", "@eve:x", true));
        assert_ok(approval_begin(store->database, "$c", "7kq2pd", "@eve:x", true));
        assert_int_equal(assert_ok(approval_deciders(store->database, REQUEST, true, &users)), 0);
        assert_ok(approval_end(store->database, "$a", true));
        assert_ok(approval_end(store->database, "$c", false));
        assert_int_equal(assert_ok(approval_deciders(store->database, REQUEST, true, &users)), 1);
        assert_string_equal(users, "@ana:x");
        expect_decision(store, NULL, false);
        assert_ok(approval_close(store->database, REQUEST, "done"));
        assert_int_equal(assert_ok(approval_is_open(store->database, REQUEST)), 0);
}

/* Redacted while the dispatcher has it: its call ends first. One that a crash cut off can be taken back. */
static void test_written_and_taken_back(void **state)
{
        static const struct {
                bool crash, accepted, withdrawn;
        } rows[] = { { false, true, true }, { false, false, false }, { true, false, true } };
        TestStore *store = *state;
        char id[] = "$0";

        announce(store);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                id[1]++;
                assert_ok(approval_begin(store->database, id, "7kq2pd", "@ana:x", true));
                if (rows[i].crash)
                        assert_ok(approval_recover(store->database));
                assert_ok(approval_unreact(store->database, id));
                if (!rows[i].crash) {
                        expect_decision(store, NULL, false);
                        assert_ok(approval_end(store->database, id, rows[i].accepted));
                }
                if (rows[i].withdrawn)
                        accept(store, id, true);
                expect_decision(store, NULL, false);
        }
}

/* What it asks for is between who asks and how to decide; what is too long is attached as a whole. */
static void test_announcement(void **state)
{
        _cleanup_(freep) char *body = NULL;
        TestStore *store = *state;
        char *text = malloc(20000);

        test_store_add_approvals(store);
        assert_ok(approval_add(store->database, REQUEST, APPROVAL_MESSAGE,
                               &(Answer){ .line = "7KQ2PD: @ana:x asks home for:",
                                          .output = bytes_of_string("shell.exec /usr/bin/rm '<b>'"),
                                          .end = "Write !approve 7KQ2PD" }));
        assert_ok(query_text(store->database, &body, "SELECT content ->> '$.body' FROM outbox", ""));
        assert_string_equal(body, "7KQ2PD: @ana:x asks home for:\nshell.exec /usr/bin/rm '<b>'\n"
                                  "Write !approve 7KQ2PD");
        free(TAKE_PTR(body));
        assert_ok(
                query_text(store->database, &body, "SELECT content ->> '$.formatted_body' FROM outbox", ""));
        assert_string_equal(body, "7KQ2PD: @ana:x asks home for:<pre><code class=\"language-text\">"
                                  "shell.exec /usr/bin/rm '&lt;b&gt;'</code></pre>Write !approve 7KQ2PD");
        assert_int_equal(count(store, "SELECT content ->> '$.msgtype' = 'm.text' FROM outbox"), 1);
        assert_int_equal(count(store, "SELECT count(*) FROM upload"), 0);

        assert_non_null(text);
        memset(text, 'x', 20000);
        assert_ok(approval_add(
                store->database, ANOTHER, APPROVAL_MESSAGE,
                &(Answer){ .line = "home: rm", .output = BYTES(text, 20000), .end = "Write !approve" }));
        free(text);
        assert_int_equal(count(store, "SELECT count(*) FROM outbox WHERE"
                                      " content LIKE '%Do not decide before%in a file. Write !approve%'"),
                         1);
        assert_int_equal(count(store, "SELECT count(*) FROM upload JOIN upload_piece ON upload = id"
                                      " WHERE room_id = '!approvals' AND"
                                      " length(cipher) = 20000 AND content LIKE '%7KQ2PE-request.txt%'"),
                         1);
}

/* What a write would write is beside the announcement, once. */
static void test_content(void **state)
{
        TestStore *store = *state;

        assert_ok(approval_show_content(store->database, REQUEST, bytes_of_string("hello")));
        announce(store);
        assert_int_equal(count(store, "SELECT count(*) FROM upload"), 0);
        for (int i = 0; i < 2; i++)
                assert_ok(approval_show_content(store->database, REQUEST, bytes_of_string("hello")));
        assert_int_equal(count(store, "SELECT count(*) FROM upload JOIN upload_piece ON upload = id"
                                      " WHERE room_id = '!approvals' AND length(cipher) = 5"
                                      " AND content LIKE '%7KQ2PD-content.txt%'"),
                         1);
        assert_int_equal(count(store, "SELECT count(*) FROM upload"), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_keys),
                cmocka_unit_test_setup_teardown(test_early_reactions, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_life, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_thumbs, test_store_up, test_store_down),
                cmocka_unit_test(test_thumbs_of_tiers),
                cmocka_unit_test_setup_teardown(test_closed_before_it_was_sent, test_store_up,
                                                test_store_down),
                cmocka_unit_test_setup_teardown(test_announcement, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_content, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_taken_back, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_read_again, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_written_and_taken_back, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_written, test_store_up, test_store_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
