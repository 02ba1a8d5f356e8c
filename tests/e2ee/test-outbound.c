/* SPDX-License-Identifier: MIT */
/* Megolm, sending: when a room's key is replaced and when it is not, and who gets it. */

#include "e2ee/outbound.h"

#include <fcntl.h>
#include <stdio.h>

#include "basic/fd.h"
#include "crypto/secretbox.h"
#include "e2ee/identity.h"
#include "e2ee/room.h"
#include "homeserver.h"

#include "test.h"

#define ROOM "!r:x"

typedef struct Trio {
        Homeserver *server;
        Peer *bot, *ana, *eva;
} Trio;

static void set_up(Trio *trio)
{
        trio->server = homeserver_new(11);
        trio->bot = peer_new(trio->server, "@bot:x", "BOT");
        trio->ana = peer_new(trio->server, "@ana:x", "PHONE");
        trio->eva = peer_new(trio->server, "@eva:x", "TABLET");
        room_create(trio->server, ROOM, NULL);
        room_state(trio->server, ROOM, "m.room.history_visibility", "",
                   tree_parse("{\"history_visibility\":\"invited\"}"));
        room_member(trio->server, ROOM, "@bot:x", "join");
        room_member(trio->server, ROOM, "@ana:x", "join");
        room_member(trio->server, ROOM, "@eva:x", "join");
        settle(trio->server);
}

static void tear_down(Trio *trio)
{
        homeserver_free(trio->server);
}

static void say(Trio *trio, const char *text)
{
        peer_say(trio->bot, ROOM, text);
        settle(trio->server);
}

static char *session_of(Peer *peer)
{
        char *id = NULL;

        assert_ok(query_text(peer->e2ee->database, &id,
                             "SELECT session_id FROM megolm_out WHERE room_id = ?", "t", ROOM));
        return id;
}

static void leave(Trio *trio)
{
        room_member(trio->server, ROOM, "@eva:x", "leave");
}

static void ban(Trio *trio)
{
        room_member(trio->server, ROOM, "@eva:x", "ban");
}

static void withdraw(Trio *trio)
{
        room_member(trio->server, ROOM, "@new:x", "leave");
}

static void join(Trio *trio)
{
        room_member(trio->server, ROOM, "@more:x", "join");
}

static void join_again(Trio *trio)
{
        room_member(trio->server, ROOM, "@eva:x", "join");
}

static void log_out(Trio *trio)
{
        homeserver_logout(trio->server, "@eva:x", "TABLET");
        trio->eva->offline = true;
}

static void restart(Trio *trio)
{
        peer_close(trio->bot);
        peer_open(trio->bot);
}

static void week(Trio *trio)
{
        trio->server->now_ms += 7 * 24 * MS_PER_HOUR + 1;
}

static void day(Trio *trio)
{
        trio->server->now_ms += 24 * MS_PER_HOUR;
}

static void clock_set_back(Trio *trio)
{
        trio->server->now_ms -= 24 * MS_PER_HOUR;
}

static void world_readable(Trio *trio)
{
        room_state(trio->server, ROOM, "m.room.history_visibility", "",
                   tree_parse("{\"history_visibility\":\"shared\"}"));
}

static void joined_only(Trio *trio)
{
        room_state(trio->server, ROOM, "m.room.history_visibility", "",
                   tree_parse("{\"history_visibility\":\"joined\"}"));
}

static void topic(Trio *trio)
{
        room_state(trio->server, ROOM, "m.room.topic", "", tree_parse("{\"topic\":\"x\"}"));
}

static void gap(Trio *trio)
{
        _cleanup_(json_freep) cJSON *rooms = tree_parse(
                "{\"join\":{\"" ROOM
                "\":{\"timeline\":{\"limited\":true,\"events\":[]},\"state\":{\"events\":[{\"type\":"
                "\"m.room.member\",\"state_key\":\"@eva:x\",\"content\":{\"membership\":\"join\"}}]}}}}");

        assert_ok(room_receive_joined(trio->bot->e2ee, rooms));
}

static void unsigned_now(Trio *trio)
{
        cJSON *keys = tree_member(tree_enter(trio->server->cross_signing, "self_signing_keys"), "@eva:x");

        cJSON_DeleteItemFromObjectCaseSensitive(keys, "signatures");
        trio->eva->offline = true;
        homeserver_changed(trio->server, "@eva:x");
}

static void test_rotation(void **state)
{
        static const struct {
                void (*change)(Trio *trio);
                bool rotates;
        } rows[] = {
                { leave, true },          { ban, true },          { withdraw, true },
                { log_out, true },        { week, true },         { clock_set_back, true },
                { world_readable, true }, { gap, true },          { unsigned_now, true },
                { join, false },          { join_again, false },  { restart, false },
                { day, false },           { joined_only, false }, { topic, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(tear_down) Trio trio;
                _cleanup_(freep) char *before = NULL, *after = NULL;
                set_up(&trio);

                room_member(trio.server, ROOM, "@new:x", "invite");
                say(&trio, "before");
                before = session_of(trio.bot);
                rows[i].change(&trio);
                settle(trio.server);
                say(&trio, "after");
                after = session_of(trio.bot);
                if (streq(before, after) == rows[i].rotates)
                        fail_msg("row %zu: the key was %sreplaced", i, rows[i].rotates ? "not " : "");
                assert_int_equal(peer_heard(trio.ana, "@bot:x", "before"), 1);
                assert_int_equal(peer_heard(trio.ana, "@bot:x", "after"), 1);
        }
}

static void test_rotation_by_count(void **state)
{
        static const struct {
                const char *encryption;
                int64_t messages;
        } rows[] = {
                { "{}", 100 },
                { "{\"rotation_period_msgs\":3}", 3 },
                { "{\"rotation_period_msgs\":0}", 1 },
                { "{\"rotation_period_msgs\":-7}", 100 },
                { "{\"rotation_period_msgs\":1e9}", 10000 },
                { "{\"rotation_period_msgs\":\"3\"}", 100 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(tear_down) Trio trio;
                set_up(&trio);
                cJSON *content = tree_parse(rows[i].encryption);

                assert_ok(object_put_string(content, "algorithm", ALGORITHM_MEGOLM));
                room_state(trio.server, ROOM, "m.room.encryption", "", content);
                settle(trio.server);
                assert_int_equal(peer_count(trio.bot, "SELECT rotation_messages FROM room"),
                                 rows[i].messages);
                if (rows[i].messages != 3)
                        continue;

                for (int k = 0; k < 7; k++)
                        say(&trio, "text");
                assert_int_equal(peer_count(trio.bot, "SELECT count(*) FROM megolm_in"), 3);
                assert_int_equal(peer_heard(trio.ana, "@bot:x", "text"), 7);
        }
}

/* A room that was encrypted once stays so, whatever its later state. */
static void test_encryption_is_never_taken_back(void **state)
{
        _cleanup_(tear_down) Trio trio;
        set_up(&trio);

        room_state(trio.server, ROOM, "m.room.encryption", "", cJSON_CreateObject());
        settle(trio.server);
        assert_int_equal(peer_count(trio.bot, "SELECT encrypted FROM room"), 1);
        say(&trio, "still secret");
        assert_int_equal(peer_heard(trio.ana, "@bot:x", "still secret"), 1);
}

static void test_not_encrypted(void **state)
{
        _cleanup_(tear_down) Trio trio;
        _cleanup_(json_freep) cJSON *content = cJSON_CreateObject();
        RoomMessage message = { "!other:x", "m.room.message", content, false };
        cJSON *encrypted = NULL;
        set_up(&trio);

        assert_err(e2ee_encrypt(trio.bot->e2ee, &message, &encrypted), ENCRYPT_NOT_HERE);
        assert_null(encrypted);
}

/* A member who left reads no more; one who joins reads from then on, and not before. */
static void test_who_reads_what(void **state)
{
        _cleanup_(tear_down) Trio trio;
        set_up(&trio);

        say(&trio, "one");
        leave(&trio);
        settle(trio.server);
        say(&trio, "two");
        join_again(&trio);
        settle(trio.server);
        say(&trio, "three");
        assert_int_equal(peer_heard(trio.eva, "@bot:x", "one"), 1);
        assert_int_equal(peer_heard(trio.eva, "@bot:x", "two"), 0);
        assert_int_equal(peer_heard(trio.eva, "@bot:x", "three"), 1);
        assert_int_equal(peer_heard(trio.ana, "@bot:x", "two"), 1);
}

/* An unsigned device gets the reason why it cannot read, once; as soon as its owner signs it, it can. */
static void test_unsigned_devices(void **state)
{
        _cleanup_(tear_down) Trio trio;
        set_up(&trio);

        trio.eva->offline = true;
        Peer *second = peer_new(trio.server, "@eva:x", "NEW");
        second->offline = true;
        (void) peer_send(second); /* its keys are on the server, no more */
        (void) peer_send(second);
        settle(trio.server);
        say(&trio, "one");
        say(&trio, "two");
        assert_int_equal(
                peer_count(trio.bot, "SELECT count(*) FROM megolm_share WHERE code = 'm.unverified'"), 1);
        second->offline = false;
        settle(trio.server);
        assert_int_equal(peer_heard(second, "@bot:x", "two"), 0);
        assert_int_equal(peer_count(second, "SELECT count(*) FROM withheld WHERE code = 'm.unverified'"), 1);

        second->offline = true;
        assert_ok(database_run(trio.bot->database, "UPDATE device SET signed = 1 WHERE device_id = 'NEW'"));
        say(&trio, "three");
        second->offline = false;
        settle(trio.server);
        assert_int_equal(peer_heard(second, "@bot:x", "three"), 1);
        assert_int_equal(peer_heard(second, "@bot:x", "two"), 0);
}

/* With the option, a signed device of a user who is not pinned gets the reason, once; with the pin, it
 * reads; without it again, the key changes. Our own devices need no pin. */
static void test_pinned_only(void **state)
{
        _cleanup_(tear_down) Trio trio;
        _cleanup_(freep) char *master = NULL;
        Peer *own;
        set_up(&trio);

        own = peer_new(trio.server, "@bot:x", "OWN");
        assert_ok(database_run(trio.bot->database,
                               "INSERT OR IGNORE INTO member(room_id, user_id, membership)"
                               " VALUES ('" ROOM "', '@bot:x', 'join')"));
        settle(trio.server);
        assert_ok(database_run(trio.bot->database, "UPDATE device SET signed = 1 WHERE device_id = 'OWN'"));
        trio.bot->e2ee->pinned_only = true;
        assert_int_equal(assert_ok(e2ee_identity(trio.bot->e2ee, "@ana:x", &master)), 1);
        assert_ok(e2ee_pin_identity(trio.bot->e2ee, "@ana:x", master));
        assert_ok(query_run(trio.bot->database,
                            "UPDATE device SET verifying_until_ms = ? WHERE user_id = '@eva:x'", "i",
                            INT64_MAX));
        say(&trio, "one");
        say(&trio, "two");
        assert_int_equal(peer_heard(trio.ana, "@bot:x", "two"), 1);
        assert_int_equal(peer_heard(own, "@bot:x", "two"), 1);
        assert_int_equal(peer_heard(trio.eva, "@bot:x", "two"), 0);
        assert_int_equal(peer_count(trio.eva, "SELECT count(*) FROM withheld WHERE code = 'm.unauthorised'"),
                         1);

        assert_ok(e2ee_pin_identity(trio.bot->e2ee, "@ana:x", NULL));
        say(&trio, "three");
        assert_int_equal(peer_heard(trio.ana, "@bot:x", "three"), 0);
        assert_ok(e2ee_pin_identity(trio.bot->e2ee, "@ana:x", master));
        say(&trio, "four");
        assert_int_equal(peer_heard(trio.ana, "@bot:x", "four"), 1);
}

/* A device without one-time keys delays no other, and gets the key when it has some. */
static void test_a_device_without_keys(void **state)
{
        _cleanup_(tear_down) Trio trio;
        set_up(&trio);

        trio.eva->offline = true;
        cJSON_DeleteItemFromObjectCaseSensitive(tree_enter(trio.server->one_time, "@eva:x"), "TABLET");
        cJSON_DeleteItemFromObjectCaseSensitive(tree_enter(trio.server->fallback, "@eva:x"), "TABLET");
        say(&trio, "one");
        assert_int_equal(peer_heard(trio.ana, "@bot:x", "one"), 1);
        assert_int_equal(peer_count(trio.bot, "SELECT no_olm_sent FROM olm_peer WHERE user_id = '@eva:x'"),
                         1);

        trio.eva->offline = false;
        settle(trio.server);
        trio.server->now_ms += 61 * MS_PER_SECOND;
        settle(trio.server);
        say(&trio, "two");
        assert_int_equal(peer_heard(trio.eva, "@bot:x", "two"), 1);
        assert_int_equal(peer_count(trio.bot, "SELECT no_olm_sent FROM olm_peer WHERE user_id = '@eva:x'"),
                         0);
}

static void expect_encrypt(Peer *peer, bool hurry, int outcome)
{
        _cleanup_(json_freep) cJSON *content = tree_parse("{\"body\":\"x\"}"), *encrypted = NULL;
        const RoomMessage message = { ROOM, "m.room.message", content, hurry };

        assert_err(e2ee_encrypt(peer->e2ee, &message, &encrypted), outcome);
}

/* A query that is under way is waited for, without a hurry; one that failed, when it is tried again. */
static void test_lists_that_are_asked_for(void **state)
{
        _cleanup_(tear_down) Trio trio;
        set_up(&trio);
        say(&trio, "one");

        trio.server->failing = "y";
        room_member(trio.server, ROOM, "@far:y", "join");
        assert_true(peer_sync(trio.bot));
        expect_encrypt(trio.bot, false, ENCRYPT_WAIT);
        expect_encrypt(trio.bot, true, 0);
        settle(trio.server);
        expect_encrypt(trio.bot, false, 0);
        trio.server->now_ms += 16 * MS_PER_SECOND;
        expect_encrypt(trio.bot, false, ENCRYPT_WAIT);
        assert_true(peer_send(trio.bot));
}

/* The relation of an event is read by the server, and stays in clear; nothing else does. */
static void test_the_event(void **state)
{
        _cleanup_(tear_down) Trio trio;
        _cleanup_(json_freep) cJSON *content = tree_parse(
                "{\"body\":\"secret\",\"m.relates_to\":{\"rel_type\":\"m.thread\",\"event_id\":\"$e\"}}");
        _cleanup_(json_freep) cJSON *encrypted = NULL;
        _cleanup_(freep) char *text = NULL;
        RoomMessage message = { ROOM, "m.room.message", content, false };
        set_up(&trio);

        say(&trio, "one");
        assert_err(e2ee_encrypt(trio.bot->e2ee, &message, &encrypted), 0);
        assert_ok(canonical_json(encrypted, false, &text));
        assert_null(strstr(text, "secret"));
        assert_true(object_has(object_object(encrypted, "m.relates_to"), "rel_type", "m.thread"));
        assert_true(object_has(encrypted, "algorithm", ALGORITHM_MEGOLM));
        assert_true(object_has(encrypted, "device_id", "BOT"));
        assert_non_null(object_object(content, "m.relates_to")); /* the caller's is as it was */
}

/* What a device that asks again gets is what it was given, from the index on that it was given. */
static void test_requests_for_keys(void **state)
{
        static const struct {
                const char *sender, *device_id;
                int64_t after_ms;
                int64_t again;
        } rows[] = {
                { "@eva:x", "TABLET", 61000, 1 }, { "@eva:x", "TABLET", 1000, 0 },
                { "@eva:x", "OTHER", 61000, 0 },  { "@eve:x", "TABLET", 61000, 0 },
                { "@ana:x", "TABLET", 61000, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(tear_down) Trio trio;
                _cleanup_(freep) char *session = NULL;
                cJSON *event = NULL;
                set_up(&trio);

                say(&trio, "one");
                assert_ok(database_run(trio.eva->database, "DELETE FROM megolm_in"));
                say(&trio, "two");
                assert_int_equal(peer_parked(trio.eva), 1);

                session = session_of(trio.bot);
                trio.server->now_ms += rows[i].after_ms;
                assert_ok(json_pack(&event,
                                    "{type:s,sender:s,content:{action:s,requesting_device_id:s,request_id:s,"
                                    "body:{algorithm:s,room_id:s,session_id:s}}}",
                                    "m.room_key_request", rows[i].sender, "request", rows[i].device_id, "r",
                                    ALGORITHM_MEGOLM, ROOM, session));
                trio.eva->offline = true; /* it would ask by itself */
                homeserver_to_device(trio.server, trio.bot, event);
                settle(trio.server);
                assert_int_equal(cJSON_GetArraySize(tree_array(trio.eva->queue, "to_device")),
                                 rows[i].again);
                trio.eva->offline = false;
                settle(trio.server);
                if (rows[i].again)
                        assert_int_equal(peer_heard(trio.eva, "@bot:x", "two"), 1);
        }
}

/* Opens what a query selects, which is sealed. */
static Secret *opened(Peer *peer, const char *sql)
{
        _cleanup_(statement_resetp) Statement *statement = NULL;
        Secret *secret = NULL;

        assert_ok(query(peer->database, &statement, sql, ""));
        assert_err(statement_step(statement), 1);
        assert_ok(secretbox_open(peer->key, statement_bytes(statement, 0), &secret));
        return secret;
}

static bool file_has(const char *path, Bytes bytes)
{
        _cleanup_(freep) char *content = NULL;
        size_t size;

        if (fd_read_file_at(AT_FDCWD, path, 1 << 24, &content, &size) < 0)
                return false;
        return memmem(content, size, bytes.data, bytes.size) != NULL;
}

/* No secret is in the store as it is, nor in the log beside it. */
static void test_secrets_are_sealed(void **state)
{
        _cleanup_(tear_down) Trio trio;
        char log[128];
        set_up(&trio);

        say(&trio, "plain words");
        _cleanup_(secret_freep) Secret *seed = opened(trio.bot, "SELECT seed FROM cross_signing");
        _cleanup_(secret_freep) Secret *key = opened(trio.bot, "SELECT sealed FROM megolm_key");
        (void) snprintf(log, sizeof log, "%s-wal", trio.bot->path);
        const char *const files[] = { trio.bot->path, log };

        assert_true(file_has(log, bytes_of_string("PHONE")) || file_has(files[0], bytes_of_string("PHONE")));
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                assert_false(file_has(files[i], secret_bytes(seed)));
                assert_false(file_has(files[i], secret_bytes(key)));
                assert_false(file_has(files[i], secret_bytes(trio.bot->key)));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rotation),
                cmocka_unit_test(test_rotation_by_count),
                cmocka_unit_test(test_encryption_is_never_taken_back),
                cmocka_unit_test(test_not_encrypted),
                cmocka_unit_test(test_who_reads_what),
                cmocka_unit_test(test_unsigned_devices),
                cmocka_unit_test(test_pinned_only),
                cmocka_unit_test(test_a_device_without_keys),
                cmocka_unit_test(test_lists_that_are_asked_for),
                cmocka_unit_test(test_the_event),
                cmocka_unit_test(test_requests_for_keys),
                cmocka_unit_test(test_secrets_are_sealed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
