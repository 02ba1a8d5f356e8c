/* SPDX-License-Identifier: MIT */
/* The device's own keys: what is uploaded, when, and what the server's answers mean. */

#include "homeserver.h"

#include <stdio.h>

#include "e2ee/e2ee-internal.h"
#include "e2ee/generation.h"
#include "e2ee/signing.h"

#include "test.h"

static int64_t pending(Peer *peer, E2eeRequestKind kind)
{
        int64_t count = 0;

        assert_ok(query_integer(peer->e2ee->database, &count,
                                "SELECT count(*) FROM e2ee_request WHERE kind = ?", "i", (int64_t) kind));
        return count;
}

static cJSON *pending_body(Peer *peer, E2eeRequestKind kind)
{
        _cleanup_(freep) char *text = NULL;

        assert_err(query_text(peer->e2ee->database, &text,
                              "SELECT body FROM e2ee_request WHERE kind = ? ORDER BY id DESC LIMIT 1", "i",
                              (int64_t) kind),
                   1);
        return tree_parse(text);
}

static cJSON *one_time_keys(Peer *peer)
{
        return tree_enter(tree_enter(peer->server->one_time, peer->user_id), peer->device_id);
}

static void drop_keys(Peer *peer, int n_keys)
{
        for (int i = 0; i < n_keys; i++)
                cJSON_Delete(cJSON_DetachItemViaPointer(one_time_keys(peer), one_time_keys(peer)->child));
}

static E2eeFault fault_of(Peer *peer)
{
        E2eeFault fault;

        assert_ok(e2ee_fault(peer->e2ee, &fault));
        return fault;
}

static void test_first_upload(void **state)
{
        _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(1);
        Peer *bot = peer_new(server, "@bot:x", "BOT");
        _cleanup_(json_freep) cJSON *body = pending_body(bot, E2EE_KEYS_UPLOAD);
        const cJSON *key, *keys = object_object(body, "device_keys");

        assert_ok(json_verify(keys, "@bot:x", "BOT", e2ee_ed25519(bot->e2ee)));
        assert_true(object_has(object_object(keys, "keys"), "curve25519:BOT", e2ee_curve25519(bot->e2ee)));
        assert_int_equal(cJSON_GetArraySize(object_object(body, "one_time_keys")), 50);
        cJSON_ArrayForEach(key, object_object(body, "one_time_keys")) {
                assert_ok(json_verify(key, "@bot:x", "BOT", e2ee_ed25519(bot->e2ee)));
                assert_null(object_get(key, "fallback"));
        }
        assert_int_equal(cJSON_GetArraySize(object_object(body, "fallback_keys")), 1);
        key = object_object(body, "fallback_keys")->child;
        assert_true(object_is_true(key, "fallback"));
        assert_ok(json_verify(key, "@bot:x", "BOT", e2ee_ed25519(bot->e2ee)));

        settle(server);
        assert_int_equal(pending(bot, E2EE_KEYS_UPLOAD), 0);
        assert_int_equal(fault_of(bot), E2EE_FAULT_NONE);
}

/* The same bytes, after a crash and after an answer that was lost, so that the server can know them again.
 */
static void test_the_same_keys_until_answered(void **state)
{
        _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(1);
        Peer *bot = peer_new(server, "@bot:x", "BOT");
        _cleanup_(e2ee_request_clear) E2eeRequest before = E2EE_REQUEST_NULL, after = E2EE_REQUEST_NULL;

        assert_err(e2ee_next_request(bot->e2ee, 0, &before), 1);
        cJSON_Delete(homeserver_answer(bot, &before));
        peer_close(bot);
        peer_open(bot);
        assert_true(peer_sync(bot));
        assert_err(e2ee_next_request(bot->e2ee, 0, &after), 1);
        assert_string_equal(before.body, after.body);
        assert_string_equal(before.txn_id, after.txn_id);
        assert_int_equal(pending(bot, E2EE_KEYS_UPLOAD), 1);
}

static void test_refill(void **state)
{
        static const struct {
                int dropped, uploaded;
        } rows[] = { { 0, 0 }, { 1, 1 }, { 20, 20 }, { 50, 50 } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(1);
                Peer *bot = peer_new(server, "@bot:x", "BOT");

                settle(server);
                drop_keys(bot, rows[i].dropped);
                assert_true(peer_sync(bot));
                assert_int_equal(pending(bot, E2EE_KEYS_UPLOAD), rows[i].uploaded > 0);
                if (rows[i].uploaded > 0) {
                        _cleanup_(json_freep) cJSON *body = pending_body(bot, E2EE_KEYS_UPLOAD);

                        assert_int_equal(cJSON_GetArraySize(object_object(body, "one_time_keys")),
                                         rows[i].uploaded);
                        assert_null(object_object(body, "device_keys"));
                }
                settle(server);
                assert_int_equal(cJSON_GetArraySize(one_time_keys(bot)), 50);
        }
}

/* No count at all means none. */
static void test_a_sync_without_counts(void **state)
{
        _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(1);
        Peer *bot = peer_new(server, "@bot:x", "BOT");

        settle(server);
        assert_true(peer_sync(bot));
        cJSON_DeleteItemFromObjectCaseSensitive(bot->pending, "device_one_time_keys_count");
        bot->token = -1; /* the same response again */
        assert_true(peer_sync(bot));
        assert_int_equal(pending(bot, E2EE_KEYS_UPLOAD), 1);
}

static int64_t fallback_keys_pending(Peer *peer)
{
        _cleanup_(json_freep) cJSON *body = NULL;

        if (pending(peer, E2EE_KEYS_UPLOAD) == 0)
                return 0;
        body = pending_body(peer, E2EE_KEYS_UPLOAD);
        return cJSON_GetArraySize(object_object(body, "fallback_keys"));
}

/* Nothing to do for the keys: the account, of which each change encrypts all of it, is not written. */
static void assert_sync_changes_no_key(Peer *peer)
{
        assert_ok(database_run(peer->database,
                               "CREATE TEMP TRIGGER unchanged BEFORE UPDATE OF pickle ON account"
                               " BEGIN SELECT RAISE(ABORT, 'written'); END"));
        assert_true(peer_sync(peer));
        assert_ok(database_run(peer->database, "DROP TRIGGER unchanged"));
}

static void test_keys_are_written_when_they_change(void **state)
{
        _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(1);
        Peer *bot = peer_new(server, "@bot:x", "BOT");
        int64_t n_replaced;

        settle(server);
        assert_sync_changes_no_key(bot);

        /* With the fallback key that was replaced, for the hour that it is kept. */
        assert_ok(object_put(tree_enter(server->fallback_used, "@bot:x"), "BOT", cJSON_CreateTrue()));
        assert_true(peer_sync(bot));
        settle(server);
        assert_sync_changes_no_key(bot);
        server->now_ms += MS_PER_HOUR;
        assert_true(peer_sync(bot));
        assert_ok(query_integer(bot->database, &n_replaced,
                                "SELECT count(fallback_replaced_ms) FROM account", ""));
        assert_int_equal(n_replaced, 0);
        assert_sync_changes_no_key(bot);
}

static void test_fallback_key(void **state)
{
        _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(1);
        Peer *bot = peer_new(server, "@bot:x", "BOT");

        settle(server);
        assert_true(peer_sync(bot));
        assert_int_equal(fallback_keys_pending(bot), 0);

        assert_ok(object_put(tree_enter(server->fallback_used, "@bot:x"), "BOT", cJSON_CreateTrue()));
        assert_true(peer_sync(bot));
        assert_int_equal(fallback_keys_pending(bot), 1);
        settle(server);
        assert_true(peer_sync(bot));
        assert_int_equal(fallback_keys_pending(bot), 0);

        server->now_ms += 7 * 24 * MS_PER_HOUR;
        assert_true(peer_sync(bot));
        assert_int_equal(fallback_keys_pending(bot), 1);
        settle(server);
}

/* All one-time keys are gone, and the fallback key was replaced while a message with the old one was on its
 * way. */
static void test_messages_by_the_fallback_key(void **state)
{
        _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(1);
        Peer *bot = peer_new(server, "@bot:x", "BOT"), *ana = peer_new(server, "@ana:x", "PHONE");

        room_create(server, "!r:x", NULL);
        room_member(server, "!r:x", "@bot:x", "join");
        room_member(server, "!r:x", "@ana:x", "join");
        settle(server);
        drop_keys(bot, 50);
        bot->offline = true;
        peer_say(ana, "!r:x", "by the fallback key");
        settle(server);
        assert_non_null(object_get(object_object(server->fallback_used, "@bot:x"), "BOT"));

        bot->offline = false;
        settle(server);
        assert_int_equal(peer_heard(bot, "@ana:x", "by the fallback key"), 1);
        assert_null(object_get(object_object(server->fallback_used, "@bot:x"), "BOT"));
        assert_int_equal(cJSON_GetArraySize(one_time_keys(bot)), 50);
}

static void test_keys_that_exist_already(void **state)
{
        _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(1);
        Peer *bot = peer_new(server, "@bot:x", "BOT");

        settle(server);
        drop_keys(bot, 10);
        assert_true(peer_sync(bot));
        _cleanup_(json_freep) cJSON *body = pending_body(bot, E2EE_KEYS_UPLOAD);
        const cJSON *first = object_object(body, "one_time_keys")->child;
        assert_ok(object_put(one_time_keys(bot), first->string, cJSON_Duplicate(first->next, true)));

        settle(server);
        assert_int_equal(fault_of(bot), E2EE_FAULT_ROLLED_BACK);
        assert_int_equal(pending(bot, E2EE_KEYS_UPLOAD), 0);
}

static void test_own_device_on_the_server(void **state)
{
        static const struct {
                const char *change;
                E2eeFault fault;
        } rows[] = {
                { "none", E2EE_FAULT_NONE },
                { "deleted", E2EE_FAULT_DEVICE_DELETED },
                { "replaced", E2EE_FAULT_DEVICE_REPLACED },
                { "identity", E2EE_FAULT_IDENTITY_REPLACED },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(1);
                Peer *bot = peer_new(server, "@bot:x", "BOT"), *other = peer_new(server, "@eve:x", "BOT");

                settle(server);
                if (streq(rows[i].change, "deleted"))
                        homeserver_logout(server, "@bot:x", "BOT");
                else if (streq(rows[i].change, "replaced"))
                        assert_ok(object_put(
                                tree_enter(server->devices, "@bot:x"), "BOT",
                                cJSON_Duplicate(tree_member(tree_enter(server->devices, "@eve:x"), "BOT"),
                                                true)));
                else if (streq(rows[i].change, "identity"))
                        cJSON_DeleteItemFromObjectCaseSensitive(
                                tree_enter(server->cross_signing, "master_keys"), "@bot:x");
                other->offline = true;
                peer_close(bot);
                peer_open(bot); /* it looks at every start */
                settle(server);
                assert_int_equal(fault_of(bot), rows[i].fault);
        }
}

static void test_an_identity_that_is_not_ours(void **state)
{
        _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(1);
        Peer *first = peer_new(server, "@bot:x", "OLD");

        settle(server);
        first->offline = true;
        Peer *second = peer_new(server, "@bot:x", "NEW");
        settle(server);
        assert_int_equal(fault_of(second), E2EE_FAULT_FOREIGN_IDENTITY);
        assert_int_equal(pending(second, E2EE_SIGNING_KEYS_UPLOAD), 0);
        assert_int_equal(e2ee_is_ready(second->e2ee), 0);
}

static void test_an_identity_that_is_refused(void **state)
{
        _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(1);
        Peer *bot = peer_new(server, "@bot:x", "BOT");

        server->refused = 1U << E2EE_SIGNING_KEYS_UPLOAD;
        settle(server);
        assert_int_equal(fault_of(bot), E2EE_FAULT_IDENTITY_REFUSED);
        assert_int_equal(pending(bot, E2EE_SIGNING_KEYS_UPLOAD), 0);
        assert_int_equal(e2ee_is_ready(bot->e2ee), 0);
}

/* The device is signed, by itself and by the identity, before the first message. */
static void test_cross_signing(void **state)
{
        _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(1);
        Peer *bot = peer_new(server, "@bot:x", "BOT");
        const cJSON *master, *self_signing, *device;

        assert_int_equal(e2ee_is_ready(bot->e2ee), 0);
        settle(server);
        assert_int_equal(e2ee_is_ready(bot->e2ee), 1);
        master = object_object(object_object(server->cross_signing, "master_keys"), "@bot:x");
        self_signing = object_object(object_object(server->cross_signing, "self_signing_keys"), "@bot:x");
        device = object_object(object_object(server->devices, "@bot:x"), "BOT");
        const char *master_key = object_object(master, "keys")->child->valuestring;
        const char *self_key = object_object(self_signing, "keys")->child->valuestring;

        assert_ok(json_verify(self_signing, "@bot:x", NULL, master_key));
        assert_ok(json_verify(device, "@bot:x", NULL, self_key));
        assert_ok(json_verify(device, "@bot:x", "BOT", e2ee_ed25519(bot->e2ee)));
        assert_ok(json_verify(master, "@bot:x", "BOT", e2ee_ed25519(bot->e2ee)));
}

/* The answer to signatures is an error, or 200 with failures in it. */
static void test_signatures_that_fail(void **state)
{
        for (size_t refused = 0; refused <= 1; refused++) {
                _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(1);
                Peer *bot = peer_new(server, "@bot:x", "BOT");

                server->refused = refused ? 1U << E2EE_SIGNATURES_UPLOAD : 0;
                server->signatures_fail = true;
                settle(server);
                assert_int_equal(e2ee_is_ready(bot->e2ee), 0);
                server->refused = 0;
                server->signatures_fail = false;
                settle(server);
                assert_int_equal(e2ee_is_ready(bot->e2ee), 0); /* not at once again */
                server->now_ms += 61 * MS_PER_SECOND;
                settle(server);
                assert_int_equal(e2ee_is_ready(bot->e2ee), 1);
        }
}

static void test_opening(void **state)
{
        _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(1);
        Peer *bot = peer_new(server, "@bot:x", "BOT");
        _cleanup_(secret_freep) Secret *wrong = NULL;
        E2eeOptions options = { bot->database, bot->key, "@bot:x", "BOT", bot->e2ee->now_ms, server };
        E2ee *none = NULL;

        settle(server);
        bot->e2ee = e2ee_close(bot->e2ee);
        options.device_id = "OTHER";
        assert_err(e2ee_open(&options, &none), -EXDEV);
        options.device_id = "BOT";
        options.user_id = "@ana:x";
        assert_err(e2ee_open(&options, &none), -EXDEV);
        options.user_id = "@bot:x";
        assert_ok(secret_new_random(32, &wrong));
        options.pickle_key = wrong;
        assert_err(e2ee_open(&options, &none), -EKEYREJECTED);
        options.pickle_key = bot->key;
        assert_ok(e2ee_open(&options, &bot->e2ee));
}

static void test_generation(void **state)
{
        static const struct {
                const char *file;
                bool fault;
        } rows[] = { { "2\n", false }, { "1\n", false }, { "3\n", true }, { NULL, true }, { "0\n", true } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(1);
                Peer *bot = peer_new(server, "@bot:x", "BOT");
                char path[96];

                (void) snprintf(path, sizeof path, "%s/generation", server->directory);
                assert_ok(e2ee_advance_generation(bot->e2ee, path));
                assert_ok(e2ee_advance_generation(bot->e2ee, path));
                assert_int_equal(fault_of(bot), E2EE_FAULT_NONE);

                (void) remove(path);
                if (rows[i].file) {
                        FILE *file = fopen(path, "w");

                        assert_non_null(file);
                        assert_true(fputs(rows[i].file, file) >= 0);
                        assert_int_equal(fclose(file), 0);
                }
                if (rows[i].file && streq(rows[i].file, "0\n"))
                        assert_err(e2ee_advance_generation(bot->e2ee, path), -EBADMSG);
                else {
                        assert_ok(e2ee_advance_generation(bot->e2ee, path));
                        assert_int_equal(fault_of(bot),
                                         rows[i].fault ? E2EE_FAULT_ROLLED_BACK : E2EE_FAULT_NONE);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_first_upload),
                cmocka_unit_test(test_the_same_keys_until_answered),
                cmocka_unit_test(test_refill),
                cmocka_unit_test(test_a_sync_without_counts),
                cmocka_unit_test(test_keys_are_written_when_they_change),
                cmocka_unit_test(test_fallback_key),
                cmocka_unit_test(test_messages_by_the_fallback_key),
                cmocka_unit_test(test_keys_that_exist_already),
                cmocka_unit_test(test_own_device_on_the_server),
                cmocka_unit_test(test_an_identity_that_is_not_ours),
                cmocka_unit_test(test_an_identity_that_is_refused),
                cmocka_unit_test(test_cross_signing),
                cmocka_unit_test(test_signatures_that_fail),
                cmocka_unit_test(test_opening),
                cmocka_unit_test(test_generation),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
