/* SPDX-License-Identifier: MIT */
/* A session against a homeserver over HTTP. */

#include "chat.h"

#include <stdio.h>

#include "basic/time.h"
#include "e2ee/identity.h"
#include "homeserver-http.h"
#include "matrix/outbox.h"
#include "matrix/schema.h"
#include "store/query.h"
#include "test.h"

/* ---- the server's side */

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
        cJSON *response = homeserver_http_receive(chat->bot, target, body);

        if (!response)
                fail_msg("a request for %s", target);
        return response;
}

/* The token of where the omitted events end. */
static void cut_timeline(Chat *chat, cJSON *timeline, const char *since)
{
        cJSON *events = tree_member(timeline, "events");
        char token[16];

        assert_ok(object_put(chat->omitted_from, since,
                             cJSON_CreateNumber(cJSON_GetArraySize(chat->omitted))));
        while (cJSON_GetArraySize(events) > chat->timeline_max)
                assert_true(cJSON_AddItemToArray(chat->omitted, cJSON_DetachItemFromArray(events, 0)));
        (void) snprintf(token, sizeof token, "p%d", cJSON_GetArraySize(chat->omitted));
        assert_ok(object_put_string(timeline, "prev_batch", token));
        assert_ok(object_put(timeline, "limited", cJSON_CreateTrue()));
}

/* All that there is. */
static Answer answer_anew(Chat *chat)
{
        _cleanup_(json_freep) cJSON *response = NULL;
        cJSON *state = cJSON_CreateArray(), *event;
        char token[24];

        cJSON_ArrayForEach(event, tree_member(tree_member(chat->server->rooms, ROOM), "state"))
                assert_true(cJSON_AddItemToArray(state, cJSON_Duplicate(event, true)));
        (void) snprintf(token, sizeof token, "%ld", (long) chat->bot->token);
        assert_ok(json_pack(&response,
                            "{next_batch:s,rooms:{join:{*:{state:{events:o},timeline:{events:o}}}}}", token,
                            ROOM, state, TAKE_PTR(chat->written)));
        return homeserver_http_answer(response);
}

static Answer answer_sync(Chat *chat, const char *target)
{
        if (chat->written && !strstr(target, "since="))
                return answer_anew(chat);

        cJSON *response = homeserver_http_sync(chat->bot, target), *room;
        const char *since = strstr(target, "since=");

        if (!response)
                return (Answer){ .how = ANSWER_LATER };
        chat->n_syncs++;
        if (chat->invited)
                assert_ok(object_put(tree_enter(response, "rooms"), "invite",
                                     tree_parse(TAKE_PTR(chat->invited))));
        cJSON_ArrayForEach(room, tree_member(tree_member(response, "rooms"), "join")) {
                cJSON *timeline = tree_member(room, "timeline");
                int n = cJSON_GetArraySize(tree_member(timeline, "events"));

                if (TAKE(chat->limited, false))
                        assert_ok(object_put(timeline, "limited", cJSON_CreateTrue()));
                if (since && chat->timeline_max > 0 && n > chat->timeline_max)
                        cut_timeline(chat, timeline, since + strlen("since="));
        }
        return homeserver_http_answer(response);
}

/* What the bot has sent: the server knows it, though not its transaction ids. */
static Answer answer_sent(Chat *chat)
{
        _cleanup_(json_freep) cJSON *response = cJSON_CreateObject();
        cJSON *chunk = tree_array(response, "chunk"), *event, *body;

        cJSON_ArrayForEach(body, chat->sent) {
                assert_ok(json_pack(&event, "{event_id:s,content:o}",
                                    object_string(chat->server->seen, body->string),
                                    tree_parse(body->valuestring)));
                assert_true(cJSON_AddItemToArray(chunk, event));
        }
        return homeserver_http_answer(response);
}

/* Backwards from one token to the other. */
static Answer answer_messages(Chat *chat, const char *target)
{
        _cleanup_(json_freep) cJSON *response = cJSON_CreateObject();
        cJSON *chunk = tree_array(response, "chunk");
        char since[24], token[16];
        int from, limit;

        assert_int_equal(sscanf(target,
                                "/rooms/%%21r%%3Ax/messages?dir=b&limit=%d&from=p%d&to=%23[^&]&"
                                "filter=%%7B%%22not_senders%%22%%3A%%5B%%22%%40bot%%3Ax",
                                &limit, &from, since),
                         3);
        if (++chat->n_pages == chat->refuse_page)
                return (Answer){ ANSWER, 403, NULL, strdup("{\"errcode\":\"M_FORBIDDEN\"}") };
        int64_t to = -1;
        assert_true(object_integer(chat->omitted_from, since, 0, INT64_MAX, &to));
        for (; from > to && limit > 0; limit--)
                assert_true(cJSON_AddItemToArray(
                        chunk, cJSON_Duplicate(cJSON_GetArrayItem(chat->omitted, --from), true)));
        (void) snprintf(token, sizeof token, "p%d", from);
        if (cJSON_GetArraySize(chunk) > 0)
                assert_ok(object_put_string(response, "end", token));
        return homeserver_http_answer(response);
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

static Answer answer_pins(Chat *chat, const char *text)
{
        _cleanup_(json_freep) cJSON *body = *text == '\0' ? NULL : tree_parse(text);
        _cleanup_(json_freep) cJSON *response = homeserver_http_pins(chat->server, ROOM, body);

        chat->n_pins += body != NULL;
        if (body && chat->lose_pins) {
                chat->lose_pins--;
                return (Answer){ .how = ANSWER_DROP };
        }
        return homeserver_http_answer(response);
}

static Answer answer_create(Chat *chat)
{
        chat->n_rooms++;
        return chat->limit_rooms
                       ? (Answer){ ANSWER, 429, NULL,
                                   strdup("{\"errcode\":\"M_LIMIT_EXCEEDED\",\"retry_after_ms\":600000}") }
                       : (Answer){ ANSWER, 200, NULL, strdup("{\"room_id\":\"!new:x\"}") };
}

/* The use of new tokens ends those before. */
static void use_token(Chat *chat, unsigned n)
{
        if (chat->offered == 0 || n != chat->offered)
                return;
        chat->token = TAKE(chat->offered, 0);
        chat->expired = false;
}

static Answer answer_refresh(Chat *chat, const char *body)
{
        unsigned n = 0;
        char text[128];

        chat->n_refreshes++;
        assert_int_equal(sscanf(body, "{\"refresh_token\":\"ref_%u", &n), 1);
        use_token(chat, n);
        if (chat->refuse_refresh || n != chat->token)
                return (Answer){ ANSWER, 401, NULL, strdup("{\"errcode\":\"M_UNKNOWN_TOKEN\"}") };
        chat->offered = n + 1;
        (void) snprintf(text, sizeof text,
                        "{\"access_token\":\"syt_%u\",\"refresh_token\":\"ref_%u\","
                        "\"expires_in_ms\":300000}",
                        chat->offered, chat->offered);
        return chat->lose_every > 0 && chat->n_refreshes % chat->lose_every != 0
                       ? (Answer){ .how = ANSWER_DROP }
                       : (Answer){ ANSWER, 200, NULL, strdup(text) };
}

static bool is_authorized(Chat *chat, const ServerRequest *request)
{
        const char *token = strstr(request->head, "Authorization: Bearer syt_");
        unsigned n = 0;

        assert_non_null(token);
        if (chat->token == 0)
                return true;
        assert_int_equal(sscanf(token, "Authorization: Bearer syt_%u", &n), 1);
        use_token(chat, n);
        return n == chat->token && !chat->expired && !chat->refuse_all;
}

/* User-interactive authentication. */
static bool refuse_keys(Chat *chat, const char *text, Answer *ret_answer)
{
        _cleanup_(json_freep) cJSON *body = tree_parse(text), *response = NULL;
        const cJSON *auth = object_object(body, "auth");

        if (!chat->password || (object_has(auth, "password", chat->password) &&
                                object_has(auth, "session", "s1") && object_has(auth, "type", chat->stage) &&
                                object_has(object_object(auth, "identifier"), "user", BOT)))
                return false;
        assert_ok(json_pack(&response, "{session:s,flows:[{stages:[s]}],params:{},errcode:s}", "s1",
                            chat->stage, auth ? "M_FORBIDDEN" : NULL));
        *ret_answer = homeserver_http_answer(response);
        ret_answer->status = 401;
        return true;
}

static Answer break_answer(Chat *chat)
{
        Answer answer = chat->breaks;

        chat->n_broken--;
        answer.body = strdup(strempty(answer.body));
        assert_non_null(answer.body);
        return answer;
}

static Answer on_request(const ServerRequest *request, void *userdata)
{
        const char *target = request->target + strlen("/_matrix/client/v3");
        _cleanup_(json_freep) cJSON *response = NULL;
        Chat *chat = userdata;
        Answer refusal;

        assert_true(startswith(request->target, "/_matrix/client/v3/"));
        if (streq(target, "/refresh"))
                return answer_refresh(chat, request->body);
        if (chat->logged_out)
                return (Answer){ ANSWER, 401, NULL,
                                 strdup("{\"errcode\":\"M_UNKNOWN_TOKEN\",\"soft_logout\":false}") };
        if (!is_authorized(chat, request))
                return (Answer){ ANSWER, 401, NULL,
                                 strdup("{\"errcode\":\"M_UNKNOWN_TOKEN\",\"soft_logout\":true}") };
        if (chat->n_broken > 0 && strstr(target, chat->broken))
                return break_answer(chat);
        if (startswith(target, "/sync"))
                return answer_sync(chat, target);
        if (startswith(target, "/keys/device_signing/") && refuse_keys(chat, request->body, &refusal))
                return refusal;
        if (startswith(target, "/createRoom"))
                return answer_create(chat);
        if (strstr(target, "/messages?") && strstr(target, "%7B%22senders%22"))
                return answer_sent(chat);
        if (strstr(target, "/messages?"))
                return answer_messages(chat, target);
        if (strstr(target, "/state/m.room.pinned_events"))
                return answer_pins(chat, request->body);
        if (strstr(target, "/event/"))
                return chat->written ? (Answer){ ANSWER, 404, NULL, strdup("{\"errcode\":\"M_NOT_FOUND\"}") }
                                     : (Answer){ ANSWER, 200, NULL, strdup("{}") };
        response = receive_clear(chat, target);
        if (!response)
                response = startswith(target, "/rooms/%21r%3Ax/send/m.room.encrypted/")
                                   ? receive_event(chat, target, request->body)
                                   : receive_request(chat, target, request->body);
        if (chat->lose_every > 0 && ++chat->n_requests % chat->lose_every == 0)
                return (Answer){ .how = ANSWER_DROP };
        return homeserver_http_answer(response);
}

/* ---- the session's side */

void chat_start(Chat *chat)
{
        assert_ok(matrix_database_open(chat->path, &chat->database));
        /* The power cuts here are of processes; disks are tested elsewhere. */
        assert_ok(database_run(chat->database, "PRAGMA synchronous=OFF"));
        assert_int_equal(assert_ok(matrix_login_read(chat->database, chat->seal, &chat->login)), 1);
        assert_ok(session_new(&(SessionOptions){ .event = chat->event,
                                                 .http = chat->http,
                                                 .database = chat->database,
                                                 .login = &chat->login,
                                                 .pickle_key = chat->seal,
                                                 .retry_min_usec = 1 },
                              &chat->session));
}

void chat_stop(Chat *chat)
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
        assert_ok(matrix_login_set_tokens(chat->database, chat->seal,
                                          &(MatrixTokens){ .access = bytes_of_string("syt_secret") }));
        assert_ok(query_run(chat->database, "INSERT INTO person(device, user_id) VALUES ('home', '" ANA "')",
                            ""));
        assert_ok(transaction_commit(&transaction));
        chat->database = database_close(chat->database);
}

int chat_up(void **state)
{
        Chat *chat = calloc(1, sizeof *chat);

        assert_non_null(chat);
        assert_ok(sd_event_new(&chat->event));
        assert_ok(http_client_new(chat->event, &chat->http));
        server_init(&chat->web, chat->event, on_request, chat);
        assert_ok(secret_new_random(32, &chat->seal));
        chat->sent = cJSON_CreateObject();
        chat->omitted = cJSON_CreateArray();
        chat->omitted_from = cJSON_CreateObject();
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
        chat_start(chat);
        *state = chat;
        return 0;
}

int chat_down(void **state)
{
        Chat *chat = *state;

        chat_stop(chat);
        http_client_freep(&chat->http);
        server_done(&chat->web);
        homeserver_free(chat->server);
        secret_free(chat->seal);
        cJSON_Delete(chat->sent);
        cJSON_Delete(chat->omitted);
        cJSON_Delete(chat->omitted_from);
        cJSON_Delete(chat->written);
        sd_event_unref(chat->event);
        free(chat);
        return 0;
}

void chat_use_tokens(Chat *chat, int64_t refresh_ms)
{
        const MatrixTokens tokens = { bytes_of_string("syt_1"),
                                      refresh_ms > 0 ? bytes_of_string("ref_1") : BYTES_NULL, refresh_ms };

        assert_ok(matrix_login_set_tokens(chat->database, chat->seal, &tokens));
        chat_stop(chat);
        chat->token = 1;
        chat_start(chat);
}

int64_t chat_count(Chat *chat, const char *sql)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        assert_ok(query(chat->database, &rows, sql, ""));
        assert_int_equal(assert_ok(statement_step(rows)), 1);
        return statement_integer(rows, 0);
}

void chat_say(Chat *chat, const char *text)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        cJSON *content = NULL;

        assert_ok(transaction_begin(chat->database, &transaction));
        assert_ok(json_pack(&content, "{msgtype:s,body:s}", "m.notice", text));
        assert_ok(outbox_add_take(chat->database, ROOM, "m.room.message", content));
        assert_ok(transaction_commit(&transaction));
        session_send(chat->session);
}

char *chat_meet(Chat *chat)
{
        char *master = NULL;

        CHAT_UNTIL(chat, peer_count(chat->ana, "SELECT count(*) FROM device WHERE user_id = '" BOT
                                               "' AND signed") == 1);
        CHAT_UNTIL(chat, assert_ok(e2ee_identity(session_e2ee(chat->session), ANA, &master)) == 1);
        return master;
}

void chat_pin(Chat *chat)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        _cleanup_(freep) char *master = chat_meet(chat);

        assert_ok(transaction_begin(chat->database, &transaction));
        assert_ok(e2ee_pin_identity(session_e2ee(chat->session), ANA, master));
        assert_ok(transaction_commit(&transaction));
}

void chat_restore_server(Chat *chat, const char *text)
{
        peer_say(chat->ana, ROOM, text);
        settle(chat->server);
        chat->written = cJSON_DetachItemFromObject(tree_member(tree_member(chat->bot->queue, "rooms"), ROOM),
                                                   "events");
        assert_non_null(chat->written);
        cJSON_DeleteItemFromObject(chat->bot->queue, "rooms");
        chat->broken = "/sync";
        chat->breaks = (Answer){ .how = ANSWER_DROP };
        chat->n_broken = 1;
}

void chat_add_approvals(Chat *chat)
{
        assert_ok(query_run(chat->database,
                            "INSERT INTO chat_room(kind, name, alias, room_id)"
                            " VALUES (1, '', 'operator-approvals', '" ROOM "')",
                            ""));
        assert_ok(query_run(chat->database,
                            "INSERT INTO chat_member(room, user_id, state) VALUES (1, '" ANA "', 1)", ""));
}
