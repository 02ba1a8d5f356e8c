/* SPDX-License-Identifier: MIT */
/* A homeserver in memory: devices, keys, rooms. */

#include "homeserver.h"

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "e2ee/e2ee-internal.h"

#include "test.h"

/* ---- helpers */

bool homeserver_fault(Homeserver *server)
{
        server->random ^= server->random << 13;
        server->random ^= server->random >> 7;
        server->random ^= server->random << 17;
        return server->random % 100 < server->fault_percent;
}

cJSON *tree_member(cJSON *object, const char *key)
{
        return cJSON_GetObjectItemCaseSensitive(object, key);
}

cJSON *tree_enter(cJSON *object, const char *key)
{
        cJSON *inner = object_enter(object, key);

        assert_non_null(inner);
        return inner;
}

cJSON *tree_parse(const char *text)
{
        cJSON *tree = NULL;

        assert_ok(matrix_json_parse(bytes_of_string(text), 1 << 24, &tree));
        return tree;
}

cJSON *tree_array(cJSON *object, const char *key)
{
        if (!tree_member(object, key))
                assert_ok(object_put(object, key, cJSON_CreateArray()));
        return tree_member(object, key);
}

static int remove_entry(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(name);
}

/* ---- the server */

Homeserver *homeserver_new(uint64_t seed)
{
        Homeserver *server = calloc(1, sizeof *server);

        assert_non_null(server);
        (void) snprintf(server->directory, sizeof server->directory, "/tmp/devbox-e2ee.XXXXXX");
        assert_non_null(mkdtemp(server->directory));
        server->now_ms = INT64_C(1700000000000);
        server->random = seed | 1;
        server->devices = cJSON_CreateObject();
        server->one_time = cJSON_CreateObject();
        server->fallback = cJSON_CreateObject();
        server->fallback_used = cJSON_CreateObject();
        server->cross_signing = cJSON_CreateObject();
        server->rooms = cJSON_CreateObject();
        server->seen = cJSON_CreateObject();
        return server;
}

Homeserver *homeserver_free(Homeserver *server)
{
        if (!server)
                return NULL;

        for (size_t i = 0; i < server->n_peers; i++) {
                Peer *peer = server->peers[i];

                peer_close(peer);
                secret_free(peer->key);
                cJSON_Delete(peer->queue);
                cJSON_Delete(peer->pending);
                free(peer);
        }
        cJSON *trees[] = { server->devices,       server->one_time, server->fallback, server->fallback_used,
                           server->cross_signing, server->rooms,    server->seen };
        for (size_t i = 0; i < ELEMENTSOF(trees); i++)
                cJSON_Delete(trees[i]);
        (void) nftw(server->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
        free(server);
        return NULL;
}

void homeserver_changed(Homeserver *server, const char *user_id)
{
        for (size_t i = 0; i < server->n_peers; i++)
                assert_ok(object_put(tree_enter(server->peers[i]->queue, "changed"), user_id,
                                     cJSON_CreateTrue()));
}

void homeserver_to_device(Homeserver *server, Peer *to, cJSON *event)
{
        cJSON *events = tree_array(to->queue, "to_device");

        if (homeserver_fault(server)) /* delivered twice */
                assert_true(cJSON_AddItemToArray(events, cJSON_Duplicate(event, true)));
        assert_true(cJSON_AddItemToArray(events, event));
        if (homeserver_fault(server) &&
            cJSON_GetArraySize(events) > 1) /* and before one that was sent earlier */
                assert_true(cJSON_InsertItemInArray(
                        events, 0, cJSON_DetachItemFromArray(events, cJSON_GetArraySize(events) - 1)));
}

void homeserver_logout(Homeserver *server, const char *user_id, const char *device_id)
{
        cJSON_DeleteItemFromObjectCaseSensitive(tree_enter(server->devices, user_id), device_id);
        homeserver_changed(server, user_id);
}

/* ---- rooms */

bool homeserver_is_present(Homeserver *server, const char *room_id, const char *user_id)
{
        const cJSON *members = object_object(object_object(server->rooms, room_id), "members");

        return object_has(members, user_id, "join") || object_has(members, user_id, "invite");
}

static void deliver(Homeserver *server, const char *room_id, const cJSON *event)
{
        for (size_t i = 0; i < server->n_peers; i++)
                if (homeserver_is_present(server, room_id, server->peers[i]->user_id))
                        assert_true(cJSON_AddItemToArray(
                                tree_array(tree_enter(tree_enter(server->peers[i]->queue, "rooms"), room_id),
                                           "events"),
                                cJSON_Duplicate(event, true)));
}

const char *room_event(Homeserver *server, const char *room_id, cJSON *event)
{
        static char id[32];

        (void) snprintf(id, sizeof id, "$event%u", ++server->n_events);
        if (!tree_member(event, "event_id"))
                assert_ok(object_put_string(event, "event_id", id));
        if (!tree_member(event, "origin_server_ts"))
                assert_ok(
                        object_put(event, "origin_server_ts", cJSON_CreateNumber((double) server->now_ms)));
        deliver(server, room_id, event);
        cJSON_Delete(event);
        return id;
}

void room_state(Homeserver *server, const char *room_id, const char *type, const char *key, cJSON *content)
{
        cJSON *event = NULL;
        char name[512];

        assert_ok(json_pack(&event, "{type:s,state_key:s,sender:s,content:o}", type, key, "@server:x",
                            content));
        (void) snprintf(name, sizeof name, "%s %s", type, key);
        assert_ok(object_put(tree_enter(tree_enter(server->rooms, room_id), "state"), name,
                             cJSON_Duplicate(event, true)));
        (void) room_event(server, room_id, event);
}

void room_create(Homeserver *server, const char *room_id, const cJSON *encryption)
{
        cJSON *content = encryption ? cJSON_Duplicate(encryption, true) : cJSON_CreateObject();

        assert_ok(object_put_string(content, "algorithm", ALGORITHM_MEGOLM));
        room_state(server, room_id, "m.room.encryption", "", content);
}

/* Who joins gets the whole state, as a sync gives it to a newcomer. */
void room_member(Homeserver *server, const char *room_id, const char *user_id, const char *membership)
{
        cJSON *room = tree_enter(server->rooms, room_id), *content = NULL;
        bool was_present = homeserver_is_present(server, room_id, user_id);
        const cJSON *event;

        assert_ok(object_put_string(tree_enter(room, "members"), user_id, membership));
        for (size_t i = 0; !was_present && i < server->n_peers; i++)
                if (streq(server->peers[i]->user_id, user_id) &&
                    homeserver_is_present(server, room_id, user_id))
                        cJSON_ArrayForEach(event, object_object(room, "state"))
                                assert_true(cJSON_AddItemToArray(
                                        tree_array(tree_enter(tree_enter(server->peers[i]->queue, "rooms"),
                                                              room_id),
                                                   "events"),
                                        cJSON_Duplicate(event, true)));
        assert_ok(json_pack(&content, "{membership:s}", membership));
        room_state(server, room_id, "m.room.member", user_id, content);
}
