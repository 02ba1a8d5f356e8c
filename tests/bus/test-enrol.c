/* SPDX-License-Identifier: MIT */
/* A device joins a hub: two real daemons, each on a machine of its own. What a person, devboxctl or
 * devbox-api would do in between is done by calls. */

#include <stdio.h>

#include "basic/fd.h"
#include "trust/claim.h"
#include "trust/world.h"
#include "two-machines.h"

#define HTTP_PORT  8080
#define OTHER_PORT 8081

typedef struct Target {
        const char *address;
        uint16_t port;
} Target;

static bool target_answers(const MeshWorld *world, const void *argument)
{
        const Target *target = argument;

        return device_reaches(target->address, target->port);
}

/* ---- the operator */

static uint64_t now_ms(void)
{
        return time_now(CLOCK_REALTIME) / USEC_PER_MSEC;
}

static void set_root(void)
{
        const Edit edits[] = { { "1790000000000", "4000000000000" } };
        _cleanup_(freep) char *payload = world_text(world_root, edits, ELEMENTSOF(edits)), *text = NULL;
        _cleanup_(envelope_freep) Envelope *envelope =
                WORLD_SIGN(ENVELOPE_ROOT, payload, KEY_ROOT_A, KEY_ROOT_B);

        assert_ok(envelope_format(envelope, &text));
        mesh_call_name(hub.world, "SetRoot", text, NULL);
}

/* Reads one `ay` of a dictionary. */
static void read_bytes(sd_bus_message *reply, const char *key, void *ret_bytes, size_t size)
{
        const char *name;
        const void *bytes;
        size_t n;

        assert_ok(sd_bus_message_rewind(reply, true));
        assert_ok(sd_bus_message_enter_container(reply, 'a', "{sv}"));
        while (assert_ok(sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
                assert_ok(sd_bus_message_read(reply, "s", &name));
                if (streq(name, key)) {
                        assert_ok(sd_bus_message_enter_container(reply, 'v', "ay"));
                        assert_ok(sd_bus_message_read_array(reply, 'y', &bytes, &n));
                        assert_int_equal(n, size);
                        memcpy(ret_bytes, bytes, size);
                        return;
                }
                assert_ok(sd_bus_message_skip(reply, "v"));
                assert_ok(sd_bus_message_exit_container(reply));
        }
        fail_msg("there is no %s", key);
}

static void make_token(Token *ret_token)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *status =
                mesh_finish(hub.world, mesh_call(hub.world, "GetStatus"), NULL);
        Token token = { .id = { 1 },
                        .secret = { 2 },
                        .expires_at_sec = (uint32_t) (now_ms() / 1000) + 599,
                        .network = "home",
                        .device = "laptop",
                        .endpoints = { { "192.0.2.1", MESH_PORT } },
                        .n_endpoints = 1 };

        read_bytes(status, "claim_key", token.hub_claim_key, sizeof token.hub_claim_key);
        read_bytes(status, "public_key", token.hub_wireguard_key, sizeof token.hub_wireguard_key);
        read_bytes(status, "root_sha256", token.root_sha256.bytes, SHA256_SIZE);
        assert_ok(token_sign(&token, world_key(KEY_TOKEN)));
        *ret_token = token;
}

static void append_token(sd_bus_message *call, const Token *token)
{
        uint8_t bytes[TOKEN_SIZE_MAX];

        assert_ok(sd_bus_message_append_array(call, 'y', bytes, token_format(token, bytes)));
}

static void invite(const Token *token, const char *wanted)
{
        sd_bus_message *call = mesh_call(hub.world, "Invite");

        append_token(call, token);
        assert_ok(sd_bus_message_append(call, "a{sv}", 0));
        sd_bus_message_unref(mesh_finish(hub.world, call, wanted));
}

static void admit(WorldKey signer, const char *wanted)
{
        char hex[65], quoted[67], issued[24], expires[24];

        world_public_hex(KEY_DEVICE, hex);
        (void) snprintf(quoted, sizeof quoted, "\"%s\"", hex);
        (void) snprintf(issued, sizeof issued, "%llu", (unsigned long long) now_ms() - 1000);
        (void) snprintf(expires, sizeof expires, "%llu", (unsigned long long) now_ms() + 86400000);
        const Edit edits[] = { { "\"dev-a\"", "\"laptop\"" },        { "\"@device@\"", quoted },
                               { "\"version\":7", "\"version\":1" }, { "1759900000000", issued },
                               { "1762000000000", expires },         { "1762000000000", expires },
                               { "1762000000000", expires } };
        _cleanup_(freep) char *payload = world_text(world_manifest, edits, ELEMENTSOF(edits)), *text = NULL;
        _cleanup_(envelope_freep) Envelope *envelope = WORLD_SIGN(ENVELOPE_MANIFEST, payload, signer);
        sd_bus_message *call = mesh_call(hub.world, "Admit");

        assert_ok(envelope_format(envelope, &text));
        assert_ok(sd_bus_message_append(call, "ss", "laptop", text));
        sd_bus_message_unref(mesh_finish(hub.world, call, wanted));
}

/* ---- the device */

/* The bytes of a reply, copied. */
static size_t take_bytes(sd_bus_message *reply, uint8_t *ret_bytes, size_t room)
{
        const void *bytes;
        size_t size;

        assert_ok(sd_bus_message_read_array(reply, 'y', &bytes, &size));
        assert_true(size <= room);
        memcpy(ret_bytes, bytes, size);
        sd_bus_message_unref(reply);
        return size;
}

/* Join and SignJoin; without a token by the one that is kept. */
static size_t join(const Token *token, uint8_t sealed[static CLAIM_SEALED_MAX])
{
        uint8_t body[CLAIM_BODY_MAX];
        Signature signature;
        sd_bus_message *call = mesh_call(device.world, "Join");

        if (token)
                append_token(call, token);
        else
                assert_ok(sd_bus_message_append_array(call, 'y', NULL, 0));
        assert_ok(sd_bus_message_append_array(call, 'y', key_pair_public(world_key(KEY_DEVICE))->bytes,
                                              PUBLIC_KEY_SIZE));
        assert_ok(sd_bus_message_append(call, "s", "Debian GNU/Linux 12, x86_64"));
        size_t size = take_bytes(mesh_finish(device.world, call, NULL), body, sizeof body);

        assert_ok(dsse_sign(world_key(KEY_DEVICE), CLAIM_TYPE, BYTES(body, size), &signature));
        call = mesh_call(device.world, "SignJoin");
        assert_ok(sd_bus_message_append_array(call, 'y', signature.bytes, SIGNATURE_SIZE));
        return take_bytes(mesh_finish(device.world, call, NULL), sealed, CLAIM_SEALED_MAX);
}

/* Claim at the hub; what it answers is opened on the device. */
static sd_bus_message *ask(const uint8_t *sealed, size_t size, const char *wanted)
{
        sd_bus_message *call = mesh_call(hub.world, "Claim");
        static uint8_t answer[64 * 1024];

        assert_ok(sd_bus_message_append_array(call, 'y', sealed, size));
        assert_ok(sd_bus_message_append(call, "s", "169.254.64.1"));
        sd_bus_message *reply = mesh_finish(hub.world, call, wanted);
        if (wanted)
                return sd_bus_message_unref(reply);

        size_t n = take_bytes(reply, answer, sizeof answer);
        call = mesh_call(device.world, "OpenAnswer");
        assert_ok(sd_bus_message_append_array(call, 'y', answer, n));
        return mesh_finish(device.world, call, NULL);
}

static void assert_value(sd_bus_message *reply, const char *key, const char *wanted)
{
        assert_ok(sd_bus_message_rewind(reply, true));
        assert_string_equal(mesh_read_key(reply, key), wanted);
}

static const char *pending(const char *key)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                mesh_finish(hub.world, mesh_call(hub.world, "ListPending"), NULL);

        assert_ok(sd_bus_message_enter_container(reply, 'a', "a{sv}"));
        return sd_bus_message_at_end(reply, false) ? "" : mesh_read_key(reply, key);
}

static void step(const Machine *machine, const char *member)
{
        sd_bus_message_unref(mesh_finish(machine->world, mesh_call(machine->world, member), NULL));
}

static bool laptop_is_active(const MeshWorld *world, const void *argument)
{
        return streq(mesh_peer(hub.world, "laptop", "state"), "active");
}

static bool hub_has_peers(const MeshWorld *world, const void *n)
{
        _cleanup_(wireguard_device_done) WireguardDevice running = WIREGUARD_DEVICE_NULL;

        machine_enter(&hub);
        assert_ok(mesh_world_read(hub.world, &running));
        return running.n_peers == *(const size_t *) n;
}

static void start_hub(Token *ret_token)
{
        machine_enter(&hub);
        mesh_configure(hub.world, MESH_PREFIX, "192.0.2.1", NULL);
        set_root();
        mesh_world_until(mesh_state_is, hub.world, "up");
        make_token(ret_token);
        invite(ret_token, NULL);
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
        start_hub(&token);
        _cleanup_(fd_closep) int at_enroll = hub_listen(enroll.address, enroll.port);
        _cleanup_(fd_closep) int at_http = hub_listen(http.address, http.port);
        _cleanup_(fd_closep) int at_other = hub_listen(http.address, OTHER_PORT);

        /* The bootstrap tunnel reaches the enrolment port, and nothing else. */
        size_t size = join(&token, sealed);
        mesh_world_until(target_answers, device.world, &enroll);
        assert_false(device_reaches(ENROLMENT_HUB_ADDRESS, HTTP_PORT));
        assert_false(device_reaches("10.42.0.1", HTTP_PORT));

        first = ask(sealed, size, NULL);
        assert_value(first, "state", "pending");
        (void) snprintf(digits, sizeof digits, "%s", pending("digits"));
        assert_int_equal(strlen(digits), 7);
        assert_value(first, "digits", digits);
        assert_string_equal(pending("description"), "Debian GNU/Linux 12, x86_64");

        admit(KEY_STRANGER, "ManifestInvalidSignature");
        admit(KEY_MANIFEST, NULL);
        size = join(NULL, sealed);
        admitted = ask(sealed, size, NULL);
        assert_value(admitted, "state", "admitted");
        assert_value(admitted, "address", "10.42.0.10");

        /* The tunnel of its own reaches the hub's health; the bootstrap peer is gone. */
        step(&device, "FinishJoin");
        mesh_world_until(target_answers, device.world, &http);
        assert_false(device_reaches("10.42.0.1", OTHER_PORT));
        assert_false(device_reaches(ENROLMENT_HUB_ADDRESS, ENROLMENT_PORT));
        step(&device, "ConfirmJoin");
        assert_string_equal(mesh_status(device.world, "join_state"), "joined");
        assert_string_equal(mesh_status(device.world, "address"), "10.42.0.10");
        mesh_world_until(laptop_is_active, hub.world, NULL);
        mesh_world_until(hub_has_peers, hub.world, &(size_t){ 1 });
        assert_string_equal(pending("name"), "");

        step(&device, "Leave");
        assert_string_equal(mesh_status(device.world, "role"), "");
}

static void test_a_thief_has_the_token_too(void **state)
{
        _cleanup_(secret_freep) Secret *wireguard = NULL, *ephemeral = NULL;
        uint8_t sealed[CLAIM_SEALED_MAX], body[CLAIM_BODY_MAX];
        Claim claim = { .device_key = *key_pair_public(world_key(KEY_STRANGER)) };
        Signature signature;
        size_t size;
        Token token;

        machines_skip();
        start_hub(&token);
        size = join(&token, sealed);
        sd_bus_message_unref(ask(sealed, size, NULL));

        memcpy(claim.token_id, token.id, sizeof claim.token_id);
        memcpy(claim.secret, token.secret, sizeof claim.secret);
        assert_ok(x25519_generate(&wireguard, claim.wireguard_key));
        assert_ok(x25519_generate(&ephemeral, claim.ephemeral_key));
        assert_ok(claim_prove(&claim, wireguard, token.hub_claim_key));
        size = claim_body_format(&claim, body);
        assert_ok(dsse_sign(world_key(KEY_STRANGER), CLAIM_TYPE, BYTES(body, size), &signature));
        assert_ok(claim_seal(BYTES(body, size), &signature, token.hub_claim_key, sealed, &size));
        (void) ask(sealed, size, "TokenUsed");
        assert_string_equal(pending("state"), "held");
        admit(KEY_MANIFEST, "TokenUsed");
        sealed[size - 1] ^= 1;
        (void) ask(sealed, size, "Unauthorized");

        mesh_call_name(hub.world, "Withdraw", "laptop", NULL);
        mesh_world_until(hub_has_peers, hub.world, &(size_t){ 0 });
        size = join(&token, sealed);
        (void) ask(sealed, size, "TokenExpired");
        invite(&token, "TokenUsed");
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
        start_hub(&token);
        size_t size = join(&token, sealed);
        for (int round = 0; round < 2; round++) {
                kill_daemon(&device);
                kill_daemon(&hub);
                mesh_world_until(hub_has_peers, hub.world, &(size_t){ 1 + (size_t) round });
                size = join(NULL, sealed);
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *opened = ask(sealed, size, NULL);
                assert_value(opened, "state", round == 0 ? "pending" : "admitted");
                if (round == 0)
                        admit(KEY_MANIFEST, NULL);
        }
        step(&device, "FinishJoin");
        mesh_world_until(laptop_is_active, hub.world, NULL);
        step(&device, "ConfirmJoin");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                machines_test(test_a_device_joins),
                machines_test(test_a_thief_has_the_token_too),
                machines_test(test_both_daemons_die_in_between),
        };

        return cmocka_run_group_tests(tests, machines_up, NULL);
}
