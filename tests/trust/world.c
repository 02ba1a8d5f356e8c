/* SPDX-License-Identifier: MIT */
/* A small set of signed documents for tests. */

#include "world.h"

#include <stdio.h>

#include "basic/text.h"
#include "codec/binary-text.h"
#include "proto/error.h"

#include "malleate.h"

#define DAY_MS "86400000"

static const char *const key_names[_KEY_MAX] = {
        [KEY_ROOT_A] = "root-a",     [KEY_ROOT_B] = "root-b",     [KEY_ROOT_C] = "root-c",
        [KEY_MANIFEST] = "manifest", [KEY_TOKEN] = "token",       [KEY_DISPATCHER] = "dispatcher",
        [KEY_ATTESTER] = "attester", [KEY_BOB] = "bob",           [KEY_DEVICE] = "device",
        [KEY_WITNESS] = "witness",   [KEY_STRANGER] = "stranger",
};

static const char *const key_roles[_KEY_MAX] = {
        [KEY_ROOT_A] = "root",          [KEY_ROOT_B] = "root",     [KEY_ROOT_C] = "root",
        [KEY_MANIFEST] = "manifest",    [KEY_TOKEN] = "token",     [KEY_DISPATCHER] = DISPATCHER_ROLE,
        [KEY_ATTESTER] = APPROVAL_ROLE, [KEY_BOB] = APPROVAL_ROLE, [KEY_DEVICE] = "device",
        [KEY_WITNESS] = "witness",      [KEY_STRANGER] = "root",
};

const char world_root[] =
        "{\"v\":1,\"network\":\"home\",\"version\":1,\"epoch\":1,\"issued_at\":1759000000000,"
        "\"expires_at\":1790000000000,\"roles\":{\"root\":{\"threshold\":2,\"keys\":[\"@root-a@\",\"@root-b@"
        "\","
        "\"@root-c@\"]},\"manifest\":{\"threshold\":1,\"keys\":[\"@manifest@\"]},\"token\":{\"threshold\":1,"
        "\"keys\":[\"@token@\"]},\"witness\":{\"threshold\":1,\"keys\":[\"@witness@\"]}}}";

const char world_manifest[] =
        "{\"v\":1,\"device\":\"dev-a\",\"dev_pub\":\"@device@\",\"epoch\":1,\"version\":7,"
        "\"issued_at\":1759900000000,\"expires_at\":1762000000000,"
        "\"operators\":[{\"mxid\":\"@ana:hs.example\"},{\"mxid\":\"@bob:hs.example\"}],"
        "\"approvers\":[{\"mxid\":\"@bob:hs.example\",\"pub\":\"@bob@\"},{\"mxid\":\"@eve:hs.example\"},"
        "{\"mxid\":\"@ana:hs.example\"}],"
        "\"dispatchers\":[{\"pub\":\"@dispatcher@\",\"not_after\":1762000000000}],"
        "\"attesters\":[{\"pub\":\"@attester@\",\"not_after\":1762000000000}],"
        "\"roots\":[{\"name\":\"home\",\"path\":\"/home\"},{\"name\":\"srv\",\"path\":\"/srv/share\"}],"
        "\"capabilities\":["
        "{\"name\":\"shell.exec\",\"id\":\"ls-home\",\"approval\":\"none\",\"bin\":\"/usr/bin/"
        "ls\",\"argv\":["
        "{\"opt\":{\"enum\":[\"-l\",\"-la\"]}},{\"lit\":\"--\"},"
        "{\"path\":{\"root\":\"home\",\"kind\":\"dir\",\"must\":\"exist\"}}]},"
        "{\"name\":\"shell.exec\",\"id\":\"df\",\"approval\":\"none\",\"rate\":{\"n\":3,\"per_s\":60},"
        "\"window\":{\"days\":\"1-7\",\"utc\":\"00:00-24:00\"},\"bin\":\"/usr/bin/"
        "df\",\"argv\":[{\"lit\":\"-h\"}]},"
        "{\"name\":\"fs.read\",\"id\":\"read-home\",\"approval\":\"none\",\"roots\":[\"home\"]},"
        "{\"name\":\"fs.write\",\"id\":\"write-srv\",\"approval\":\"reaction\",\"roots\":[\"srv\"]},"
        "{\"name\":\"service.restart\",\"id\":\"nginx\",\"approval\":\"message\",\"approval_count\":2,"
        "\"units\":[\"nginx.service\"]},"
        "{\"name\":\"docker.exec\",\"id\":\"web-ps\",\"approval\":\"signed\",\"containers\":[\"web\"],"
        "\"argv\":[{\"lit\":\"ps\"}],\"exec_kill\":\"timeout\"}]}";

const char world_request[] =
        "{\"v\":1,\"request_id\":\"01K75A3Q000000000000000001\",\"device\":\"dev-a\","
        "\"manifest\":{\"epoch\":1,\"version\":7,\"sha256\":\"@@manifest@@\"},\"capability\":\"shell.exec\","
        "\"args\":{\"argv\":[\"/usr/bin/ls\",\"--\",\"/"
        "home\"]},\"nonce\":\"000102030405060708090a0b0c0d0e0f\","
        "\"issued_at\":1760000000000,\"expires_at\":1760000060000,\"origin\":{\"mxid\":\"@ana:hs.example\"}"
        "}";

const char world_delivery[] =
        "{\"v\":1,\"device\":\"dev-a\",\"session\":\"53535353535353535353535353535353\","
        "\"ctr\":1,\"request_sha256\":\"@@request@@\"}";

const char world_approval[] =
        "{\"v\":1,\"request_id\":\"01K75A3Q000000000000000001\",\"request_sha256\":\"@@request@@\","
        "\"device\":\"dev-a\",\"tier\":\"reaction\",\"approver\":\"@bob:hs.example\","
        "\"approval_msg_id\":\"$ask\",\"reaction_event_id\":\"$thumb\",\"room\":\"!approvals:hs.example\","
        "\"decision\":\"approve\",\"decided_at\":1760000005000,\"expires_at\":1760000065000}";

const KeyPair *world_key(WorldKey key)
{
        static KeyPair *pairs[_KEY_MAX]; /* live as long as the test */

        if (!pairs[key]) {
                _cleanup_(secret_freep) Secret *seed = NULL;
                uint8_t bytes[KEY_SEED_SIZE];

                memset(bytes, 0x10 + (int) key, sizeof bytes);
                assert_ok(secret_new(bytes, sizeof bytes, &seed));
                assert_ok(key_pair_from_seed(seed, &pairs[key]));
        }

        return pairs[key];
}

void world_public_hex(WorldKey key, char ret_hex[static 65])
{
        hex_format(BYTES_OF(key_pair_public(world_key(key))->bytes), ret_hex);
}

void world_digest_hex(const Sha256 *digest, char ret_hex[static 65])
{
        hex_format(BYTES_OF(digest->bytes), ret_hex);
}

/* Replaces the first `from`; takes the text. NULL if it is not there. */
static char *replace(char *text, const char *from, const char *to)
{
        _cleanup_(freep) char *owned = text;
        _cleanup_(text_done) Text out = TEXT_NULL;
        const char *at = strstr(owned, from);
        char *result;

        if (!at)
                return NULL;

        text_append_bytes(&out, owned, (size_t) (at - owned));
        text_append(&out, to);
        text_append(&out, at + strlen(from));
        assert_ok(text_take(&out, &result, NULL));
        return result;
}

/* Fills in the keys. */
static char *with_keys(char *text)
{
        for (WorldKey key = 0; key < _KEY_MAX; key++) {
                char name[32], hex[65];

                (void) snprintf(name, sizeof name, "\"@%s@\"", key_names[key]);
                while (strstr(text, name)) {
                        char quoted[67];

                        world_public_hex(key, hex);
                        (void) snprintf(quoted, sizeof quoted, "\"%s\"", hex);
                        text = replace(text, name, quoted);
                }
        }

        return text;
}

char *world_text(const char *template, const Edit *edits, size_t n)
{
        char *text = strdup(template);

        for (size_t i = 0; i < n && edits[i].from; i++) {
                char *edited = replace(text, edits[i].from, edits[i].to);

                if (!edited)
                        fail_msg("nothing to edit: %s", edits[i].from);
                text = edited;
        }

        return with_keys(text);
}

Envelope *world_sign(const char *type, const char *text, const WorldKey *keys)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(freep) char *whole = with_keys(strdup(text));

        assert_ok(envelope_new(type, bytes_of_string(whole), &envelope));
        for (; *keys != _KEY_MAX; keys++)
                assert_ok(envelope_sign(envelope, key_roles[*keys], world_key(*keys)));

        return TAKE_PTR(envelope);
}

void world_malleate(Envelope *envelope)
{
        signature_malleate(&envelope->signatures[0].signature);
}

static int request_known(void *userdata, const PublicKey *dispatcher, const Sha256 *digest)
{
        World *world = userdata;

        return world->broken ? -EIO : world->known_id && sha256_equal(&world->known_digest, digest);
}

/* Stored ids and nonces are those of KEY_DISPATCHER. */
static bool is_known_dispatcher(const PublicKey *dispatcher)
{
        return public_key_equal(dispatcher, key_pair_public(world_key(KEY_DISPATCHER)));
}

static int id_used(void *userdata, const PublicKey *dispatcher, const char *request_id)
{
        World *world = userdata;

        return is_known_dispatcher(dispatcher) && world->known_id && streq(world->known_id, request_id);
}

static int nonce_used(void *userdata, const PublicKey *dispatcher, const uint8_t nonce[REQUEST_NONCE_SIZE])
{
        World *world = userdata;

        return is_known_dispatcher(dispatcher) && world->known_nonce &&
               memcmp(world->known_nonce, nonce, REQUEST_NONCE_SIZE) == 0;
}

static int approval_used(void *userdata, const Sha256 *digest)
{
        return ((World *) userdata)->approval_used;
}

static int rate_reached(void *userdata, const char *capability_id, uint64_t since_ms, int64_t n)
{
        assert_string_equal(capability_id, "df");
        assert_int_equal(since_ms, WORLD_NOW - 60000);
        assert_int_equal(n, 3);
        return ((World *) userdata)->rate_reached;
}

void world_init(World *world, const Edit *manifest_edits, size_t n)
{
        _cleanup_(freep) char *root = world_text(world_root, NULL, 0);
        _cleanup_(freep) char *manifest = world_text(world_manifest, manifest_edits, n);
        SchemaFault fault = { 0 };

        *world = (World){ 0 };
        assert_int_equal(root_parse(bytes_of_string(root), &world->root, NULL), 0);
        if (manifest_parse(bytes_of_string(manifest), &world->manifest, &fault) != 0)
                fail_msg("the manifest of the world: %s %s", fault.path, fault.why);

        world->device = (AcceptDevice){ .name = "dev-a",
                                        .root = world->root,
                                        .manifest = world->manifest,
                                        .manifest_confirmed_at_ms = WORLD_NOW,
                                        .counters = &world->counters,
                                        .now_ms = WORLD_NOW,
                                        .time_floor_ms = WORLD_NOW - 5000,
                                        .clock_synchronised = true };
        memset(world->device.session, 0x53, sizeof world->device.session);
        dsse_digest(ENVELOPE_MANIFEST, bytes_of_string(manifest), &world->device.manifest_digest);

        world->ledger = (AcceptLedger){ .request_known = request_known,
                                        .id_used = id_used,
                                        .nonce_used = nonce_used,
                                        .approval_used = approval_used,
                                        .rate_reached = rate_reached,
                                        .ledger = world };
}

void world_done(World *world)
{
        world->manifest = manifest_free(world->manifest);
        world->root = root_free(world->root);
}

/* Fills in a digest where a text refers to what it is bound to, unless an edit has put something else there.
 */
static char *bind_to(char *text, const char *place, const Sha256 *digest)
{
        char hex[65];

        hex_format(BYTES_OF(digest->bytes), hex);
        return strstr(text, place) ? replace(text, place, hex) : text;
}

static Envelope *make_part(const char *type, char *text, WorldKey key, WorldKey usual)
{
        _cleanup_(freep) char *owned = text;

        return WORLD_SIGN(type, owned, key ? key : usual);
}

int world_judge_verdict(const World *world, const Case *given, AcceptVerdict *ret_verdict)
{
        _cleanup_(envelope_freep) Envelope *request = NULL, *delivery = NULL, *first = NULL, *second = NULL;
        char *text;

        text = bind_to(world_text(world_request, given->request, ELEMENTSOF(given->request)), "@@manifest@@",
                       &world->device.manifest_digest);
        request = make_part(ENVELOPE_REQUEST, text, given->request_key, KEY_DISPATCHER);

        text = bind_to(world_text(world_delivery, given->delivery, ELEMENTSOF(given->delivery)),
                       "@@request@@", &request->digest);
        delivery = make_part(ENVELOPE_DELIVERY, text, given->delivery_key, KEY_DISPATCHER);

        text = bind_to(world_text(world_approval, given->approval, ELEMENTSOF(given->approval)),
                       "@@request@@", &request->digest);
        first = make_part(ENVELOPE_APPROVAL, text, given->approval_key, KEY_ATTESTER);

        text = bind_to(world_text(world_approval, given->second, ELEMENTSOF(given->second)), "@@request@@",
                       &request->digest);
        second = make_part(ENVELOPE_APPROVAL, text, given->second_key, KEY_ATTESTER);

        AcceptInput input = { .request = request,
                              .delivery = delivery,
                              .approvals = { first, second },
                              .n_approvals = given->n_approvals };
        *ret_verdict = ACCEPT_VERDICT_NULL;
        return accept_request(&world->device, &world->ledger, &input, ret_verdict);
}

int world_judge(const World *world, const Case *given)
{
        AcceptVerdict verdict;
        int r = world_judge_verdict(world, given, &verdict);

        if (r > 0)
                assert_int_equal(r, verdict.error);
        accept_verdict_done(&verdict);
        return r;
}

void world_judge_rows(const World *world, const Row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                int got = world_judge(world, &rows[i].given);

                if (got != rows[i].expected)
                        fail_msg("%s: got %s, wanted %s", rows[i].attack,
                                 got ? devbox_error_code((DevboxError) got) : "0",
                                 rows[i].expected ? devbox_error_code((DevboxError) rows[i].expected) : "0");
        }
}
