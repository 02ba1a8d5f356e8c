/* SPDX-License-Identifier: MIT */
#pragma once

/* A small set of signed documents for tests: keys made from one byte each, a root, a manifest, a request
 * with its delivery and approval, all as JSON text in which a test replaces one part by another, and a
 * device to put them before. Everything is deterministic. */

#include "trust/accept.h"
#include "trust/ceiling.h"
#include "trust/token.h"

#include "test.h"

typedef enum WorldKey {
        KEY_ROOT_A,
        KEY_ROOT_B,
        KEY_ROOT_C,
        KEY_MANIFEST,
        KEY_TOKEN,
        KEY_DISPATCHER,
        KEY_ATTESTER,
        KEY_BOB, /* an approver's own */
        KEY_DEVICE,
        KEY_WITNESS,
        KEY_STRANGER,
        _KEY_MAX,
} WorldKey;

#define WORLD_NOW UINT64_C(1760000010000)

/* One replacement in a text: the first `from` becomes `to`. A `from` that is not there fails the test. */
typedef struct Edit {
        const char *from, *to;
} Edit;

const KeyPair *world_key(WorldKey key);
void world_public_hex(WorldKey key, char ret_hex[static 65]);

void world_digest_hex(const Sha256 *digest, char ret_hex[static 65]);

/* The texts, with up to `n` edits applied; the caller frees them. */
char *world_text(const char *template, const Edit *edits, size_t n);
extern const char world_root[], world_manifest[], world_request[], world_delivery[], world_approval[];

/* Signs a text by the keys, a list that ends with _KEY_MAX. "@name@" in a text is the hexadecimal of a key:
 * @dispatcher@. */
Envelope *world_sign(const char *type, const char *text, const WorldKey *keys);
#define WORLD_SIGN(type, text, ...) world_sign(type, text, (const WorldKey[]){ __VA_ARGS__, _KEY_MAX })

/* Makes the first signature one with S + L, which is valid wherever S is not bounded. */
void world_malleate(Envelope *envelope);

/* What a test of acceptance sets up and changes. Strings are freed by world_done(). */
typedef struct World {
        Root *root;
        Manifest *manifest;
        AcceptDevice device;
        AcceptLedger ledger;
        DeliveryCounters counters; /* of the session */

        /* What the ledger stores. */
        const char *known_id;
        Sha256 known_digest;
        const uint8_t *known_nonce;
        bool approval_used, rate_reached, broken;
} World;

void world_init(World *world, const Edit *manifest_edits, size_t n);
void world_done(World *world);

/* What the device receives: each part signed by its key, after the edits. */
typedef struct Case {
        Edit request[6], delivery[2], approval[4], second[4];
        WorldKey request_key, delivery_key, approval_key, second_key; /* 0: the usual one */
        size_t n_approvals;
} Case;

/* Judges the case; the verdict is released. Returns what accept_request() returned. */
int world_judge(const World *world, const Case *given);

/* The same, keeping the verdict for the caller to release. */
int world_judge_verdict(const World *world, const Case *given, AcceptVerdict *ret_verdict);

/* An attack, and the reason with which it must be rejected. */
typedef struct Row {
        const char *attack;
        int expected;
        Case given;
} Row;

void world_judge_rows(const World *world, const Row *rows, size_t n);

/* Requests in place of the usual `ls -- /home`. */
#define ARGS(json)                                                                                          \
        {                                                                                                   \
                "{\"argv\":[\"/usr/bin/ls\",\"--\",\"/home\"]}", json                                       \
        }
#define KIND(name)                                                                                          \
        {                                                                                                   \
                "\"shell.exec\"", "\"" name "\""                                                            \
        }
#define WRITE                                                                                               \
        {                                                                                                   \
                KIND("fs.write"), ARGS("{\"root\":\"srv\",\"path\":\"x\",\"mode\":\"create\",\"content_"    \
                                       "b64\":\"aGk=\"}")                                                   \
        }
#define RESTART                                                                                             \
        {                                                                                                   \
                KIND("service.restart"), ARGS("{\"unit\":\"nginx.service\"}")                               \
        }
#define DOCKER                                                                                              \
        {                                                                                                   \
                KIND("docker.exec"), ARGS("{\"name\":\"web\",\"argv\":[\"ps\"]}")                           \
        }
