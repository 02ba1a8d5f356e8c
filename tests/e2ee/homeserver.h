/* SPDX-License-Identifier: MIT */
#pragma once

/* A homeserver in memory and clients of it, each with a store of its own, in one process: enough of the
 * client-server API for encryption, and the faults that a network and a power cut are made of. Everything is
 * deterministic: time does not pass unless a test moves it, and chance comes from a seed. */

#include "e2ee/e2ee.h"
#include "e2ee/json.h"
#include "e2ee/message.h"

#define PEERS_MAX 8

typedef struct Homeserver Homeserver;

/* One device of one user. */
typedef struct Peer {
        Homeserver *server;
        const char *user_id, *device_id;
        char path[96];
        Secret *key;
        Database *database;
        E2ee *e2ee;
        cJSON *queue;   /* what the next sync will have */
        cJSON *pending; /* what the last one had, until it is acknowledged */
        int64_t token;  /* of `pending` */
        bool offline;   /* settle() leaves it alone */
        unsigned n_replays, n_rejected;
} Peer;

struct Homeserver {
        char directory[64];
        Peer *peers[PEERS_MAX];
        size_t n_peers;
        int64_t now_ms, tokens;
        cJSON *devices;       /* {USER:{DEVICE:keys}} */
        cJSON *one_time;      /* {USER:{DEVICE:{ID:key}}}, in the order of upload */
        cJSON *fallback;      /* {USER:{DEVICE:{ID:key}}} */
        cJSON *fallback_used; /* {USER:{DEVICE:true}} */
        cJSON *cross_signing; /* {"master_keys":{USER:key},…} */
        cJSON *rooms;         /* {ROOM:{state:{TYPE+KEY:event},members:{USER:membership}}} */
        cJSON *seen;          /* {TXN:event_id}: sends that were applied */
        const char *failing;  /* a server name that /keys/query and /keys/claim cannot reach */
        uint64_t random;
        unsigned refused;       /* a bit for each E2eeRequestKind that is answered with an error */
        bool signatures_fail;   /* /keys/signatures/upload takes none, with 200 */
        unsigned fault_percent; /* how often each place where something can go wrong does */
        unsigned n_events, n_crashes;
};

Homeserver *homeserver_new(uint64_t seed);
Homeserver *homeserver_free(Homeserver *server);
DEFINE_CLEANUP(Homeserver, homeserver_free);

bool homeserver_fault(Homeserver *server); /* whether something goes wrong here */
cJSON *homeserver_key_counts(Peer *peer);
bool homeserver_is_present(Homeserver *server, const char *room_id, const char *user_id);

/* What the server answers; {"error":…} to a bad request. The caller deletes it, but that to a sync. */
cJSON *homeserver_answer(Peer *peer, const E2eeRequest *request);
cJSON *homeserver_send(Peer *peer, const char *room_id, const char *txn_id, const char *cipher);
const cJSON *homeserver_sync(Peer *peer, const char *since);

/* Members of trees that must be there; `enter` and `array` make them. */
cJSON *tree_parse(const char *text);
cJSON *tree_member(cJSON *object, const char *key);
cJSON *tree_enter(cJSON *object, const char *key);
cJSON *tree_array(cJSON *object, const char *key);

/* ---- clients */

Peer *peer_new(Homeserver *server, const char *user_id, const char *device_id);
void peer_open(Peer *peer);
void peer_close(Peer *peer);

/* One sync: false if the client crashed in it. */
bool peer_sync(Peer *peer);

/* Sends what is queued, and messages of peer_say(): whether there was something. */
bool peer_send(Peer *peer);

void peer_say(Peer *peer, const char *room_id, const char *text); /* queues a message */

/* Lets all clients sync and send until nothing happens any more, or, while there are faults, for a while. */
void settle(Homeserver *server);

/* How often the client heard that text from that user; NULL: any user. */
unsigned peer_heard(Peer *peer, const char *sender, const char *text);
DeviceTrust peer_trust_of_message(Peer *peer, const char *text);
unsigned peer_parked(Peer *peer);
int64_t peer_count(Peer *peer, const char *sql);

void peer_keep_store(Peer *peer); /* a backup, and its return */
void peer_restore_store(Peer *peer);

/* ---- rooms */

void room_create(Homeserver *server, const char *room_id, const cJSON *encryption);
void room_member(Homeserver *server, const char *room_id, const char *user_id, const char *membership);
void room_state(Homeserver *server, const char *room_id, const char *type, const char *key, cJSON *content);

/* An event as it is; the server gives it an id, which is returned. */
const char *room_event(Homeserver *server, const char *room_id, cJSON *event);

/* The device is logged out. */
void homeserver_logout(Homeserver *server, const char *user_id, const char *device_id);
void homeserver_to_device(Homeserver *server, Peer *to, cJSON *event);
void homeserver_changed(Homeserver *server, const char *user_id);

/* ---- what most tests begin with: a bot and Ana in an encrypted room, who have not spoken yet */

#define WORLD_ROOM "!r:x"

typedef struct E2eeWorld {
        Homeserver *server;
        Peer *bot, *ana;
} E2eeWorld;

void e2ee_world_init(E2eeWorld *world);
void e2ee_world_done(E2eeWorld *world);
