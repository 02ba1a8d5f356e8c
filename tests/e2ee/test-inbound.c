/* SPDX-License-Identifier: MIT */
/* Megolm, receiving: replays, foreign rooms and senders, keys that are late or missing. */

#include "e2ee/inbound.h"

#include <stdio.h>

#include "e2ee/parked.h"
#include "homeserver.h"

#include "test.h"

/* Ana sends a message, and its event is kept. */
static cJSON *said(E2eeWorld *world, const char *text)
{
        peer_say(world->ana, WORLD_ROOM, text);
        world->bot->offline = true;
        settle(world->server);
        world->bot->offline = false;

        cJSON *events =
                tree_member(tree_member(tree_member(world->bot->queue, "rooms"), WORLD_ROOM), "events");
        return cJSON_Duplicate(cJSON_GetArrayItem(events, cJSON_GetArraySize(events) - 1), true);
}

static int decrypt(E2eeWorld *world, const char *room_id, const cJSON *event, bool *ret_again)
{
        _cleanup_(decrypted_event_clear) DecryptedEvent decrypted = DECRYPTED_EVENT_NULL;

        int outcome = assert_ok(e2ee_decrypt(world->bot->e2ee, room_id, event, &decrypted));
        if (outcome == 0) {
                assert_string_equal(decrypted.type, "m.room.message");
                assert_string_equal(object_string(decrypted.content, "body"), "hello");
                assert_string_equal(decrypted.curve25519, e2ee_curve25519(world->ana->e2ee));
                *ret_again = decrypted.again;
        }
        return outcome;
}

static void test_events(void **state)
{
        static const struct {
                const char *key, *value; /* of the event, or of its content */
                const char *room_id;
                int outcome;
                bool again;
        } rows[] = {
                { NULL, NULL, WORLD_ROOM, 0, true },
                { "event_id", "$other", WORLD_ROOM, DECRYPT_REPLAYED },
                { "sender", "@eve:x", WORLD_ROOM, DECRYPT_REJECTED },
                { "sender", "@bot:x", WORLD_ROOM, DECRYPT_REJECTED },
                { "algorithm", "m.megolm.v2", WORLD_ROOM, DECRYPT_REJECTED },
                { "algorithm", ALGORITHM_OLM, WORLD_ROOM, DECRYPT_REJECTED },
                { "ciphertext", "AwgAEhBB", WORLD_ROOM, DECRYPT_REJECTED },
                { "ciphertext", "", WORLD_ROOM, DECRYPT_REJECTED },
                { "session_id", "AAAA", WORLD_ROOM, DECRYPT_PARKED },
                { "sender_key", "of any user", WORLD_ROOM, 0, true }, /* ignored */
                { "device_id", "OTHER", WORLD_ROOM, 0, true },
                { NULL, NULL, "!other:x", DECRYPT_PARKED },
        };
        _cleanup_(e2ee_world_done) E2eeWorld world;
        bool again = true;
        e2ee_world_init(&world);
        _cleanup_(json_freep) cJSON *event = said(&world, "hello");
        settle(world.server);
        assert_int_equal(peer_heard(world.bot, "@ana:x", "hello"), 1);

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(json_freep) cJSON *changed = cJSON_Duplicate(event, true);
                cJSON *content = tree_member(changed, "content");

                if (rows[i].key)
                        assert_ok(object_put_string(tree_member(content, rows[i].key) ? content : changed,
                                                    rows[i].key, rows[i].value));
                assert_int_equal(decrypt(&world, rows[i].room_id, changed, &again), rows[i].outcome);
                if (rows[i].outcome == 0)
                        assert_int_equal(again, rows[i].again);
        }

        /* the same event under another time */
        assert_ok(object_put(event, "origin_server_ts", cJSON_CreateNumber(1)));
        assert_int_equal(decrypt(&world, WORLD_ROOM, event, &again), DECRYPT_REPLAYED);
}

/* Also after a restart, and when the replay under another sender is first. */
static void test_replays_stay_known(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        bool again;
        e2ee_world_init(&world);
        _cleanup_(json_freep) cJSON *event = said(&world, "hello"), *stolen = cJSON_Duplicate(event, true);

        assert_ok(object_put_string(stolen, "sender", "@eve:x"));
        assert_ok(object_put_string(stolen, "event_id", "$stolen"));
        assert_true(peer_sync(world.bot));
        assert_int_equal(decrypt(&world, WORLD_ROOM, stolen, &again), DECRYPT_REJECTED);
        assert_int_equal(decrypt(&world, WORLD_ROOM, event, &again), 0);

        peer_close(world.bot);
        peer_open(world.bot);
        assert_ok(object_put_string(event, "event_id", "$copy"));
        assert_int_equal(decrypt(&world, WORLD_ROOM, event, &again), DECRYPT_REPLAYED);
}

/* Another user who has the key sends it to us as her own: for the room that has it already it is not taken,
 * and for another room it opens nothing. */
static void test_a_key_that_is_passed_on(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        _cleanup_(ratchet_outbound_freep) RatchetOutbound *outbound = NULL;
        _cleanup_(freep) char *key = NULL, *pickle = NULL;
        ChannelSender eve = { "@eve:x", "eve's curve key", "eve's signing key" };
        bool again;
        e2ee_world_init(&world);
        _cleanup_(json_freep) cJSON *event = said(&world, "hello");

        settle(world.server);
        assert_err(query_text(world.ana->e2ee->database, &pickle, "SELECT pickle FROM megolm_out", ""), 1);
        assert_ok(ratchet_outbound_load(world.ana->key, pickle, &outbound));
        assert_ok(ratchet_outbound_key(outbound, &key));
        assert_ok(inbound_add(world.bot->e2ee, &eve, WORLD_ROOM, key));
        assert_ok(inbound_add(world.bot->e2ee, &eve, "!other:x", key));
        assert_int_equal(decrypt(&world, WORLD_ROOM, event, &again), 0);
        assert_int_equal(decrypt(&world, "!other:x", event, &again), DECRYPT_REJECTED);
}

static void test_keys_that_are_refused(void **state)
{
        static const char *const rows[] = {
                "{}",
                "{\"algorithm\":\"m.megolm.v1.aes-sha2\",\"room_id\":\"!r:x\",\"session_id\":\"AAAA\"}",
                "{\"algorithm\":\"m.megolm.v1.aes-sha2\",\"room_id\":\"!r:x\",\"session_id\":\"AAAA\","
                "\"session_key\":\"AgAAAA\"}",
                "{\"algorithm\":\"m.megolm.v1.aes-sha2\",\"room_id\":7,\"session_id\":[],\"session_key\":{}"
                "}",
        };
        _cleanup_(e2ee_world_done) E2eeWorld world;
        _cleanup_(ratchet_outbound_freep) RatchetOutbound *outbound = NULL;
        _cleanup_(freep) char *key = NULL;
        ChannelSender ana = { "@ana:x", "curve", "ed" };
        cJSON *other = NULL;
        e2ee_world_init(&world);

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(json_freep) cJSON *content = tree_parse(rows[i]);

                assert_ok(inbound_receive_key(world.bot->e2ee, &ana, content));
        }
        assert_ok(ratchet_outbound_new(&outbound));
        assert_ok(ratchet_outbound_key(outbound, &key));
        assert_ok(json_pack(&other, "{algorithm:s,room_id:s,session_id:s,session_key:s}", ALGORITHM_MEGOLM,
                            WORLD_ROOM, "AAAA", key)); /* not the id of that key */
        assert_ok(inbound_receive_key(world.bot->e2ee, &ana, other));
        cJSON_Delete(other);
        assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM megolm_in"), 0);
}

/* Of two keys of one session the one that reads more is kept, whichever is received first. */
static void test_the_better_key_is_kept(void **state)
{
        for (int i = 0; i < 2; i++) {
                _cleanup_(e2ee_world_done) E2eeWorld world;
                _cleanup_(ratchet_outbound_freep) RatchetOutbound *outbound = NULL;
                _cleanup_(freep) char *early = NULL, *late = NULL, *body = NULL;
                ChannelSender ana = { "@ana:x", "curve", "ed" };
                e2ee_world_init(&world);

                assert_ok(ratchet_outbound_new(&outbound));
                assert_ok(ratchet_outbound_key(outbound, &early));
                assert_ok(ratchet_outbound_encrypt(outbound, bytes_of_string("{}"), &body));
                assert_ok(ratchet_outbound_key(outbound, &late));
                assert_ok(inbound_add(world.bot->e2ee, &ana, WORLD_ROOM, i == 0 ? early : late));
                assert_ok(inbound_add(world.bot->e2ee, &ana, WORLD_ROOM, i == 0 ? late : early));
                assert_int_equal(peer_count(world.bot, "SELECT first_index FROM megolm_in"), 0);
        }
}

static int64_t requests_pending(E2eeWorld *world)
{
        return peer_count(world->bot,
                          "SELECT count(*) FROM e2ee_request WHERE target = 'm.room_key_request'");
}

/* The key follows the event: requested after three seconds, explained after a minute, read when it is
 * there. */
static void test_a_key_that_comes_late(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        e2ee_world_init(&world);
        cJSON_Delete(said(&world, "hello"));
        cJSON *keys = cJSON_DetachItemFromObjectCaseSensitive(world.bot->queue, "to_device"), *key;
        _cleanup_(json_freep) cJSON *event = NULL;
        _cleanup_(freep) char *room_id = NULL, *code = NULL;

        world.ana->offline = true;
        assert_true(peer_sync(world.bot));
        assert_int_equal(peer_parked(world.bot), 1);
        assert_int_equal(requests_pending(&world), 0);
        world.server->now_ms += 3 * MS_PER_SECOND;
        assert_ok(e2ee_plan(world.bot->e2ee));
        assert_ok(e2ee_plan(world.bot->e2ee));
        assert_int_equal(requests_pending(&world), 1);
        assert_err(e2ee_next_unreadable(world.bot->e2ee, &room_id, &event, &code), 0);

        world.server->now_ms += 60 * MS_PER_SECOND;
        assert_err(e2ee_next_unreadable(world.bot->e2ee, &room_id, &event, &code), 1);
        assert_string_equal(room_id, WORLD_ROOM);
        assert_null(code);
        assert_err(e2ee_next_unreadable(world.bot->e2ee, &room_id, &event, &code), 0);

        for (key = keys->child; key; key = key->next)
                homeserver_to_device(world.server, world.bot, cJSON_Duplicate(key, true));
        cJSON_Delete(keys);
        assert_true(peer_sync(world.bot));
        assert_int_equal(peer_heard(world.bot, "@ana:x", "hello"), 1);
        assert_int_equal(peer_parked(world.bot), 0);
        assert_int_equal(requests_pending(&world), 2); /* and the cancellation */
}

/* A redacted event is not read any more when its key arrives. */
static void test_a_redacted_event(void **state)
{
        static const struct {
                const char *room_id;
                bool other; /* event */
                unsigned heard;
        } rows[] = {
                { WORLD_ROOM, false, 0 },
                { WORLD_ROOM, true, 1 },
                { "!other:x", false, 1 }, /* an id belongs to its room */
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(e2ee_world_done) E2eeWorld world;
                e2ee_world_init(&world);
                _cleanup_(json_freep) cJSON *event = said(&world, "hello");
                cJSON *keys = cJSON_DetachItemFromObjectCaseSensitive(world.bot->queue, "to_device"), *key;

                assert_true(peer_sync(world.bot));
                assert_int_equal(peer_parked(world.bot), 1);
                assert_ok(e2ee_forget_parked(world.bot->e2ee, rows[i].room_id,
                                             rows[i].other ? "$other" : object_string(event, "event_id")));
                assert_int_equal(peer_parked(world.bot), rows[i].heard);
                cJSON_ArrayForEach(key, keys)
                        homeserver_to_device(world.server, world.bot, cJSON_Duplicate(key, true));
                cJSON_Delete(keys);
                assert_true(peer_sync(world.bot));
                assert_int_equal(peer_heard(world.bot, "@ana:x", "hello"), rows[i].heard);
        }
}

/* Why a key is withheld can be told to the room; m.no_olm is resolved by a session of ours. */
static void test_withheld(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        e2ee_world_init(&world);
        cJSON_Delete(said(&world, "hello"));
        cJSON_DeleteItemFromObjectCaseSensitive(world.bot->queue, "to_device");
        _cleanup_(json_freep) cJSON *event = NULL;
        _cleanup_(freep) char *room_id = NULL, *code = NULL, *session_id = NULL;
        cJSON *withheld = NULL;

        world.ana->offline = true;
        assert_true(peer_sync(world.bot));
        assert_err(query_text(world.bot->e2ee->database, &session_id, "SELECT session_id FROM parked", ""),
                   1);
        assert_ok(json_pack(
                &withheld,
                "{type:s,sender:s,content:{algorithm:s,room_id:s,session_id:s,sender_key:s,code:s}}",
                "m.room_key.withheld", "@ana:x", ALGORITHM_MEGOLM, WORLD_ROOM, session_id, "x",
                "m.unverified"));
        homeserver_to_device(world.server, world.bot, withheld);
        assert_true(peer_sync(world.bot));
        world.server->now_ms += 60 * MS_PER_SECOND;
        assert_err(e2ee_next_unreadable(world.bot->e2ee, &room_id, &event, &code), 1);
        assert_string_equal(code, "m.unverified");

        withheld = NULL;
        assert_ok(json_pack(&withheld, "{type:s,sender:s,content:{algorithm:s,sender_key:s,code:s}}",
                            "m.room_key.withheld", "@ana:x", ALGORITHM_MEGOLM,
                            e2ee_curve25519(world.ana->e2ee), "m.no_olm"));
        homeserver_to_device(world.server, world.bot, withheld);
        world.ana->offline = false;
        settle(world.server);
        assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM olm_peer WHERE unwedged_ms NOT NULL"),
                         1);
        assert_int_equal(peer_heard(world.bot, "@ana:x", "hello"), 1);
}

/* A homeserver invents events, and reasons to withhold their keys: the store has a limit for both. */
static void test_endless_events(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        char *text = malloc(200000);
        bool again;
        e2ee_world_init(&world);
        _cleanup_(json_freep) cJSON *event = said(&world, "hello"), *withheld = NULL;
        cJSON *content = tree_member(event, "content");

        assert_ok(json_pack(&withheld, "{sender:s,content:{algorithm:s,room_id:s,session_id:s,code:s}}",
                            "@ana:x", ALGORITHM_MEGOLM, WORLD_ROOM, "x", "m.unverified"));
        assert_ok(transaction_begin(world.bot->database, &transaction));
        for (int i = 0; i < 6000; i++) {
                char id[16];

                (void) snprintf(id, sizeof id, "$%d", i);
                assert_ok(object_put_string(event, "event_id", id));
                assert_ok(object_put_string(content, "session_id", id));
                assert_ok(object_put_string(tree_member(withheld, "content"), "session_id", id));
                assert_int_equal(decrypt(&world, WORLD_ROOM, event, &again), DECRYPT_PARKED);
                assert_ok(parked_receive_withheld(world.bot->e2ee, withheld));
        }
        assert_int_equal(peer_parked(world.bot), 2000);
        assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM parked WHERE event_id = '$5999'"), 1);
        assert_true(peer_count(world.bot, "SELECT count(*) FROM withheld") <= 5000);
        assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM withheld WHERE session_id = '$5999'"),
                         1);

        assert_non_null(text);
        memset(text, 'x', 200000);
        text[199999] = '\0';
        assert_ok(object_put_string(event, "event_id", "$long"));
        assert_ok(object_put_string(content, "ciphertext", text));
        free(text);
        assert_int_equal(decrypt(&world, WORLD_ROOM, event, &again), DECRYPT_PARKED);
        assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM parked WHERE event_id = '$long'"), 0);
        assert_ok(transaction_commit(&transaction));
}

/* Our own message in the timeline, which our session has not sent: the store is an old copy. */
static void test_a_store_that_went_back(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        E2eeFault fault;
        e2ee_world_init(&world);

        peer_say(world.bot, WORLD_ROOM, "one");
        settle(world.server);
        peer_keep_store(world.bot);
        peer_say(world.bot, WORLD_ROOM, "two");
        assert_true(peer_send(world.bot));
        _cleanup_(json_freep) cJSON *queue = cJSON_Duplicate(world.bot->queue, true);
        peer_restore_store(world.bot);
        cJSON_Delete(world.bot->queue);
        world.bot->queue = TAKE_PTR(queue);
        assert_true(peer_sync(world.bot));
        assert_ok(e2ee_fault(world.bot->e2ee, &fault));
        assert_int_equal(fault, E2EE_FAULT_ROLLED_BACK);

        /* and it sends nothing more */
        _cleanup_(json_freep) cJSON *content = cJSON_CreateObject();
        RoomMessage message = { WORLD_ROOM, "m.room.message", content, true };
        cJSON *encrypted = NULL;
        assert_int_equal(e2ee_is_ready(world.bot->e2ee), 0);
        assert_err(e2ee_encrypt(world.bot->e2ee, &message, &encrypted), ENCRYPT_WAIT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_events),
                cmocka_unit_test(test_replays_stay_known),
                cmocka_unit_test(test_a_key_that_is_passed_on),
                cmocka_unit_test(test_keys_that_are_refused),
                cmocka_unit_test(test_the_better_key_is_kept),
                cmocka_unit_test(test_a_key_that_comes_late),
                cmocka_unit_test(test_a_redacted_event),
                cmocka_unit_test(test_withheld),
                cmocka_unit_test(test_endless_events),
                cmocka_unit_test(test_a_store_that_went_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
