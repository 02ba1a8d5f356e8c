/* SPDX-License-Identifier: MIT */
/* Joining, from both sides: the whole of it, each step twice, after a crash between any two steps, and after
 * a kill at every single step on the disk. */

#include "mesh/join.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault-vfs.h"
#include "mesh/joining.h"
#include "mesh/peers.h"
#include "proto/error.h"

#include "join-attempt.h"

/* ---- what both sides then have */

static void read_psk(const Store *store, const char *sql, uint8_t ret_key[static X25519_SIZE])
{
        _cleanup_(statement_resetp) Statement *row = NULL;

        assert_ok(query(store->database, &row, sql, ""));
        assert_int_equal(assert_ok(statement_step(row)), 1);
        assert_ok(store_box_open(store, statement_bytes(row, 0), ret_key));
}

static void assert_joined(const EnrolWorld *world)
{
        static const char psk[] = "SELECT psk FROM wireguard_key WHERE use = 'current'";
        _cleanup_(secret_freep) Secret *key = NULL;
        uint8_t hub_psk[X25519_SIZE], device_psk[X25519_SIZE], public_key[X25519_SIZE];
        char text[IP_PREFIX_TEXT_SIZE];
        Node node;

        assert_ok(node_load(world->device_store.database, &node));
        assert_int_equal(join_state_of(&node), JOIN_STATE_JOINED);
        assert_string_equal(ip_prefix_format(&node.address, text), "10.42.0.10/24");
        assert_ok(sealed_file_read(world->device_store.directory_fd, node.private_key,
                                   world->device_store.seal, &key));
        x25519_public(key, public_key);

        _cleanup_(peer_table_done) PeerTable peers = PEER_TABLE_NULL;
        assert_ok(peer_table_load(world->hub_store.database, &peers));
        assert_int_equal(peers.n_peers, 1);
        assert_int_equal(peers.peers[0].state, PEER_STATE_ACTIVE);
        assert_memory_equal(peers.peers[0].key.bytes, public_key, X25519_SIZE);
        assert_string_equal(peers.peers[0].description, "Debian GNU/Linux 12 (b??okworm), x86_64");

        read_psk(&world->hub_store, psk, hub_psk);
        read_psk(&world->device_store, psk, device_psk);
        assert_memory_equal(hub_psk, device_psk, X25519_SIZE);
        assert_int_equal(enrol_world_count(&world->device_store, "SELECT count(*) FROM joining"), 0);
        assert_int_equal(faccessat(world->device_store.directory_fd, "bootstrap-00000001.key", F_OK, 0), -1);
        enrol_world_check(world);
}

static void test_all_of_it(void **state)
{
        Attempt attempt = attempt_of(*state);

        for (size_t i = 0; i < ATTEMPT_STEPS; i++)
                assert_int_equal(attempt_steps[i](&attempt), 0);
        assert_joined(*state);
}

static int join_with_step(EnrolWorld *world, size_t at, bool on_hub, int64_t ms)
{
        Attempt attempt = attempt_of(world);
        int r = 0;

        for (size_t i = 0; r == 0 && i < ATTEMPT_STEPS; i++) {
                if (i == at && on_hub)
                        enrol_world_step(world, ms);
                else if (i == at)
                        attempt.ahead_ms = ms;
                r = attempt_steps[i](&attempt);
        }
        return r;
}

/* From any step on the clock of one side is an hour off. The hub expires an invitation that is not claimed
 * yet, rather too early than too late, and refuses one from its future; a claim is not affected. What the
 * device's clock shows changes nothing. */
static void test_a_clock_that_steps_an_hour(void **state)
{
        enum { HOUR = 3600000, INVITE = 0, CLAIM = 3, LAST = ATTEMPT_STEPS - 1 };
        static const struct {
                bool on_hub;
                int64_t ms;
                size_t first, last;
                int expected;
        } rows[] = {
                { false, HOUR, INVITE, LAST, 0 },
                { false, -HOUR, INVITE, LAST, 0 },
                { true, HOUR, INVITE, CLAIM, DEVBOX_ERROR_TOKEN_EXPIRED },
                { true, HOUR, CLAIM + 1, LAST, 0 },
                { true, -HOUR, INVITE, INVITE, DEVBOX_ERROR_NOT_YET_VALID },
                { true, -HOUR, INVITE + 1, LAST, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (size_t at = rows[i].first; at <= rows[i].last; at++) {
                        assert_int_equal(join_with_step(*state, at, rows[i].on_hub, rows[i].ms),
                                         rows[i].expected);
                        if (rows[i].expected == 0)
                                assert_joined(*state);
                        (void) enrol_world_down(state);
                        (void) enrol_world_up(state);
                }
}

/* Each step is done, both sides crash, and the step is done again: its reply was lost. */
static void test_a_crash_after_any_step(void **state)
{
        for (size_t crash = 0; crash < ATTEMPT_STEPS; crash++) {
                Attempt attempt = attempt_of(*state);

                for (size_t i = 0; i < ATTEMPT_STEPS; i++) {
                        assert_int_equal(attempt_steps[i](&attempt), 0);
                        if (i != crash)
                                continue;
                        enrol_world_crash(*state);
                        enrol_world_check(*state);
                        if (attempt_steps[i] != attempt_confirm) /* there is nothing left to ask for */
                                assert_int_equal(attempt_steps[i](&attempt), 0);
                }
                assert_joined(*state);
                (void) enrol_world_down(state);
                (void) enrol_world_up(state);
        }
}

/* ---- kills */

/* Runs all steps in a child whose disk kills it at that step. Returns whether it was killed. */
static bool run_and_die(Attempt *attempt, Fault fault, uint64_t at_step)
{
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0) {
                fault_vfs_arm(fault, at_step, at_step);
                for (size_t i = 0; i < ATTEMPT_STEPS; i++)
                        if (attempt_steps[i](attempt) != 0)
                                _exit(1);
                _exit(0);
        }

        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status))
                assert_int_equal(WEXITSTATUS(status), 0);
        return WIFSIGNALED(status);
}

/* The databases are opened by the child's steps and again by the parent, so neither has them at the fork. */
static void kill_everywhere(void **state, Fault fault, uint64_t stride)
{
        bool killed = true;

        for (uint64_t at_step = 1; killed; at_step += stride) {
                EnrolWorld *world = *state;
                Attempt attempt = attempt_of(world);

                killed = run_and_die(&attempt, fault, at_step);
                enrol_world_crash(world);
                enrol_world_check(world);
                if (killed) {
                        /* Whatever was done is done again, and answered the same. */
                        for (size_t i = 0; i < ATTEMPT_STEPS; i++) {
                                Node node;

                                assert_ok(node_load(world->device_store.database, &node));
                                if (join_state_of(&node) == JOIN_STATE_JOINED &&
                                    attempt_steps[i] != attempt_confirm)
                                        continue;
                                int r = attempt_steps[i](&attempt);
                                assert_true(r == 0 || (attempt_steps[i] == attempt_invite &&
                                                       r == DEVBOX_ERROR_TOKEN_USED));
                        }
                }
                assert_joined(world);
                (void) enrol_world_down(state);
                (void) enrol_world_up(state);
        }
}

static void test_a_kill_at_every_step_on_the_disk(void **state)
{
        kill_everywhere(state, FAULT_KILL, 1);
}

static void test_a_loss_of_power_at_every_fifth_step(void **state)
{
        kill_everywhere(state, FAULT_POWER, 5);
}

/* ---- the device alone */

static void test_a_retry_uses_the_same_keys(void **state)
{
        EnrolWorld *world = *state;
        Attempt attempt = attempt_of(world);
        uint8_t first[CLAIM_SEALED_MAX];
        size_t size;
        Claim claim, again;
        Sha256 digest, digest_again;

        assert_int_equal(attempt_sign(&attempt), 0);
        size = attempt.sealed_size;
        memcpy(first, attempt.sealed, size);
        enrol_world_crash(world);
        assert_int_equal(attempt_sign(&attempt), 0);
        assert_int_equal(claim_open(BYTES(first, size), world->claim_key, &claim, &digest), 0);
        assert_int_equal(claim_open(BYTES(attempt.sealed, attempt.sealed_size), world->claim_key, &again,
                                    &digest_again),
                         0);
        assert_true(sha256_equal(&digest, &digest_again));
}

/* Without a token: by the one that is kept. */
static int continue_kept(Attempt *attempt)
{
        uint8_t body[CLAIM_BODY_MAX];
        JoinInvitation invitation;
        size_t size;

        int kept = join_invitation(&attempt->world->device_store, &invitation);
        if (kept > 0)
                assert_string_equal(invitation.device, "laptop");
        return join_start(
                &attempt->world->device_store,
                &(JoinRequest){ .device_key = key_pair_public(world_key(KEY_DEVICE)), .description = "" },
                body, &size);
}

static void test_steps_out_of_order(void **state)
{
        EnrolWorld *world = *state;
        const Store *store = &world->device_store;
        Attempt attempt = attempt_of(world);
        Answer *answer = NULL;
        Signature signature = { { 0 } };
        uint8_t sealed[CLAIM_SEALED_MAX];
        char digits[ENROLMENT_DIGITS_SIZE];
        size_t size;

        assert_err(join_sign(store, &signature, sealed, &size), DEVBOX_ERROR_REQUEST_STATE);
        assert_err(join_finish(store), DEVBOX_ERROR_REQUEST_STATE);
        assert_err(join_confirm(store), DEVBOX_ERROR_REQUEST_STATE);
        assert_err(continue_kept(&attempt), DEVBOX_ERROR_NOT_FOUND);
        assert_ok(join_leave(store));
        assert_int_equal(attempt_start(&attempt), 0);
        assert_int_equal(continue_kept(&attempt), 0);
        assert_err(join_open(store, BYTES(sealed, 64), &answer, digits), DEVBOX_ERROR_REQUEST_STATE);
        assert_err(join_sign(store, &signature, sealed, &size), DEVBOX_ERROR_BAD_SIG);
        assert_int_equal(attempt_sign(&attempt), 0);
        assert_err(join_open(store, BYTES(sealed, 64), &answer, digits), DEVBOX_ERROR_BAD_ENVELOPE);
        assert_err(join_finish(store), DEVBOX_ERROR_REQUEST_STATE);
        assert_err(join_confirm(store), DEVBOX_ERROR_REQUEST_STATE);
}

/* The file that devbox-generator reads is written behind the commit of FinishJoin: a crash between the two
 * is mended by ConfirmJoin. */
static void test_a_crash_before_the_node_file(void **state)
{
        EnrolWorld *world = *state;
        Attempt attempt = attempt_of(world);
        int directory_fd = world->device_store.directory_fd;

        for (size_t i = 0; attempt_steps[i] != attempt_finish; i++)
                assert_int_equal(attempt_steps[i](&attempt), 0);
        assert_int_equal(faccessat(directory_fd, "node", F_OK, 0), -1);
        assert_int_equal(attempt_finish(&attempt), 0);
        assert_int_equal(unlinkat(directory_fd, "node", 0), 0);
        assert_int_equal(attempt_confirm(&attempt), 0);
        assert_int_equal(faccessat(directory_fd, "node", F_OK, 0), 0);
}

static void test_leaving_and_joining_again(void **state)
{
        EnrolWorld *world = *state;
        Attempt attempt = attempt_of(world);
        Node node;

        for (size_t i = 0; i < ATTEMPT_STEPS; i++)
                assert_int_equal(attempt_steps[i](&attempt), 0);
        attempt.token.id[15] = 1; /* another invitation */
        assert_ok(token_sign(&attempt.token, world_key(KEY_TOKEN)));
        assert_err(attempt_start(&attempt), DEVBOX_ERROR_ENROLLED_OTHERWISE);

        assert_ok(join_leave(&world->device_store));
        assert_ok(join_leave(&world->device_store));
        assert_ok(node_load(world->device_store.database, &node));
        assert_int_equal(node.role, NODE_ROLE_NONE);
        assert_int_equal(faccessat(world->device_store.directory_fd, "wireguard-00000001.key", F_OK, 0), -1);
        assert_int_equal(faccessat(world->device_store.directory_fd, "node", F_OK, 0), -1);

        assert_int_equal(attempt_invite(&attempt), 0);
        assert_int_equal(attempt_ask_pending(&attempt), 0);
        _cleanup_(freep) char *manifest = enrol_world_manifest(world, "laptop", KEY_DEVICE, KEY_MANIFEST);
        AdmissionOutcome outcome;
        assert_int_equal(hub_admit(&world->hub, "laptop", manifest, &(LostChain){ 0 }, &outcome), 0);
        for (size_t i = 5; i < ATTEMPT_STEPS; i++)
                assert_int_equal(attempt_steps[i](&attempt), 0);
        assert_joined(world);
}

/* A better token replaces an attempt that got nowhere. */
static void test_another_token(void **state)
{
        EnrolWorld *world = *state;
        Attempt lost = attempt_of(world), attempt = attempt_of(world);

        lost.token.id[0] = 9;
        assert_ok(token_sign(&lost.token, world_key(KEY_TOKEN)));
        assert_int_equal(attempt_sign(&lost), 0);
        for (size_t i = 0; i < ATTEMPT_STEPS; i++)
                assert_int_equal(attempt_steps[i](&attempt), 0);
        assert_joined(world);
        assert_int_equal(faccessat(world->device_store.directory_fd, "wireguard-09000001.key", F_OK, 0), -1);
}

static void test_a_hub_and_another_identity_do_not_join(void **state)
{
        EnrolWorld *world = *state;
        Attempt attempt = attempt_of(world);
        uint8_t body[CLAIM_BODY_MAX];
        size_t size;
        JoinRequest request = { .token = &attempt.token,
                                .device_key = key_pair_public(world_key(KEY_STRANGER)),
                                .description = "" };

        assert_int_equal(attempt_start(&attempt), 0);
        assert_err(join_start(&world->device_store, &request, body, &size), DEVBOX_ERROR_ENROLLED_OTHERWISE);
        assert_err(join_start(&world->hub_store, &request, body, &size), DEVBOX_ERROR_ENROLLED_OTHERWISE);
        assert_err(join_leave(&world->hub_store), DEVBOX_ERROR_REQUEST_STATE);
}

/* ---- secrets */

/* The ends of the device's tunnels and of its claim. */
static void read_device_secrets(const EnrolWorld *world, Secret *ret_secrets[static 2])
{
        _cleanup_(joining_done) Joining joining = JOINING_NULL;
        const Store *store = &world->device_store;

        assert_int_equal(assert_ok(joining_load(store, &joining)), 1);
        assert_ok(sealed_file_read(store->directory_fd, "wireguard-00000001.key", store->seal,
                                   &ret_secrets[0]));
        ret_secrets[1] = TAKE_PTR(joining.ephemeral);
}

static void test_no_secret_in_the_clear(void **state)
{
        static const char psk[] = "SELECT psk FROM wireguard_key WHERE use = 'current'";
        EnrolWorld *world = *state;
        _cleanup_(bootstrap_done) Bootstrap bootstrap = BOOTSTRAP_NULL;
        Attempt attempt = attempt_of(world);
        uint8_t preshared_key[X25519_SIZE];
        Secret *secrets[2] = { NULL };

        assert_ok(bootstrap_derive(attempt.token.id, attempt.token.secret, &bootstrap));
        for (size_t i = 0; i < ATTEMPT_STEPS; i++) {
                assert_int_equal(attempt_steps[i](&attempt), 0);
                if (attempt_steps[i] == attempt_start)
                        read_device_secrets(world, secrets);
                if (attempt_steps[i] == attempt_finish)
                        read_psk(&world->hub_store, psk, preshared_key);

                assert_false(enrol_world_has_bytes(world, BYTES(attempt.token.secret, 12)));
                assert_false(enrol_world_has_bytes(world, secret_bytes(bootstrap.private_key)));
                assert_false(enrol_world_has_bytes(world, secret_bytes(bootstrap.preshared_key)));
                for (size_t n = 0; secrets[0] && n < ELEMENTSOF(secrets); n++)
                        assert_false(enrol_world_has_bytes(world, secret_bytes(secrets[n])));
        }
        assert_false(enrol_world_has_bytes(world, BYTES_OF(preshared_key)));
        assert_true(
                enrol_world_has_bytes(world, BYTES_OF(world->hub.root_sha256.bytes))); /* it does search */
        for (size_t n = 0; n < ELEMENTSOF(secrets); n++)
                secret_free(secrets[n]);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, enrol_world_up, enrol_world_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_WORLD(test_all_of_it),
                WITH_WORLD(test_a_clock_that_steps_an_hour),
                WITH_WORLD(test_a_crash_after_any_step),
                WITH_WORLD(test_a_retry_uses_the_same_keys),
                WITH_WORLD(test_steps_out_of_order),
                WITH_WORLD(test_a_crash_before_the_node_file),
                WITH_WORLD(test_leaving_and_joining_again),
                WITH_WORLD(test_another_token),
                WITH_WORLD(test_a_hub_and_another_identity_do_not_join),
                WITH_WORLD(test_no_secret_in_the_clear),
                WITH_WORLD(test_a_kill_at_every_step_on_the_disk),
                WITH_WORLD(test_a_loss_of_power_at_every_fifth_step),
        };

        fault_vfs_install();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
