/* SPDX-License-Identifier: MIT */
/* Verification by emojis, whoever asks. */

#include "matrix/verification.h"

#include <stdio.h>

#include "chat.h"
#include "homeserver-http.h"
#include "store/query.h"
#include "test.h"

/* What the operator sees of the one verification; the emojis in one text. */
typedef struct Shown {
        char id[24], state[16], emojis[512], decimals[32];
} Shown;

static int on_row(const VerificationRow *row, void *userdata)
{
        Shown *shown = userdata;

        (void) snprintf(shown->id, sizeof shown->id, "%s", row->id);
        (void) snprintf(shown->state, sizeof shown->state, "%s", row->state);
        (void) snprintf(shown->decimals, sizeof shown->decimals, "%s", strempty(row->decimals));
        for (size_t i = 0, n = 0; i < row->n_emojis; i++)
                n += (size_t) snprintf(shown->emojis + n, sizeof shown->emojis - n, "%s;", row->emojis[i]);
        return 0;
}

static bool is_shown(Chat *chat, const char *state, Shown *ret_shown)
{
        *ret_shown = (Shown){ .id = "" };
        assert_ok(verification_each(session_e2ee(chat->session), on_row, ret_shown));
        return streq(ret_shown->state, state);
}

static void decide(Chat *chat, int (*decision)(E2ee *e2ee, const char *id), const char *id)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        assert_ok(transaction_begin(chat->database, &transaction));
        assert_ok(decision(session_e2ee(chat->session), id));
        assert_ok(transaction_commit(&transaction));
        session_send(chat->session);
}

/* Of the one flow that Ana has. */
static void ana_decides(Chat *chat, int (*decision)(E2ee *e2ee, const char *txn_id))
{
        _cleanup_(verification_clear) Verification verification = VERIFICATION_NULL;
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        assert_int_equal(assert_ok(e2ee_next_verification(chat->ana->e2ee, NULL, &verification)), 1);
        assert_ok(transaction_begin(chat->ana->database, &transaction));
        assert_ok(decision(chat->ana->e2ee, verification.txn_id));
        assert_ok(transaction_commit(&transaction));
}

/* From the moment when both have the keys. */
static void compare_and_confirm(Chat *chat)
{
        _cleanup_(verification_clear) Verification verification = VERIFICATION_NULL;
        const SasEmoji *emojis[SAS_EMOJIS];
        uint8_t sas[SAS_SIZE];
        char text[512];
        size_t n = 0;
        Shown shown;

        CHAT_UNTIL(chat, is_shown(chat, "keys", &shown) &&
                                 peer_count(chat->ana, "SELECT count(*) FROM verification WHERE state = 5"));
        assert_int_equal(assert_ok(e2ee_next_verification(chat->ana->e2ee, NULL, &verification)), 1);
        assert_ok(e2ee_verification_sas(chat->ana->e2ee, &verification, sas));
        sas_emojis(sas, emojis);
        for (size_t i = 0; i < SAS_EMOJIS; i++)
                n += (size_t) snprintf(text + n, sizeof text - n, "%s %s;", emojis[i]->symbol,
                                       emojis[i]->name);
        assert_string_equal(shown.emojis, text);
        assert_int_equal(strlen(shown.decimals), strlen("1000 1000 1000"));

        decide(chat, verification_confirm, shown.id);
        assert_true(is_shown(chat, "compared", &shown));
        ana_decides(chat, e2ee_verification_confirm);
        CHAT_UNTIL(chat, is_shown(chat, "done", &shown) &&
                                 peer_count(chat->ana, "SELECT count(*) FROM verification WHERE state = 7"));
        assert_err(verification_cancel(session_e2ee(chat->session), shown.id), -EINVAL);
        assert_err(verification_cancel(session_e2ee(chat->session), "77"), -ENOENT);
        assert_err(verification_cancel(session_e2ee(chat->session), "x"), -ENOENT);
}

static void test_verified_by_person(void **state)
{
        static const char *const rooms[] = { ROOM, NULL }; /* NULL: by to-device messages */
        Chat *chat = *state;

        chat_pin(chat);
        for (size_t i = 0; i < ELEMENTSOF(rooms); i++) {
                assert_ok(e2ee_verification_ask(chat->ana->e2ee, BOT, "BOT", rooms[i], NULL));
                compare_and_confirm(chat);
                assert_ok(query_run(chat->database, "DELETE FROM verification", ""));
                assert_ok(query_run(chat->ana->database, "DELETE FROM verification", ""));
        }
        CHAT_UNTIL(chat, chat_count(chat, "SELECT (SELECT count(*) FROM outbox) +"
                                          " (SELECT count(*) FROM e2ee_request)") == 0);
}

/* In a room Element writes nothing of it encrypted. */
static void test_in_clear(void **state)
{
        static const struct {
                const char *event, *shown;
        } rows[] = {
                { "{\"type\":\"m.room.message\",\"sender\":\"@ana:x\",\"event_id\":\"$ask\",\"content\":{"
                  "\"msgtype\":\"m.key.verification.request\",\"to\":\"@bot:x\",\"from_device\":\"PHONE\","
                  "\"methods\":[\"m.sas.v1\"]}}",
                  "ready" },
                { "{\"type\":\"m.key.verification.cancel\",\"sender\":\"@eve:x\",\"content\":{"
                  "\"code\":\"m.user\",\"m.relates_to\":{\"event_id\":\"$ask\"}}}",
                  "ready" },
                { "{\"type\":\"m.key.verification.cancel\",\"sender\":\"@ana:x\",\"content\":{"
                  "\"code\":\"m.user\",\"m.relates_to\":{\"event_id\":\"$ask\"}}}",
                  "cancelled" },
        };
        Chat *chat = *state;
        Shown shown;

        chat_pin(chat);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                (void) room_event(chat->server, ROOM, tree_parse(rows[i].event));
                CHAT_UNTIL(chat,
                           !homeserver_http_has_news(chat->bot) && !LIST_EMPTY(&chat->web.connections));
                CHAT_UNTIL(chat, is_shown(chat, rows[i].shown, &shown));
        }
}

static int start(Chat *chat, const char *user_id, char **ret_id)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        assert_ok(transaction_begin(chat->database, &transaction));
        int r = verification_start(chat->database, session_e2ee(chat->session), user_id, ret_id);
        assert_ok(transaction_commit(&transaction));
        session_send(chat->session);
        return r;
}

/* Answers are lost meanwhile. The id stays, while that of the flow becomes the event's. */
static void test_verified_by_operator(void **state)
{
        _cleanup_(freep) char *id = NULL;
        Chat *chat = *state;
        Shown shown;

        assert_err(start(chat, ANA, &id), -ENOENT); /* named, and not pinned: she could not read it */
        chat_pin(chat);
        assert_err(start(chat, ANA, &id), -EAGAIN);
        chat_add_approvals(chat);
        assert_err(start(chat, "@eve:x", &id), -ENOENT);
        chat->lose_every = 3;
        assert_ok(start(chat, ANA, &id));
        CHAT_UNTIL(chat, peer_count(chat->ana, "SELECT count(*) FROM verification WHERE state = 1"));
        assert_true(is_shown(chat, "requested", &shown));
        assert_string_equal(shown.id, id);
        CHAT_UNTIL(chat, chat_count(chat, "SELECT count(*) FROM outbox") == 0);
        ana_decides(chat, e2ee_verification_accept);
        compare_and_confirm(chat);
        assert_true(is_shown(chat, "done", &shown));
        assert_string_equal(shown.id, id);
}

static void test_verification_cancelled(void **state)
{
        Chat *chat = *state;
        Shown shown;

        chat_pin(chat);
        assert_ok(e2ee_verification_ask(chat->ana->e2ee, BOT, "BOT", ROOM, NULL));
        CHAT_UNTIL(chat, is_shown(chat, "keys", &shown));
        decide(chat, verification_cancel, shown.id);
        CHAT_UNTIL(chat, peer_count(chat->ana, "SELECT count(*) FROM verification WHERE state = 8"
                                               " AND code = 'm.mismatched_sas'"));
        assert_true(is_shown(chat, "cancelled", &shown));

        /* Nobody knows Eve. */
        assert_ok(query_run(chat->database, "DELETE FROM verification", ""));
        homeserver_to_device(chat->server, chat->bot,
                             tree_parse("{\"type\":\"m.key.verification.request\",\"sender\":\"@eve:x\","
                                        "\"content\":{\"transaction_id\":\"t\",\"from_device\":\"EVIL\","
                                        "\"methods\":[\"m.sas.v1\"]}}"));
        chat_say(chat, "next");
        CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, "next") == 1 && !homeserver_http_has_news(chat->bot));
        CHAT_UNTIL(chat, !LIST_EMPTY(&chat->web.connections));
        assert_int_equal(chat_count(chat, "SELECT count(*) FROM verification"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_verified_by_person, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_in_clear, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_verified_by_operator, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_verification_cancelled, chat_up, chat_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
