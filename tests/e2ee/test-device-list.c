/* SPDX-License-Identifier: MIT */
/* Device lists: when they are asked for, what is believed of an answer, and what a device is worth. */

#include "e2ee/device-list.h"

#include "codec/binary-text.h"
#include "crypto/ed25519.h"
#include "e2ee/identity.h"
#include "e2ee/signing.h"
#include "homeserver.h"

#include "test.h"

/* Signed keys of a device that no client has; the caller frees the account. */
static cJSON *made_keys(const char *user_id, const char *device_id, RatchetAccount **ret_account)
{
        char curve25519[CURVE25519_TEXT_SIZE], ed25519[ED25519_TEXT_SIZE], curve_id[KEY_ID_SIZE],
                ed_id[KEY_ID_SIZE];
        cJSON *keys = NULL;

        assert_ok(ratchet_account_new(ret_account));
        assert_ok(ratchet_account_identity(*ret_account, curve25519, ed25519));
        assert_ok(key_id_format("curve25519", device_id, curve_id));
        assert_ok(key_id_format("ed25519", device_id, ed_id));
        assert_ok(json_pack(&keys, "{user_id:s,device_id:s,algorithms:[],keys:{*:s,*:s}}", user_id,
                            device_id, curve_id, curve25519, ed_id, ed25519));
        assert_ok(json_sign_by_account(keys, user_id, device_id, *ret_account));
        return keys;
}

static void put_device(E2eeWorld *world, const char *device_id, cJSON *keys)
{
        assert_ok(object_put(tree_enter(world->server->devices, "@ana:x"), device_id, keys));
        homeserver_changed(world->server, "@ana:x");
}

static int64_t devices_of_ana(E2eeWorld *world)
{
        return peer_count(world->bot,
                          "SELECT count(*) FROM device WHERE user_id = '@ana:x' AND NOT deleted");
}

static int64_t queries_pending(Peer *peer)
{
        return peer_count(peer, "SELECT count(*) FROM e2ee_request WHERE kind = 1");
}

/* A change during a query is queried again: the answer may be older. */
static void test_generations(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        _cleanup_(e2ee_request_clear) E2eeRequest request = E2EE_REQUEST_NULL;
        e2ee_world_init(&world);

        homeserver_changed(world.server, "@ana:x");
        assert_true(peer_sync(world.bot));
        assert_int_equal(queries_pending(world.bot), 1);
        assert_err(e2ee_next_request(world.bot->e2ee, 0, &request), 1);
        _cleanup_(json_freep) cJSON *response = homeserver_answer(world.bot, &request);

        homeserver_changed(world.server, "@ana:x");
        assert_true(peer_sync(world.bot));
        assert_int_equal(queries_pending(world.bot), 1); /* one at a time */
        assert_ok(e2ee_request_done(world.bot->e2ee, request.id, response));
        assert_int_equal(queries_pending(world.bot), 1); /* the next */
        settle(world.server);
        assert_int_equal(queries_pending(world.bot), 0);
        assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM identity WHERE dirty"), 0);
}

/* The list is asked for again, later; until then it is what it was. */
static void test_a_server_that_cannot_be_reached(void **state)
{
        static const char dirty[] = "SELECT dirty FROM identity WHERE user_id = '@eve:y'",
                          devices[] = "SELECT count(*) FROM device WHERE user_id = '@eve:y' "
                                      "AND NOT deleted AND signed";
        _cleanup_(e2ee_world_done) E2eeWorld world;
        e2ee_world_init(&world);

        (void) peer_new(world.server, "@eve:y", "PHONE");
        room_member(world.server, "!r:x", "@eve:y", "join");
        settle(world.server);
        assert_int_equal(peer_count(world.bot, devices), 1);

        world.server->failing = "y";
        homeserver_changed(world.server, "@eve:y");
        settle(world.server);
        assert_int_equal(peer_count(world.bot, dirty), 1);
        assert_int_equal(peer_count(world.bot, devices), 1);
        assert_int_equal(queries_pending(world.bot), 0);

        world.server->now_ms += 20 * MS_PER_SECOND;
        world.server->failing = NULL;
        settle(world.server);
        assert_int_equal(peer_count(world.bot, dirty), 0);
        assert_int_equal(peer_count(world.bot, devices), 1);
}

static void test_left(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        _cleanup_(json_freep) cJSON *left = tree_parse("{\"left\":[\"@ana:x\",\"@bot:x\",7]}");
        e2ee_world_init(&world);

        assert_ok(device_list_receive(world.bot->e2ee, left));
        homeserver_changed(world.server, "@ana:x");
        settle(world.server);
        assert_int_equal(peer_count(world.bot, "SELECT tracked FROM identity WHERE user_id = '@ana:x'"), 0);
        assert_int_equal(peer_count(world.bot, "SELECT tracked FROM identity WHERE user_id = '@bot:x'"), 1);
}

static void test_keys_that_are_not_believed(void **state)
{
        static const struct {
                const char *device_id, *pointer, *key, *value;
        } rows[] = {
                { "NEW", NULL, NULL, NULL }, /* this one is */
                { "NEW", NULL, "user_id", "@eve:x" },
                { "NEW", NULL, "device_id", "OTHER" },
                { "NEW", "keys", "ed25519:NEW", "AAAA" },
                { "NEW", "keys", "curve25519:NEW", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" },
                { "NEW", NULL, "more", "not signed" },
                { "NEW", NULL, "signatures", "none" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(e2ee_world_done) E2eeWorld world;
                _cleanup_(ratchet_account_freep) RatchetAccount *account = NULL;
                cJSON *keys = made_keys("@ana:x", rows[i].device_id, &account);
                e2ee_world_init(&world);

                if (rows[i].key)
                        assert_ok(object_put_string(rows[i].pointer ? tree_member(keys, rows[i].pointer)
                                                                    : keys,
                                                    rows[i].key, rows[i].value));
                put_device(&world, rows[i].device_id, keys);
                settle(world.server);
                assert_int_equal(devices_of_ana(&world), i == 0 ? 2 : 1);
        }
}

static void test_a_device_never_changes_its_keys(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        _cleanup_(ratchet_account_freep) RatchetAccount *account = NULL;
        e2ee_world_init(&world);
        cJSON *before =
                cJSON_Duplicate(tree_member(tree_enter(world.server->devices, "@ana:x"), "PHONE"), true);

        world.ana->offline = true;
        put_device(&world, "PHONE", made_keys("@ana:x", "PHONE", &account));
        settle(world.server);
        assert_int_equal(devices_of_ana(&world), 0);

        homeserver_logout(world.server, "@ana:x", "PHONE");
        settle(world.server);
        assert_int_equal(devices_of_ana(&world), 0);
        put_device(&world, "PHONE", before);
        settle(world.server);
        assert_int_equal(devices_of_ana(&world), 1);
}

/* A device id that is a cross-signing key would let a signature of one pass for the other. */
static void test_a_device_named_like_a_key(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        _cleanup_(ratchet_account_freep) RatchetAccount *account = NULL;
        _cleanup_(freep) char *master = NULL;
        e2ee_world_init(&world);

        assert_err(e2ee_identity(world.bot->e2ee, "@ana:x", &master), 1);
        put_device(&world, master, made_keys("@ana:x", master, &account));
        settle(world.server);
        assert_int_equal(devices_of_ana(&world), 1);
}

static DeviceTrust trust_of(E2eeWorld *world, const char *curve25519)
{
        DeviceTrust trust;

        assert_ok(e2ee_device_trust(world->bot->e2ee, "@ana:x", curve25519, &trust));
        return trust;
}

static void test_trust(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        _cleanup_(ratchet_account_freep) RatchetAccount *account = NULL;
        _cleanup_(freep) char *master = NULL;
        char curve25519[CURVE25519_TEXT_SIZE], ed25519[ED25519_TEXT_SIZE];
        e2ee_world_init(&world);
        const char *phone = e2ee_curve25519(world.ana->e2ee);

        put_device(&world, "NEW", made_keys("@ana:x", "NEW", &account));
        assert_ok(ratchet_account_identity(account, curve25519, ed25519));
        settle(world.server);
        assert_int_equal(trust_of(&world, phone), DEVICE_TRUST_SIGNED);
        assert_int_equal(trust_of(&world, curve25519), DEVICE_TRUST_UNSIGNED);
        assert_int_equal(trust_of(&world, e2ee_curve25519(world.bot->e2ee)), DEVICE_TRUST_UNKNOWN);

        assert_err(e2ee_identity(world.bot->e2ee, "@ana:x", &master), 1);
        assert_ok(e2ee_pin_identity(world.bot->e2ee, "@ana:x", master));
        assert_int_equal(trust_of(&world, phone), DEVICE_TRUST_PINNED);
        assert_int_equal(trust_of(&world, curve25519), DEVICE_TRUST_UNSIGNED);
        assert_ok(e2ee_pin_identity(world.bot->e2ee, "@ana:x", ed25519));
        assert_int_equal(trust_of(&world, phone), DEVICE_TRUST_CHANGED);
        assert_int_equal(trust_of(&world, curve25519), DEVICE_TRUST_CHANGED);
        assert_ok(e2ee_pin_identity(world.bot->e2ee, "@ana:x", NULL));
        assert_int_equal(trust_of(&world, phone), DEVICE_TRUST_SIGNED);
        assert_err(e2ee_pin_identity(world.bot->e2ee, "@ana:x", "AAAA"), -EBADMSG);

        homeserver_logout(world.server, "@ana:x", "PHONE");
        world.ana->offline = true;
        settle(world.server);
        assert_int_equal(trust_of(&world, phone), DEVICE_TRUST_UNKNOWN);
}

/* A new identity: valid, on the server, but not the pinned one. */
static void test_an_identity_that_was_reset(void **state)
{
        static const char *const kinds[] = { "master_keys", "self_signing_keys", "user_signing_keys" };
        _cleanup_(e2ee_world_done) E2eeWorld world;
        _cleanup_(freep) char *master = NULL;
        e2ee_world_init(&world);

        assert_err(e2ee_identity(world.bot->e2ee, "@ana:x", &master), 1);
        assert_ok(e2ee_pin_identity(world.bot->e2ee, "@ana:x", master));
        peer_say(world.ana, "!r:x", "before");
        settle(world.server);
        assert_int_equal(peer_trust_of_message(world.bot, "before"), DEVICE_TRUST_PINNED);

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                cJSON_DeleteItemFromObjectCaseSensitive(tree_enter(world.server->cross_signing, kinds[i]),
                                                        "@ana:x");
        homeserver_logout(world.server, "@ana:x", "PHONE");
        world.ana->offline = true;
        Peer *again = peer_new(world.server, "@ana:x", "PHONE2");
        settle(world.server);
        peer_say(again, "!r:x", "after");
        settle(world.server);
        assert_int_equal(peer_trust_of_message(world.bot, "after"), DEVICE_TRUST_CHANGED);

        /* and gets nothing to read */
        peer_say(world.bot, "!r:x", "secret");
        settle(world.server);
        assert_int_equal(peer_heard(again, "@bot:x", "secret"), 0);
}

/* Signed by a self-signing key that another master key signed, or that was not signed at all. */
static void test_self_signing_keys_that_do_not_count(void **state)
{
        for (int i = 0; i < 2; i++) {
                _cleanup_(e2ee_world_done) E2eeWorld world;
                e2ee_world_init(&world);
                cJSON *self_signing =
                        tree_member(tree_enter(world.server->cross_signing, "self_signing_keys"), "@ana:x");

                if (i == 0)
                        cJSON_DeleteItemFromObjectCaseSensitive(self_signing, "signatures");
                else
                        assert_ok(object_put(self_signing, "usage", tree_parse("[\"user_signing\"]")));
                homeserver_changed(world.server, "@ana:x");
                world.ana->offline = true;
                settle(world.server);
                assert_int_equal(trust_of(&world, e2ee_curve25519(world.ana->e2ee)), DEVICE_TRUST_UNSIGNED);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_generations),
                cmocka_unit_test(test_a_server_that_cannot_be_reached),
                cmocka_unit_test(test_left),
                cmocka_unit_test(test_keys_that_are_not_believed),
                cmocka_unit_test(test_a_device_never_changes_its_keys),
                cmocka_unit_test(test_a_device_named_like_a_key),
                cmocka_unit_test(test_trust),
                cmocka_unit_test(test_an_identity_that_was_reset),
                cmocka_unit_test(test_self_signing_keys_that_do_not_count),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
