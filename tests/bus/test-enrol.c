/* SPDX-License-Identifier: MIT */
/* A device joins a hub: two real daemons, each on a machine of its own. What a person, devboxctl or
 * devbox-api would do in between is done by calls. $DEVBOX_CLAIMS: how many claims of one token. */

#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "basic/fd.h"
#include "enrol-calls.h"
#include "mesh/interface.h"

#define HTTP_PORT  8080
#define OTHER_PORT 8081
#define LEDGER     "org.devbox.Ledger1"

typedef struct Target {
        const char *address;
        uint16_t port;
} Target;

static bool target_answers(const MeshWorld *world, const void *argument)
{
        const Target *target = argument;

        return device_reaches(target->address, target->port);
}

static bool hub_has_peers(const MeshWorld *world, const void *n)
{
        _cleanup_(wireguard_device_done) WireguardDevice running = WIREGUARD_DEVICE_NULL;

        machine_enter(&hub);
        assert_ok(mesh_world_read(hub.world, &running));
        return running.n_peers == *(const size_t *) n;
}

static bool claim_is_from(const MeshWorld *world, const void *address)
{
        const char *source = enrol_pending("source");

        return *source != '\0' && assert_ok(strcmp(source, address)) == 0;
}

static void admit(WorldKey signer, const char *wanted)
{
        enrol_admit(KEY_DEVICE, "\"version\":1", signer, wanted);
}

static size_t join(const Token *token, uint8_t sealed[static CLAIM_SEALED_MAX])
{
        return enrol_join(KEY_DEVICE, token, sealed);
}

/* ---- what the hub may change of a device that has joined */

static bool keepalive_is(const MeshWorld *world, const void *seconds)
{
        _cleanup_(wireguard_device_done) WireguardDevice running = WIREGUARD_DEVICE_NULL;

        machine_enter(&device);
        assert_ok(mesh_world_read(device.world, &running));
        assert_int_equal(running.n_peers, 1);
        return running.peers[0].keepalive_seconds == *(const uint64_t *) seconds;
}

static void set_keepalive(const Machine *machine, uint64_t seconds, const char *wanted)
{
        sd_bus_message *call = mesh_call(machine->world, "SetKeepalive");

        assert_ok(sd_bus_message_append(call, "t", seconds));
        sd_bus_message_unref(mesh_finish(machine->world, call, wanted));
}

static void set_address(const char *address, const char *wanted)
{
        sd_bus_message *call = mesh_call(hub.world, "SetPeer");

        assert_ok(sd_bus_message_append(call, "sa{sv}", "laptop", 1, "address", "s", address));
        sd_bus_message_unref(mesh_finish(hub.world, call, wanted));
}

static void assert_changes(void)
{
        static const uint64_t before = MESH_KEEPALIVE, after = 7;

        assert_true(keepalive_is(device.world, &before));
        set_keepalive(&hub, after, "NetworkMissing");
        set_keepalive(&device, UINT16_MAX + 1, "BadRequest");
        set_keepalive(&device, after, NULL);
        mesh_world_until(keepalive_is, device.world, &after);
        assert_false(mesh_has_drift(device.world, "keepalive"));
        assert_false(mesh_has_drift(device.world, "peer-missing")); /* while it got its endpoint */

        set_address("10.42.0.99", "AddressInUse");
        set_address("10.42.0.10", NULL);
        assert_string_equal(mesh_peer(hub.world, "laptop", "address"), "10.42.0.10");
}

/* ---- after it has left */

/* With wireguard-go, which ends without its link; systemd starts it with the next connection to its socket.
 */
static bool link_is_gone(const MeshWorld *world, const void *argument)
{
        siginfo_t end = { .si_pid = 0 };
        Link link;

        machine_enter(&device);
        assert_int_equal(waitid(P_PID, (id_t) world->engine, &end, WEXITED | WNOHANG | WNOWAIT), 0);
        return link_read(MESH_LINK, &link) == -ENODEV && end.si_pid == world->engine;
}

/* ---- the tests */

static void test_a_device_joins(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *first = NULL, *admitted = NULL;
        static const Target enroll = { ENROLMENT_HUB_ADDRESS, ENROLMENT_PORT },
                            http = { "10.42.0.1", HTTP_PORT };
        uint8_t sealed[CLAIM_SEALED_MAX];
        char digits[16];
        Token token;

        machines_skip();
        enrol_start_hub(&token);
        _cleanup_(fd_closep) int at_enroll = hub_listen(enroll.address, enroll.port);
        _cleanup_(fd_closep) int at_http = hub_listen(http.address, http.port);
        _cleanup_(fd_closep) int at_other = hub_listen(http.address, OTHER_PORT);

        /* The bootstrap tunnel reaches the enrolment port, and nothing else. */
        size_t size = join(&token, sealed);
        mesh_world_until(target_answers, device.world, &enroll);
        assert_false(device_reaches(ENROLMENT_HUB_ADDRESS, HTTP_PORT));
        assert_false(device_reaches("10.42.0.1", HTTP_PORT));

        first = enrol_ask(sealed, size, NULL);
        enrol_assert_value(first, "state", "pending");
        (void) snprintf(digits, sizeof digits, "%s", enrol_pending("digits"));
        assert_int_equal(strlen(digits), 7);
        enrol_assert_value(first, "digits", digits);
        assert_string_equal(enrol_pending("description"), "Debian GNU/Linux 12, x86_64");
        mesh_world_until(claim_is_from, hub.world, "192.0.2.2"); /* its end of the cable */

        admit(KEY_STRANGER, "ManifestInvalidSignature");
        _cleanup_(freep) char *log = test_bus_read_log(hub.world->bus, "org.devbox.Mesh1");
        assert_non_null(strstr(log, "A manifest was rejected: laptop, manifest_invalid_signature"));
        admit(KEY_MANIFEST, NULL);
        size = join(NULL, sealed);
        admitted = enrol_ask(sealed, size, NULL);
        enrol_assert_value(admitted, "state", "admitted");
        enrol_assert_value(admitted, "address", "10.42.0.10");

        /* The tunnel of its own reaches the hub's health; the bootstrap peer is gone. */
        enrol_step(&device, "FinishJoin");
        mesh_world_until(target_answers, device.world, &http);
        assert_false(device_reaches("10.42.0.1", OTHER_PORT));
        assert_false(device_reaches(ENROLMENT_HUB_ADDRESS, ENROLMENT_PORT));
        enrol_step(&device, "ConfirmJoin");
        assert_string_equal(mesh_status(device.world, "join_state"), "joined");
        assert_string_equal(mesh_status(device.world, "address"), "10.42.0.10");
        mesh_world_until(enrol_is_active, hub.world, NULL);
        mesh_world_until(hub_has_peers, hub.world, &(size_t){ 1 });
        assert_string_equal(enrol_pending("name"), "");

        assert_changes();
        enrol_step(&device, "Leave");
        assert_string_equal(mesh_status(device.world, "role"), "");
        mesh_world_until(link_is_gone, device.world, NULL);
        assert_int_equal(poll(&(struct pollfd){ .fd = device.world->uapi, .events = POLLIN }, 1, 0), 0);
}

static void test_a_thief_has_the_token_too(void **state)
{
        uint8_t sealed[CLAIM_SEALED_MAX];
        Token token;

        machines_skip();
        enrol_start_hub(&token);
        size_t size = join(&token, sealed);
        sd_bus_message_unref(enrol_ask(sealed, size, NULL));

        size = enrol_claim(world_key(KEY_STRANGER), &token, sealed);
        (void) enrol_ask(sealed, size, "TokenUsed");
        assert_string_equal(enrol_pending("state"), "held");
        admit(KEY_MANIFEST, "TokenUsed");
        sealed[size - 1] ^= 1;
        (void) enrol_ask(sealed, size, "Unauthorized");

        mesh_call_name(hub.world, "Withdraw", "laptop", NULL);
        mesh_world_until(hub_has_peers, hub.world, &(size_t){ 0 });
        size = join(&token, sealed);
        (void) enrol_ask(sealed, size, "TokenExpired");
        enrol_invite(&token, "TokenUsed");
}

/* ---- many at a time */

#define CLAIMS    100
#define IN_FLIGHT 100

typedef struct Crowd {
        unsigned sent, answered, rejected;
} Crowd;

static int on_claim(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Crowd *crowd = userdata;

        if (sd_bus_message_is_method_error(reply, "org.devbox.Error.TokenUsed"))
                crowd->rejected++;
        else
                crowd->answered++;
        return 0;
}

static bool all_have_come(void *userdata)
{
        const Crowd *crowd = userdata;

        return crowd->answered + crowd->rejected == crowd->sent;
}

static void send_claims(const Token *token, unsigned n, Crowd *crowd)
{
        uint8_t sealed[CLAIM_SEALED_MAX];

        for (unsigned i = 0; i < n; i++, crowd->sent++) {
                _cleanup_(key_pair_freep) KeyPair *key = NULL;
                sd_bus_message *call = mesh_call(hub.world, "Claim");

                assert_ok(key_pair_generate(&key));
                assert_ok(sd_bus_message_append_array(call, 'y', sealed, enrol_claim(key, token, sealed)));
                assert_ok(sd_bus_message_append(call, "s", "192.0.2.7"));
                assert_ok(sd_bus_call_async(hub.world->client, NULL, call, on_claim, crowd, 0));
                sd_bus_message_unref(call);
        }
        test_bus_process_until(hub.world->client, all_have_come, crowd);
}

static void test_many_claims_in_flight(void **state)
{
        const char *number = getenv("DEVBOX_CLAIMS");
        unsigned n = number ? (unsigned) strtoul(number, NULL, 10) : CLAIMS;
        Crowd crowd = { 0 };
        Token token;

        machines_skip();
        enrol_start_hub(&token);
        usec_t began = time_now(CLOCK_MONOTONIC);
        while (crowd.sent < n)
                send_claims(&token, MIN(n - crowd.sent, (unsigned) IN_FLIGHT), &crowd);
        print_message("%u claims: %u answered, %llu us\n", crowd.sent, crowd.answered,
                      (unsigned long long) (time_now(CLOCK_MONOTONIC) - began));
        assert_int_equal(crowd.answered, 1);
        assert_string_equal(enrol_pending("state"), "held");
        assert_string_equal(mesh_status(hub.world, "peers"), "0");
}

static void kill_daemon(const Machine *machine)
{
        machine_enter(machine);
        machine->world->daemon = test_daemon_free(machine->world->daemon); /* by SIGKILL */
        mesh_world_start(machine->world);
}

/* Both daemons die at each step; the device goes on with the token that it kept. */
static void test_both_daemons_die_in_between(void **state)
{
        uint8_t sealed[CLAIM_SEALED_MAX];
        Token token;

        machines_skip();
        enrol_start_hub(&token);
        size_t size = join(&token, sealed);
        for (int round = 0; round < 2; round++) {
                kill_daemon(&device);
                kill_daemon(&hub);
                mesh_world_until(hub_has_peers, hub.world, &(size_t){ 1 + (size_t) round });
                size = join(NULL, sealed);
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *opened = enrol_ask(sealed, size, NULL);
                enrol_assert_value(opened, "state", round == 0 ? "pending" : "admitted");
                if (round == 0)
                        admit(KEY_MANIFEST, NULL);
        }
        enrol_step(&device, "FinishJoin");
        mesh_world_until(enrol_is_active, hub.world, NULL);
        enrol_step(&device, "ConfirmJoin");
}

/* ---- with the hub's ledger */

static void start_ledger(TestDaemon **ret_daemon)
{
        char directory[128], variable[160];
        const char *const environment[] = { variable, NULL };

        (void) snprintf(directory, sizeof directory, "%s/ledger", hub.world->bus->directory);
        (void) snprintf(variable, sizeof variable, "STATE_DIRECTORY=%s", directory);
        assert_int_equal(mkdir(directory, 0700), 0);
        test_bus_write_config(hub.world->bus, "ledger:\n  trust_clock: true\n");
        *ret_daemon = test_daemon_start_full(hub.world->bus,
                                             &(TestDaemonOptions){ .program = "src/ledger/devbox-ledger",
                                                                   .name = LEDGER,
                                                                   .environment = environment });
}

static sd_bus_message *ledger_call(const char *member)
{
        sd_bus_message *call = NULL;

        assert_ok(sd_bus_message_new_method_call(hub.world->client, &call, LEDGER, "/org/devbox/Ledger1",
                                                 LEDGER, member));
        return call;
}

static void enroll_hub(void)
{
        static const uint8_t chain[CHAIN_ID_SIZE] = { 1 };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *roots =
                mesh_finish(hub.world, mesh_call(hub.world, "GetRoots"), NULL);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *status =
                mesh_finish(hub.world, mesh_call(hub.world, "GetStatus"), NULL);
        sd_bus_message *call = ledger_call("Enroll");
        const char *root;
        Sha256 digest;

        enrol_read_bytes(status, "root_sha256", digest.bytes, SHA256_SIZE);
        assert_ok(sd_bus_message_enter_container(roots, 'a', "s"));
        assert_ok(sd_bus_message_read(roots, "s", &root));
        assert_ok(sd_bus_message_append(call, "s", HUB_NAME));
        assert_ok(sd_bus_message_append_array(call, 'y', chain, sizeof chain));
        assert_ok(sd_bus_message_append(call, "s", root));
        assert_ok(sd_bus_message_append_array(call, 'y', digest.bytes, SHA256_SIZE));
        assert_ok(sd_bus_message_append(call, "a{sv}", 0));
        sd_bus_message_unref(mesh_finish(hub.world, call, NULL));
}

/* Whether the ledger expects that key of the laptop. */
static bool laptop_is_pinned(const MeshWorld *world, const void *key)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        sd_bus_message *call = ledger_call("GetReplica");
        PublicKey pinned;

        assert_ok(sd_bus_message_append(call, "s", "laptop"));
        int found = sd_bus_call(world->client, call, 0, NULL, &reply);
        sd_bus_message_unref(call);
        if (found < 0)
                return false;
        enrol_read_bytes(reply, "key", pinned.bytes, PUBLIC_KEY_SIZE);
        return public_key_equal(&pinned, key);
}

/* Its chain is pinned; with another ledger key the device keeps name, address and chain. */
static void test_coming_back_with_another_identity(void **state)
{
        _cleanup_(test_daemon_freep) TestDaemon *ledger = NULL;
        uint8_t sealed[CLAIM_SEALED_MAX], chain[CHAIN_ID_SIZE], again[CHAIN_ID_SIZE];
        Token token;

        machines_skip();
        enrol_start_hub(&token);
        start_ledger(&ledger);
        enroll_hub();
        for (unsigned round = 0; round < 2; round++) {
                WorldKey key = round == 0 ? KEY_DEVICE : KEY_STRANGER;

                size_t size = enrol_join(key, &token, sealed);
                sd_bus_message_unref(enrol_ask(sealed, size, NULL));
                enrol_admit(key, round == 0 ? "\"version\":1" : "\"version\":2", KEY_MANIFEST, NULL);
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *opened = enrol_ask(sealed, size, NULL);
                enrol_assert_value(opened, "address", "10.42.0.10");
                enrol_read_bytes(opened, "chain_id", round == 0 ? chain : again, sizeof chain);
                mesh_world_until(laptop_is_pinned, hub.world, key_pair_public(world_key(key)));
                if (round > 0)
                        break;

                enrol_step(&device, "Leave");
                token.id[0]++;
                assert_ok(token_sign(&token, world_key(KEY_TOKEN)));
                enrol_invite(&token, NULL);
        }
        assert_memory_equal(chain, again, sizeof chain);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                machines_test(test_a_device_joins),
                machines_test(test_a_thief_has_the_token_too),
                machines_test(test_many_claims_in_flight),
                machines_test(test_both_daemons_die_in_between),
                machines_test(test_coming_back_with_another_identity),
        };

        return cmocka_run_group_tests(tests, machines_up, NULL);
}
