/* SPDX-License-Identifier: MIT */
/* What people and programs do while a device joins, as calls. */

#include "enrol-calls.h"

#include <stdio.h>

#include "basic/fd.h"

/* ---- the operator */

/* By the hub's clock, as for devboxctl. */
static uint64_t now_ms(void)
{
        return strtoull(mesh_status(hub.world, "time_ms"), NULL, 10);
}

void enrol_set_root(const char *version)
{
        const Edit edits[] = { { "\"version\":1", version }, { "1790000000000", "4000000000000" } };
        _cleanup_(freep) char *payload = world_text(world_root, edits, ELEMENTSOF(edits)), *text = NULL;
        _cleanup_(envelope_freep) Envelope *envelope =
                WORLD_SIGN(ENVELOPE_ROOT, payload, KEY_ROOT_A, KEY_ROOT_B);

        assert_ok(envelope_format(envelope, &text));
        mesh_call_name(hub.world, "SetRoot", text, NULL);
}

void enrol_read_bytes(sd_bus_message *reply, const char *key, void *ret_bytes, size_t size)
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

void enrol_make_token(uint8_t id, Token *ret_token)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *status =
                mesh_finish(hub.world, mesh_call(hub.world, "GetStatus"), NULL);
        Token token = { .id = { id },
                        .secret = { 2 },
                        .expires_at_sec = (uint32_t) (now_ms() / 1000) + 599,
                        .network = "home",
                        .device = "laptop",
                        .endpoints = { { "192.0.2.1", MESH_PORT } },
                        .n_endpoints = 1 };

        enrol_read_bytes(status, "claim_key", token.hub_claim_key, sizeof token.hub_claim_key);
        enrol_read_bytes(status, "public_key", token.hub_wireguard_key, sizeof token.hub_wireguard_key);
        enrol_read_bytes(status, "root_sha256", token.root_sha256.bytes, SHA256_SIZE);
        assert_ok(token_sign(&token, world_key(KEY_TOKEN)));
        *ret_token = token;
}

static void append_token(sd_bus_message *call, const Token *token)
{
        uint8_t bytes[TOKEN_SIZE_MAX];

        assert_ok(sd_bus_message_append_array(call, 'y', bytes, token_format(token, bytes)));
}

void enrol_invite(const Token *token, const char *wanted)
{
        sd_bus_message *call = mesh_call(hub.world, "Invite");

        append_token(call, token);
        assert_ok(sd_bus_message_append(call, "a{sv}", 0));
        sd_bus_message_unref(mesh_finish(hub.world, call, wanted));
}

static char *make_manifest(WorldKey key, const char *version, WorldKey signer)
{
        char hex[65], quoted[67], issued[24], expires[24], *text;

        world_public_hex(key, hex);
        (void) snprintf(quoted, sizeof quoted, "\"%s\"", hex);
        (void) snprintf(issued, sizeof issued, "%llu", (unsigned long long) now_ms() - 1000);
        (void) snprintf(expires, sizeof expires, "%llu", (unsigned long long) now_ms() + 86400000);
        const Edit edits[] = { { "\"dev-a\"", "\"laptop\"" }, { "\"@device@\"", quoted },
                               { "\"version\":7", version },  { "1759900000000", issued },
                               { "1762000000000", expires },  { "1762000000000", expires },
                               { "1762000000000", expires } };
        _cleanup_(freep) char *payload = world_text(world_manifest, edits, ELEMENTSOF(edits));
        _cleanup_(envelope_freep) Envelope *envelope = WORLD_SIGN(ENVELOPE_MANIFEST, payload, signer);

        assert_ok(envelope_format(envelope, &text));
        return text;
}

void enrol_publish(WorldKey key, const char *version)
{
        _cleanup_(freep) char *manifest = make_manifest(key, version, KEY_MANIFEST);

        mesh_call_name(hub.world, "PublishManifest", manifest, NULL);
}

void enrol_admit(WorldKey key, const char *version, WorldKey signer, const char *wanted)
{
        _cleanup_(freep) char *manifest = make_manifest(key, version, signer);
        sd_bus_message *call = mesh_call(hub.world, "Admit");

        assert_ok(sd_bus_message_append(call, "ss", "laptop", manifest));
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

size_t enrol_join(WorldKey key, const Token *token, uint8_t sealed[static CLAIM_SEALED_MAX])
{
        uint8_t body[CLAIM_BODY_MAX];
        Signature signature;
        sd_bus_message *call = mesh_call(device.world, "Join");

        if (token)
                append_token(call, token);
        else
                assert_ok(sd_bus_message_append_array(call, 'y', NULL, 0));
        assert_ok(sd_bus_message_append_array(call, 'y', key_pair_public(world_key(key))->bytes,
                                              PUBLIC_KEY_SIZE));
        assert_ok(sd_bus_message_append(call, "s", "Debian GNU/Linux 12, x86_64"));
        size_t size = take_bytes(mesh_finish(device.world, call, NULL), body, sizeof body);

        assert_ok(dsse_sign(world_key(key), CLAIM_TYPE, BYTES(body, size), &signature));
        call = mesh_call(device.world, "SignJoin");
        assert_ok(sd_bus_message_append_array(call, 'y', signature.bytes, SIGNATURE_SIZE));
        return take_bytes(mesh_finish(device.world, call, NULL), sealed, CLAIM_SEALED_MAX);
}

/* Where devbox-api sees the claims of that token come from. */
static const char *source_in_tunnel(void)
{
        static const uint8_t token_id[TOKEN_ID_SIZE] = { 1 };
        static char text[IP_PREFIX_TEXT_SIZE];
        uint8_t bytes[4];
        IpPrefix address;

        bootstrap_address(token_id, bytes);
        assert_ok(ip_prefix_init(&address, AF_INET, bytes, 32));
        return ip_prefix_format_address(&address, text);
}

sd_bus_message *enrol_ask(const uint8_t *sealed, size_t size, const char *wanted)
{
        sd_bus_message *call = mesh_call(hub.world, "Claim");
        static uint8_t answer[64 * 1024];

        assert_ok(sd_bus_message_append_array(call, 'y', sealed, size));
        assert_ok(sd_bus_message_append(call, "s", source_in_tunnel()));
        sd_bus_message *reply = mesh_finish(hub.world, call, wanted);
        if (wanted)
                return sd_bus_message_unref(reply);

        size_t n = take_bytes(reply, answer, sizeof answer);
        call = mesh_call(device.world, "OpenAnswer");
        assert_ok(sd_bus_message_append_array(call, 'y', answer, n));
        return mesh_finish(device.world, call, NULL);
}

void enrol_assert_value(sd_bus_message *reply, const char *key, const char *wanted)
{
        assert_ok(sd_bus_message_rewind(reply, true));
        assert_string_equal(mesh_read_key(reply, key), wanted);
}

const char *enrol_pending(const char *key)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                mesh_finish(hub.world, mesh_call(hub.world, "ListPending"), NULL);

        assert_ok(sd_bus_message_enter_container(reply, 'a', "a{sv}"));
        return sd_bus_message_at_end(reply, false) ? "" : mesh_read_key(reply, key);
}

void enrol_step(const Machine *machine, const char *member)
{
        sd_bus_message_unref(mesh_finish(machine->world, mesh_call(machine->world, member), NULL));
}

size_t enrol_claim(const KeyPair *key, const Token *token, uint8_t sealed[static CLAIM_SEALED_MAX])
{
        _cleanup_(secret_freep) Secret *wireguard = NULL, *ephemeral = NULL;
        Claim claim = { .device_key = *key_pair_public(key) };
        uint8_t body[CLAIM_BODY_MAX];
        Signature signature;

        memcpy(claim.token_id, token->id, sizeof claim.token_id);
        memcpy(claim.secret, token->secret, sizeof claim.secret);
        assert_ok(x25519_generate(&wireguard, claim.wireguard_key));
        assert_ok(x25519_generate(&ephemeral, claim.ephemeral_key));
        assert_ok(claim_prove(&claim, wireguard, token->hub_claim_key));
        size_t size = claim_body_format(&claim, body);
        assert_ok(dsse_sign(key, CLAIM_TYPE, BYTES(body, size), &signature));
        assert_ok(claim_seal(BYTES(body, size), &signature, token->hub_claim_key, sealed, &size));
        return size;
}

void enrol_start_hub(Token *ret_token)
{
        machine_enter(&hub);
        mesh_configure(hub.world, MESH_PREFIX, "192.0.2.1", NULL);
        enrol_set_root("\"version\":1");
        mesh_world_until(mesh_state_is, hub.world, "up");
        enrol_make_token(1, ret_token);
        enrol_invite(ret_token, NULL);
}

bool enrol_is_active(const MeshWorld *world, const void *argument)
{
        return streq(mesh_peer(world, "laptop", "state"), "active");
}

bool enrol_reaches_hub(const MeshWorld *world, const void *argument)
{
        return device_reaches(ENROL_HUB_ADDRESS, ENROL_HTTP_PORT);
}

void enrol_device(void)
{
        uint8_t sealed[CLAIM_SEALED_MAX];
        Token token;

        enrol_start_hub(&token);
        size_t size = enrol_join(KEY_DEVICE, &token, sealed);
        sd_bus_message_unref(enrol_ask(sealed, size, NULL));
        enrol_admit(KEY_DEVICE, "\"version\":1", KEY_MANIFEST, NULL);
        sd_bus_message_unref(enrol_ask(sealed, size, NULL));
        _cleanup_(fd_closep) int listener = hub_listen(ENROL_HUB_ADDRESS, ENROL_HTTP_PORT);
        enrol_step(&device, "FinishJoin");
        mesh_world_until(enrol_reaches_hub, device.world, NULL);
        mesh_world_until(enrol_is_active, hub.world, NULL);
        enrol_step(&device, "ConfirmJoin");
}
