/* SPDX-License-Identifier: MIT */
#pragma once

/* The signed documents of tests/trust/world.h as a ledger receives them: envelopes as text, bound to a
 * session and a manifest, and dated so that its clock finds them as fresh as the world does. */

#include "trust/world.h"

#define CHAIN_ID_HEX "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"

typedef struct Signed {
        int64_t shift_ms; /* what all times are moved by: the ledger's clock against WORLD_NOW */
        char session[33];
        int64_t counter;       /* of the last delivery that was made */
        Sha256 root, manifest; /* digests of the last ones that were made */
} Signed;

/* Each gives an envelope as text, which the caller frees. */
char *signed_root(Signed *made);
char *signed_root_edited(Signed *made, const Edit *edits, size_t n, const WorldKey *keys);
char *signed_manifest(Signed *made, const Edit *edits, size_t n, WorldKey key);

/* The parts of a delivery: the same `Case` as world_judge() takes. Its delivery is the next of the session
 * unless an edit sets another. */
typedef struct SignedBundle {
        char *request, *delivery, *approvals[2];
        size_t n_approvals;
        Sha256 digest;
} SignedBundle;

void signed_bundle(Signed *made, const Case *given, SignedBundle *ret_bundle);
void signed_bundle_done(SignedBundle *bundle);

/* The envelope with the bit flipped of its type, payload or first signature (each counted from its own
 * beginning), or with a malleated signature. Takes the text. */
typedef enum SignedPart { SIGNED_TYPE, SIGNED_PAYLOAD, SIGNED_SIGNATURE } SignedPart;
char *signed_flip(char *envelope, SignedPart part, size_t bit);
char *signed_malleate(char *envelope);

/* A new delivery of the same request. */
void signed_deliver_again(Signed *made, SignedBundle *bundle);

/* Edits that make of the world's request its nth sibling, with an id and a nonce of its own. */
typedef struct Sibling {
        char id[27], nonce[33];
        Edit edits[2];
} Sibling;

void sibling_init(Sibling *sibling, unsigned n);
