/* SPDX-License-Identifier: MIT */
#include "chat-world.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "codec/binary-text.h"
#include "e2ee/cross-signing-keys.h"
#include "e2ee/message-check.h"
#include "matrix/homeserver-http.h"
#include "store/query.h"

#define MATRIX "org.devbox.Matrix1"

/* ---- the homeserver */

/* "%21dev-a%3Ax/…" up to the slash. */
static void decode_segment(const char *target, char *ret_text, size_t size)
{
        size_t n = 0;

        for (; *target && *target != '/' && *target != '?' && n + 1 < size; target++) {
                unsigned byte;

                if (*target == '%' && sscanf(target + 1, "%2x", &byte) == 1) {
                        ret_text[n++] = (char) byte;
                        target += 2;
                } else
                        ret_text[n++] = *target;
        }
        ret_text[n] = '\0';
}

static cJSON *create_room(ChatWorld *world, const cJSON *body)
{
        cJSON *response = NULL;
        char room_id[96];

        (void) snprintf(room_id, sizeof room_id, "!%s:x", object_string(body, "room_alias_name"));
        if (!streq(room_id, "!devbox:x"))
                room_create(world->server, room_id, NULL);
        room_member(world->server, room_id, BOT, "join");
        assert_ok(json_pack(&response, "{room_id:s}", room_id));
        return response;
}

/* An event in clear, once for each transaction. */
static cJSON *receive_clear(ChatWorld *world, const char *room_id, const char *type, const char *txn,
                            cJSON *content)
{
        const char *before = object_string(world->sent, txn);
        cJSON *event = NULL, *response = NULL;

        if (!before) {
                assert_ok(json_pack(&event, "{type:s,sender:s,content:c}", type, BOT, content));
                assert_ok(object_put_string(world->sent, txn, room_event(world->server, room_id, event)));
                if (streq(type, "m.reaction"))
                        assert_ok(object_put(world->reactions, object_string(world->sent, txn),
                                             cJSON_Duplicate(content, true)));
        }
        assert_ok(json_pack(&response, "{event_id:s}", object_string(world->sent, txn)));
        return response;
}

/* What was redacted has no content. */
static cJSON *read_event(const ChatWorld *world, const char *segment)
{
        cJSON *event = NULL;
        char id[64];

        decode_segment(segment, id, sizeof id);
        const cJSON *content = object_object(world->reactions, id);
        assert_ok(content ? json_pack(&event, "{content:c}", content) : json_pack(&event, "{content:{}}"));
        return event;
}

static cJSON *receive_in_room(ChatWorld *world, const char *target, const char *text, cJSON *body)
{
        const char *step = strchr(target, '/') + 1, *txn = strrchr(target, '/') + 1;
        char room_id[128], type[64];

        decode_segment(target, room_id, sizeof room_id);
        if (startswith(step, "send/m.room.encrypted/"))
                return homeserver_send(world->bot, room_id, txn, text);
        if (startswith(step, "send/")) {
                decode_segment(step + strlen("send/"), type, sizeof type);
                return receive_clear(world, room_id, type, txn, body);
        }
        if (startswith(step, "event/"))
                return read_event(world, txn);
        world->n_receipts += startswith(step, "receipt/");
        if (startswith(step, "typing/")) {
                world->types = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(body, "typing"));
                world->n_typed += world->types;
        }
        if (streq(step, "state/m.room.pinned_events")) {
                world->n_pins += body != NULL;
                return homeserver_http_pins(world->server, room_id, body);
        }
        if (startswith(step, "invite") && streq(room_id, APPROVALS))
                world->stalls |= world->holds_invites;
        if (startswith(step, "invite"))
                room_member(world->server, room_id, object_string(body, "user_id"), "join");
        if (startswith(step, "redact/")) {
                decode_segment(step + strlen("redact/"), type, sizeof type);
                cJSON_DeleteItemFromObjectCaseSensitive(world->reactions, type);
        }
        return tree_parse(startswith(step, "redact") ? "{\"event_id\":\"$redaction\"}" : "{}");
}

static Answer answer_sync(ChatWorld *world, const char *target)
{
        const cJSON *response = world->stalls ? NULL : homeserver_http_sync(world->bot, target);

        world->polls = !response;
        world->n_requests += response != NULL;
        return response ? homeserver_http_answer(response) : (Answer){ .how = ANSWER_LATER };
}

static Answer receive_file(ChatWorld *world, const ServerRequest *request)
{
        text_reset(&world->uploaded);
        text_append_bytes(&world->uploaded, request->body, request->body_size);
        assert_ok(world->uploaded.error);
        return (Answer){ ANSWER, 200, NULL, strdup("{\"content_uri\":\"mxc://x/file\"}") };
}

static Answer on_request(const ServerRequest *request, void *userdata)
{
        const char *target = request->target + strlen("/_matrix/client/v3");
        _cleanup_(json_freep) cJSON *response = NULL, *body = NULL;
        ChatWorld *world = userdata;

        if (streq(request->target, "/_matrix/media/v3/upload"))
                return receive_file(world, request);
        assert_true(startswith(request->target, "/_matrix/client/v3/"));
        if (startswith(target, "/sync"))
                return answer_sync(world, target);
        world->n_requests++;
        (void) matrix_json_parse(bytes_of_string(request->body), SIZE_MAX, &body);
        if (startswith(target, "/createRoom"))
                response = create_room(world, body);
        else if (startswith(target, "/rooms/"))
                response = receive_in_room(world, target + strlen("/rooms/"), request->body, body);
        else
                response = homeserver_http_receive(world->bot, target, request->body);
        if (!response)
                response = tree_parse("{\"user_id\":\"" BOT "\",\"device_id\":\"BOT\"}"); /* whoami */
        return homeserver_http_answer(response);
}

void chat_turn(ChatWorld *world)
{
        settle(world->server);
        server_poke(&world->web);
        assert_ok(sd_event_run(world->event, 5000));
}

/* ---- Ana */

unsigned chat_read(const ChatWorld *world, const char *pattern)
{
        int64_t n = 0;

        assert_ok(query_integer(world->ana->database, &n,
                                "SELECT count(*) FROM heard WHERE body LIKE ? AND sender = '" BOT "'", "t",
                                pattern));
        return (unsigned) n;
}

char *chat_request_id(const ChatWorld *world, const char *pattern)
{
        char *id = NULL;

        assert_int_equal(query_text(world->ana->database, &id,
                                    "SELECT substr(body, 1, 6) FROM heard WHERE body LIKE ?"
                                    " ORDER BY rowid DESC LIMIT 1",
                                    "t", pattern),
                         1);
        return id;
}

const char *chat_pinned(const ChatWorld *world, const char *room_id)
{
        const cJSON *state = tree_member(tree_member(world->server->rooms, room_id), "state");
        const cJSON *event = object_object(state, "m.room.pinned_events ");
        const cJSON *ids = object_array(object_object(event, "content"), "pinned");

        return cJSON_GetStringValue(cJSON_GetArrayItem(ids, cJSON_GetArraySize(ids) - 1));
}

static char *find_message(const ChatWorld *world, const char *pattern)
{
        char *id = NULL;

        assert_int_equal(
                query_text(world->ana->database, &id,
                           "SELECT event_id FROM heard WHERE body LIKE ? ORDER BY rowid DESC LIMIT 1", "t",
                           pattern),
                1);
        return id;
}

unsigned chat_count_reactions(const ChatWorld *world, const char *pattern)
{
        _cleanup_(freep) char *id = find_message(world, pattern);
        const cJSON *content;
        unsigned n = 0;

        cJSON_ArrayForEach(content, world->reactions)
                n += object_has(object_object(content, "m.relates_to"), "event_id", id);
        return n;
}

const char *chat_react(ChatWorld *world, const char *pattern, const char *key)
{
        _cleanup_(freep) char *target = find_message(world, pattern);
        cJSON *content = NULL, *event = NULL;

        assert_ok(json_pack(&content, "{m.relates_to:{rel_type:s,event_id:s,key:s}}", "m.annotation", target,
                            key));
        assert_ok(json_pack(&event, "{type:s,sender:s,content:c}", "m.reaction", ANA, content));
        const char *id = room_event(world->server, APPROVALS, event);
        assert_ok(object_put(world->reactions, id, content));
        return id;
}

void chat_redact(ChatWorld *world, const char *event_id)
{
        cJSON *event = NULL;

        assert_ok(json_pack(&event, "{type:s,sender:s,redacts:s,content:{redacts:s}}", "m.room.redaction",
                            ANA, event_id, event_id));
        cJSON_DeleteItemFromObjectCaseSensitive(world->reactions, event_id);
        (void) room_event(world->server, APPROVALS, event);
}

void chat_redact_message(ChatWorld *world, const char *pattern)
{
        _cleanup_(freep) char *id = find_message(world, pattern);

        chat_redact(world, id);
}

/* ---- the world */

void start_matrix(ChatWorld *world)
{
        const char *const environment[] = { world->directory_variable, NULL };

        world->matrix = test_daemon_start_full(world->run->ledger->bus,
                                               &(TestDaemonOptions){ .program = "src/matrix/devbox-matrix",
                                                                     .name = MATRIX,
                                                                     .environment = environment });
}

void kill_matrix(ChatWorld *world)
{
        test_daemon_signal(world->matrix, SIGKILL);
        (void) test_daemon_wait(world->matrix);
        world->matrix = test_daemon_free(world->matrix);
}

static int on_logged_in(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        assert_false(sd_bus_message_is_method_error(message, NULL));
        *(bool *) userdata = true;
        return 0;
}

void chat_log_in(ChatWorld *world)
{
        sd_bus *client = world->run->client;
        bool done = false;

        assert_ok(sd_bus_call_method_async(client, NULL, MATRIX, "/org/devbox/Matrix1", MATRIX, "Login",
                                           on_logged_in, &done, "ssss", world->web.url, BOT, "token",
                                           "syt_secret"));
        while (!done) {
                chat_turn(world);
                assert_ok(sd_bus_process(client, NULL));
        }
}

/* Her identity is what the manifest pins. */
static void pin_ana(ChatWorld *world)
{
        _cleanup_(freep) char *master = NULL;
        char hex[2 * PUBLIC_KEY_SIZE + 1];
        PublicKey key;

        settle(world->server);
        assert_int_equal(assert_ok(cross_signing_master(world->ana->e2ee, &master)), 1);
        assert_ok(ed25519_text_parse(master, &key));
        hex_format(BYTES_OF(key.bytes), hex);
        (void) snprintf(world->operators, sizeof world->operators, "{\"mxid\":\"" ANA "\",\"msk\":\"%s\"},",
                        hex);
        world->run->operators = world->operators;
        world->run->revoker = ANA;
        world->run->approvers = "{\"mxid\":\"" ANA "\"},";
        world->run->write_tier = "reaction";
        run_world_sign_manifest(world->run, NULL);
}

int chat_world_up_without_account(void **state)
{
        ChatWorld *world = calloc(1, sizeof *world);
        void *run = NULL;
        char directory[112];

        assert_non_null(world);
        assert_int_equal(run_world_up(&run), 0);
        world->run = run;
        assert_ok(sd_event_new(&world->event));
        server_init(&world->web, world->event, on_request, world);
        world->sent = cJSON_CreateObject();
        world->reactions = cJSON_CreateObject();
        world->server = homeserver_new(11);
        world->server->now_ms = (int64_t) time(NULL) * 1000;
        world->bot = peer_new(world->server, BOT, "BOT");
        world->bot->offline = true;
        world->ana = peer_new(world->server, ANA, "ANA");
        pin_ana(world);

        (void) snprintf(directory, sizeof directory, "%s/matrix", world->run->ledger->bus->directory);
        assert_int_equal(mkdir(directory, 0700), 0);
        (void) snprintf(world->directory_variable, sizeof world->directory_variable, "STATE_DIRECTORY=%s",
                        directory);
        start_matrix(world);
        *state = world;
        return 0;
}

int chat_world_up(void **state)
{
        ChatWorld *world;

        assert_int_equal(chat_world_up_without_account(state), 0);
        world = *state;
        chat_log_in(world);
        CHAT_UNTIL(world, homeserver_is_present(world->server, ROOM, ANA) &&
                                  homeserver_is_present(world->server, APPROVALS, ANA));
        CHAT_UNTIL(world, peer_count(world->ana, "SELECT count(*) FROM device WHERE user_id = '" BOT
                                                 "' AND signed") == 1);
        return 0;
}

int chat_world_down(void **state)
{
        ChatWorld *world = *state;
        void *run = world->run;

        test_daemon_free(world->matrix);
        server_done(&world->web);
        homeserver_free(world->server);
        cJSON_Delete(world->sent);
        cJSON_Delete(world->reactions);
        text_done(&world->uploaded);
        sd_event_unref(world->event);
        free(world);
        return run_world_down(&run);
}
