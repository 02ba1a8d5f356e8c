/* SPDX-License-Identifier: MIT */
/* Admission: which manifests are accepted, what a device that comes back keeps, and that no address is given
 * twice. */

#include <stdio.h>

#include "mesh/peers.h"
#include "proto/error.h"

#include "enrol-world.h"

static AdmissionOutcome outcome;

/* A device that claimed. */
static void claim(EnrolWorld *world, const char *device, unsigned number, WorldKey key,
                  Claimant *ret_claimant)
{
        Token token;

        enrol_world_token(world, device, number, NULL, &token);
        assert_ok(enrol_world_invite(world, &token));
        claimant_init(ret_claimant, &token, world_key(key));
        assert_int_equal(claimant_ask(world, ret_claimant, NULL, NULL), 0);
}

static int admit(EnrolWorld *world, const char *device, WorldKey key)
{
        _cleanup_(freep) char *manifest = enrol_world_manifest(world, device, key, KEY_MANIFEST);

        return hub_admit(&world->hub, device, manifest, &(LostChain){ 0 }, &outcome);
}

static void assert_nothing_admitted(const EnrolWorld *world)
{
        assert_int_equal(enrol_world_count(&world->hub_store, "SELECT count(*) FROM device"), 0);
        assert_int_equal(enrol_world_count(&world->hub_store, "SELECT count(*) FROM wireguard_key"), 0);
        assert_int_equal(enrol_world_count(&world->hub_store, "SELECT count(*) FROM manifest"), 0);
        enrol_world_check(world);
}

static void test_manifests_that_admit_nobody(void **state)
{
        static const struct {
                const char *device;
                WorldKey key, signer;
                int expected;
        } rows[] = {
                { "laptop", KEY_DEVICE, KEY_STRANGER, DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE },
                { "laptop", KEY_DEVICE, KEY_TOKEN, DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE },
                { "laptop", KEY_STRANGER, KEY_MANIFEST, DEVBOX_ERROR_WRONG_DEVICE },
                { "desktop", KEY_DEVICE, KEY_MANIFEST, DEVBOX_ERROR_WRONG_DEVICE },
        };
        EnrolWorld *world = *state;
        _cleanup_(claimant_done) Claimant claimant;

        assert_err(hub_admit(&world->hub, "laptop", "{}", &(LostChain){ 0 }, &outcome),
                   DEVBOX_ERROR_PEER_UNKNOWN);
        claim(world, "laptop", 1, KEY_DEVICE, &claimant);
        assert_err(hub_admit(&world->hub, "laptop", "{}", &(LostChain){ 0 }, &outcome),
                   DEVBOX_ERROR_BAD_ENVELOPE);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *manifest =
                        enrol_world_manifest(world, rows[i].device, rows[i].key, rows[i].signer);

                assert_err(hub_admit(&world->hub, "laptop", manifest, &(LostChain){ 0 }, &outcome),
                           rows[i].expected);
                assert_int_equal(outcome.event, MESH_EVENT_MANIFEST_REJECTED);
                assert_nothing_admitted(world);
        }
        assert_int_equal(admit(world, "laptop", KEY_DEVICE), 0);
        assert_int_equal(outcome.event, MESH_EVENT_ADMITTED);
        assert_int_equal(enrol_world_count(&world->hub_store,
                                           "SELECT count(*) FROM outbox WHERE kind = 'manifest_rejected'"),
                         1 + ELEMENTSOF(rows));
}

static void test_again_changes_nothing(void **state)
{
        EnrolWorld *world = *state;
        _cleanup_(freep) char *manifest = NULL;
        _cleanup_(claimant_done) Claimant claimant;

        claim(world, "laptop", 1, KEY_DEVICE, &claimant);
        manifest = enrol_world_manifest(world, "laptop", KEY_DEVICE, KEY_MANIFEST);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(hub_admit(&world->hub, "laptop", manifest, &(LostChain){ 0 }, &outcome), 0);
                enrol_world_crash(world);
        }
        assert_int_equal(enrol_world_count(&world->hub_store, "SELECT count(*) FROM wireguard_key"), 1);
        assert_int_equal(
                enrol_world_count(&world->hub_store, "SELECT count(*) FROM outbox WHERE kind = 'admitted'"),
                1);
        assert_int_equal(
                enrol_world_count(&world->hub_store, "SELECT count(*) FROM outbox WHERE member = 'Pin'"), 1);
        /* Another manifest is for PublishManifest: nothing waits any more. */
        assert_err(admit(world, "laptop", KEY_DEVICE), DEVBOX_ERROR_PEER_UNKNOWN);
}

/* Admitting again what was revoked since is no success. */
static void test_again_after_a_revocation(void **state)
{
        EnrolWorld *world = *state;
        _cleanup_(freep) char *manifest = NULL;
        _cleanup_(claimant_done) Claimant claimant;
        WireguardKey key;

        claim(world, "laptop", 1, KEY_DEVICE, &claimant);
        manifest = enrol_world_manifest(world, "laptop", KEY_DEVICE, KEY_MANIFEST);
        assert_int_equal(hub_admit(&world->hub, "laptop", manifest, &(LostChain){ 0 }, &outcome), 0);
        memcpy(key.bytes, claimant.claim.wireguard_key, sizeof key.bytes);
        assert_ok(peer_store_tombstone(world->hub_store.database, &key, WORLD_NOW));
        assert_err(hub_admit(&world->hub, "laptop", manifest, &(LostChain){ 0 }, &outcome),
                   DEVBOX_ERROR_PEER_REVOKED);
        assert_err(claimant_ask(world, &claimant, NULL, NULL), DEVBOX_ERROR_PEER_REVOKED);
        enrol_world_check(world);
}

/* The device is answered with all roots, among which is the one that its token names. */
static void test_a_root_after_the_invitation(void **state)
{
        static const Edit edits[] = { { "\"version\":1", "\"version\":2" } };
        EnrolWorld *world = *state;
        _cleanup_(freep) char *payload = world_text(world_root, edits, ELEMENTSOF(edits)), *text = NULL;
        _cleanup_(envelope_freep) Envelope *envelope =
                WORLD_SIGN(ENVELOPE_ROOT, payload, KEY_ROOT_A, KEY_ROOT_B);
        _cleanup_(answer_freep) Answer *answer = NULL;
        _cleanup_(claimant_done) Claimant claimant;

        claim(world, "laptop", 1, KEY_DEVICE, &claimant);
        assert_ok(envelope_format(envelope, &text));
        assert_ok(query_run(world->hub_store.database, "INSERT INTO root VALUES (2, ?)", "t", text));
        assert_int_equal(admit(world, "laptop", KEY_DEVICE), 0);
        assert_int_equal(claimant_ask(world, &claimant, &answer, NULL), 0);
        assert_int_equal(answer->roots.n, 2);
        assert_string_equal(answer->roots.items[0].envelope, world->root_text);
        assert_string_equal(answer->roots.items[1].envelope, text);
}

static void test_too_late(void **state)
{
        EnrolWorld *world = *state;
        _cleanup_(claimant_done) Claimant claimant;

        claim(world, "laptop", 1, KEY_DEVICE, &claimant);
        enrol_world_wait(world, INVITATION_CLAIMED_MS);
        assert_err(admit(world, "laptop", KEY_DEVICE), DEVBOX_ERROR_TOKEN_EXPIRED);
        assert_nothing_admitted(world);
}

/* The invitation's address is the device's from then on, and no other's. */
static void test_addresses(void **state)
{
        EnrolWorld *world = *state;
        InvitationOptions options = { .keepalive_sec = 25 };
        Invitation invitation;
        char text[IP_PREFIX_TEXT_SIZE], name[16];
        Token token;

        for (unsigned i = 0; i < 60; i++) {
                (void) snprintf(name, sizeof name, "d%u", i);
                enrol_world_token(world, name, i, NULL, &token);
                int invited = enrol_world_invite(world, &token);
                assert_true(invited == 0 || invited == DEVBOX_ERROR_BUSY); /* a bootstrap address twice */
        }
        enrol_world_check(world);
        (void) invitation_withdraw(&world->hub, "d0");

        static const struct {
                const char *address;
                int expected;
        } rows[] = {
                { "10.42.0.200", 0 },
                { "10.42.0.200", DEVBOX_ERROR_ADDRESS_TAKEN }, /* another name has it now */
                { "10.42.0.1", DEVBOX_ERROR_ADDRESS_TAKEN },
                { "10.42.0.0", DEVBOX_ERROR_ADDRESS_TAKEN },
                { "10.42.0.255", DEVBOX_ERROR_ADDRESS_TAKEN },
                { "10.43.0.20", DEVBOX_ERROR_ADDRESS_TAKEN },
                { "10.42.0.11", DEVBOX_ERROR_ADDRESS_TAKEN },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                (void) snprintf(name, sizeof name, "chosen-%zu", i);
                enrol_world_token(world, name, 1000 + (unsigned) i, NULL, &token);
                assert_ok(ip_prefix_parse(rows[i].address, &options.address));
                assert_err(invitation_add(&world->hub, &token, &options, &invitation), rows[i].expected);
                if (rows[i].expected == 0)
                        assert_string_equal(ip_prefix_format_address(&invitation.address, text),
                                            rows[i].address);
        }
        enrol_world_check(world);
}

static void test_a_small_network_is_exhausted(void **state)
{
        EnrolWorld *world = *state;
        Token token;
        char name[16];

        assert_ok(ip_prefix_parse("10.42.0.0/28", &world->node.prefix)); /* .10 to .14 */
        for (unsigned i = 0; i < 5; i++) {
                (void) snprintf(name, sizeof name, "d%u", i);
                enrol_world_token(world, name, i, NULL, &token);
                assert_ok(enrol_world_invite(world, &token));
        }
        enrol_world_token(world, "late", 9, NULL, &token);
        assert_err(enrol_world_invite(world, &token), DEVBOX_ERROR_NETWORK_FULL);
        assert_ok(invitation_withdraw(&world->hub, "d3"));
        assert_ok(enrol_world_invite(world, &token));
        enrol_world_check(world);
}

static void test_invitations_that_are_refused(void **state)
{
        EnrolWorld *world = *state;
        Token token;

        enrol_world_token(world, "hub", 1, NULL, &token);
        assert_err(enrol_world_invite(world, &token), DEVBOX_ERROR_BAD_REQUEST);
        enrol_world_token(world, "laptop", 2, NULL, &token);
        token.hub_claim_key[0] ^= 1;
        assert_ok(token_sign(&token, world_key(KEY_TOKEN)));
        assert_err(enrol_world_invite(world, &token), DEVBOX_ERROR_BAD_SIG);
        enrol_world_token(world, "laptop", 3, NULL, &token);
        assert_ok(token_sign(&token, world_key(KEY_STRANGER)));
        assert_err(enrol_world_invite(world, &token), DEVBOX_ERROR_BAD_SIG);
        enrol_world_token(world, "laptop", 4, NULL, &token);
        enrol_world_wait(world, 600000);
        assert_err(enrol_world_invite(world, &token), DEVBOX_ERROR_TOKEN_EXPIRED);
        assert_int_equal(enrol_world_count(&world->hub_store, "SELECT count(*) FROM token"), 0);
}

/* Another invitation for a name replaces one without a claim, but never a device that waits. */
static void test_inviting_again(void **state)
{
        EnrolWorld *world = *state;
        _cleanup_(claimant_done) Claimant early;
        Token first, second;

        enrol_world_token(world, "laptop", 1, NULL, &first);
        enrol_world_token(world, "laptop", 2, NULL, &second);
        assert_ok(enrol_world_invite(world, &first));
        assert_ok(enrol_world_invite(world, &first));
        assert_int_equal(enrol_world_count(&world->hub_store, "SELECT count(*) FROM token"), 1);
        assert_ok(enrol_world_invite(world, &second));
        claimant_init(&early, &first, world_key(KEY_DEVICE));
        assert_err(claimant_ask(world, &early, NULL, NULL), DEVBOX_ERROR_TOKEN_EXPIRED);
        assert_err(enrol_world_invite(world, &first), DEVBOX_ERROR_TOKEN_USED);

        _cleanup_(claimant_done) Claimant claimant;
        claimant_init(&claimant, &second, world_key(KEY_DEVICE));
        assert_int_equal(claimant_ask(world, &claimant, NULL, NULL), 0);
        enrol_world_token(world, "laptop", 3, NULL, &first);
        assert_err(enrol_world_invite(world, &first), DEVBOX_ERROR_BUSY);
        enrol_world_check(world);
}

/* After leaving, a revocation or a reinstall: the same address and chain, the next version, other keys. */
static void test_coming_back(void **state)
{
        static const struct {
                const char *before; /* how the device went */
                WorldKey key;       /* of its ledger, when it comes back */
                bool lost;
        } rows[] = {
                { "SELECT 1", KEY_DEVICE, false }, /* left: the hub knows nothing of it */
                { "UPDATE device SET state = 'revoked'", KEY_DEVICE, false },
                { "UPDATE device SET state = 'revoked'", KEY_STRANGER, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                EnrolWorld *world = *state;
                _cleanup_(answer_freep) Answer *first = NULL, *second = NULL, *gone = NULL;
                _cleanup_(claimant_done) Claimant before, after, other;
                LostChain lost = { .size = rows[i].lost ? 12 : 0, .head = { { rows[i].lost } } };
                ManifestNext next;

                claim(world, "other", 7, KEY_BOB, &other);
                claim(world, "laptop", 1, KEY_DEVICE, &before);
                assert_int_equal(admit(world, "laptop", KEY_DEVICE), 0);
                assert_int_equal(claimant_ask(world, &before, &first, NULL), 0);
                assert_ok(admission_complete(world->hub_store.database, "laptop", WORLD_NOW));
                assert_int_equal(query_exists(world->hub_store.database, rows[i].before, "") >= 0, true);

                claim(world, "laptop", 2, rows[i].key, &after);
                assert_int_equal(hub_has_lost_chain(&world->hub, "laptop"), rows[i].lost);
                _cleanup_(freep) char *manifest =
                        enrol_world_manifest(world, "laptop", rows[i].key, KEY_MANIFEST);
                assert_int_equal(hub_admit(&world->hub, "laptop", manifest, &lost, &outcome), 0);
                assert_int_equal(claimant_ask(world, &after, &second, NULL), 0);
                assert_string_equal(second->address, first->address);
                assert_memory_equal(second->chain_id, first->chain_id, ANSWER_CHAIN_SIZE);
                assert_int_equal(second->lost_size, lost.size);
                assert_ok(manifest_store_next(world->hub_store.database, world->root, "laptop", &next));
                assert_int_equal(next.version, 3);
                /* The former key never returns: its claim is answered no more. */
                assert_err(claimant_ask(world, &before, &gone, NULL), DEVBOX_ERROR_PEER_REVOKED);
                assert_int_equal(
                        enrol_world_count(&world->hub_store,
                                          "SELECT count(*) FROM wireguard_key WHERE use = 'revoked'"),
                        1);
                enrol_world_check(world);
                (void) enrol_world_down(state);
                (void) enrol_world_up(state);
        }
}

static void test_a_tombstone_ends_its_epoch(void **state)
{
        EnrolWorld *world = *state;
        ManifestNext next;

        assert_ok(manifest_store_next(world->hub_store.database, world->root, "laptop", &next));
        assert_int_equal(next.version, 1);
        assert_ok(query_run(world->hub_store.database,
                            "INSERT INTO manifest VALUES ('laptop', 1, 2147483647, zeroblob(32), 0, '')",
                            ""));
        assert_err(manifest_store_next(world->hub_store.database, world->root, "laptop", &next),
                   DEVBOX_ERROR_PEER_REVOKED);
        world->root->epoch = 2;
        assert_ok(manifest_store_next(world->hub_store.database, world->root, "laptop", &next));
        assert_int_equal(next.epoch, 2);
        assert_int_equal(next.version, 1);
}

/* A device that dies for good after it was admitted: its bootstrap peer does not stay. */
static void test_the_bootstrap_peer_goes(void **state)
{
        static const char open_peers[] = "SELECT count(*) FROM token WHERE bootstrap_key IS NOT NULL";
        EnrolWorld *world = *state;
        _cleanup_(claimant_done) Claimant one, two;

        claim(world, "one", 1, KEY_DEVICE, &one);
        claim(world, "two", 2, KEY_STRANGER, &two);
        assert_int_equal(admit(world, "one", KEY_DEVICE), 0);
        assert_int_equal(admit(world, "two", KEY_STRANGER), 0);
        assert_int_equal(enrol_world_count(&world->hub_store, open_peers), 2);
        assert_ok(admission_complete(world->hub_store.database, "one", WORLD_NOW));
        assert_int_equal(enrol_world_count(&world->hub_store, open_peers), 1);
        enrol_world_wait(world, INVITATION_CLAIMED_MS);
        assert_int_equal(invitation_forget_ended(&world->hub), 1);
        assert_int_equal(enrol_world_count(&world->hub_store, open_peers), 0);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, enrol_world_up, enrol_world_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_WORLD(test_manifests_that_admit_nobody),
                WITH_WORLD(test_again_changes_nothing),
                WITH_WORLD(test_again_after_a_revocation),
                WITH_WORLD(test_a_root_after_the_invitation),
                WITH_WORLD(test_too_late),
                WITH_WORLD(test_addresses),
                WITH_WORLD(test_a_small_network_is_exhausted),
                WITH_WORLD(test_invitations_that_are_refused),
                WITH_WORLD(test_inviting_again),
                WITH_WORLD(test_coming_back),
                WITH_WORLD(test_a_tombstone_ends_its_epoch),
                WITH_WORLD(test_the_bootstrap_peer_goes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
