/* SPDX-License-Identifier: MIT */
#pragma once

/* What is signed: the pre-authentication encoding of secure-systems-lab/dsse v1,
 *
 *         "DSSEv1 " len(type) " " type " " len(payload) " " payload
 *
 * with lengths in ASCII decimal. So the type is signed with the bytes, a manifest can never pass for a
 * request, and the bytes need no canonical form: they are verified exactly as received, before anything
 * parses them. */

#include "crypto/ed25519.h"

/* The encoding itself. The caller frees `ret_pae`. Errors: -ENOMEM. */
int dsse_pae(const char *type, Bytes payload, uint8_t **ret_pae, size_t *ret_size);

/* SHA-256 of the encoding: the identity of a signed document. Never use a signature for that: who holds the
 * key can make many of one payload. */
void dsse_digest(const char *type, Bytes payload, Sha256 *ret_digest);

/* Errors: -ENOMEM. */
int dsse_sign(const KeyPair *pair, const char *type, Bytes payload, Signature *ret_signature);
