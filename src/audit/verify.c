/* SPDX-License-Identifier: MIT */
/* Verifies a chain.
 *
 * Checkpoints are sorted by size. When the cursor reaches the size of the next one, its signatures are
 * verified and its head is compared; those beyond the end are compared last. Until its signature is
 * verified, only the size of a checkpoint is used, to sort. */

#include "audit/verify.h"

#include "audit/chain-cursor.h"
#include "audit/checkpoint-claims.h"
#include "audit/policy-replay.h"

/* A countersignature that the chain records is compared if it is at most this many entries old. */
#define HEADS_KEPT UINT64_C(4096)

/* Beyond time zones and the clocks of two machines. */
#define AHEAD_MAX_MS (UINT64_C(24) * 3600 * 1000)

struct AuditVerifier {
        ChainIdentity identity;
        AuditMeans means;
        ChainCursor cursor;
        ChainState state;
        PolicyReplay replay;
        CheckpointClaims claims;
        Sha256 *heads; /* the last HEADS_KEPT, the one after n entries at n % HEADS_KEPT */
        AuditReport report;
};

const char *audit_outcome_name(AuditOutcome outcome)
{
        static const char *const names[_AUDIT_OUTCOME_MAX] = {
                [AUDIT_OK] = "OK",
                [AUDIT_UNPROVEN] = "UNPROVEN",
                [AUDIT_UNWITNESSED] = "UNWITNESSED",
                [AUDIT_TRUNCATED] = "TRUNCATED",
                [AUDIT_FORK] = "FORK",
                [AUDIT_BROKEN] = "BROKEN",
        };

        assert(outcome >= 0 && outcome < _AUDIT_OUTCOME_MAX);
        return names[outcome];
}

int audit_verifier_new(const ChainIdentity *identity, const AuditMeans *means, AuditVerifier **ret_verifier)
{
        _cleanup_(audit_verifier_freep) AuditVerifier *verifier = calloc(1, sizeof *verifier);

        if (!verifier)
                return -ENOMEM;
        verifier->heads = calloc(HEADS_KEPT, sizeof *verifier->heads);
        if (!verifier->heads)
                return -ENOMEM;

        verifier->identity = *identity;
        verifier->means = *means;
        chain_cursor_begin(&verifier->cursor, &identity->chain, identity->device);
        chain_state_init(&verifier->state, &verifier->identity, means->roots, means->n_roots);
        verifier->replay = (PolicyReplay){ .state = &verifier->state, .evidence = means->evidence };
        *ret_verifier = TAKE_PTR(verifier);
        return 0;
}

AuditVerifier *audit_verifier_free(AuditVerifier *verifier)
{
        if (!verifier)
                return NULL;

        checkpoint_claims_done(&verifier->claims);
        policy_replay_done(&verifier->replay);
        chain_state_done(&verifier->state);
        free(verifier->heads);
        free(verifier);
        return NULL;
}

int audit_verifier_add_checkpoint(AuditVerifier *verifier, const char *envelope)
{
        return checkpoint_claims_add(&verifier->claims, verifier->identity.device, envelope);
}

/* The worst outcome counts, and of several of the same kind the first. */
static void report_outcome(AuditVerifier *verifier, AuditOutcome outcome, uint64_t at, const char *why)
{
        AuditReport *report = &verifier->report;

        if (outcome <= report->outcome)
                return;

        report->outcome = outcome;
        report->at = at;
        report->why = why;
}

/* ---- checkpoints */

/* Why a checkpoint does not fit the chain so far; NULL: it does. */
static const char *find_conflict(const AuditVerifier *verifier, const Checkpoint *checkpoint)
{
        const AuditReport *report = &verifier->report;

        if (!chain_id_equal(&checkpoint->chain, &verifier->identity.chain))
                return "there is a signed checkpoint of another chain of this device";
        if (checkpoint->size == report->size && !sha256_equal(&checkpoint->head, &report->head))
                return "it is not the history that the device signed for";

        return NULL;
}

/* One that is signed: it confirms the chain so far, or contradicts it. */
static void count_checkpoint(AuditVerifier *verifier, const CheckpointClaim *claim, CheckpointSigner signer,
                             AuditOutcome outcome, const char *conflict)
{
        AuditReport *report = &verifier->report;
        uint64_t size = claim->checkpoint.size;

        report->n_checkpoints++;
        if (conflict)
                report_outcome(verifier, outcome, size, conflict);
        else if (signer == SIGNED_BY_WITNESS)
                report->witnessed = MAX(report->witnessed, size);
        else if (signer == SIGNED_BY_RETIRED_WITNESS)
                report->retired = MAX(report->retired, size);
}

/* At the size of the checkpoint. */
static int compare_reached(AuditVerifier *verifier, const CheckpointClaim *claim)
{
        const char *conflict = find_conflict(verifier, &claim->checkpoint);

        int signer = checkpoint_claim_find_signer(claim, &verifier->state);
        if (signer < 0)
                return signer;
        if (signer < SIGNED_BY_DEVICE) { /* a later key of the device may have signed it */
                checkpoint_claims_defer(&verifier->claims, conflict);
                return 0;
        }

        count_checkpoint(verifier, claim, (CheckpointSigner) signer, AUDIT_FORK, conflict);
        return 0;
}

static int compare_all_reached(AuditVerifier *verifier)
{
        const CheckpointClaim *claim;

        while ((claim = checkpoint_claims_next(&verifier->claims, verifier->report.size))) {
                int r = compare_reached(verifier, claim);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* At the end of the chain: a deferred one, or one beyond the end. */
static int compare_late(AuditVerifier *verifier, const CheckpointClaim *claim, AuditOutcome outcome,
                        const char *why)
{
        int signer = checkpoint_claim_find_signer(claim, &verifier->state);
        if (signer < 0)
                return signer;
        if (signer < SIGNED_BY_DEVICE) {
                verifier->report.n_ignored++;
                if (signer == SIGNED_BY_WITNESS_ALONE && why)
                        report_outcome(
                                verifier, AUDIT_UNWITNESSED, verifier->report.size,
                                "a witness confirms another history of a key that the chain does not name");
                return 0;
        }

        count_checkpoint(verifier, claim, (CheckpointSigner) signer, outcome, why);
        return 0;
}

static int compare_rest(AuditVerifier *verifier)
{
        const CheckpointClaims *claims = &verifier->claims;

        for (size_t i = 0; i < claims->n_deferred; i++) {
                int r = compare_late(verifier, &claims->items[i], AUDIT_FORK, claims->items[i].conflict);
                if (r < 0)
                        return r;
        }

        /* The largest first, which is the one to be reported. */
        for (size_t i = claims->n; i > claims->next; i--) {
                const CheckpointClaim *claim = &claims->items[i - 1];
                const char *conflict = find_conflict(verifier, &claim->checkpoint);

                int r = compare_late(verifier, claim, conflict ? AUDIT_FORK : AUDIT_TRUNCATED,
                                     conflict ? conflict : "a signed checkpoint confirms more entries");
                if (r < 0)
                        return r;
        }

        return 0;
}

/* ---- entries */

/* A countersignature of this chain that it records itself. */
static int check_recorded(const AuditVerifier *verifier, const AuditEntry *entry, const AuditBody *body,
                          AuditFinding *finding)
{
        _cleanup_(freep) uint8_t *pae = NULL;
        Checkpoint checkpoint = { .chain = verifier->identity.chain,
                                  .size = (uint64_t) body->size,
                                  .head = body->head };
        char text[CHECKPOINT_TEXT_MAX];
        size_t size;

        if (checkpoint.size == 0 || checkpoint.size > entry->seq)
                return audit_contradiction(finding, "it records a countersignature of more entries");
        if (entry->seq - checkpoint.size < HEADS_KEPT &&
            !sha256_equal(&checkpoint.head, &verifier->heads[checkpoint.size % HEADS_KEPT]))
                return audit_contradiction(finding, "it records a countersignature of another history");

        memcpy(checkpoint.device, verifier->identity.device, sizeof checkpoint.device);
        checkpoint_format(&checkpoint, text);
        int r = dsse_pae(ENVELOPE_CHECKPOINT, bytes_of_string(text), &pae, &size);
        if (r < 0)
                return r;

        return ed25519_verify(&body->witness, BYTES(pae, size), &body->signature)
                       ? 0
                       : audit_contradiction(finding, "it records an invalid countersignature");
}

static int judge_body(AuditVerifier *verifier, const AuditEntry *entry, const AuditBody *body,
                      AuditFinding *finding)
{
        if (verifier->means.hash_only)
                return chain_state_next_key(&verifier->state, entry, body, finding);

        int r = chain_state_next(&verifier->state, entry, body, finding);
        if (r != 0)
                return r;

        return entry->type == AUDIT_CHECKPOINT ? check_recorded(verifier, entry, body, finding)
                                               : policy_replay_next(&verifier->replay, entry, body, finding);
}

/* Errors: AUDIT_CONTRADICTION, -ENOMEM, those of evidence. */
static int judge_entry(AuditVerifier *verifier, const AuditEntry *entry, AuditFinding *finding)
{
        bool has_key = entry->type == AUDIT_GENESIS || entry->type == AUDIT_ADOPT;
        AuditBody *body;

        int fault = chain_cursor_next(&verifier->cursor, entry);
        if (fault > 0)
                return audit_contradiction(finding, audit_fault_sentence((AuditFault) fault));
        if (verifier->means.hash_only && !has_key)
                return 0;

        int r = audit_body_parse((AuditType) entry->type, entry->body, &body, NULL);
        if (r != 0)
                return r < 0 ? r : audit_contradiction(finding, "its body is not valid for its type");

        r = judge_body(verifier, entry, body, finding);
        audit_body_free((AuditType) entry->type, body);
        return r;
}

/* Returns an AuditNext: ENTRY to go on. */
static int next_entry(AuditVerifier *verifier, AuditReader *reader)
{
        AuditReport *report = &verifier->report;
        AuditFinding finding = { 0 };
        AuditEntry entry;

        int next = audit_reader_next(reader, &entry);
        if (next == AUDIT_NEXT_MALFORMED)
                report_outcome(verifier, AUDIT_BROKEN, report->size, "it is not in the form of an entry");
        if (next != AUDIT_NEXT_ENTRY)
                return next;

        int r = judge_entry(verifier, &entry, &finding);
        if (r < 0)
                return r;
        if (r == AUDIT_CONTRADICTION) {
                report_outcome(verifier, AUDIT_BROKEN, report->size, finding.why);
                report->error = finding.error;
                return AUDIT_NEXT_MALFORMED;
        }

        report->size++;
        report->n_ahead +=
                verifier->means.now_ms > 0 && entry.time_ms > verifier->means.now_ms + AHEAD_MAX_MS;
        report->head = verifier->heads[report->size % HEADS_KEPT] = entry.hash;
        return AUDIT_NEXT_ENTRY;
}

/* ---- the outcome */

static const char *why_unwitnessed(const AuditVerifier *verifier)
{
        const AuditReport *report = &verifier->report;

        if (report->size == 0)
                return "no entry has arrived yet";
        if (verifier->means.n_roots == 0)
                return "without a root no witness can be recognised";
        if (report->witnessed > 0)
                return "it names roots that the auditor does not hold";
        if (report->retired > 0)
                return "its witness was retired by a later root";
        if (report->n_checkpoints > 0)
                return "only the device itself confirms its length, no witness of the root does";

        return "no witness confirms its length";
}

static void find_outcome(AuditVerifier *verifier, int next)
{
        AuditReport *report = &verifier->report;

        if (next == AUDIT_NEXT_PART)
                report_outcome(verifier, AUDIT_TRUNCATED, report->size, "it ends in the middle of an entry");
        if (report->size == 0 && report->outcome < AUDIT_TRUNCATED && !verifier->means.may_be_empty)
                report_outcome(verifier, AUDIT_BROKEN, 0, "there is no entry at all");
        if (report->witnessed == 0 || report->n_unknown_roots > 0)
                report_outcome(verifier, AUDIT_UNWITNESSED, report->size, why_unwitnessed(verifier));
        if (report->n_unproven > 0 && (verifier->means.evidence || verifier->means.require_evidence))
                report_outcome(verifier, AUDIT_UNPROVEN, report->size,
                               "evidence does not show that all requests were allowed");
        if (report->n_ahead > 0)
                report_outcome(verifier, AUDIT_UNPROVEN, report->size,
                               "entries are dated later than the clock of this machine");
}

int audit_verify(AuditVerifier *verifier, AuditReader *reader, AuditReport *ret_report)
{
        AuditReport *report = &verifier->report;
        int next, r;

        checkpoint_claims_sort(&verifier->claims);
        while ((next = next_entry(verifier, reader)) == AUDIT_NEXT_ENTRY) {
                r = compare_all_reached(verifier);
                if (r < 0)
                        return r;
        }
        if (next < 0)
                return next;

        report->n_accepted = verifier->state.n_accepted;
        report->n_redacted = verifier->state.n_redacted;
        report->n_unknown_roots = verifier->state.n_unknown_roots;
        report->n_judged = verifier->replay.n_judged;
        report->n_unproven = report->n_accepted - verifier->replay.n_judged - verifier->replay.n_recorded;
        if (report->outcome != AUDIT_BROKEN) {
                r = compare_rest(verifier);
                if (r < 0)
                        return r;
                find_outcome(verifier, next);
        }

        *ret_report = *report;
        return 0;
}
