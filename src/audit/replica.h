/* SPDX-License-Identifier: MIT */
#pragma once

/* The tables `replica` and `replica_proof` of a hub's ledger.db: each device that it witnesses, how far it
 * has seen its chain, and the statements that convict a device. Writes belong inside a ChainTransaction.
 *
 * Errors of all functions: those of a database. */

#include "audit/checkpoint.h"
#include "crypto/ed25519.h"
#include "proto/error.h"
#include "store/query.h"

typedef struct Replica {
        Checkpoint seen; /* size 0: no entry yet */
        PublicKey key;
        char *checkpoint;       /* the last, with both signatures; NULL: none */
        DevboxError quarantine; /* 0: none */
        bool revoked;
} Replica;

#define REPLICA_NULL ((Replica){ 0 })

void replica_done(Replica *replica);

/* 1: found, and the caller releases it; 0: no such device. */
int replica_find(Database *database, const char *device, Replica *ret_replica);

/* A new device, or a new key of a known one; ends a quarantine and a revocation. */
int replica_pin(Database *database, const ChainIdentity *identity, const PublicKey *key);

/* Keeps what was seen, for when the device is pinned again. */
int replica_revoke(Database *database, const char *device);

/* Stores the entries that follow what was seen, and the checkpoint that confirms them. */
int replica_extend(Database *database, const Checkpoint *claimed, const char *checkpoint,
                   AuditEntries entries);

/* Stores the two statements that cannot both be true: the last one and `claimed`. */
int replica_quarantine(Database *database, const Replica *replica, DevboxError reason, const char *claimed);

/* All checkpoints of a device, as envelopes, and the names of all devices. */
int replica_for_each_checkpoint(Database *database, const char *device, StatementTextHandler on_checkpoint,
                                void *userdata);
int replica_for_each_device(Database *database, StatementTextHandler on_device, void *userdata);
