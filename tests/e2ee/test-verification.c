/* SPDX-License-Identifier: MIT */
/* Verification by short string: both ways round, in a room and by to-device messages, and what must end it.
 */

#include "e2ee/verification.h"

#include <stdio.h>

#include "e2ee/e2ee-internal.h"
#include "homeserver.h"

#include "test.h"

/* The one flow that a client has. */
static void only(Peer *peer, Verification *ret_verification)
{
        verification_clear(ret_verification);
        assert_err(e2ee_next_verification(peer->e2ee, NULL, ret_verification), 1);
}

static void assert_state(Peer *peer, VerificationState wanted)
{
        _cleanup_(verification_clear) Verification verification = VERIFICATION_NULL;

        only(peer, &verification);
        assert_int_equal(verification.state, wanted);
}

static void assert_same_sas(E2eeWorld *world)
{
        _cleanup_(verification_clear) Verification of_bot = VERIFICATION_NULL, of_ana = VERIFICATION_NULL;
        uint8_t bot_sas[SAS_SIZE], ana_sas[SAS_SIZE];

        only(world->bot, &of_bot);
        only(world->ana, &of_ana);
        assert_int_equal(of_bot.state, VERIFICATION_COMPARING);
        assert_int_equal(of_ana.state, VERIFICATION_COMPARING);
        assert_ok(e2ee_verification_sas(world->bot->e2ee, &of_bot, bot_sas));
        assert_ok(e2ee_verification_sas(world->ana->e2ee, &of_ana, ana_sas));
        assert_memory_equal(bot_sas, ana_sas, SAS_SIZE);
}

static void act(Peer *peer, int (*action)(E2ee *e2ee, const char *txn_id))
{
        _cleanup_(verification_clear) Verification verification = VERIFICATION_NULL;
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        only(peer, &verification);
        assert_ok(transaction_begin(peer->database, &transaction));
        assert_ok(action(peer->e2ee, verification.txn_id));
        assert_ok(transaction_commit(&transaction));
}

static void ask(Peer *from, Peer *to, const char *room_id)
{
        assert_ok(e2ee_verification_ask(from->e2ee, to->user_id, to->device_id, room_id, NULL));
        settle(from->server);
}

/* Whether the server has the signature of the user-signing key of one over the master key of the other. */
static bool has_signed(Homeserver *server, const char *signer, const char *signed_user)
{
        const cJSON *user_signing = object_object(
                object_object(object_object(server->cross_signing, "user_signing_keys"), signer), "keys");
        const cJSON *signatures = object_object(
                object_object(
                        object_object(object_object(server->cross_signing, "master_keys"), signed_user),
                        "signatures"),
                signer);

        return user_signing && object_string(signatures, user_signing->child->string);
}

static void test_both_ways_round(void **state)
{
        for (int i = 0; i < 4; i++) {
                _cleanup_(e2ee_world_done) E2eeWorld world;
                e2ee_world_init(&world);
                Peer *asker = i & 1 ? world.bot : world.ana, *asked = i & 1 ? world.ana : world.bot;

                ask(asker, asked, i & 2 ? "!r:x" : NULL);
                assert_state(asked, VERIFICATION_REQUESTED);
                act(asked, e2ee_verification_accept);
                settle(world.server);
                assert_same_sas(&world);

                act(world.ana, e2ee_verification_confirm);
                settle(world.server);
                assert_state(world.bot, VERIFICATION_COMPARING);
                assert_false(has_signed(world.server, "@bot:x", "@ana:x"));
                act(world.bot, e2ee_verification_confirm);
                settle(world.server);
                assert_state(world.bot, VERIFICATION_DONE);
                assert_state(world.ana, VERIFICATION_DONE);
                assert_true(has_signed(world.server, "@bot:x", "@ana:x"));
                assert_true(has_signed(world.server, "@ana:x", "@bot:x"));
        }
}

static void test_faults(void **state)
{
        for (unsigned i = 0; i < 4; i++) {
                _cleanup_(e2ee_world_done) E2eeWorld world;
                e2ee_world_init(&world);

                world.server->fault_percent = 10;
                ask(world.ana, world.bot, "!r:x");
                act(world.bot, e2ee_verification_accept);
                settle(world.server);
                assert_same_sas(&world);
                act(world.ana, e2ee_verification_confirm);
                act(world.bot, e2ee_verification_confirm);
                settle(world.server);
                assert_state(world.bot, VERIFICATION_DONE);
                assert_state(world.ana, VERIFICATION_DONE);
        }
}

static void test_cancel_and_timeout(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        _cleanup_(verification_clear) Verification verification = VERIFICATION_NULL;
        e2ee_world_init(&world);

        ask(world.ana, world.bot, NULL);
        only(world.bot, &verification);
        assert_ok(e2ee_verification_cancel(world.bot->e2ee, verification.txn_id, "m.user"));
        settle(world.server);
        only(world.ana, &verification);
        assert_int_equal(verification.state, VERIFICATION_CANCELLED);
        assert_string_equal(verification.code, "m.user");
        assert_err(e2ee_verification_accept(world.bot->e2ee, verification.txn_id), -EINVAL);
        assert_err(e2ee_verification_accept(world.bot->e2ee, "none"), -ENOENT);

        world.server->now_ms += 2 * MS_PER_HOUR;
        settle(world.server);
        assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM verification"), 0);

        ask(world.ana, world.bot, NULL);
        world.server->now_ms += 601 * MS_PER_SECOND;
        settle(world.server);
        only(world.bot, &verification);
        assert_int_equal(verification.state, VERIFICATION_CANCELLED);
}

/* Sends a to-device message to the bot as Ana would. */
static void inject(E2eeWorld *world, const char *type, cJSON *content)
{
        _cleanup_(verification_clear) Verification verification = VERIFICATION_NULL;
        cJSON *event = NULL;

        only(world->bot, &verification);
        assert_ok(object_put_string(content, "transaction_id", verification.txn_id));
        assert_ok(json_pack(&event, "{type:s,sender:s,content:o}", type, "@ana:x", content));
        homeserver_to_device(world->server, world->bot, event);
        settle(world->server);
}

static void assert_cancelled(Peer *peer, const char *code)
{
        _cleanup_(verification_clear) Verification verification = VERIFICATION_NULL;

        only(peer, &verification);
        assert_int_equal(verification.state, VERIFICATION_CANCELLED);
        assert_string_equal(verification.code, code);
}

/* The server in between gives the bot another key than the one that Ana committed to. */
static void test_a_key_that_was_not_committed_to(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        char public[CURVE25519_TEXT_SIZE];
        _cleanup_(secret_freep) Secret *secret = NULL;
        cJSON *content = NULL;
        e2ee_world_init(&world);

        ask(world.bot, world.ana, NULL);
        act(world.ana, e2ee_verification_accept);
        world.ana->offline = true;
        settle(world.server);
        assert_state(world.bot, VERIFICATION_ASKED);
        (void) peer_send(world.ana); /* ready */
        settle(world.server);
        assert_state(world.bot, VERIFICATION_STARTED);
        (void) peer_sync(world.ana);
        (void) peer_send(world.ana); /* accept */
        settle(world.server);
        assert_state(world.bot, VERIFICATION_ACCEPTED);

        assert_ok(sas_generate(&secret, public));
        assert_ok(json_pack(&content, "{key:s}", public));
        inject(&world, "m.key.verification.key", content);
        assert_cancelled(world.bot, "m.mismatched_commitment");
}

static void test_wrong_messages(void **state)
{
        static const struct {
                const char *type, *content, *code;
        } rows[] = {
                { "m.key.verification.mac", "{\"mac\":{},\"keys\":\"x\"}", "m.unexpected_message" },
                { "m.key.verification.key", "{\"key\":\"x\"}", "m.unexpected_message" },
                { "m.key.verification.accept", "{}", "m.unexpected_message" },
                { "m.key.verification.start", "{\"from_device\":\"OTHER\",\"method\":\"m.sas.v1\"}",
                  "m.unexpected_message" },
                { "m.key.verification.start", "{\"from_device\":\"PHONE\",\"method\":\"m.reciprocate.v1\"}",
                  "m.unknown_method" },
                { "m.key.verification.start",
                  "{\"from_device\":\"PHONE\",\"method\":\"m.sas.v1\",\"key_agreement_protocols\":["
                  "\"curve25519\"],\"hashes\":[\"sha256\"],\"message_authentication_codes\":["
                  "\"hkdf-hmac-sha256.v2\"],\"short_authentication_string\":[\"decimal\"]}",
                  "m.unknown_method" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(e2ee_world_done) E2eeWorld world;
                e2ee_world_init(&world);

                ask(world.ana, world.bot, NULL);
                world.ana->offline = true;
                act(world.bot, e2ee_verification_accept);
                inject(&world, rows[i].type, tree_parse(rows[i].content));
                assert_cancelled(world.bot, rows[i].code);
        }
}

static void test_a_wrong_mac(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        e2ee_world_init(&world);

        ask(world.ana, world.bot, NULL);
        act(world.bot, e2ee_verification_accept);
        settle(world.server);
        assert_same_sas(&world);
        world.ana->offline = true;
        act(world.bot, e2ee_verification_confirm);
        inject(&world, "m.key.verification.mac",
               tree_parse("{\"mac\":{\"ed25519:PHONE\":\"AAAA\"},\"keys\":\"AAAA\"}"));
        assert_cancelled(world.bot, "m.key_mismatch");
        assert_false(has_signed(world.server, "@bot:x", "@ana:x"));
}

/* The number of flows is limited, and no user can act in the flow of another. */
static void test_strangers(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        _cleanup_(verification_clear) Verification verification = VERIFICATION_NULL;
        e2ee_world_init(&world);

        for (int i = 0; i < 40; i++) {
                cJSON *event = NULL;
                char txn_id[16];

                (void) snprintf(txn_id, sizeof txn_id, "t%d", i);
                assert_ok(json_pack(&event,
                                    "{type:s,sender:s,content:{transaction_id:s,from_device:s,methods:[s]}}",
                                    "m.key.verification.request", "@eve:x", txn_id, "EVIL", "m.sas.v1"));
                homeserver_to_device(world.server, world.bot, event);
        }
        settle(world.server);
        assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM verification"), 16);

        cJSON *event = NULL;
        only(world.bot, &verification);
        assert_ok(json_pack(&event, "{type:s,sender:s,content:{transaction_id:s,code:s}}",
                            "m.key.verification.cancel", "@ana:x", verification.txn_id, "m.user"));
        homeserver_to_device(world.server, world.bot, event);
        settle(world.server);
        assert_state(world.bot, VERIFICATION_REQUESTED);
}

static void test_short_strings(void **state)
{
        static const uint8_t bytes[SAS_SIZE] = { 0x00, 0x10, 0x83, 0xff, 0xff, 0xff };
        static const char *const names[SAS_EMOJIS] = { "Dog", "Cat", "Lion", "Horse", "Pin", "Pin", "Pin" };
        const SasEmoji *emojis[SAS_EMOJIS];
        unsigned decimals[SAS_DECIMALS];

        sas_emojis(bytes, emojis);
        for (size_t i = 0; i < SAS_EMOJIS; i++)
                assert_string_equal(emojis[i]->name, names[i]);
        sas_decimals(bytes, decimals);
        assert_int_equal(decimals[0], 1002);
        assert_int_equal(decimals[1], 1527);
        assert_int_equal(decimals[2], 9191);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_both_ways_round),
                cmocka_unit_test(test_faults),
                cmocka_unit_test(test_cancel_and_timeout),
                cmocka_unit_test(test_a_key_that_was_not_committed_to),
                cmocka_unit_test(test_wrong_messages),
                cmocka_unit_test(test_a_wrong_mac),
                cmocka_unit_test(test_strangers),
                cmocka_unit_test(test_short_strings),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
