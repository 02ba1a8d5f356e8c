/* SPDX-License-Identifier: MIT */
/* A session against a homeserver over HTTP, with Ana, a client of the same core, on the other side. The
 * server is that of tests/e2ee; what can go wrong between it and the session does. */

#include "matrix/session.h"

#include <stdio.h>

#include "basic/time.h"
#include "e2ee/identity.h"
#include "homeserver.h"
#include "matrix/outbox.h"
#include "matrix/schema.h"
#include "server.h"
#include "store/query.h"
#include "test.h"

#define BOT  "@bot:x"
#define ANA  "@ana:x"
#define ROOM "!r:x"

typedef struct Chat {
        sd_event *event;
        HttpClient *http;
        Server web;
        Homeserver *server;
        Peer *bot, *ana; /* bot: what the server knows of it; its client is the session */
        char path[96];
        Secret *seal;
        Database *database;
        MatrixLogin login;
        MatrixSession *session;

        unsigned n_requests, lose_every; /* lose_every: the answer to each n-th request is lost */
        bool logged_out, limited;        /* limited: the next timeline has a gap before it */
        unsigned n_sends;                /* PUT /send, repeated ones included */
        cJSON *sent;                     /* {TXN:body} of these */
        unsigned n_receipts, n_reactions, n_redactions;
} Chat;

/* ---- the server's side */

static Answer answer_json(cJSON *tree)
{
        char *text = cJSON_PrintUnformatted(tree);

        assert_non_null(text);
        return (Answer){ ANSWER, tree_member(tree, "error") ? 400 : 200, NULL, text };
}

/* Events of the bot, once for each transaction, and always the same bytes. */
static cJSON *receive_event(Chat *chat, const char *target, const char *body)
{
        const char *txn = strrchr(target, '/') + 1, *before = object_string(chat->sent, txn);

        chat->n_sends++;
        if (before)
                assert_string_equal(before, body);
        else
                assert_ok(object_put_string(chat->sent, txn, body));
        return homeserver_send(chat->bot, ROOM, txn, body);
}

static cJSON *receive_request(Chat *chat, const char *target, const char *body)
{
        static const struct {
                const char *path;
                E2eeRequestKind kind;
        } rows[] = {
                { "/keys/upload", E2EE_KEYS_UPLOAD },
                { "/keys/query", E2EE_KEYS_QUERY },
                { "/keys/claim", E2EE_KEYS_CLAIM },
                { "/keys/device_signing/upload", E2EE_SIGNING_KEYS_UPLOAD },
                { "/keys/signatures/upload", E2EE_SIGNATURES_UPLOAD },
                { "/sendToDevice/", E2EE_TO_DEVICE },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char type[64] = "";

                if (!startswith(target, rows[i].path))
                        continue;
                (void) sscanf(target, "/sendToDevice/%63[^/]", type);
                return homeserver_answer(chat->bot, &(E2eeRequest){ .kind = rows[i].kind,
                                                                    .target = type,
                                                                    .txn_id = strrchr(target, '/') + 1,
                                                                    .body = (char *) body });
        }
        fail_msg("a request for %s", target);
        return NULL;
}

/* Whether a sync would have something. */
static bool has_news(Chat *chat)
{
        const cJSON *queue = chat->bot->queue;

        return tree_member(chat->bot->queue, "rooms") || tree_member(chat->bot->queue, "changed") ||
               cJSON_GetArraySize(object_array(queue, "to_device")) > 0;
}

static Answer answer_sync(Chat *chat, const char *target)
{
        const char *since = strstr(target, "since=");
        char token[24];

        (void) snprintf(token, sizeof token, "%ld", (long) chat->bot->token);
        if (since && streq(since + strlen("since="), token) && !has_news(chat))
                return (Answer){ .how = ANSWER_LATER };
        cJSON *response = (cJSON *) homeserver_sync(chat->bot, since ? since + strlen("since=") : NULL),
              *room;
        cJSON_ArrayForEach(room, tree_member(tree_member(response, "rooms"), "join"))
                if (TAKE(chat->limited, false))
                        assert_ok(object_put(tree_member(room, "timeline"), "limited", cJSON_CreateTrue()));
        return answer_json(response);
}

/* What is in clear. NULL: it is none of these. */
static cJSON *receive_clear(Chat *chat, const char *target)
{
        unsigned *n = strstr(target, "/receipt/m.read/%24") ? &chat->n_receipts
                      : strstr(target, "/send/m.reaction/") ? &chat->n_reactions
                      : strstr(target, "/redact/%24event/") ? &chat->n_redactions
                                                            : NULL;
        cJSON *response = NULL;

        if (!n)
                return NULL;
        ++*n;
        assert_ok(json_pack(&response, "{event_id:s}", "$event"));
        return response;
}

static Answer on_request(const ServerRequest *request, void *userdata)
{
        const char *target = request->target + strlen("/_matrix/client/v3");
        _cleanup_(json_freep) cJSON *response = NULL;
        Chat *chat = userdata;

        assert_true(startswith(request->target, "/_matrix/client/v3/"));
        if (chat->logged_out)
                return (Answer){ ANSWER, 401, NULL, strdup("{\"errcode\":\"M_UNKNOWN_TOKEN\"}") };
        if (startswith(target, "/sync"))
                return answer_sync(chat, target);
        response = receive_clear(chat, target);
        if (!response)
                response = startswith(target, "/rooms/%21r%3Ax/send/m.room.encrypted/")
                                   ? receive_event(chat, target, request->body)
                                   : receive_request(chat, target, request->body);
        if (chat->lose_every > 0 && ++chat->n_requests % chat->lose_every == 0)
                return (Answer){ .how = ANSWER_DROP };
        return answer_json(response);
}

/* ---- the session's side */

static void session_up(Chat *chat)
{
        assert_ok(matrix_database_open(chat->path, &chat->database));
        assert_int_equal(assert_ok(matrix_login_read(chat->database, chat->seal, &chat->login)), 1);
        assert_ok(session_new(&(SessionOptions){ .event = chat->event,
                                                 .http = chat->http,
                                                 .database = chat->database,
                                                 .login = &chat->login,
                                                 .pickle_key = chat->seal,
                                                 .retry_min_usec = 1 },
                              &chat->session));
}

static void session_down(Chat *chat)
{
        chat->session = session_free(chat->session);
        matrix_login_done(&chat->login);
        chat->database = database_close(chat->database);
}

static void log_in(Chat *chat)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        assert_ok(matrix_database_open(chat->path, &chat->database));
        assert_ok(transaction_begin(chat->database, &transaction));
        assert_ok(matrix_login_begin(chat->database, chat->web.url, BOT));
        assert_ok(query_run(chat->database, "UPDATE login SET device_id = 'BOT'", ""));
        assert_ok(matrix_login_set_token(chat->database, chat->seal, "syt_secret"));
        assert_ok(query_run(chat->database, "INSERT INTO person(device, user_id) VALUES ('home', '" ANA "')",
                            ""));
        assert_ok(transaction_commit(&transaction));
        chat->database = database_close(chat->database);
}

static int up(void **state)
{
        Chat *chat = calloc(1, sizeof *chat);

        assert_non_null(chat);
        assert_ok(sd_event_new(&chat->event));
        assert_ok(http_client_new(chat->event, &chat->http));
        server_init(&chat->web, chat->event, on_request, chat);
        assert_ok(secret_new_random(32, &chat->seal));
        chat->sent = cJSON_CreateObject();
        chat->server = homeserver_new(7);
        chat->server->now_ms = (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC);
        room_create(chat->server, ROOM, NULL);
        room_member(chat->server, ROOM, BOT, "join");
        room_member(chat->server, ROOM, ANA, "join");
        chat->bot = peer_new(chat->server, BOT, "BOT");
        chat->bot->offline = true;
        chat->ana = peer_new(chat->server, ANA, "ANA");
        (void) snprintf(chat->path, sizeof chat->path, "%s/matrix.db", chat->server->directory);
        log_in(chat);
        session_up(chat);
        *state = chat;
        return 0;
}

static int down(void **state)
{
        Chat *chat = *state;

        session_down(chat);
        http_client_freep(&chat->http);
        server_done(&chat->web);
        homeserver_free(chat->server);
        secret_free(chat->seal);
        cJSON_Delete(chat->sent);
        sd_event_unref(chat->event);
        free(chat);
        return 0;
}

/* Until the condition holds: Ana and the session take turns. */
#define CHAT_UNTIL(chat, condition)                                                                         \
        for (int _i = 0; !(condition); _i++) {                                                              \
                assert_true(_i < 20000);                                                                    \
                settle((chat)->server);                                                                     \
                server_poke(&(chat)->web);                                                                  \
                assert_ok(sd_event_run((chat)->event, 1000));                                               \
        }

static int64_t count(Chat *chat, const char *sql)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        assert_ok(query(chat->database, &rows, sql, ""));
        assert_int_equal(assert_ok(statement_step(rows)), 1);
        return statement_integer(rows, 0);
}

static void say(Chat *chat, const char *text)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        cJSON *content = NULL;

        assert_ok(transaction_begin(chat->database, &transaction));
        assert_ok(json_pack(&content, "{msgtype:s,body:s}", "m.notice", text));
        assert_ok(outbox_add_take(chat->database, ROOM, "m.room.message", content));
        assert_ok(transaction_commit(&transaction));
        session_send(chat->session);
}

/* Each knows the other's identity. The caller frees the key of Ana's. */
static char *meet(Chat *chat)
{
        char *master = NULL;

        CHAT_UNTIL(chat, peer_count(chat->ana, "SELECT count(*) FROM device WHERE user_id = '" BOT
                                               "' AND signed") == 1);
        CHAT_UNTIL(chat, assert_ok(e2ee_identity(session_e2ee(chat->session), ANA, &master)) == 1);
        return master;
}

/* The operator's manifest does this. */
static void pin(Chat *chat)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        _cleanup_(freep) char *master = meet(chat);

        assert_ok(transaction_begin(chat->database, &transaction));
        assert_ok(e2ee_pin_identity(session_e2ee(chat->session), ANA, master));
        assert_ok(transaction_commit(&transaction));
}

/* ---- tests */

static void test_conversation(void **state)
{
        Chat *chat = *state;

        say(chat, "hello");
        CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, "hello") == 1);
        assert_int_equal(peer_trust_of_message(chat->ana, "hello"), DEVICE_TRUST_SIGNED);
        assert_int_equal(session_state(chat->session), SESSION_SYNCED);

        pin(chat);
        peer_say(chat->ana, ROOM, "!exec ls");
        peer_say(chat->ana, ROOM, "what a day!");
        CHAT_UNTIL(chat, count(chat, "SELECT count(*) FROM command") == 1);
        assert_int_equal(count(chat, "SELECT line = '!exec ls' AND sender = '" ANA "' AND room_id = '" ROOM
                                     "' FROM command"),
                         1);
}

/* A command gets a receipt, and a reaction, which gives way to the next once its id is known. */
static void test_reaction(void **state)
{
        _cleanup_(freep) char *event_id = NULL;
        OutboxItem item = { .room_id = ROOM, .type = "m.reaction", .owner_kind = OUTBOX_STATUS };
        Chat *chat = *state;
        cJSON *content = NULL;

        pin(chat);
        peer_say(chat->ana, ROOM, "!exec ls");
        CHAT_UNTIL(chat, count(chat, "SELECT count(*) FROM command") == 1);
        assert_ok(query_text(chat->database, &event_id, "SELECT event_id FROM command", ""));
        assert_ok(query_run(chat->database, "UPDATE command SET status = 'done', shown = 'runs'", ""));
        assert_ok(json_pack(&content, "{m.relates_to:{}}"));
        item.owner_id = event_id;
        assert_ok(outbox_put_take(chat->database, &item, content));
        CHAT_UNTIL(chat, count(chat, "SELECT count(*) FROM outbox") == 0);
        assert_int_equal(chat->n_receipts, 1);
        assert_true(chat->n_reactions == 2 && chat->n_redactions == 1);
        assert_int_equal(count(chat, "SELECT count(*) FROM command WHERE shown = 'done'"), 1);
}

/* Answers that are lost after they took effect, and a process that is killed at every step: each message is
 * heard once, each command is there once. */
static void test_lost_answers(void **state)
{
        Chat *chat = *state;

        chat->lose_every = 2;
        say(chat, "one");
        say(chat, "two");
        CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, "one") == 1 && peer_heard(chat->ana, BOT, "two") == 1);
        CHAT_UNTIL(chat, count(chat, "SELECT count(*) FROM outbox") == 0);
        assert_int_equal(cJSON_GetArraySize(chat->sent), 2);
        assert_true(chat->n_sends > 2);
        assert_int_equal(chat->ana->n_replays, 0);
}

static void test_crashes(void **state)
{
        Chat *chat = *state;

        pin(chat);
        say(chat, "one");
        peer_say(chat->ana, ROOM, "!status");
        for (int i = 0;
             peer_heard(chat->ana, BOT, "one") == 0 || count(chat, "SELECT count(*) FROM command") == 0;
             i++) {
                assert_true(i < 2000);
                settle(chat->server);
                server_poke(&chat->web);
                for (int j = 0; j < i; j++) /* killed a little later each time */
                        assert_ok(sd_event_run(chat->event, 0));
                session_down(chat);
                session_up(chat);
        }
        CHAT_UNTIL(chat, count(chat, "SELECT count(*) FROM outbox") == 0);
        assert_int_equal(peer_heard(chat->ana, BOT, "one"), 1);
        assert_int_equal(count(chat, "SELECT count(*) FROM command"), 1);
        assert_int_equal(chat->ana->n_replays, 0);
}

/* A person whom no manifest pins. */
static void test_unpinned(void **state)
{
        Chat *chat = *state;

        free(meet(chat));
        peer_say(chat->ana, ROOM, "!exec ls");
        CHAT_UNTIL(chat, peer_count(chat->ana, "SELECT count(*) FROM heard WHERE body LIKE"
                                               " 'Your identity is pinned in no manifest.%'") == 1);
        assert_int_equal(count(chat, "SELECT count(*) FROM command"), 0);
}

/* Events that look like commands, and what they are answered with. */
static void test_no_commands(void **state)
{
        static const struct {
                const char *event, *answer; /* NULL: none */
        } rows[] = {
                { "{\"type\":\"m.room.message\",\"sender\":\"@ana:x\","
                  "\"content\":{\"msgtype\":\"m.text\",\"body\":\"!exec ls\"}}",
                  "Commands are accepted only encrypted." },
                { "{\"type\":\"m.room.message\",\"sender\":\"@bot:x\","
                  "\"content\":{\"msgtype\":\"m.text\",\"body\":\"!exec ls\"}}",
                  NULL },
                { "{\"type\":\"m.room.message\",\"sender\":\"@ana:x\","
                  "\"content\":{\"msgtype\":\"m.notice\",\"body\":\"!exec ls\"}}",
                  NULL },
                { "{\"type\":\"m.room.encrypted\",\"sender\":\"@ana:x\",\"content\":{}}", NULL },
                { "{\"type\":7,\"sender\":[],\"content\":3}", NULL },
        };
        Chat *chat = *state;

        pin(chat);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                unsigned before = (unsigned) cJSON_GetArraySize(chat->sent);

                (void) room_event(chat->server, ROOM, tree_parse(rows[i].event));
                say(chat, "next");
                CHAT_UNTIL(chat, count(chat, "SELECT count(*) FROM outbox") == 0 && !has_news(chat) &&
                                         !LIST_EMPTY(&chat->web.connections));
                assert_int_equal(cJSON_GetArraySize(chat->sent), before + (rows[i].answer ? 2 : 1));
                if (rows[i].answer)
                        CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, rows[i].answer) == 1);
        }
        assert_int_equal(count(chat, "SELECT count(*) FROM command"), 0);
}

/* After an absence: people learn that commands were missed. */
static void test_gap(void **state)
{
        Chat *chat = *state;

        free(meet(chat));
        chat->limited = true; /* as that of a room that is new */
        room_state(chat->server, ROOM, "m.room.create", "", cJSON_CreateObject());
        CHAT_UNTIL(chat, !chat->limited);
        chat->limited = true;
        peer_say(chat->ana, ROOM, "hello");
        CHAT_UNTIL(chat, peer_count(chat->ana, "SELECT count(*) FROM heard WHERE body LIKE"
                                               " 'Too much was written here%'") == 1);
}

/* The approvals are in the room where Eve is, though no manifest names her. */
static void test_stranger(void **state)
{
        static const char command[] = "{\"type\":\"m.room.message\",\"sender\":\"@eve:x\","
                                      "\"content\":{\"msgtype\":\"m.text\",\"body\":\"!exec ls\"}}";
        Chat *chat = *state;

        free(meet(chat));
        assert_ok(query_run(chat->database,
                            "INSERT INTO chat_room(kind, name, alias, room_id)"
                            " VALUES (1, '', 'operator-approvals', '" ROOM "')",
                            ""));
        assert_ok(query_run(chat->database,
                            "INSERT INTO chat_member(room, user_id, state) VALUES (1, '" ANA "', 1)", ""));
        for (unsigned i = 1; i <= 2; i++) {
                room_member(chat->server, ROOM, "@eve:x", "join");
                (void) room_event(chat->server, ROOM, tree_parse(command));
                CHAT_UNTIL(chat,
                           peer_count(chat->ana, "SELECT count(*) FROM heard WHERE body LIKE '@eve:x is in"
                                                 " #operator-approvals, but no manifest names them%'") == i);
                say(chat, "next");
                CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, "next") == i);
                assert_int_equal(cJSON_GetArraySize(chat->sent), 2 * i); /* and nothing to Eve */

                room_member(chat->server, ROOM, "@eve:x", "leave");
                CHAT_UNTIL(chat, count(chat, "SELECT count(*) FROM stranger") == 0);
        }
}

static void test_logged_out(void **state)
{
        Chat *chat = *state;

        CHAT_UNTIL(chat, session_state(chat->session) == SESSION_SYNCED);
        chat->logged_out = true;
        CHAT_UNTIL(chat, session_state(chat->session) == SESSION_ENDED);
        say(chat, "later");
        assert_int_equal(count(chat, "SELECT count(*) FROM outbox"), 1);
}

/* A store is one device's, under one key. */
static void test_login(void **state)
{
        _cleanup_(secret_freep) Secret *other = NULL;
        MatrixLogin login = MATRIX_LOGIN_NULL;
        Chat *chat = *state;

        assert_string_equal(chat->login.user_id, BOT);
        assert_true(secret_equals(chat->login.token, "syt_secret"));
        assert_ok(secret_new_random(32, &other));
        assert_err(matrix_login_read(chat->database, other, &login), -EKEYREJECTED);
        assert_err(matrix_login_begin(chat->database, chat->web.url, "@else:x"), -EXDEV);
        assert_ok(matrix_login_begin(chat->database, "https://new.x", BOT));
        assert_int_equal(count(chat, "SELECT server = 'https://new.x' AND device_id = 'BOT' FROM login"), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_conversation, up, down),
                cmocka_unit_test_setup_teardown(test_reaction, up, down),
                cmocka_unit_test_setup_teardown(test_lost_answers, up, down),
                cmocka_unit_test_setup_teardown(test_crashes, up, down),
                cmocka_unit_test_setup_teardown(test_unpinned, up, down),
                cmocka_unit_test_setup_teardown(test_no_commands, up, down),
                cmocka_unit_test_setup_teardown(test_gap, up, down),
                cmocka_unit_test_setup_teardown(test_stranger, up, down),
                cmocka_unit_test_setup_teardown(test_logged_out, up, down),
                cmocka_unit_test_setup_teardown(test_login, up, down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
