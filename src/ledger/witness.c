/* SPDX-License-Identifier: MIT */
/* Witnesses: on a hub the chains of its devices, on a device what the hub signed of its own.
 *
 * The order of a witness is the whole point: look that the chain grew, make that durable, then sign. A
 * device that shows two statements which cannot both be true is put in quarantine until it is enrolled
 * anew, and both statements, each with its signature, are kept as the proof. */

#include "ledger/witness.h"

#include <stdio.h>

#include "audit/witness.h"
#include "ledger/ledger-internal.h"

#define ENVELOPE_MAX 1024 /* the payload of a checkpoint's */

typedef struct Replica {
        Checkpoint seen; /* size 0: nothing yet */
        PublicKey key;
        char *checkpoint;       /* the last one, as text; NULL: none */
        DevboxError quarantine; /* 0: none */
} Replica;

static void replica_done(Replica *replica)
{
        free(replica->checkpoint);
        replica->checkpoint = NULL;
}

static int take_replica(const Statement *row, const char *device, Replica *replica)
{
        const char *checkpoint = statement_text(row, 4), *quarantine = statement_text(row, 5);

        (void) snprintf(replica->seen.device, sizeof replica->seen.device, "%s", device);
        replica->seen.size = (uint64_t) statement_integer(row, 2);
        if (statement_copy_bytes(row, 0, replica->seen.chain.bytes, CHAIN_ID_SIZE) < 0 ||
            statement_copy_bytes(row, 1, replica->key.bytes, PUBLIC_KEY_SIZE) < 0 ||
            statement_copy_bytes(row, 3, replica->seen.head.bytes, SHA256_SIZE) < 0 ||
            (quarantine && devbox_error_from_code(quarantine, &replica->quarantine) < 0))
                return -EBADMSG;
        if (checkpoint) {
                replica->checkpoint = strdup(checkpoint);
                if (!replica->checkpoint)
                        return -ENOMEM;
        }

        return 0;
}

/* DEVBOX_ERROR_PEER_UNKNOWN: there is none. */
static int find_replica(Ledger *ledger, const char *device, Replica *replica)
{
        _cleanup_(statement_freep) Statement *find = NULL;

        int r = database_prepare(
                ledger->database,
                "SELECT chain_id, device_key, size, head, checkpoint, quarantine FROM replica "
                "WHERE device = ?",
                &find);
        if (r < 0)
                return r;
        statement_bind_text(find, device);
        r = statement_step(find);
        if (r <= 0)
                return r < 0 ? r : DEVBOX_ERROR_PEER_UNKNOWN;

        return take_replica(find, device, replica);
}

static int write_pin(Ledger *ledger, const char *device, const ChainId *chain, const PublicKey *key)
{
        _cleanup_(statement_freep) Statement *insert = NULL;
        Sha256 genesis;

        int r = database_prepare(ledger->database,
                                 "INSERT INTO replica(device, chain_id, device_key, head) VALUES(?, ?, ?, ?)"
                                 " ON CONFLICT(device) DO UPDATE SET device_key = excluded.device_key,"
                                 " quarantine = NULL",
                                 &insert);
        if (r < 0)
                return r;

        audit_genesis_prev(device, &genesis);
        statement_bind_text(insert, device);
        statement_bind_bytes(insert, BYTES_OF(chain->bytes));
        statement_bind_bytes(insert, BYTES_OF(key->bytes));
        statement_bind_bytes(insert, BYTES_OF(genesis.bytes));
        return statement_run(insert);
}

int ledger_pin(Ledger *ledger, const char *device, const ChainId *chain, const PublicKey *key)
{
        _cleanup_(replica_done) Replica replica = { 0 };

        if (!device_name_valid(device) || !public_key_is_valid(key))
                return DEVBOX_ERROR_BAD_REQUEST;

        int r = find_replica(ledger, device, &replica);
        if (r != 0 && r != DEVBOX_ERROR_PEER_UNKNOWN)
                return r;
        if (r == 0 && memcmp(&replica.seen.chain, chain, sizeof *chain) != 0)
                return DEVBOX_ERROR_ENROLLED_OTHERWISE;

        return write_pin(ledger, device, chain, key);
}

int ledger_replica(Ledger *ledger, const char *device, ReplicaStatus *ret_status)
{
        _cleanup_(replica_done) Replica replica = { 0 };

        int r = find_replica(ledger, device, &replica);
        if (r != 0)
                return r;

        *ret_status = (ReplicaStatus){ .chain = replica.seen.chain,
                                       .key = replica.key,
                                       .size = replica.seen.size,
                                       .quarantine = replica.quarantine,
                                       .checkpoint = TAKE_PTR(replica.checkpoint) };
        return 0;
}

/* ---- witnessing */

/* Whose it says it is; nothing is believed yet. */
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

static int write_quarantine(Ledger *ledger, const Replica *replica, int reason, const char *claimed)
{
        _cleanup_(statement_freep) Statement *mark = NULL, *keep = NULL;
        const char *code = devbox_error_code((DevboxError) reason);

        int r = database_prepare(ledger->database, "UPDATE replica SET quarantine = ? WHERE device = ?",
                                 &mark);
        if (r < 0)
                return r;
        statement_bind_text(mark, code);
        statement_bind_text(mark, replica->seen.device);
        r = statement_run(mark);
        if (r < 0)
                return r;

        r = database_prepare(ledger->database,
                             "INSERT OR IGNORE INTO replica_proof(device, reason, seen, claimed) "
                             "VALUES(?, ?, ?, ?)",
                             &keep);
        if (r < 0)
                return r;
        statement_bind_text(keep, replica->seen.device);
        statement_bind_text(keep, code);
        statement_bind_text(keep, replica->checkpoint);
        statement_bind_text(keep, claimed);
        return statement_run(keep);
}

/* Keeps both statements. Returns the reason once that is durable. */
static int quarantine(Ledger *ledger, const Replica *replica, int reason, const char *claimed)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;
        AuditBody body = { .device = (char *) replica->seen.device,
                           .reason = (char *) devbox_error_code((DevboxError) reason) };

        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = write_quarantine(ledger, replica, reason, claimed);
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

static int write_entries(Ledger *ledger, const Replica *replica, const AuditEntry *entries, size_t n_entries)
{
        _cleanup_(statement_freep) Statement *insert = NULL;

        int r = database_prepare(ledger->database,
                                 "INSERT INTO replica_audit(device, seq, prev, time_ms, type, body, hash) "
                                 "VALUES(?, ?, ?, ?, ?, ?, ?)",
                                 &insert);
        for (size_t i = 0; r == 0 && i < n_entries; i++) {
                statement_bind_text(insert, replica->seen.device);
                statement_bind_integer(insert, (int64_t) entries[i].seq);
                statement_bind_bytes(insert, BYTES_OF(entries[i].prev.bytes));
                statement_bind_integer(insert, (int64_t) entries[i].time_ms);
                statement_bind_integer(insert, entries[i].type);
                statement_bind_bytes(insert, entries[i].body);
                statement_bind_bytes(insert, BYTES_OF(entries[i].hash.bytes));
                r = statement_run(insert);
        }

        return r;
}

static int write_seen(Ledger *ledger, const Checkpoint *claimed, const char *checkpoint)
{
        _cleanup_(statement_freep) Statement *update = NULL;

        int r = database_prepare(ledger->database,
                                 "UPDATE replica SET size = ?, head = ?, checkpoint = ? WHERE device = ?",
                                 &update);
        if (r < 0)
                return r;
        statement_bind_integer(update, (int64_t) claimed->size);
        statement_bind_bytes(update, BYTES_OF(claimed->head.bytes));
        statement_bind_text(update, checkpoint);
        statement_bind_text(update, claimed->device);
        return statement_run(update);
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

/* The statement with both signatures, durably: ours leaves only after that. */
static int store_growth(Ledger *ledger, const Replica *replica, const Checkpoint *claimed, const char *text,
                        AuditEntries entries)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;

        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = write_entries(ledger, replica, entries.entries, entries.n);
        if (r < 0)
                return r;
        r = write_seen(ledger, claimed, text);
        if (r < 0)
                return r;

        return chain_transaction_commit(&write);
}

/* The hash of the last of the first `size` entries that are kept of a device. 1: there it is; 0: there is
 * none. */
static int find_kept(Ledger *ledger, const char *device, uint64_t size, Sha256 *ret_hash)
{
        _cleanup_(statement_freep) Statement *find = NULL;

        int r = database_prepare(ledger->database,
                                 "SELECT hash FROM replica_audit WHERE device = ? AND seq = ?", &find);
        if (r < 0)
                return r;
        statement_bind_text(find, device);
        statement_bind_integer(find, (int64_t) size - 1);
        r = statement_step(find);
        if (r <= 0)
                return r;

        r = statement_copy_bytes(find, 0, ret_hash->bytes, SHA256_SIZE);
        return r < 0 ? r : 1;
}

/* What the claim says against the device, before any entry is looked at. */
static int check_claim(Ledger *ledger, const Replica *replica, const Checkpoint *claimed,
                       WitnessGrowth *growth)
{
        Sha256 kept;
        int known = 0;

        if (claimed->size < replica->seen.size) {
                known = find_kept(ledger, claimed->device, claimed->size, &kept);
                if (known < 0)
                        return known;
        }

        int r = witness_begin(growth, &replica->seen, known ? &kept : NULL, claimed);
        if (r != 0)
                return r;

        /* The first one may be of another chain than was enrolled. */
        bool enrolled = memcmp(&claimed->chain, &replica->seen.chain, sizeof claimed->chain) == 0;
        return enrolled ? 0 : DEVBOX_ERROR_WITNESS_FORK;
}

int ledger_witness(Ledger *ledger, const char *checkpoint, AuditEntries entries, char **ret_cosigned)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(replica_done) Replica replica = { 0 };
        _cleanup_(freep) char *cosigned = NULL;
        Checkpoint claimed;
        WitnessGrowth growth;

        int r = open_checkpoint(ledger, checkpoint, &replica, &envelope, &claimed);
        if (r != 0)
                return r;

        if (replica.quarantine != 0)
                return replica.quarantine;

        r = check_claim(ledger, &replica, &claimed, &growth);
        if (r == DEVBOX_ERROR_WITNESS_ROLLBACK || r == DEVBOX_ERROR_WITNESS_FORK)
                return quarantine(ledger, &replica, r, checkpoint);
        if (r != 0)
                return r;

        if (witness_is_contradicted(&growth, entries.entries, entries.n))
                return quarantine(ledger, &replica, DEVBOX_ERROR_WITNESS_FORK, checkpoint);

        /* Entries that do not fit otherwise prove nothing against the device: anybody can make them. */
        r = check_growth(&growth, entries.entries, entries.n);
        if (r != 0)
                return r;
        r = envelope_sign(envelope, CHECKPOINT_WITNESS_ROLE, ledger->identity);
        if (r < 0)
                return r == -ENOSPC ? DEVBOX_ERROR_BAD_ENVELOPE : r; /* signatures fill it, not the disk */
        r = envelope_format(envelope, &cosigned);
        if (r < 0)
                return r;
        r = store_growth(ledger, &replica, &claimed, cosigned, entries);
        if (r != 0)
                return r;

        *ret_cosigned = TAKE_PTR(cosigned);
        return 0;
}

/* ---- being witnessed */

static int find_witness(const Ledger *ledger, const Envelope *envelope, const PublicKey **ret_witness)
{
        KeySet keys = root_key_set(ledger->policy.root, ROOT_ROLE_WITNESS);
        uint32_t signers;

        keys.threshold = 1; /* each witness is an entry of its own */
        int r = envelope_verify(envelope, ENVELOPE_CHECKPOINT, &keys, &signers);
        if (r != 0)
                return r;

        *ret_witness = &keys.keys[__builtin_ctz(signers)];
        return 0;
}

/* The witness's own signature, to be kept by itself: it is over the bytes that the checkpoint says again. */
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

static int append_cosignature(Ledger *ledger, AuditBody *body)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;
        bool flushed = ledger->flushed_size == ledger->chain.committed.size;

        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = chain_append(&write, AUDIT_CHECKPOINT, ledger_time(ledger).now_ms, body, NULL);
        if (r != 0)
                return r;
        r = chain_transaction_commit(&write);
        if (r < 0)
                return r;

        if (flushed) /* an entry about a checkpoint alone is worth no further one */
                ledger->flushed_size = ledger->chain.committed.size;
        return 0;
}

int ledger_record_cosignature(Ledger *ledger, const char *text)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        const PublicKey *witness;
        Checkpoint claimed, ours;
        AuditBody body = { 0 };

        if (!chain_exists(&ledger->chain))
                return DEVBOX_ERROR_NOT_ENROLLED;

        int r = envelope_parse(bytes_of_string(text), ENVELOPE_MAX, &envelope);
        if (r == 0)
                r = find_witness(ledger, envelope, &witness);
        if (r == 0)
                r = checkpoint_parse(envelope_payload(envelope), &claimed);
        if (r == 0)
                r = find_signature(envelope, witness, &body.signature);
        if (r != 0)
                return r;

        r = chain_checkpoint(&ledger->chain, claimed.size, &ours);
        if (r < 0 && r != -ENOENT)
                return r;
        if (r < 0 || memcmp(&ours.chain, &claimed.chain, sizeof ours.chain) != 0 ||
            !streq(ours.device, claimed.device) || !sha256_equal(&ours.head, &claimed.head))
                return DEVBOX_ERROR_WITNESS_FORK;

        body.size = (int64_t) claimed.size;
        body.head = claimed.head;
        body.witness = *witness;
        return append_cosignature(ledger, &body);
}
