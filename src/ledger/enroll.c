/* SPDX-License-Identifier: MIT */
/* Enrolment, roots, manifests and the clock. Each change is one transaction with its audit entry.
 *
 * A device that lost its key generates a new one at its next start. The key of the chain is then another one
 * than the node's, and nothing is signed until the operator confirms the new key: with a manifest for this
 * device that names it. An `adopt` entry links the two keys. */

#include "ledger/enroll.h"

#include <stdio.h>

#include "audit/ledger-database.h"
#include "audit/replica.h"
#include "ledger/ledger-internal.h"
#include "trust/claim.h"

/* Payload of a root or manifest. */
#define DOCUMENT_MAX (256 * 1024)

/* ---- enrolment */

int ledger_sign_claim(const Ledger *ledger, Bytes body, Signature *ret_signature)
{
        _cleanup_(claim_done) Claim claim;

        int r = claim_body_parse(body, &claim);
        if (r != 0)
                return r;
        if (!public_key_equal(&claim.device_key, key_pair_public(ledger->identity)))
                return DEVBOX_ERROR_WRONG_DEVICE;

        return dsse_sign(ledger->identity, CLAIM_TYPE, body, ret_signature);
}

static int on_genesis(const AuditEntry *entry, void *userdata)
{
        int r = audit_body_parse(AUDIT_GENESIS, entry->body, userdata, NULL);

        return r > 0 ? -EUCLEAN : r;
}

/* Whether the chain is of this enrolment: its name and id, and a root that it began with or obeyed since. A
 * device that comes back with its key has lost nothing; else what was lost is what the first entry names. */
static int check_same_enrolment(Ledger *ledger, const Enrolment *enrolment)
{
        AuditBody *genesis = NULL;

        int r = chain_read(ledger->database, &(ChainRange){ .max = 1 }, on_genesis, &genesis);
        if (r < 0)
                return r;

        bool same = streq(genesis->device, enrolment->device) &&
                    chain_id_equal(&genesis->chain, &enrolment->chain) &&
                    (enrolment->lost_size == 0 || (genesis->size == enrolment->lost_size &&
                                                   sha256_equal(&genesis->head, &enrolment->lost_head)));
        bool has_root = sha256_equal(&genesis->sha256, &enrolment->root_sha256);
        audit_body_free(AUDIT_GENESIS, genesis);
        if (same && !has_root) {
                r = evidence_exists(ledger->database, &enrolment->root_sha256);
                has_root = r > 0;
        }
        return r < 0 ? r : same && has_root ? 0 : DEVBOX_ERROR_ENROLLED_OTHERWISE;
}

/* On a hub: the name of a device that it witnesses cannot be its own. */
static int check_not_pinned(Ledger *ledger, const char *device)
{
        _cleanup_(replica_done) Replica replica = REPLICA_NULL;

        int r = replica_find(ledger->database, device, &replica);
        return r > 0 ? DEVBOX_ERROR_ENROLLED_OTHERWISE : r;
}

static int append_enrolment(Ledger *ledger, ChainTransaction *write, const Enrolment *enrolment,
                            const Root *root)
{
        uint64_t now_ms = ledger_time(ledger).now_ms;
        AuditBody genesis = { .device = (char *) enrolment->device,
                              .chain = enrolment->chain,
                              .key = *key_pair_public(ledger->identity),
                              .sha256 = enrolment->root_sha256,
                              .boot_id = ledger->boot_id,
                              .size = enrolment->lost_size,
                              .head = enrolment->lost_head };
        AuditBody enroll = { .device = (char *) enrolment->device,
                             .key = *key_pair_public(ledger->identity),
                             .sha256 = enrolment->token_sha256 };
        AuditBody first = { .version = root->version,
                            .epoch = root->epoch,
                            .sha256 = enrolment->root_sha256 };

        int r = chain_append(write, AUDIT_GENESIS, now_ms, &genesis, NULL);
        if (r == 0)
                r = chain_append(write, AUDIT_ENROLL, now_ms, &enroll, NULL);
        if (r == 0)
                r = chain_append(write, AUDIT_ROOT, now_ms, &first, NULL);
        return r;
}

static int create_chain(Ledger *ledger, const Enrolment *enrolment, const Envelope *envelope,
                        const Root *root)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;

        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = chain_create(&write, enrolment->device, &enrolment->chain);
        if (r < 0)
                return r;
        r = append_enrolment(ledger, &write, enrolment, root);
        if (r != 0)
                return r;
        r = evidence_keep(ledger->database, NULL, envelope);
        if (r < 0)
                return r;
        r = state_write_text(ledger->database, LEDGER_ROOT, enrolment->root);
        if (r < 0)
                return r;
        r = state_write_bytes(ledger->database, LEDGER_DEVICE_KEY,
                              BYTES_OF(key_pair_public(ledger->identity)->bytes));
        if (r < 0)
                return r;

        return chain_transaction_commit(&write);
}

int ledger_enroll(Ledger *ledger, const Enrolment *enrolment)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(root_freep) Root *root = NULL;

        if (!device_name_valid(enrolment->device))
                return DEVBOX_ERROR_BAD_REQUEST;

        int r = envelope_parse(bytes_of_string(enrolment->root), DOCUMENT_MAX, &envelope);
        if (r != 0)
                return r;
        r = root_accept_first(envelope, &enrolment->root_sha256, &root);
        if (r != 0)
                return r;
        if (chain_exists(&ledger->chain))
                return check_same_enrolment(ledger, enrolment);

        r = check_not_pinned(ledger, enrolment->device);
        if (r != 0)
                return r;
        r = create_chain(ledger, enrolment, envelope, root);
        if (r != 0)
                return r;

        ledger->device_key = *key_pair_public(ledger->identity);
        ledger->policy.root_digest = enrolment->root_sha256;
        ledger->policy.root = TAKE_PTR(root);
        return 0;
}

/* ---- roots */

static int store_root(Ledger *ledger, const char *text, const Envelope *envelope, const Root *root)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;
        AuditBody body = { .version = root->version, .epoch = root->epoch };

        body.sha256 = envelope->digest;
        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = chain_append(&write, AUDIT_ROOT, ledger_time(ledger).now_ms, &body, NULL);
        if (r != 0)
                return r;
        r = evidence_keep(ledger->database, NULL, envelope);
        if (r < 0)
                return r;
        r = state_write_text(ledger->database, LEDGER_ROOT, text);
        if (r < 0)
                return r;

        return chain_transaction_commit(&write);
}

/* Whether it is a root of before, which the hub sends with those that follow it. Nothing comes of it, so
 * that its signatures do not matter: the device may never have had the keys. */
static int is_past(const Root *current, const Envelope *envelope)
{
        _cleanup_(root_freep) Root *root = NULL;

        if (!streq(envelope->type, ENVELOPE_ROOT))
                return false;
        int r = root_parse(envelope_payload(envelope), &root, NULL);
        if (r != 0)
                return MIN(r, 0);

        return streq(root->network, current->network) && root->version < current->version;
}

int ledger_install_root(Ledger *ledger, const char *text)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(root_freep) Root *root = NULL;
        Policy *policy = &ledger->policy;

        if (!chain_exists(&ledger->chain))
                return DEVBOX_ERROR_NOT_ENROLLED;

        int r = envelope_parse(bytes_of_string(text), DOCUMENT_MAX, &envelope);
        if (r == 0) {
                if (sha256_equal(&envelope->digest, &policy->root_digest))
                        return 0;
                r = is_past(policy->root, envelope);
                if (r != 0)
                        return MIN(r, 0);
                r = root_accept_next(policy->root, envelope, &root);
        }
        if (r > 0)
                tally_add(&ledger->tally, r); /* unauthenticated */
        if (r != 0)
                return r;

        r = store_root(ledger, text, envelope, root);
        if (r != 0)
                return r;

        root_free(policy->root);
        policy->root = TAKE_PTR(root);
        policy->root_digest = envelope->digest;
        return policy_review(policy, ledger->database);
}

/* ---- manifests */

int ledger_log_rejection(Ledger *ledger, const Envelope *envelope, int error, const char *subject)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;
        uint64_t now_ms = ledger_time(ledger).now_ms;
        AuditBody body = { .status = (char *) devbox_error_audit_status((DevboxError) error),
                           .reason = (char *) devbox_error_code((DevboxError) error),
                           .subject = (char *) subject };
        unsigned suppressed;

        if (!ratelimit_pass(&ledger->denials, now_ms * USEC_PER_MSEC, &suppressed)) {
                tally_add(&ledger->tally, error);
                return 0;
        }

        body.request_sha256 = envelope->digest;
        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = chain_append(&write, AUDIT_REQUEST_DENIED, now_ms, &body, NULL);
        if (r != 0)
                return r;

        return chain_transaction_commit(&write);
}

static int append_manifest(Ledger *ledger, ChainTransaction *write, const ManifestVerdict *verdict,
                           uint64_t now_ms)
{
        const Manifest *manifest = verdict->manifest;
        AuditBody adopt = { .old_key = ledger->device_key,
                            .key = *key_pair_public(ledger->identity),
                            .sha256 = verdict->digest,
                            .size = (int64_t) ledger->chain.pending.size,
                            .head = ledger->chain.pending.head };
        AuditBody entry = { .epoch = manifest->epoch,
                            .version = manifest->version,
                            .sha256 = verdict->digest,
                            .gap = verdict->gap };
        AuditBody revoke = { .sha256 = verdict->digest };
        int r = 0;

        if (!ledger_key_fits(ledger)) {
                r = chain_append(write, AUDIT_ADOPT, now_ms, &adopt, NULL);
                if (r == 0)
                        r = state_write_bytes(ledger->database, LEDGER_DEVICE_KEY,
                                              BYTES_OF(adopt.key.bytes));
        }
        if (r == 0)
                r = chain_append(write, AUDIT_MANIFEST, now_ms, &entry, NULL);
        if (r == 0 && manifest_is_tombstone(manifest))
                r = chain_append(write, AUDIT_REVOKE, now_ms, &revoke, NULL);
        return r;
}

static int store_manifest(Ledger *ledger, const char *text, const Envelope *envelope,
                          const ManifestVerdict *verdict, uint64_t now_ms)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;

        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        if (!verdict->unchanged) {
                r = append_manifest(ledger, &write, verdict, now_ms);
                if (r != 0)
                        return r;
                r = evidence_keep(ledger->database, NULL, envelope);
                if (r < 0)
                        return r;
                r = state_write_text(ledger->database, LEDGER_MANIFEST, text);
                if (r < 0)
                        return r;
                r = state_write_integer(ledger->database, LEDGER_CONFIRMATION_LOGGED, (int64_t) now_ms);
                if (r < 0)
                        return r;
        }
        r = state_write_integer(ledger->database, LEDGER_MANIFEST_CONFIRMED_AT, (int64_t) now_ms);
        if (r < 0)
                return r;

        return chain_transaction_commit(&write);
}

/* Fills in the fault, and counts the error or adds an entry. Returns the error. */
static int reject_manifest(Ledger *ledger, const Envelope *envelope, int error, const SchemaFault *fault,
                           ManifestInstalled *ret_installed)
{
        *ret_installed = (ManifestInstalled){ 0 };
        if (fault->why)
                (void) snprintf(ret_installed->fault, sizeof ret_installed->fault, "%s %s", fault->path,
                                fault->why);

        if (error == DEVBOX_ERROR_BAD_ENVELOPE || error == DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE) {
                tally_add(&ledger->tally, error);
                return error;
        }

        int r = ledger_log_rejection(ledger, envelope, error, "manifest");
        return r < 0 ? r : error;
}

int ledger_install_manifest(Ledger *ledger, const char *text, ManifestInstalled *ret_installed)
{
        _cleanup_(manifest_verdict_done) ManifestVerdict verdict = { 0 };
        _cleanup_(envelope_freep) Envelope *envelope = NULL;

        if (!chain_exists(&ledger->chain))
                return DEVBOX_ERROR_NOT_ENROLLED;

        /* Read once, so that the entry has the time of the decision. */
        uint64_t now_ms = ledger_time(ledger).now_ms;
        ManifestJudge judge = { .root = ledger->policy.root,
                                .device = ledger->chain.device,
                                .device_key = key_pair_public(ledger->identity),
                                .ceiling = ledger->policy.ceiling,
                                .floor = ledger->policy.floor,
                                .now_ms = now_ms,
                                .time_floor_ms = ledger->time_floor_ms };

        int r = envelope_parse(bytes_of_string(text), DOCUMENT_MAX, &envelope);
        if (r == 0)
                r = manifest_accept(&judge, envelope, &verdict);
        if (r == 0 && verdict.unchanged && !ledger->policy.manifest)
                r = DEVBOX_ERROR_MANIFEST_FORK; /* the one that the root invalidated, signed again */
        if (r > 0)
                return reject_manifest(ledger, envelope, r, &verdict.fault, ret_installed);
        if (r < 0)
                return r;

        r = store_manifest(ledger, text, envelope, &verdict, now_ms);
        if (r != 0)
                return r;

        ledger->device_key = *key_pair_public(ledger->identity);
        *ret_installed = (ManifestInstalled){ .epoch = verdict.manifest->epoch,
                                              .version = verdict.manifest->version,
                                              .unchanged = verdict.unchanged,
                                              .gap = verdict.gap };
        return policy_review(&ledger->policy, ledger->database);
}

/* ---- the clock */

int ledger_accept_clock(Ledger *ledger)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;
        uint64_t now_ms = ledger_time(ledger).now_ms;
        AuditBody body = { .from_ms = (int64_t) ledger->time_floor_ms, .to_ms = (int64_t) now_ms };

        if (!chain_exists(&ledger->chain))
                return DEVBOX_ERROR_NOT_ENROLLED;
        if (now_ms >= ledger->time_floor_ms)
                return 0;

        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = chain_append(&write, AUDIT_CLOCK, now_ms, &body, NULL);
        if (r != 0)
                return r;
        r = state_write_integer(ledger->database, LEDGER_TIME_FLOOR, (int64_t) now_ms);
        if (r < 0)
                return r;
        r = state_write_integer(ledger->database, LEDGER_ISSUED_FLOOR, (int64_t) now_ms);
        if (r < 0)
                return r;
        r = chain_transaction_commit(&write);
        if (r < 0)
                return r;

        ledger->time_floor_ms = now_ms;
        ledger->issued_floor_ms = now_ms;
        return 0;
}
