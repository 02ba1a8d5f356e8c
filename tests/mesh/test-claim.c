/* SPDX-License-Identifier: MIT */
/* The hub's answers to claims: every row of the table in mesh/claim.h, and what must never happen.
 *
 * $DEVBOX_CLAIMS: how many machines come with one token, if it is set. */

#include <stdio.h>

#include "proto/error.h"

#include "enrol-world.h"

static void invite(EnrolWorld *world, const char *device, unsigned number, Token *ret_token)
{
        enrol_world_token(world, device, number, NULL, ret_token);
        assert_ok(enrol_world_invite(world, ret_token));
}

static void admit(EnrolWorld *world, const char *device, WorldKey key)
{
        _cleanup_(freep) char *manifest = enrol_world_manifest(world, device, key, KEY_MANIFEST);
        AdmissionOutcome outcome;

        assert_int_equal(hub_admit(&world->hub, device, manifest, &(LostChain){ 0 }, &outcome), 0);
}

static void assert_state(const EnrolWorld *world, const Token *token, InvitationState state)
{
        Invitation invitation;

        assert_int_equal(assert_ok(invitation_find(&world->hub, token->id, &invitation)), 1);
        assert_int_equal(invitation.state, state);
        enrol_world_check(world);
}

static void test_first_and_again(void **state)
{
        EnrolWorld *world = *state;
        _cleanup_(answer_freep) Answer *first = NULL, *again = NULL, *admitted = NULL, *later = NULL;
        _cleanup_(claimant_done) Claimant claimant;
        MeshEvent event;
        Token token;

        invite(world, "laptop", 1, &token);
        claimant_init(&claimant, &token, world_key(KEY_DEVICE));
        assert_int_equal(claimant_ask(world, &claimant, &first, &event), 0);
        assert_int_equal(event, MESH_EVENT_CLAIMED);
        assert_int_equal(first->state, ANSWER_PENDING);
        assert_state(world, &token, INVITATION_CLAIMED);

        enrol_world_crash(world);
        assert_int_equal(claimant_ask(world, &claimant, &again, &event), 0);
        assert_int_equal(event, _MESH_EVENT_MAX);
        assert_memory_equal(first->nonce, again->nonce, sizeof first->nonce);

        admit(world, "laptop", KEY_DEVICE);
        assert_state(world, &token, INVITATION_SPENT);
        assert_int_equal(claimant_ask(world, &claimant, &admitted, NULL), 0);
        assert_int_equal(admitted->state, ANSWER_ADMITTED);
        assert_string_equal(admitted->address, "10.42.0.10");
        assert_string_equal(admitted->hub_address, "10.42.0.1");
        assert_string_equal(admitted->prefix, "10.42.0.0/24");
        assert_int_equal(admitted->roots.n, 1);
        assert_string_equal(admitted->roots.items[0].envelope, world->root_text);

        enrol_world_crash(world);
        assert_int_equal(claimant_ask(world, &claimant, &later, NULL), 0);
        assert_memory_equal(admitted->hub_ephemeral, later->hub_ephemeral, X25519_SIZE);
        assert_memory_equal(admitted->chain_id, later->chain_id, ANSWER_CHAIN_SIZE);
}

/* What WireGuard has: the bootstrap peer of the token, that sends from `endpoint`. */
static int locate(const EnrolWorld *world, const Token *token, const char *endpoint)
{
        _cleanup_(wireguard_device_done) WireguardDevice running = WIREGUARD_DEVICE_NULL;
        _cleanup_(bootstrap_done) Bootstrap bootstrap = BOOTSTRAP_NULL;
        WireguardPeer *peer;
        WireguardKey key;

        assert_ok(bootstrap_derive(token->id, token->secret, &bootstrap));
        memcpy(key.bytes, bootstrap.public_key, sizeof key.bytes);
        assert_ok(wireguard_device_add_peer(&running, &key, &peer));
        assert_ok(wireguard_endpoint_parse(endpoint, &peer->endpoint));
        return assert_ok(claims_locate(world->hub_store.database, &running));
}

static void assert_source(const EnrolWorld *world, const char *source)
{
        _cleanup_(freep) Invitation *invitations = NULL;
        size_t n;

        assert_ok(invitation_list(&world->hub, &invitations, &n));
        assert_int_equal(n, 1);
        assert_string_equal(invitations[0].source, source);
}

/* An address in the tunnel says nothing, and is not shown. */
static void test_where_a_claim_came_from(void **state)
{
        static const char *const endpoints[][2] = { { "203.0.113.7:40000", "203.0.113.7" },
                                                    { "[2001:db8::7]:40000", "2001:db8::7" } };

        for (size_t i = 0; i < ELEMENTSOF(endpoints); i++) {
                EnrolWorld *world = *state;
                _cleanup_(claimant_done) Claimant claimant;
                Token token;

                invite(world, "laptop", (unsigned) i + 1, &token);
                claimant_init(&claimant, &token, world_key(KEY_DEVICE));
                assert_int_equal(locate(world, &token, endpoints[i][0]), 0);
                assert_int_equal(claimant_ask(world, &claimant, NULL, NULL), 0);
                assert_source(world, "");
                assert_int_equal(locate(world, &token, ""), 1);
                assert_source(world, "");
                assert_int_equal(locate(world, &token, endpoints[i][0]), 0);
                assert_source(world, endpoints[i][1]);
                assert_int_equal(locate(world, &token, "192.0.2.9:1"), 0);
                assert_source(world, endpoints[i][1]);
                assert_ok(invitation_withdraw(&world->hub, "laptop"));
        }
}

static void test_a_second_device_puts_it_on_hold(void **state)
{
        EnrolWorld *world = *state;
        _cleanup_(claimant_done) Claimant device, thief;
        AdmissionOutcome outcome;
        MeshEvent event;
        Token token;

        invite(world, "laptop", 1, &token);
        claimant_init(&device, &token, world_key(KEY_DEVICE));
        claimant_init(&thief, &token, world_key(KEY_STRANGER));
        assert_int_equal(claimant_ask(world, &device, NULL, NULL), 0);
        assert_err(claimant_ask(world, &thief, NULL, &event), DEVBOX_ERROR_TOKEN_USED);
        assert_int_equal(event, MESH_EVENT_HELD);
        assert_state(world, &token, INVITATION_HELD);

        /* Neither of them gets on, and neither can be admitted. */
        assert_err(claimant_ask(world, &device, NULL, &event), DEVBOX_ERROR_TOKEN_USED);
        assert_int_equal(event, _MESH_EVENT_MAX);
        assert_err(claimant_ask(world, &thief, NULL, NULL), DEVBOX_ERROR_TOKEN_USED);
        _cleanup_(freep) char *manifest = enrol_world_manifest(world, "laptop", KEY_DEVICE, KEY_MANIFEST);
        assert_err(hub_admit(&world->hub, "laptop", manifest, &(LostChain){ 0 }, &outcome),
                   DEVBOX_ERROR_TOKEN_USED);

        assert_ok(invitation_withdraw(&world->hub, "laptop"));
        assert_err(claimant_ask(world, &device, NULL, NULL), DEVBOX_ERROR_TOKEN_EXPIRED);
        assert_int_equal(enrol_world_count(&world->hub_store, "SELECT count(*) FROM device"), 0);
}

static void test_a_used_token_is_only_an_alarm(void **state)
{
        EnrolWorld *world = *state;
        _cleanup_(claimant_done) Claimant device, thief;
        MeshEvent event;
        Token token;

        invite(world, "laptop", 1, &token);
        claimant_init(&device, &token, world_key(KEY_DEVICE));
        claimant_init(&thief, &token, world_key(KEY_STRANGER));
        assert_int_equal(claimant_ask(world, &device, NULL, NULL), 0);
        admit(world, "laptop", KEY_DEVICE);
        assert_err(claimant_ask(world, &thief, NULL, &event), DEVBOX_ERROR_TOKEN_USED);
        assert_int_equal(event, MESH_EVENT_TOKEN_REUSED);
        assert_state(world, &token, INVITATION_SPENT);
        assert_int_equal(claimant_ask(world, &device, NULL, NULL), 0);
        assert_ok(admission_complete(world->hub_store.database, "laptop", WORLD_NOW));
        assert_ok(admission_complete(world->hub_store.database, "laptop", WORLD_NOW));
        assert_int_equal(claimant_ask(world, &device, NULL, NULL), 0);
}

static void test_the_ways_to_be_unauthorized(void **state)
{
        EnrolWorld *world = *state;
        _cleanup_(claimant_done) Claimant unknown, wrong_secret, bound, hub_key, taken_key;
        const PublicKey *wanted = key_pair_public(world_key(KEY_DEVICE));
        Token token, other, to_one;
        MeshEvent event;

        invite(world, "laptop", 1, &token);
        enrol_world_token(world, "laptop", 2, NULL, &other); /* never given to the hub */
        claimant_init(&unknown, &other, world_key(KEY_DEVICE));
        memcpy(other.id, token.id, sizeof other.id);
        claimant_init(&wrong_secret, &other, world_key(KEY_DEVICE));
        enrol_world_token(world, "desktop", 3, wanted, &to_one);
        assert_ok(enrol_world_invite(world, &to_one));
        claimant_init(&bound, &to_one, world_key(KEY_STRANGER));
        const Claimant *const rows[] = { &unknown, &wrong_secret, &bound };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_err(claimant_ask(world, rows[i], NULL, &event), DEVBOX_ERROR_UNAUTHORIZED);
                assert_int_equal(event, MESH_EVENT_CLAIM_REJECTED);
        }
        assert_state(world, &token, INVITATION_ISSUED);
        assert_state(world, &to_one, INVITATION_ISSUED);

        /* An identity that another device has, or waits with. */
        claimant_init(&taken_key, &to_one, world_key(KEY_DEVICE));
        assert_int_equal(claimant_ask(world, &taken_key, NULL, NULL), 0);
        claimant_init(&hub_key, &token, world_key(KEY_DEVICE));
        assert_err(claimant_ask(world, &hub_key, NULL, NULL), DEVBOX_ERROR_UNAUTHORIZED);
        assert_state(world, &token, INVITATION_ISSUED);
}

static void test_a_bound_token_has_no_digits(void **state)
{
        EnrolWorld *world = *state;
        static const uint8_t none[ENROLMENT_NONCE_SIZE];
        _cleanup_(answer_freep) Answer *answer = NULL;
        _cleanup_(claimant_done) Claimant claimant;
        Token token;

        enrol_world_token(world, "laptop", 1, key_pair_public(world_key(KEY_DEVICE)), &token);
        assert_ok(enrol_world_invite(world, &token));
        claimant_init(&claimant, &token, world_key(KEY_DEVICE));
        assert_int_equal(claimant_ask(world, &claimant, &answer, NULL), 0);
        assert_int_equal(answer->state, ANSWER_PENDING);
        assert_memory_equal(answer->nonce, none, sizeof none);
}

/* Not one of many who come with the token while it is open gets on beside the first. */
static void test_one_device_of_many(void **state)
{
        const char *given = getenv("DEVBOX_CLAIMS");
        size_t n = given ? strtoul(given, NULL, 10) : 500;
        EnrolWorld *world = *state;
        size_t n_answered = 0;
        Token token;

        invite(world, "laptop", 1, &token);
        for (size_t i = 0; i < n; i++) {
                _cleanup_(key_pair_freep) KeyPair *key = NULL;
                _cleanup_(claimant_done) Claimant claimant;

                assert_ok(key_pair_generate(&key));
                claimant_init(&claimant, &token, key);
                int outcome = claimant_ask(world, &claimant, NULL, NULL);
                assert_true(outcome == 0 || outcome == DEVBOX_ERROR_TOKEN_USED);
                n_answered += outcome == 0;
        }
        assert_int_equal(n_answered, 1);
        assert_state(world, &token, INVITATION_HELD);
        assert_int_equal(enrol_world_count(&world->hub_store, "SELECT count(*) FROM device"), 0);
        assert_true(enrol_world_count(&world->hub_store, "SELECT count(*) FROM outbox") < 20);
}

/* What is no claim costs the hub one row a while, whatever comes. */
static void test_garbage_is_recorded_sparingly(void **state)
{
        EnrolWorld *world = *state;
        uint8_t bytes[CLAIM_SEALED_MAX] = { 1 };
        ClaimOutcome outcome;

        for (unsigned i = 0; i < 1000; i++)
                assert_err(hub_claim(&world->hub, BYTES(bytes, i % (sizeof bytes + 1)), "x", &outcome),
                           DEVBOX_ERROR_UNAUTHORIZED);
        assert_int_equal(enrol_world_count(&world->hub_store, "SELECT count(*) FROM outbox"), 10);
        assert_int_equal(enrol_world_count(&world->hub_store, "SELECT count(*) FROM token"), 0);
}

/* ... but the alarm of a used token is not lost among it. */
static void test_garbage_hides_no_alarm(void **state)
{
        EnrolWorld *world = *state;
        _cleanup_(claimant_done) Claimant device, thief;
        ClaimOutcome outcome;
        MeshEvent event;
        Token token;

        invite(world, "laptop", 1, &token);
        claimant_init(&device, &token, world_key(KEY_DEVICE));
        claimant_init(&thief, &token, world_key(KEY_STRANGER));
        assert_int_equal(claimant_ask(world, &device, NULL, NULL), 0);
        admit(world, "laptop", KEY_DEVICE);
        for (unsigned i = 0; i < 100; i++)
                assert_err(hub_claim(&world->hub, BYTES_NULL, "x", &outcome), DEVBOX_ERROR_UNAUTHORIZED);
        assert_err(claimant_ask(world, &thief, NULL, &event), DEVBOX_ERROR_TOKEN_USED);
        assert_int_equal(event, MESH_EVENT_TOKEN_REUSED);
        for (unsigned i = 0; i < 100; i++)
                assert_err(claimant_ask(world, &thief, NULL, NULL), DEVBOX_ERROR_TOKEN_USED);
        assert_int_equal(enrol_world_count(&world->hub_store,
                                           "SELECT count(*) FROM outbox WHERE kind = 'token_reused'"),
                         10);
}

/* Every bit of a claim that was sealed matters, and a truncated one is none. */
static void test_altered_claims(void **state)
{
        EnrolWorld *world = *state;
        _cleanup_(claimant_done) Claimant claimant;
        Token token;

        invite(world, "laptop", 1, &token);
        claimant_init(&claimant, &token, world_key(KEY_DEVICE));
        for (size_t i = 0; i < claimant.sealed_size; i++) {
                claimant.sealed[i] ^= (uint8_t) (1u << i % 8);
                assert_err(claimant_ask(world, &claimant, NULL, NULL), DEVBOX_ERROR_UNAUTHORIZED);
                claimant.sealed[i] ^= (uint8_t) (1u << i % 8);
        }
        assert_state(world, &token, INVITATION_ISSUED);
        assert_int_equal(claimant_ask(world, &claimant, NULL, NULL), 0);
}

/* ---- time */

static void test_time(void **state)
{
        enum { WAIT, STEP, REBOOT };
        static const struct {
                int how;
                int64_t ms;
                bool claimed; /* before that */
                int expected;
        } rows[] = {
                { WAIT, 599000, false, 0 },
                { WAIT, 600000, false, DEVBOX_ERROR_TOKEN_EXPIRED },
                { WAIT, 600000, true, 0 },
                { WAIT, INVITATION_CLAIMED_MS - 1, true, 0 },
                { WAIT, INVITATION_CLAIMED_MS, true, DEVBOX_ERROR_TOKEN_EXPIRED },
                { STEP, 3600000, false, DEVBOX_ERROR_TOKEN_EXPIRED }, /* rather too early than too late */
                { STEP, -3600000, false, 0 },
                { STEP, 3600000, true, 0 },
                { STEP, -3600000, true, 0 },
                { REBOOT, 599000, false, 0 },
                { REBOOT, 600000, false, DEVBOX_ERROR_TOKEN_EXPIRED },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                EnrolWorld *world = *state;
                _cleanup_(claimant_done) Claimant claimant;
                Token token;

                invite(world, "laptop", 1, &token);
                claimant_init(&claimant, &token, world_key(KEY_DEVICE));
                if (rows[i].claimed)
                        assert_int_equal(claimant_ask(world, &claimant, NULL, NULL), 0);
                enrol_world_step(world, rows[i].ms);
                if (rows[i].how == WAIT)
                        world->hub.time.boottime_ms += rows[i].ms;
                if (rows[i].how == REBOOT) {
                        world->hub.time.boottime_ms = 1000;
                        (void) strcpy(world->hub.time.boot_id, "two");
                }
                assert_err(claimant_ask(world, &claimant, NULL, NULL), rows[i].expected);
                assert_state(world, &token, rows[i].expected == 0 ? INVITATION_CLAIMED : INVITATION_EXPIRED);
                (void) enrol_world_down(state);
                (void) enrol_world_up(state);
        }
}

/* A clock that was set back does not make an invitation live longer. */
static void test_a_clock_set_back_during_the_claim(void **state)
{
        EnrolWorld *world = *state;
        _cleanup_(claimant_done) Claimant claimant;
        Token token;

        invite(world, "laptop", 1, &token);
        claimant_init(&claimant, &token, world_key(KEY_DEVICE));
        enrol_world_step(world, -3600000);
        enrol_world_wait(world, 600000);
        assert_err(claimant_ask(world, &claimant, NULL, NULL), DEVBOX_ERROR_TOKEN_EXPIRED);
}

/* The bootstrap peer stays for a while, so that a late device hears why. */
static void test_expiry_without_a_claim(void **state)
{
        static const char open_peers[] = "SELECT count(*) FROM token WHERE bootstrap_key IS NOT NULL";
        EnrolWorld *world = *state;
        _cleanup_(claimant_done) Claimant late;
        char device[DEVICE_NAME_SIZE];
        Token token;

        invite(world, "laptop", 1, &token);
        claimant_init(&late, &token, world_key(KEY_DEVICE));
        assert_int_equal(invitation_expire_next(&world->hub, device), 0);
        enrol_world_step(world, -3600000);
        enrol_world_wait(world, 600000);
        assert_int_equal(invitation_expire_next(&world->hub, device), 1);
        assert_string_equal(device, "laptop");
        assert_int_equal(invitation_expire_next(&world->hub, device), 0);
        assert_state(world, &token, INVITATION_EXPIRED);

        assert_int_equal(invitation_forget_ended(&world->hub), 0);
        assert_int_equal(enrol_world_count(&world->hub_store, open_peers), 1);
        assert_err(claimant_ask(world, &late, NULL, NULL), DEVBOX_ERROR_TOKEN_EXPIRED);
        enrol_world_wait(world, INVITATION_GRACE_MS);
        assert_int_equal(invitation_forget_ended(&world->hub), 1);
        assert_int_equal(enrol_world_count(&world->hub_store, open_peers), 0);
        assert_int_equal(invitation_forget_ended(&world->hub), 0);
        assert_err(claimant_ask(world, &late, NULL, NULL), DEVBOX_ERROR_TOKEN_EXPIRED);

        enrol_world_wait(world, INVITATION_REMEMBERED_MS + 7200000);
        assert_int_equal(invitation_forget_ended(&world->hub), 0);
        assert_int_equal(enrol_world_count(&world->hub_store, "SELECT count(*) FROM token"), 0);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, enrol_world_up, enrol_world_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_WORLD(test_first_and_again),
                WITH_WORLD(test_where_a_claim_came_from),
                WITH_WORLD(test_a_second_device_puts_it_on_hold),
                WITH_WORLD(test_a_used_token_is_only_an_alarm),
                WITH_WORLD(test_the_ways_to_be_unauthorized),
                WITH_WORLD(test_a_bound_token_has_no_digits),
                WITH_WORLD(test_one_device_of_many),
                WITH_WORLD(test_garbage_is_recorded_sparingly),
                WITH_WORLD(test_garbage_hides_no_alarm),
                WITH_WORLD(test_altered_claims),
                WITH_WORLD(test_time),
                WITH_WORLD(test_a_clock_set_back_during_the_claim),
                WITH_WORLD(test_expiry_without_a_claim),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
