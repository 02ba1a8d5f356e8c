/* SPDX-License-Identifier: MIT */
/* Clients of the homeserver. */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "basic/fd.h"
#include "basic/file.h"
#include "e2ee/e2ee-internal.h"
#include "e2ee/schema.h"
#include "e2ee/sync.h"
#include "e2ee/verification.h"
#include "homeserver.h"

#include "test.h"

#define STORM_ROUNDS 60

static const char client_tables[] =
        "CREATE TABLE heard(event_id TEXT PRIMARY KEY, sender TEXT, body TEXT, trust INTEGER, file TEXT)"
        " STRICT;"
        "CREATE TABLE outbox(seq INTEGER PRIMARY KEY AUTOINCREMENT, room_id TEXT, body TEXT, cipher TEXT,"
        " txn TEXT) STRICT;"
        "CREATE TABLE room_request(id INTEGER PRIMARY KEY, cipher TEXT) STRICT;";
static const char *const migrations[] = { e2ee_tables, client_tables, e2ee_changes_1, e2ee_changes_2 };
static const DatabaseSchema schema = { 0x6d747278, migrations, ELEMENTSOF(migrations) };

static int64_t now(void *userdata)
{
        return ((Homeserver *) userdata)->now_ms;
}

void peer_open(Peer *peer)
{
        assert_ok(database_open(peer->path, DATABASE_OWN, &schema, &peer->database));
        /* The power cuts here are of processes; disks are tested elsewhere. */
        assert_ok(database_run(peer->database, "PRAGMA synchronous=OFF"));
        assert_ok(e2ee_open(&(E2eeOptions){ .database = peer->database,
                                            .pickle_key = peer->key,
                                            .user_id = peer->user_id,
                                            .device_id = peer->device_id,
                                            .now_ms = now,
                                            .userdata = peer->server },
                            &peer->e2ee));
}

void peer_close(Peer *peer)
{
        peer->e2ee = e2ee_close(peer->e2ee);
        peer->database = database_close(peer->database);
}

Peer *peer_new(Homeserver *server, const char *user_id, const char *device_id)
{
        Peer *peer = calloc(1, sizeof *peer);

        assert_non_null(peer);
        assert_true(server->n_peers < PEERS_MAX);
        *peer = (Peer){ .server = server, .user_id = user_id, .device_id = device_id };
        (void) snprintf(peer->path, sizeof peer->path, "%s/%zu.db", server->directory, server->n_peers);
        assert_ok(secret_new_random(32, &peer->key));
        peer->queue = cJSON_CreateObject();
        server->peers[server->n_peers++] = peer;

        cJSON *room, *event;
        cJSON_ArrayForEach(room, server->rooms)
                if (homeserver_is_present(server, room->string, user_id))
                        cJSON_ArrayForEach(event, tree_member(room, "state"))
                                assert_true(cJSON_AddItemToArray(
                                        tree_array(
                                                tree_enter(tree_enter(peer->queue, "rooms"), room->string),
                                                "events"),
                                        cJSON_Duplicate(event, true)));
        peer_open(peer);
        return peer;
}

/* A power cut before or after the commit: false if it was before. */
static bool commit(Peer *peer, Transaction *transaction)
{
        bool before = homeserver_fault(peer->server), after = homeserver_fault(peer->server);

        if (!before)
                assert_ok(transaction_commit(transaction));
        transaction_done(transaction);
        if (before || after) {
                peer->server->n_crashes++;
                peer_close(peer);
                peer_open(peer);
        }
        return !before;
}

/* At most 100 to-device events. */
const cJSON *homeserver_sync(Peer *peer, const char *since)
{
        char token[32];
        cJSON *taken, *room, *key;

        (void) snprintf(token, sizeof token, "%" PRId64, peer->token);
        if (peer->pending && !streq(token, strempty(since)))
                return peer->pending;

        cJSON *fallback = cJSON_CreateArray(), *changed = cJSON_CreateArray();
        cJSON_Delete(peer->pending);
        peer->token = ++peer->server->tokens;
        (void) snprintf(token, sizeof token, "%" PRId64, peer->token);
        if (!tree_member(tree_member(peer->server->fallback_used, peer->user_id), peer->device_id))
                assert_true(cJSON_AddItemToArray(fallback, cJSON_CreateString("signed_curve25519")));
        cJSON_ArrayForEach(key, tree_member(peer->queue, "changed"))
                assert_true(cJSON_AddItemToArray(changed, cJSON_CreateString(key->string)));
        assert_ok(json_pack(&peer->pending,
                            "{next_batch:s,device_one_time_keys_count:o,device_unused_fallback_key_types:o,"
                            "device_lists:{changed:o},to_device:{events:[]},rooms:{join:{}}}",
                            token, homeserver_key_counts(peer), fallback, changed));

        cJSON *events = tree_member(tree_member(peer->pending, "to_device"), "events");
        for (int i = 0; i < 100; i++) {
                taken = cJSON_DetachItemFromArray(tree_array(peer->queue, "to_device"), 0);
                if (!taken)
                        break;
                assert_true(cJSON_AddItemToArray(events, taken));
        }
        cJSON_ArrayForEach(room, tree_member(peer->queue, "rooms")) {
                cJSON *joined = NULL;

                assert_ok(json_pack(&joined, "{timeline:{events:c}}", tree_member(room, "events")));
                assert_ok(object_put(tree_member(tree_member(peer->pending, "rooms"), "join"), room->string,
                                     joined));
        }
        cJSON_DeleteItemFromObjectCaseSensitive(peer->queue, "rooms");
        cJSON_DeleteItemFromObjectCaseSensitive(peer->queue, "changed");
        return peer->pending;
}

static int hear_text(Peer *peer, const cJSON *event, const DecryptedEvent *decrypted)
{
        const cJSON *file = object_object(decrypted->content, "file");
        _cleanup_(freep) char *text = file ? cJSON_PrintUnformatted(file) : NULL;

        return query_run(peer->e2ee->database,
                         "INSERT OR IGNORE INTO heard(event_id, sender, body, trust, file)"
                         " VALUES (?, ?, ?, ?, ?)",
                         "tttit", object_string(event, "event_id"), object_string(event, "sender"),
                         object_string(decrypted->content, "body"), (int64_t) decrypted->trust, text);
}

/* Verification has its relation in clear. */
static int hear_verification(Peer *peer, const char *room_id, const cJSON *event,
                             const DecryptedEvent *decrypted)
{
        _cleanup_(json_freep) cJSON *content = cJSON_Duplicate(decrypted->content, true);
        const cJSON *relation = object_object(object_object(event, "content"), "m.relates_to");

        if (relation)
                assert_ok(object_put(content, "m.relates_to", cJSON_Duplicate(relation, true)));
        return e2ee_receive_verification(
                peer->e2ee, &(VerificationMessage){ object_string(event, "sender"), decrypted->type, room_id,
                                                    object_string(event, "event_id"), content });
}

static void hear(Peer *peer, const char *room_id, const cJSON *event)
{
        _cleanup_(decrypted_event_clear) DecryptedEvent decrypted = DECRYPTED_EVENT_NULL;

        switch (assert_ok(e2ee_decrypt(peer->e2ee, room_id, event, &decrypted))) {
        case 0:
                if (object_string(decrypted.content, "body"))
                        assert_ok(hear_text(peer, event, &decrypted));
                assert_ok(hear_verification(peer, room_id, event, &decrypted));
                break;
        case DECRYPT_REPLAYED:
                peer->n_replays++;
                break;
        case DECRYPT_REJECTED:
                peer->n_rejected++;
                break;
        default:
                break;
        }
}

static void hear_recovered(Peer *peer)
{
        for (;;) {
                _cleanup_(json_freep) cJSON *event = NULL;
                _cleanup_(freep) char *room_id = NULL;

                if (assert_ok(e2ee_next_recovered(peer->e2ee, &room_id, &event)) == 0)
                        break;
                hear(peer, room_id, event);
        }
}

bool peer_sync(Peer *peer)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        _cleanup_(freep) char *since = NULL;
        const cJSON *room, *event;

        assert_ok(e2ee_since(peer->e2ee, &since));
        const cJSON *sync = homeserver_sync(peer, since);
        assert_ok(transaction_begin(peer->database, &transaction));
        assert_ok(e2ee_receive_sync(peer->e2ee, sync));
        cJSON_ArrayForEach(room, object_object(object_object(sync, "rooms"), "join"))
                cJSON_ArrayForEach(event, object_array(object_object(room, "timeline"), "events"))
                        if (object_has(event, "type", "m.room.encrypted"))
                                hear(peer, room->string, event);
        hear_recovered(peer);
        return commit(peer, &transaction);
}

/* Encrypts a room event that was asked for, once: whether it could be. The caller frees the text. */
static bool encrypt_request(Peer *peer, const E2eeRequest *request, char **ret_cipher)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        _cleanup_(json_freep) cJSON *content = NULL, *encrypted = NULL;

        if (query_text(peer->e2ee->database, ret_cipher, "SELECT cipher FROM room_request WHERE id = ?", "i",
                       request->id) > 0)
                return true;
        content = tree_parse(request->body);
        assert_ok(transaction_begin(peer->database, &transaction));
        RoomMessage message = { .room_id = request->room_id, .type = request->target, .content = content };
        if (assert_ok(e2ee_encrypt(peer->e2ee, &message, &encrypted)) == 0) {
                assert_ok(canonical_json(encrypted, false, ret_cipher));
                assert_ok(query_run(peer->e2ee->database,
                                    "INSERT INTO room_request(id, cipher) VALUES (?, ?)", "it", request->id,
                                    *ret_cipher));
        }
        return commit(peer, &transaction) && encrypted;
}

cJSON *homeserver_send(Peer *peer, const char *room_id, const char *txn_id, const char *cipher)
{
        Homeserver *server = peer->server;
        cJSON *event = NULL, *response = NULL;

        if (!tree_member(server->seen, txn_id)) {
                assert_ok(json_pack(&event, "{type:s,sender:s,content:o}", "m.room.encrypted", peer->user_id,
                                    tree_parse(cipher)));
                assert_ok(object_put_string(server->seen, txn_id, room_event(server, room_id, event)));
        }
        assert_ok(json_pack(&response, "{event_id:s}", object_string(server->seen, txn_id)));
        return response;
}

/* A request is sent; its answer may be lost, and the client may crash before or after it is recorded. */
static void send_request(Peer *peer, const E2eeRequest *request)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        if (homeserver_fault(peer->server))
                return; /* it never arrives */
        _cleanup_(freep) char *cipher = NULL;
        if (request->kind == E2EE_ROOM_EVENT && !encrypt_request(peer, request, &cipher))
                return;
        _cleanup_(json_freep) cJSON *response =
                cipher ? homeserver_send(peer, request->room_id, request->txn_id, cipher)
                       : homeserver_answer(peer, request);
        if (homeserver_fault(peer->server))
                return; /* the answer does not */

        assert_ok(transaction_begin(peer->database, &transaction));
        if (tree_member(response, "error"))
                assert_ok(e2ee_request_refused(peer->e2ee, request->id, response));
        else
                assert_ok(e2ee_request_done(peer->e2ee, request->id, response));
        (void) commit(peer, &transaction);
}

static bool send_requests(Peer *peer)
{
        bool sent = false;

        for (int64_t last = 0;;) {
                _cleanup_(e2ee_request_clear) E2eeRequest request = E2EE_REQUEST_NULL;

                if (assert_ok(e2ee_next_request(peer->e2ee, last, &request)) == 0)
                        return sent;
                last = request.id;
                sent = true;
                send_request(peer, &request);
        }
}

void peer_say(Peer *peer, const char *room_id, const char *text)
{
        assert_ok(query_run(peer->e2ee->database, "INSERT INTO outbox(room_id, body) VALUES (?, ?)", "tt",
                            room_id, text));
}

/* Encrypts the first message of the outbox: whether it could be. */
static bool encrypt_first(Peer *peer)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        _cleanup_(json_freep) cJSON *content = NULL, *encrypted = NULL;
        _cleanup_(freep) char *room_id = NULL, *body = NULL, *text = NULL;

        if (query_text(peer->e2ee->database, &room_id,
                       "SELECT room_id FROM outbox WHERE cipher IS NULL ORDER BY seq LIMIT 1", "") <= 0)
                return false;
        (void) query_text(peer->e2ee->database, &body,
                          "SELECT body FROM outbox WHERE cipher IS NULL ORDER BY seq LIMIT 1", "");
        assert_ok(json_pack(&content, "{msgtype:s,body:s}", "m.text", body));
        assert_ok(transaction_begin(peer->database, &transaction));

        RoomMessage message = { .room_id = room_id, .type = "m.room.message", .content = content };
        if (assert_ok(e2ee_encrypt(peer->e2ee, &message, &encrypted)) == 0) {
                assert_ok(canonical_json(encrypted, false, &text));
                assert_ok(query_run(peer->e2ee->database,
                                    "UPDATE outbox SET cipher = ?, txn = 'txn' || hex(randomblob(8)) "
                                    "WHERE seq = (SELECT min(seq) FROM outbox WHERE cipher IS NULL)",
                                    "t", text));
        }
        return commit(peer, &transaction) && encrypted;
}

/* PUT /send knows its transactions for good. */
static bool send_messages(Peer *peer)
{
        Homeserver *server = peer->server;
        bool sent = false;

        (void) encrypt_first(peer);
        for (;;) {
                _cleanup_(freep) char *cipher = NULL, *txn = NULL, *room_id = NULL;

                if (query_text(peer->e2ee->database, &cipher,
                               "SELECT cipher FROM outbox WHERE cipher NOT NULL ORDER BY seq LIMIT 1",
                               "") <= 0)
                        return sent;
                assert_ok(query_text(peer->e2ee->database, &txn,
                                     "SELECT txn FROM outbox WHERE cipher NOT NULL ORDER BY seq LIMIT 1",
                                     ""));
                assert_ok(query_text(peer->e2ee->database, &room_id,
                                     "SELECT room_id FROM outbox WHERE cipher NOT NULL ORDER BY seq LIMIT 1",
                                     ""));
                sent = true;
                cJSON_Delete(homeserver_send(peer, room_id, txn, cipher));
                if (homeserver_fault(server))
                        continue; /* the answer is lost: the same again */
                assert_ok(query_run(peer->e2ee->database,
                                    "DELETE FROM outbox WHERE cipher NOT NULL AND seq = "
                                    "(SELECT min(seq) FROM outbox WHERE cipher NOT NULL)",
                                    ""));
        }
}

bool peer_send(Peer *peer)
{
        bool sent = send_requests(peer);

        return send_messages(peer) || sent;
}

static bool is_idle(Peer *peer)
{
        return !tree_member(peer->queue, "rooms") && !tree_member(peer->queue, "changed") &&
               cJSON_GetArraySize(tree_member(peer->queue, "to_device")) == 0 &&
               peer_count(peer, "SELECT count(*) FROM outbox") == 0;
}

void settle(Homeserver *server)
{
        bool busy = true;

        for (int rounds = 0; busy; rounds++) {
                if (rounds == STORM_ROUNDS && server->fault_percent > 0)
                        return; /* with faults enough there is no quiet round at all */
                if (rounds > 2000)
                        fail_msg("nothing settles");
                busy = false;
                for (size_t i = 0; i < server->n_peers; i++) {
                        Peer *peer = server->peers[i];

                        if (peer->offline)
                                continue;
                        busy |= !peer_sync(peer);
                        busy |= peer_send(peer);
                        busy |= !is_idle(peer);
                }
                server->now_ms++;
        }
}

static void copy_store(Peer *peer, bool back)
{
        _cleanup_(freep) char *content = NULL;
        char kept[128];
        size_t size;

        (void) snprintf(kept, sizeof kept, "%s.kept", peer->path);
        peer_close(peer);
        assert_ok(fd_read_file_at(AT_FDCWD, back ? kept : peer->path, 1 << 24, &content, &size));
        assert_ok(file_write(back ? peer->path : kept, FILE_REPLACE, 0600, BYTES(content, size)));
        peer_open(peer);
}

void peer_keep_store(Peer *peer)
{
        copy_store(peer, false);
}

void peer_restore_store(Peer *peer)
{
        copy_store(peer, true);
}

int64_t peer_count(Peer *peer, const char *sql)
{
        int64_t count;

        assert_err(query_integer(peer->database, &count, sql, ""), 1);
        return count;
}

unsigned peer_heard(Peer *peer, const char *sender, const char *text)
{
        int64_t count = 0;

        assert_ok(query_integer(peer->e2ee->database, &count,
                                "SELECT count(*) FROM heard WHERE body = ?1 AND (?2 IS NULL OR sender = ?2)",
                                "tt", text, sender));
        return (unsigned) count;
}

DeviceTrust peer_trust_of_message(Peer *peer, const char *text)
{
        int64_t trust = -1;

        assert_err(query_integer(peer->e2ee->database, &trust, "SELECT trust FROM heard WHERE body = ?", "t",
                                 text),
                   1);
        return (DeviceTrust) trust;
}

unsigned peer_parked(Peer *peer)
{
        return (unsigned) peer_count(peer, "SELECT count(*) FROM parked");
}

void e2ee_world_init(E2eeWorld *world)
{
        world->server = homeserver_new(7);
        world->bot = peer_new(world->server, "@bot:x", "BOT");
        world->ana = peer_new(world->server, "@ana:x", "PHONE");
        room_create(world->server, WORLD_ROOM, NULL);
        room_member(world->server, WORLD_ROOM, "@bot:x", "join");
        room_member(world->server, WORLD_ROOM, "@ana:x", "join");
        settle(world->server);
}

void e2ee_world_done(E2eeWorld *world)
{
        homeserver_free(world->server);
}
