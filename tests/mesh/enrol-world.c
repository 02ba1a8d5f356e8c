/* SPDX-License-Identifier: MIT */
/* A hub and devices that join it, for tests. */

#include "enrol-world.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/fd.h"
#include "bus/files.h"

/* ---- the hub */

static void set_time(EnrolWorld *world)
{
        world->hub.time = (MeshTime){ .wall_ms = WORLD_NOW, .boottime_ms = 5000000, .boot_id = "one" };
}

static void make_root(EnrolWorld *world)
{
        _cleanup_(envelope_freep) Envelope *envelope =
                WORLD_SIGN(ENVELOPE_ROOT, world_root, KEY_ROOT_A, KEY_ROOT_B);

        assert_ok(envelope_format(envelope, &world->root_text));
        assert_ok(root_accept_first(envelope, NULL, &world->root));
        world->hub.root_sha256 = envelope->digest;
}

static void make_node(EnrolWorld *world)
{
        Node *node = &world->node;

        *node = (Node){ .role = NODE_ROLE_HUB,
                        .network = "home",
                        .listen_port = MESH_PORT,
                        .private_key = MESH_KEY,
                        .endpoints = { { "vps.example.org", MESH_PORT } },
                        .n_endpoints = 1 };
        assert_ok(ip_prefix_parse(MESH_PREFIX, &node->prefix));
        node_first_address(&node->prefix, &node->address);
        node->hub_address = node->address;
        node->hub_address.length = 32;
        assert_ok(node_store(world->hub_store.database, node));
        assert_ok(query_run(world->hub_store.database, "INSERT INTO root VALUES (1, ?)", "t",
                            world->root_text));
}

static void open_store(Store *store, const char *directory)
{
        assert_ok(store_init(store, directory, NULL));
        assert_ok(store_open(store));
}

/* In memory where that is possible: hundreds of worlds are made, and syncing is not what is tested. */
static void make_directory(char path[static ENROL_WORLD_PATH_SIZE])
{
        bool memory = access("/dev/shm", W_OK) == 0;

        (void) snprintf(path, ENROL_WORLD_PATH_SIZE, "%s/devbox-enrol-XXXXXX", memory ? "/dev/shm" : "/tmp");
        assert_non_null(mkdtemp(path));
}

int enrol_world_up(void **state)
{
        EnrolWorld *world = calloc(1, sizeof *world);

        assert_non_null(world);
        make_directory(world->hub_directory);
        make_directory(world->device_directory);
        open_store(&world->hub_store, world->hub_directory);
        open_store(&world->device_store, world->device_directory);
        world->rejections = (RateLimit){ .interval_usec = 60 * USEC_PER_SEC, .burst = 10 };
        world->alarms = world->rejections;
        make_root(world);
        make_node(world);
        assert_ok(x25519_generate(&world->claim_key, (uint8_t[X25519_SIZE]){ 0 }));
        assert_ok(x25519_generate(&world->wireguard_key, world->hub.wireguard_key.bytes));
        world->hub.store = &world->hub_store;
        world->hub.node = &world->node;
        world->hub.root = world->root;
        world->hub.claim_key = world->claim_key;
        world->hub.rejections = &world->rejections;
        world->hub.alarms = &world->alarms;
        set_time(world);
        *state = world;
        return 0;
}

int enrol_world_down(void **state)
{
        EnrolWorld *world = *state;

        store_done(&world->hub_store);
        store_done(&world->device_store);
        secret_free(world->claim_key);
        secret_free(world->wireguard_key);
        root_free(world->root);
        free(world->root_text);
        remove_tree(world->hub_directory);
        remove_tree(world->device_directory);
        free(world);
        return 0;
}

void enrol_world_crash(EnrolWorld *world)
{
        store_done(&world->hub_store);
        store_done(&world->device_store);
        open_store(&world->hub_store, world->hub_directory);
        open_store(&world->device_store, world->device_directory);
}

void enrol_world_wait(EnrolWorld *world, int64_t ms)
{
        world->hub.time.wall_ms += ms;
        world->hub.time.boottime_ms += ms;
}

void enrol_world_step(EnrolWorld *world, int64_t ms)
{
        world->hub.time.wall_ms += ms;
}

/* ---- the operator */

void enrol_world_token(const EnrolWorld *world, const char *device, unsigned number, const PublicKey *bound,
                       Token *ret_token)
{
        Token token = { .expires_at_sec = (uint32_t) (world->hub.time.wall_ms / 1000) + 600,
                        .root_sha256 = world->hub.root_sha256,
                        .network = "home",
                        .endpoints = { { "vps.example.org", MESH_PORT } },
                        .n_endpoints = 1 };
        Sha256 digest;

        put_be32(token.id, number);
        put_be32(token.secret, ~number);
        memset(token.secret + 4, 0xa5, 8); /* the canary */
        x25519_public(world->claim_key, token.hub_claim_key);
        memcpy(token.hub_wireguard_key, world->hub.wireguard_key.bytes, X25519_SIZE);
        (void) snprintf(token.device, sizeof token.device, "%s", device);
        if (bound) {
                sha256(BYTES_OF(bound->bytes), &digest);
                memcpy(token.device_key_sha256, digest.bytes, sizeof token.device_key_sha256);
        }
        assert_ok(token_sign(&token, world_key(KEY_TOKEN)));
        *ret_token = token;
}

int enrol_world_invite(EnrolWorld *world, const Token *token)
{
        InvitationOptions options = { .keepalive_sec = MESH_KEEPALIVE };
        Invitation invitation;

        return invitation_add(&world->hub, token, &options, &invitation);
}

char *enrol_world_manifest(EnrolWorld *world, const char *device, WorldKey key, WorldKey signer)
{
        char name[80], hex[65], quoted[80], version[32];
        ManifestNext next;
        char *text;

        assert_ok(manifest_store_next(world->hub_store.database, world->root, device, &next));
        world_public_hex(key, hex);
        (void) snprintf(name, sizeof name, "\"%s\"", device);
        (void) snprintf(quoted, sizeof quoted, "\"%s\"", hex);
        (void) snprintf(version, sizeof version, "\"version\":%d", (int) next.version);
        const Edit edits[] = { { "\"dev-a\"", name },
                               { "\"@device@\"", quoted },
                               { "\"version\":7", version } };
        _cleanup_(freep) char *payload = world_text(world_manifest, edits, ELEMENTSOF(edits));
        _cleanup_(envelope_freep) Envelope *envelope = WORLD_SIGN(ENVELOPE_MANIFEST, payload, signer);
        assert_ok(envelope_format(envelope, &text));
        return text;
}

/* ---- claimants */

void claimant_init(Claimant *claimant, const Token *token, const KeyPair *device_key)
{
        Claim *claim = &claimant->claim;

        *claimant = (Claimant){ .claim = { .device_key = *key_pair_public(device_key),
                                           .device_time_ms = WORLD_NOW,
                                           .description = "Debian GNU/Linux 12, x86_64" } };
        memcpy(claim->token_id, token->id, sizeof claim->token_id);
        memcpy(claim->secret, token->secret, sizeof claim->secret);
        assert_ok(x25519_generate(&claimant->wireguard_key, claim->wireguard_key));
        assert_ok(x25519_generate(&claimant->ephemeral, claim->ephemeral_key));
        assert_ok(claim_prove(claim, claimant->wireguard_key, token->hub_claim_key));
        claimant->body_size = claim_body_format(claim, claimant->body);
        Bytes body = BYTES(claimant->body, claimant->body_size);
        assert_ok(dsse_sign(device_key, CLAIM_TYPE, body, &claimant->signature));
        claim_digest(body, &claimant->signature, &claimant->digest);
        assert_ok(claim_seal(body, &claimant->signature, token->hub_claim_key, claimant->sealed,
                             &claimant->sealed_size));
}

void claimant_done(Claimant *claimant)
{
        secret_free(claimant->wireguard_key);
        secret_free(claimant->ephemeral);
}

int claimant_ask(EnrolWorld *world, const Claimant *claimant, Answer **ret_answer, MeshEvent *ret_event)
{
        _cleanup_(claim_outcome_done) ClaimOutcome outcome = CLAIM_OUTCOME_NULL;
        _cleanup_(secret_freep) Secret *key = NULL;
        uint8_t hub_key[X25519_SIZE], bytes[4];
        char source[IP_PREFIX_TEXT_SIZE];
        IpPrefix address;

        bootstrap_address(claimant->claim.token_id, bytes);
        assert_ok(ip_prefix_init(&address, AF_INET, bytes, 32));
        int r = hub_claim(&world->hub, BYTES(claimant->sealed, claimant->sealed_size),
                          ip_prefix_format_address(&address, source), &outcome);
        if (ret_event)
                *ret_event = outcome.event;
        assert_int_equal(r == 0, outcome.answer != NULL);
        if (r != 0 || !ret_answer)
                return r;

        x25519_public(world->claim_key, hub_key);
        assert_ok(answer_key(claimant->ephemeral, hub_key, &claimant->digest, &key));
        return answer_open(BYTES(outcome.answer, outcome.answer_size), key, ret_answer);
}

/* ---- rows */

int64_t enrol_world_count(const Store *store, const char *sql)
{
        int64_t n = 0;

        assert_ok(query_integer(store->database, &n, sql, ""));
        return n;
}

void enrol_world_check(const EnrolWorld *world)
{
        static const char *const violations[] = {
                "SELECT count(*) - count(DISTINCT address) FROM device",
                "SELECT count(*) FROM device d JOIN token t ON t.address = d.address AND t.device != d.name"
                " WHERE t.state IN ('issued', 'claimed', 'held')",
                "SELECT count(*) FROM (SELECT 1 FROM token WHERE state IN ('issued', 'claimed', 'held')"
                " GROUP BY device HAVING count(*) > 1)",
                "SELECT count(*) FROM wireguard_key k JOIN device d ON d.name = k.device"
                " WHERE k.use = 'current' AND d.state = 'revoked'",
                "SELECT count(*) FROM token WHERE state IN ('spent', 'expired', 'withdrawn')"
                " AND secret IS NOT NULL",
                "SELECT count(*) FROM token WHERE state = 'withdrawn' AND bootstrap_key IS NOT NULL",
        };

        for (size_t i = 0; i < ELEMENTSOF(violations); i++)
                assert_int_equal(enrol_world_count(&world->hub_store, violations[i]), 0);
}

/* ---- files */

static bool file_has_bytes(int directory_fd, const char *name, Bytes bytes)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;

        return fd_read_file_at(directory_fd, name, 1 << 24, &text, &size) >= 0 &&
               memmem(text, size, bytes.data, bytes.size) != NULL;
}

static bool directory_has_bytes(const char *path, Bytes bytes)
{
        DIR *directory = opendir(path);
        const struct dirent *entry;
        bool found = false;

        assert_non_null(directory);
        while ((entry = readdir(directory)))
                found |= file_has_bytes(dirfd(directory), entry->d_name, bytes);
        (void) closedir(directory);
        return found;
}

bool enrol_world_has_bytes(const EnrolWorld *world, Bytes bytes)
{
        return directory_has_bytes(world->hub_directory, bytes) ||
               directory_has_bytes(world->device_directory, bytes);
}
