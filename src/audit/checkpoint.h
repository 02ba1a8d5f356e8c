/* SPDX-License-Identifier: MIT */
#pragma once

/* A checkpoint: the size of a device's audit chain and its last hash. Three lines of text in the form of
 * C2SP tlog-checkpoint, signed by the device; a witness countersigns the same envelope.
 *
 *     devbox/<device>/<chain id, hexadecimal>\n<size>\n<head, base64>\n
 */

#include "audit/entry.h"
#include "proto/id.h"
#include "trust/envelope.h"

#define CHECKPOINT_TEXT_MAX 256

typedef struct Checkpoint {
        char device[DEVICE_NAME_SIZE];
        ChainId chain;
        uint64_t size; /* number of entries */
        Sha256 head;   /* hash of the last */
} Checkpoint;

void checkpoint_format(const Checkpoint *checkpoint, char ret_text[CHECKPOINT_TEXT_MAX]);

/* Accepts exactly the output of checkpoint_format(). Errors: DEVBOX_ERROR_BAD_SCHEMA. */
int checkpoint_parse(Bytes text, Checkpoint *ret_checkpoint);

/* Verifies the device's signature, then parses. Errors: DEVBOX_ERROR_BAD_SIG, _UNKNOWN_KEY, _BAD_SCHEMA,
 * -ENOMEM. */
int checkpoint_open(const Envelope *envelope, const KeySet *device_keys, Checkpoint *ret_checkpoint);

/* The device signs. The caller frees the envelope. Errors: -ENOMEM. */
int checkpoint_sign(const Checkpoint *checkpoint, const KeyPair *device, Envelope **ret_envelope);

#define CHECKPOINT_DEVICE_ROLE  "device"
#define CHECKPOINT_WITNESS_ROLE "witness"
