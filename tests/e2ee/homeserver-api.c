/* SPDX-License-Identifier: MIT */
/* The requests that the homeserver answers. */

#include "homeserver.h"

#include "test.h"

cJSON *homeserver_key_counts(Peer *peer)
{
        cJSON *keys = tree_enter(tree_enter(peer->server->one_time, peer->user_id), peer->device_id),
              *counts = NULL;

        assert_ok(json_pack(&counts, "{signed_curve25519:i}", (int64_t) cJSON_GetArraySize(keys)));
        return counts;
}

static cJSON *keys_upload(Peer *peer, cJSON *body)
{
        Homeserver *server = peer->server;
        cJSON *keys = tree_member(body, "device_keys"), *key, *response = NULL;
        cJSON *one_time = tree_enter(tree_enter(server->one_time, peer->user_id), peer->device_id);

        if (keys) {
                assert_ok(object_put(tree_enter(server->devices, peer->user_id), peer->device_id,
                                     cJSON_Duplicate(keys, true)));
                homeserver_changed(server, peer->user_id);
        }
        cJSON_ArrayForEach(key, tree_member(body, "one_time_keys")) {
                const cJSON *known = tree_member(one_time, key->string);

                if (known && !object_has(known, "key", object_string(key, "key"))) {
                        assert_ok(json_pack(&response, "{error:s}", "One time key already exists"));
                        return response;
                }
                assert_ok(object_put(one_time, key->string, cJSON_Duplicate(key, true)));
        }
        cJSON_ArrayForEach(key, tree_member(body, "fallback_keys")) {
                cJSON *fallback = NULL;

                assert_ok(json_pack(&fallback, "{*:c}", key->string, key));
                assert_ok(
                        object_put(tree_enter(server->fallback, peer->user_id), peer->device_id, fallback));
                cJSON_DeleteItemFromObjectCaseSensitive(tree_enter(server->fallback_used, peer->user_id),
                                                        peer->device_id);
        }
        assert_ok(json_pack(&response, "{one_time_key_counts:o}", homeserver_key_counts(peer)));
        return response;
}

static bool is_failing(Homeserver *server, const char *user_id)
{
        return server->failing && streq(strchr(user_id, ':') + 1, server->failing);
}

static cJSON *keys_query(Peer *peer, cJSON *body)
{
        Homeserver *server = peer->server;
        cJSON *response = cJSON_CreateObject(), *user, *kind, *key;

        cJSON_ArrayForEach(user, tree_member(body, "device_keys")) {
                if (is_failing(server, user->string)) {
                        (void) tree_enter(tree_enter(response, "failures"), server->failing);
                        continue;
                }
                assert_ok(object_put(tree_enter(response, "device_keys"), user->string,
                                     cJSON_Duplicate(tree_enter(server->devices, user->string), true)));
                cJSON_ArrayForEach(kind, server->cross_signing) {
                        key = tree_member(kind, user->string);
                        if (key)
                                assert_ok(object_put(tree_enter(response, kind->string), user->string,
                                                     cJSON_Duplicate(key, true)));
                }
        }
        return response;
}

/* One-time keys in the order of upload, then the fallback key. */
static cJSON *keys_claim(Peer *peer, cJSON *body)
{
        Homeserver *server = peer->server;
        cJSON *response = cJSON_CreateObject(), *user, *device;

        cJSON_ArrayForEach(user, tree_member(body, "one_time_keys")) {
                cJSON_ArrayForEach(device, user) {
                        cJSON *keys =
                                tree_member(tree_member(server->one_time, user->string), device->string);
                        cJSON *fallback =
                                tree_member(tree_member(server->fallback, user->string), device->string);
                        cJSON *to =
                                tree_enter(tree_enter(tree_enter(response, "one_time_keys"), user->string),
                                           device->string);

                        if (is_failing(server, user->string))
                                continue;
                        if (keys && keys->child) {
                                cJSON *key = cJSON_DetachItemViaPointer(keys, keys->child);
                                char *id = strdup(key->string);

                                assert_ok(object_put(to, id, key));
                                free(id);
                        } else if (fallback) {
                                assert_ok(object_put(to, fallback->child->string,
                                                     cJSON_Duplicate(fallback->child, true)));
                                assert_ok(object_put(tree_enter(server->fallback_used, user->string),
                                                     device->string, cJSON_CreateTrue()));
                        }
                }
        }
        return response;
}

static cJSON *signing_keys_upload(Peer *peer, cJSON *body)
{
        static const struct {
                const char *from, *to;
        } rows[] = { { "master_key", "master_keys" },
                     { "self_signing_key", "self_signing_keys" },
                     { "user_signing_key", "user_signing_keys" } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_ok(object_put(tree_enter(peer->server->cross_signing, rows[i].to), peer->user_id,
                                     cJSON_Duplicate(tree_member(body, rows[i].from), true)));
        homeserver_changed(peer->server, peer->user_id);
        return cJSON_CreateObject();
}

static cJSON *signatures_upload(Peer *peer, cJSON *body)
{
        cJSON *user, *object, *by, *signature, *failed = cJSON_CreateObject();

        cJSON_ArrayForEach(user, body) {
                if (peer->server->signatures_fail) {
                        (void) tree_enter(tree_enter(failed, "failures"), user->string);
                        continue;
                }
                cJSON_ArrayForEach(object, user) {
                        cJSON *target = tree_member(tree_member(peer->server->devices, user->string),
                                                    object->string);

                        if (!target)
                                target = tree_member(tree_member(peer->server->cross_signing, "master_keys"),
                                                     user->string);
                        assert_non_null(target);
                        cJSON_ArrayForEach(by, tree_member(object, "signatures"))
                                cJSON_ArrayForEach(signature, by)
                                        assert_ok(object_put_string(
                                                tree_enter(tree_enter(target, "signatures"), by->string),
                                                signature->string, signature->valuestring));
                }
                homeserver_changed(peer->server, user->string);
        }
        return failed;
}

static cJSON *send_to_device(Peer *peer, const char *type, cJSON *body)
{
        cJSON *user, *content, *event;

        cJSON_ArrayForEach(user, tree_member(body, "messages"))
                cJSON_ArrayForEach(content, user)
                        for (size_t i = 0; i < peer->server->n_peers; i++) {
                                Peer *to = peer->server->peers[i];

                                if (!streq(to->user_id, user->string) ||
                                    (!streq(content->string, "*") && !streq(to->device_id, content->string)))
                                        continue;
                                event = NULL;
                                assert_ok(json_pack(&event, "{type:s,sender:s,content:c}", type,
                                                    peer->user_id, content));
                                homeserver_to_device(peer->server, to, event);
                        }
        return cJSON_CreateObject();
}

cJSON *homeserver_answer(Peer *peer, const E2eeRequest *request)
{
        _cleanup_(json_freep) cJSON *body = tree_parse(request->body);
        Homeserver *server = peer->server;

        if (server->refused & 1U << request->kind) {
                cJSON *error = NULL;
                assert_ok(json_pack(&error, "{error:s}", "refused"));
                return error;
        }
        switch (request->kind) {
        case E2EE_KEYS_UPLOAD:
                return keys_upload(peer, body);
        case E2EE_KEYS_QUERY:
                return keys_query(peer, body);
        case E2EE_KEYS_CLAIM:
                return keys_claim(peer, body);
        case E2EE_SIGNING_KEYS_UPLOAD:
                return signing_keys_upload(peer, body);
        case E2EE_SIGNATURES_UPLOAD:
                return signatures_upload(peer, body);
        case E2EE_TO_DEVICE:
                /* The server of the day remembers transactions in memory only: now and then it forgets one.
                 */
                if (tree_member(server->seen, request->txn_id) && !homeserver_fault(server))
                        return cJSON_CreateObject();
                assert_ok(object_put(server->seen, request->txn_id, cJSON_CreateTrue()));
                return send_to_device(peer, request->target, body);
        default:
                fail_msg("a request of kind %d", (int) request->kind);
                return NULL;
        }
}
