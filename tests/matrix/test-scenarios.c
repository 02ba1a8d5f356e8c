/* SPDX-License-Identifier: MIT */
/* Scenarios of other implementations' tests, with a homeserver that fails: tests/matrix/scenarios has the
 * whole list. */

#include <stdio.h>

#include "chat.h"
#include "test.h"

static const Answer unreachable = { .how = ANSWER_DROP },
                    bad_gateway = { ANSWER, 502, NULL, (char *) "<html>Bad Gateway</html>" },
                    too_many = { ANSWER, 429, NULL, (char *) "{\"retry_after_ms\":0}" };

/* The first requests of each kind fail, in turn in each way. */
static void test_failed_key_requests_retried(void **state)
{
        static const struct {
                const char *target;
                bool to_ana; /* it is sent once she may read */
        } rows[] = {
                { "/keys/upload", false },
                { "/keys/query", false },
                { "/keys/device_signing/upload", false },
                { "/keys/signatures/upload", false },
                { "/keys/claim", true },
                { "/sendToDevice/", true },
        };
        static const Answer *const ways[] = { &unreachable, &bad_gateway, &too_many };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                void *own = NULL;

                (void) chat_up(&own);
                Chat *chat = own;
                if (rows[i].to_ana)
                        chat_pin(chat);
                chat->broken = rows[i].target;
                chat_say(chat, "hello");
                for (size_t way = 0; way < ELEMENTSOF(ways); way++) {
                        chat->breaks = *ways[way];
                        chat->n_broken = 1;
                        CHAT_UNTIL(chat, chat->n_broken == 0);
                }
                if (!rows[i].to_ana)
                        chat_pin(chat);
                CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, "hello") == 1);
                assert_int_equal(peer_trust_of_message(chat->ana, "hello"), DEVICE_TRUST_SIGNED);
                (void) chat_down(&own);
        }
}

/* What was said while the homeserver was away, or limited us, is heard once each, in its order. */
static void test_outage_then_500_queued(void **state)
{
        static const struct {
                const Answer *how;
                const char *requests;
                unsigned n_broken, n_messages;
        } rows[] = {
                { &unreachable, "/", 12, 500 },
                { &too_many, "/rooms/", 12, 100 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                void *own = NULL;
                char text[16];

                (void) chat_up(&own);
                Chat *chat = own;
                chat_pin(chat);
                chat->breaks = *rows[i].how;
                chat->broken = rows[i].requests;
                chat->n_broken = rows[i].n_broken;
                for (unsigned k = 0; k < rows[i].n_messages; k++) {
                        (void) snprintf(text, sizeof text, "%u", k);
                        chat_say(chat, text);
                }
                CHAT_UNTIL(chat, chat->n_broken == 0);
                CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, text) == 1);
                assert_int_equal(peer_count(chat->ana, "SELECT count(*) FROM heard"), rows[i].n_messages);
                assert_int_equal(peer_count(chat->ana, "SELECT count(*) FROM heard AS a JOIN heard AS b"
                                                       " ON b.rowid = a.rowid + 1"
                                                       " AND CAST(b.body AS INTEGER)"
                                                       " <> CAST(a.body AS INTEGER) + 1"),
                                 0);
                (void) chat_down(&own);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_failed_key_requests_retried),
                cmocka_unit_test(test_outage_then_500_queued),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
