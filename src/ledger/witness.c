/* SPDX-License-Identifier: MIT */
/* Witnesses: on a hub the chains of its devices, on a device the hub's countersignatures of its own.
 *
 * The order is the security property: check that the chain grew, make that durable, then sign. A device that
 * signed two checkpoints which contradict each other is in quarantine until it is enrolled again, and both
 * are kept as the proof. */

#include "ledger/witness.h"

#include "audit/entry-table.h"
#include "audit/ledger-database.h"
#include "audit/replica.h"
#include "audit/witness.h"
#include "codec/binary-text.h"
#include "ledger/ledger-internal.h"

#define ENVELOPE_MAX 1024 /* the payload of a checkpoint's */

/* DEVBOX_ERROR_PEER_UNKNOWN: not pinned. The caller releases the replica. */
static int find_replica(Ledger *ledger, const char *device, Replica *ret_replica)
{
        int r = replica_find(ledger->database, device, ret_replica);

        return r < 0 ? r : r > 0 ? 0 : DEVBOX_ERROR_PEER_UNKNOWN;
}

int ledger_pin(Ledger *ledger, const char *device, const ChainId *chain, const PublicKey *key)
{
        _cleanup_(replica_done) Replica replica = REPLICA_NULL;
        ChainIdentity identity = { .chain = *chain };

        if (!device_name_valid(device) || !public_key_is_valid(key) || streq(device, ledger->chain.device))
                return DEVBOX_ERROR_BAD_REQUEST;

        int r = find_replica(ledger, device, &replica);
        if (r != 0 && r != DEVBOX_ERROR_PEER_UNKNOWN)
                return r;
        if (r == 0 && !chain_id_equal(&replica.seen.chain, chain))
                return DEVBOX_ERROR_ENROLLED_OTHERWISE;

        memcpy(identity.device, device, strlen(device) + 1);
        return replica_pin(ledger->database, &identity, key);
}

int ledger_unpin(Ledger *ledger, const char *device)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;
        _cleanup_(replica_done) Replica replica = REPLICA_NULL;
        AuditBody body = { .event = AUDIT_EVENT_UNPINNED, .device = (char *) device };

        int r = find_replica(ledger, device, &replica);
        if (r != 0 || replica.revoked)
                return r;

        r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = replica_revoke(ledger->database, device);
        if (r < 0)
                return r;
        if (chain_exists(&ledger->chain)) {
                r = chain_append(&write, AUDIT_EVENT, ledger_time(ledger).now_ms, &body, NULL);
                if (r != 0)
                        return r;
        }

        return chain_transaction_commit(&write);
}

int ledger_replica(Ledger *ledger, const char *device, ReplicaStatus *ret_status)
{
        _cleanup_(replica_done) Replica replica = REPLICA_NULL;

        int r = find_replica(ledger, device, &replica);
        if (r != 0)
                return r;

        *ret_status = (ReplicaStatus){ .chain = replica.seen.chain,
                                       .key = replica.key,
                                       .size = replica.seen.size,
                                       .quarantine = replica.quarantine,
                                       .revoked = replica.revoked,
                                       .checkpoint = TAKE_PTR(replica.checkpoint) };
        return 0;
}

/* ---- witnessing */

/* Finds the replica that the checkpoint names, and verifies its signature. */
static int open_checkpoint(Ledger *ledger, const char *text, Replica *replica, Envelope **ret_envelope,
                           Checkpoint *ret_claimed)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        Checkpoint claimed;

        int r = envelope_parse(bytes_of_string(text), ENVELOPE_MAX, &envelope);
        if (r != 0)
                return r;
        r = checkpoint_parse(envelope_payload(envelope), &claimed);
        if (r != 0)
                return r;
        r = find_replica(ledger, claimed.device, replica);
        if (r != 0)
                return r;

        KeySet keys = { .role = CHECKPOINT_DEVICE_ROLE, .keys = &replica->key, .n_keys = 1, .threshold = 1 };
        r = checkpoint_open(envelope, &keys, ret_claimed);
        if (r != 0)
                return r;

        *ret_envelope = TAKE_PTR(envelope);
        return 0;
}

/* Stores both checkpoints. Returns the reason once that is durable. */
static int quarantine(Ledger *ledger, const Replica *replica, int reason, const char *claimed)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;
        AuditBody body = { .device = (char *) replica->seen.device,
                           .reason = (char *) devbox_error_code((DevboxError) reason) };

        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = replica_quarantine(ledger->database, replica, (DevboxError) reason, claimed);
        if (r < 0)
                return r;
        if (chain_exists(&ledger->chain)) {
                r = chain_append(&write, AUDIT_QUARANTINE, ledger_time(ledger).now_ms, &body, NULL);
                if (r != 0)
                        return r;
        }
        r = chain_transaction_commit(&write);

        return r < 0 ? r : reason;
}

static int check_growth(WitnessGrowth *growth, const AuditEntry *entries, size_t n_entries)
{
        for (size_t i = 0; i < n_entries; i++) {
                int r = witness_step(growth, &entries[i]);
                if (r != 0)
                        return r;
        }

        return witness_finish(growth);
}

/* Documents that no entry names are dropped: what a device can make the hub keep is bounded by its chain. */
static int store_evidence(Ledger *ledger, const char *device, AuditEntries entries, AuditEvidence *evidence)
{
        for (size_t i = 0; evidence && i < entries.n; i++) {
                int r = audit_evidence_keep(evidence, ledger->database, device, &entries.entries[i]);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* Durable before the countersignature leaves the hub. */
static int store_growth(Ledger *ledger, const Checkpoint *claimed, const char *cosigned,
                        AuditEntries entries, AuditEvidence *evidence)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;

        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = replica_extend(ledger->database, claimed, cosigned, entries);
        if (r < 0)
                return r;
        r = store_evidence(ledger, claimed->device, entries, evidence);
        if (r < 0)
                return r;

        return chain_transaction_commit(&write);
}

/* The claim against what is stored, before any entry. */
static int check_claim(Ledger *ledger, const Replica *replica, const Checkpoint *claimed,
                       WitnessGrowth *growth)
{
        Sha256 kept;
        int known = 0;

        if (claimed->size < replica->seen.size) {
                known = entry_table_find_hash(ledger->database, claimed->device, claimed->size - 1, &kept);
                if (known < 0)
                        return known;
        }

        int r = witness_begin(growth, &replica->seen, known ? &kept : NULL, claimed);
        if (r != 0)
                return r;

        /* The first may be of another chain than the pinned one. */
        bool enrolled = chain_id_equal(&claimed->chain, &replica->seen.chain);
        return enrolled ? 0 : DEVBOX_ERROR_WITNESS_FORK;
}

int ledger_witness(Ledger *ledger, const char *checkpoint, AuditEntries entries, AuditEvidence *evidence,
                   char **ret_cosigned)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(replica_done) Replica replica = REPLICA_NULL;
        _cleanup_(freep) char *cosigned = NULL;
        Checkpoint claimed;
        WitnessGrowth growth;

        int r = open_checkpoint(ledger, checkpoint, &replica, &envelope, &claimed);
        if (r != 0)
                return r;

        if (replica.revoked)
                return DEVBOX_ERROR_PEER_REVOKED;
        if (replica.quarantine != 0)
                return replica.quarantine;

        r = check_claim(ledger, &replica, &claimed, &growth);
        if (r == DEVBOX_ERROR_WITNESS_ROLLBACK || r == DEVBOX_ERROR_WITNESS_FORK)
                return quarantine(ledger, &replica, r, checkpoint);
        if (r != 0)
                return r;

        if (witness_is_contradicted(&growth, entries.entries, entries.n))
                return quarantine(ledger, &replica, DEVBOX_ERROR_WITNESS_FORK, checkpoint);

        /* Other entries that do not fit prove nothing against the device: anyone can make them. */
        r = check_growth(&growth, entries.entries, entries.n);
        if (r != 0)
                return r;
        r = envelope_sign(envelope, CHECKPOINT_WITNESS_ROLE, ledger->identity);
        if (r < 0)
                return r == -ENOSPC ? DEVBOX_ERROR_BAD_ENVELOPE
                                    : r; /* too many signatures, not a full disk */
        r = envelope_format(envelope, &cosigned);
        if (r < 0)
                return r;
        r = store_growth(ledger, &claimed, cosigned, entries, evidence);
        if (r != 0)
                return r;

        *ret_cosigned = TAKE_PTR(cosigned);
        return 0;
}

/* ---- countersignatures of the own chain */

/* The witness's signature, which is over the text that checkpoint_format() reproduces. */
static int find_signature(const Envelope *envelope, const PublicKey *witness, Signature *ret_signature)
{
        _cleanup_(freep) uint8_t *pae = NULL;
        size_t size;

        int r = dsse_pae(envelope->type, envelope_payload(envelope), &pae, &size);
        if (r < 0)
                return r;

        for (size_t i = 0; i < envelope->n_signatures; i++)
                if (ed25519_verify(witness, BYTES(pae, size), &envelope->signatures[i].signature)) {
                        *ret_signature = envelope->signatures[i].signature;
                        return 0;
                }

        return DEVBOX_ERROR_BAD_SIG;
}

/* The key in the table `state` for the size that a witness countersigned last. */
#define COSIGNED_KEY_SIZE (sizeof LEDGER_COSIGNED - 1 + HEX_SIZE(PUBLIC_KEY_SIZE))

static void format_cosigned_key(const PublicKey *witness, char ret_key[static COSIGNED_KEY_SIZE])
{
        memcpy(ret_key, LEDGER_COSIGNED, sizeof LEDGER_COSIGNED - 1);
        hex_format(BYTES_OF(witness->bytes), ret_key + sizeof LEDGER_COSIGNED - 1);
}

static int append_cosignature(Ledger *ledger, AuditBody *body, const char *key)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;
        bool flushed = ledger->flushed_size == ledger->chain.committed.size;

        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = chain_append(&write, AUDIT_CHECKPOINT, ledger_time(ledger).now_ms, body, NULL);
        if (r != 0)
                return r;
        r = state_write_integer(ledger->database, key, body->size);
        if (r < 0)
                return r;
        r = chain_transaction_commit(&write);
        if (r < 0)
                return r;

        if (flushed) /* a countersignature alone is no reason for the next checkpoint */
                ledger->flushed_size = ledger->chain.committed.size;
        return 0;
}

/* One that is not newer than the last of this witness adds nothing, so it adds no entry. */
static int record_witness(Ledger *ledger, const Envelope *envelope, const Checkpoint *claimed,
                          const PublicKey *witness)
{
        AuditBody body = { .size = (int64_t) claimed->size, .head = claimed->head, .witness = *witness };
        char key[COSIGNED_KEY_SIZE];
        int64_t last = 0;

        format_cosigned_key(witness, key);
        int r = state_read_integer(ledger->database, key, &last);
        if (r < 0 || last >= body.size)
                return r < 0 ? r : 0;
        r = find_signature(envelope, witness, &body.signature);
        if (r != 0)
                return r;

        return append_cosignature(ledger, &body, key);
}

static int check_own_checkpoint(Ledger *ledger, const Checkpoint *claimed)
{
        Checkpoint ours;

        int r = chain_checkpoint(&ledger->chain, claimed->size, &ours);
        if (r < 0 && r != -ENOENT)
                return r;

        bool same = r == 0 && chain_id_equal(&ours.chain, &claimed->chain) &&
                    streq(ours.device, claimed->device) && sha256_equal(&ours.head, &claimed->head);
        return same ? 0 : DEVBOX_ERROR_WITNESS_FORK;
}

int ledger_record_cosignature(Ledger *ledger, const char *text)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        Checkpoint claimed;
        uint32_t signers;

        if (!chain_exists(&ledger->chain))
                return DEVBOX_ERROR_NOT_ENROLLED;

        KeySet keys = root_key_set(ledger->policy.root, ROOT_ROLE_WITNESS);
        keys.threshold = 1; /* an entry for each witness */

        int r = envelope_parse(bytes_of_string(text), ENVELOPE_MAX, &envelope);
        if (r == 0)
                r = envelope_verify(envelope, ENVELOPE_CHECKPOINT, &keys, &signers);
        if (r == 0)
                r = checkpoint_parse(envelope_payload(envelope), &claimed);
        if (r == 0)
                r = check_own_checkpoint(ledger, &claimed);

        for (size_t i = 0; r == 0 && i < keys.n_keys; i++)
                if (signers & UINT32_C(1) << i)
                        r = record_witness(ledger, envelope, &claimed, &keys.keys[i]);
        return r;
}
