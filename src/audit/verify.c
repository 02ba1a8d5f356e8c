/* SPDX-License-Identifier: MIT */
/* Whether a history is whole.
 *
 * Statements are sorted by size before the walk. Each time the walk stands at the size of the next one, its
 * signature is checked and its head compared; those that lie beyond the end are looked at last. A statement
 * counts for nothing until its signature was verified: before, only its size is used, to sort. */

#include "audit/verify.h"

#include "audit/checkpoint.h"
#include "audit/policy-replay.h"
#include "audit/read-ahead.h"
#include "trust/envelope.h"

/* How far back the chain may record a countersignature of itself and still be compared. */
#define HEADS_KEPT UINT64_C(4096)

typedef struct CheckpointClaim {
        Checkpoint checkpoint;
        Envelope *envelope;
        const char
                *differs; /* of one that nobody stood behind yet: why it is no statement of this history */
} CheckpointClaim;

struct AuditVerifier {
        ChainIdentity identity;
        AuditMeans means;
        ChainState life;
        PolicyReplay proof;
        Sha256 *heads;         /* the last HEADS_KEPT, the one after n entries at n % HEADS_KEPT */
        CheckpointClaim *said; /* by size; the first `n_doubtful` are those that nobody stands behind yet */
        size_t n_said, next, n_doubtful;
        AuditReport report;
};

const char *audit_outcome_name(AuditOutcome outcome)
{
        switch (outcome) {
        case AUDIT_WHOLE:
                return "OK";
        case AUDIT_UNWITNESSED:
                return "UNWITNESSED";
        case AUDIT_TRUNCATED:
                return "TRUNCATED";
        case AUDIT_FORK:
                return "FORK";
        default:
                return "BROKEN";
        }
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
        verifier->life = (ChainState){ .identity = &verifier->identity,
                                       .roots = means->roots,
                                       .n_roots = means->n_roots };
        verifier->proof = (PolicyReplay){ .life = &verifier->life, .evidence = means->evidence };
        *ret_verifier = TAKE_PTR(verifier);
        return 0;
}

AuditVerifier *audit_verifier_free(AuditVerifier *verifier)
{
        if (!verifier)
                return NULL;

        for (size_t i = 0; i < verifier->n_said; i++)
                envelope_free(verifier->said[i].envelope);
        policy_replay_done(&verifier->proof);
        chain_state_done(&verifier->life);
        free(verifier->heads);
        free(verifier->said);
        free(verifier);
        return NULL;
}

int audit_verifier_add_statement(AuditVerifier *verifier, const char *envelope)
{
        _cleanup_(envelope_freep) Envelope *parsed = NULL;
        Checkpoint checkpoint;

        int r = envelope_parse(bytes_of_string(envelope), CHECKPOINT_TEXT_MAX, &parsed);
        if (r != 0)
                return r > 0 ? -EBADMSG : r;
        if (!streq(parsed->type, ENVELOPE_CHECKPOINT) ||
            checkpoint_parse(envelope_payload(parsed), &checkpoint) != 0)
                return -EBADMSG;
        if (!streq(checkpoint.device, verifier->identity.device))
                return 0;

        /* Room doubles: at 1, 2, 4, 8, … */
        if ((verifier->n_said & (verifier->n_said - 1)) == 0) {
                CheckpointClaim *grown =
                        realloc(verifier->said, MAX(verifier->n_said * 2, (size_t) 1) * sizeof *grown);

                if (!grown)
                        return -ENOMEM;
                verifier->said = grown;
        }

        verifier->said[verifier->n_said++] = (CheckpointClaim){ checkpoint, TAKE_PTR(parsed), NULL };
        return 0;
}

static int compare_said(const void *a, const void *b)
{
        uint64_t x = ((const CheckpointClaim *) a)->checkpoint.size,
                 y = ((const CheckpointClaim *) b)->checkpoint.size;

        return x < y ? -1 : x > y;
}

static void find_fault(AuditVerifier *verifier, AuditOutcome outcome, uint64_t at, const char *why)
{
        AuditReport *report = &verifier->report;

        if (outcome <= report->outcome)
                return;

        report->outcome = outcome;
        report->at = at;
        report->why = why;
}

/* Whether the device signed it, with any key it has had. Errors: -ENOMEM. */
static int device_signed(const AuditVerifier *verifier, const Envelope *envelope)
{
        KeySet keys = chain_state_device_keys(&verifier->life);

        int r = envelope_verify(envelope, ENVELOPE_CHECKPOINT, &keys, NULL);
        return r < 0 ? r : r == 0;
}

/* Whether a witness of this root signed it. */
static int witness_signed(const Root *root, const Envelope *envelope)
{
        KeySet keys = root_key_set(root, ROOT_ROLE_WITNESS);

        int r = envelope_verify(envelope, ENVELOPE_CHECKPOINT, &keys, NULL);
        return r < 0 ? r : r == 0;
}

typedef enum Vouched {
        VOUCHED_BY_NOBODY,
        VOUCHED_BY_DEVICE,
        VOUCHED_BY_RETIRED,
        VOUCHED_BY_WITNESS
} Vouched;

/* Who stands behind a statement: the best there is. Errors: -ENOMEM. */
static int find_voucher(const AuditVerifier *verifier, const Envelope *envelope)
{
        for (size_t i = verifier->means.n_roots; i > 0; i--) {
                int r = witness_signed(verifier->means.roots[i - 1].root, envelope);
                if (r < 0)
                        return r;
                if (r > 0)
                        return i == verifier->means.n_roots ? VOUCHED_BY_WITNESS : VOUCHED_BY_RETIRED;
        }

        int r = device_signed(verifier, envelope);
        return r < 0 ? r : r > 0 ? VOUCHED_BY_DEVICE : VOUCHED_BY_NOBODY;
}

/* NULL, or why it is no statement of the history so far. */
static const char *why_different(const AuditVerifier *verifier, const Checkpoint *checkpoint)
{
        if (memcmp(&checkpoint->chain, &verifier->identity.chain, sizeof checkpoint->chain) != 0)
                return "there is a signed statement about another chain of this device";
        if (checkpoint->size == verifier->report.size &&
            !sha256_equal(&checkpoint->head, &verifier->report.head))
                return "it is not the history that the device signed for";

        return NULL;
}

/* The walk stands exactly where the statement says the chain ended. */
static int weigh_here(AuditVerifier *verifier, CheckpointClaim *said)
{
        AuditReport *report = &verifier->report;
        const Checkpoint *checkpoint = &said->checkpoint;
        const char *differs = why_different(verifier, checkpoint);

        int by = find_voucher(verifier, said->envelope);
        if (by < 0)
                return by;
        if (by == VOUCHED_BY_NOBODY) { /* a key to come may have signed it */
                CheckpointClaim doubtful = *said;

                *said = verifier->said[verifier->n_doubtful];
                doubtful.differs = differs;
                verifier->said[verifier->n_doubtful++] = doubtful;
                return 0;
        }

        report->n_statements++;
        if (differs)
                find_fault(verifier, AUDIT_FORK, checkpoint->size, differs);
        else if (by == VOUCHED_BY_WITNESS)
                report->witnessed = checkpoint->size;
        else if (by == VOUCHED_BY_RETIRED)
                report->retired = checkpoint->size;
        return 0;
}

/* The statements of the size that the walk has reached. */
static int weigh_reached(AuditVerifier *verifier)
{
        while (verifier->next < verifier->n_said &&
               verifier->said[verifier->next].checkpoint.size <= verifier->report.size) {
                int r = weigh_here(verifier, &verifier->said[verifier->next++]);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* Of one that lies beyond the end, or that nobody stood behind when the walk was there. */
static int weigh_late(AuditVerifier *verifier, const CheckpointClaim *said, AuditOutcome outcome,
                      const char *why)
{
        int by = find_voucher(verifier, said->envelope);
        if (by < 0)
                return by;
        if (by == VOUCHED_BY_NOBODY) {
                verifier->report.n_ignored++;
                return 0;
        }

        verifier->report.n_statements++;
        if (why)
                find_fault(verifier, outcome, said->checkpoint.size, why);
        return 0;
}

static int weigh_rest(AuditVerifier *verifier)
{
        for (size_t i = 0; i < verifier->n_doubtful; i++) {
                int r = weigh_late(verifier, &verifier->said[i], AUDIT_FORK, verifier->said[i].differs);
                if (r < 0)
                        return r;
        }

        /* From the last, so that the largest size is the one that is told. */
        for (size_t i = verifier->n_said; i > verifier->next; i--) {
                const CheckpointClaim *said = &verifier->said[i - 1];
                const char *differs = why_different(verifier, &said->checkpoint);

                int r = weigh_late(verifier, said, differs ? AUDIT_FORK : AUDIT_TRUNCATED,
                                   differs ? differs
                                           : "it was longer: there is a signed statement that says so");
                if (r < 0)
                        return r;
        }

        return 0;
}

/* ---- entries */

/* A countersignature of this very chain that the device recorded. NULL, or why it cannot be. */
static const char *check_recorded(const AuditVerifier *verifier, const AuditEntry *entry,
                                  const AuditBody *body, int *error)
{
        _cleanup_(freep) uint8_t *pae = NULL;
        Checkpoint checkpoint = { .chain = verifier->identity.chain,
                                  .size = (uint64_t) body->size,
                                  .head = body->head };
        char text[CHECKPOINT_TEXT_MAX];
        size_t size;

        if (checkpoint.size == 0 || checkpoint.size > entry->seq)
                return "it records that a witness saw more than there was";
        if (entry->seq - checkpoint.size < HEADS_KEPT &&
            !sha256_equal(&checkpoint.head, &verifier->heads[checkpoint.size % HEADS_KEPT]))
                return "it records what a witness said of another history";

        memcpy(checkpoint.device, verifier->identity.device, sizeof checkpoint.device);
        checkpoint_format(&checkpoint, text);
        *error = dsse_pae(ENVELOPE_CHECKPOINT, bytes_of_string(text), &pae, &size);
        if (*error < 0)
                return NULL;

        return ed25519_verify(&body->witness, BYTES(pae, size), &body->signature)
                       ? NULL
                       : "it records what no witness has signed";
}

static const char *judge_body(AuditVerifier *verifier, const AuditEntry *entry, const AuditBody *body,
                              int *error)
{
        if (verifier->means.hash_only)
                return chain_state_step_keys(&verifier->life, entry, body);

        const char *why = chain_state_step(&verifier->life, entry, body, error);
        if (why || *error < 0)
                return why;

        return entry->type == AUDIT_CHECKPOINT ? check_recorded(verifier, entry, body, error)
                                               : policy_replay_step(&verifier->proof, entry, body, error);
}

/* NULL, or why the entry cannot stand there. `*error` is set if something else went wrong. */
static const char *judge_entry(AuditVerifier *verifier, const AuditEntry *entry, int *error)
{
        bool tells_key = entry->type == AUDIT_GENESIS || entry->type == AUDIT_ADOPT;
        AuditBody *body;

        if (verifier->means.hash_only && !tells_key)
                return NULL;

        int r = audit_body_parse((AuditType) entry->type, entry->body, &body, NULL);
        if (r < 0)
                *error = r;
        if (r != 0)
                return r > 0 ? "it does not say what an entry of its type must say" : NULL;

        const char *why = judge_body(verifier, entry, body, error);
        audit_body_free((AuditType) entry->type, body);
        return why;
}

/* Returns an AuditNext: ENTRY if the walk may go on. */
static int step(AuditVerifier *verifier, AuditAhead *ahead)
{
        AuditReport *report = &verifier->report;
        AuditEntry entry;
        int error = 0, fault;

        int next = audit_ahead_next(ahead, &entry, &fault);
        if (next == AUDIT_NEXT_MALFORMED)
                find_fault(verifier, AUDIT_BROKEN, report->size, "it is not written as entries are");
        if (next != AUDIT_NEXT_ENTRY)
                return next;

        const char *why =
                fault > 0 ? audit_fault_sentence((AuditFault) fault) : judge_entry(verifier, &entry, &error);
        if (error < 0)
                return error;
        if (why) {
                find_fault(verifier, AUDIT_BROKEN, report->size, why);
                report->refusal = verifier->proof.refusal;
                return AUDIT_NEXT_MALFORMED;
        }

        report->size++;
        report->head = verifier->heads[report->size % HEADS_KEPT] = entry.hash;
        return AUDIT_NEXT_ENTRY;
}

/* ---- the outcome */

static const char *why_unwitnessed(const AuditVerifier *verifier)
{
        const AuditReport *report = &verifier->report;

        if (report->size == 0)
                return "nothing of it has come here yet";
        if (verifier->means.n_roots == 0)
                return "without --root no witness can be recognised";
        if (report->witnessed > 0)
                return "it names roots that --root does not give: give every root there was";
        if (report->retired > 0)
                return "its witness was retired by a later root: give --root the roots up to the one of its "
                       "time";
        if (report->n_statements > 0)
                return "only the device itself speaks for its length, no witness of the root does";

        return "no witness vouches for its length: give --checkpoints";
}

static void find_outcome(AuditVerifier *verifier, int next)
{
        AuditReport *report = &verifier->report;

        if (next == AUDIT_NEXT_PART)
                find_fault(verifier, AUDIT_TRUNCATED, report->size, "it ends in the middle of an entry");
        if (report->size == 0 && report->outcome < AUDIT_TRUNCATED && !verifier->means.may_be_empty)
                find_fault(verifier, AUDIT_BROKEN, 0, "there is no entry at all");
        if (report->witnessed == 0 || report->n_unknown_roots > 0)
                find_fault(verifier, AUDIT_UNWITNESSED, report->size, why_unwitnessed(verifier));
}

/* All entries, and the statements of the sizes on the way. Returns the AuditNext that ended it. */
static int walk(AuditVerifier *verifier, AuditReader *source)
{
        _cleanup_(audit_ahead_endp) AuditAhead *ahead = NULL;
        int next = AUDIT_NEXT_END;

        int r = audit_ahead_begin(source, &ahead);
        while (r == 0 && (next = step(verifier, ahead)) == AUDIT_NEXT_ENTRY)
                r = weigh_reached(verifier);

        return r < 0 ? r : next;
}

int audit_verify(AuditVerifier *verifier, AuditReader *source, AuditReport *ret_report)
{
        AuditReport *report = &verifier->report;

        if (verifier->n_said > 0)
                qsort(verifier->said, verifier->n_said, sizeof *verifier->said, compare_said);
        int next = walk(verifier, source);
        if (next < 0)
                return next;

        report->n_accepted = verifier->life.n_accepted;
        report->n_redacted = verifier->life.n_redacted;
        report->n_unknown_roots = verifier->life.n_unknown_roots;
        report->n_proved = verifier->proof.n_proved;
        if (report->outcome != AUDIT_BROKEN) {
                int r = weigh_rest(verifier);
                if (r < 0)
                        return r;
                find_outcome(verifier, next);
        }

        *ret_report = *report;
        return 0;
}
