/* SPDX-License-Identifier: MIT */
/* Whether a history is whole.
 *
 * Statements are sorted by size before the walk. Each time the walk stands at the size of the next one, its
 * signature is checked and its head compared; those that lie beyond the end are looked at last. A statement
 * counts for nothing until its signature was verified: before, only its size is used, to sort. */

#include "ctl/audit-verify.h"

#include "ctl/audit-life.h"
#include "proto/envelope.h"
#include "proto/error.h"

typedef struct Said {
        Checkpoint checkpoint;
        Envelope *envelope;
} Said;

struct AuditVerifier {
        AuditIdentity identity;
        const Root *root;
        bool hash_only;
        AuditLife life;
        Said *said;
        size_t n_said, next;
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

int audit_verifier_new(const AuditIdentity *identity, const Root *root, const AuditRoot *roots,
                       size_t n_roots, AuditVerifier **ret_verifier)
{
        AuditVerifier *verifier = calloc(1, sizeof *verifier);
        if (!verifier)
                return -ENOMEM;

        verifier->identity = *identity;
        verifier->root = root;
        verifier->life = (AuditLife){ .identity = &verifier->identity, .roots = roots, .n_roots = n_roots };
        *ret_verifier = verifier;
        return 0;
}

AuditVerifier *audit_verifier_free(AuditVerifier *verifier)
{
        if (!verifier)
                return NULL;

        for (size_t i = 0; i < verifier->n_said; i++)
                envelope_free(verifier->said[i].envelope);
        audit_life_done(&verifier->life);
        free(verifier->said);
        free(verifier);
        return NULL;
}

void audit_verifier_hash_only(AuditVerifier *verifier)
{
        verifier->hash_only = true;
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
                Said *grown = realloc(verifier->said, MAX(verifier->n_said * 2, (size_t) 1) * sizeof *grown);

                if (!grown)
                        return -ENOMEM;
                verifier->said = grown;
        }

        verifier->said[verifier->n_said++] = (Said){ checkpoint, TAKE_PTR(parsed) };
        return 0;
}

static int compare_said(const void *a, const void *b)
{
        uint64_t x = ((const Said *) a)->checkpoint.size, y = ((const Said *) b)->checkpoint.size;

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
        for (size_t i = 0; i < verifier->life.n_device_keys; i++) {
                KeySet key = { CHECKPOINT_DEVICE_ROLE, &verifier->life.device_keys[i], 1, 1 };

                int r = envelope_verify(envelope, ENVELOPE_CHECKPOINT, &key, NULL);
                if (r <= 0)
                        return r < 0 ? r : 1;
        }

        return 0;
}

static int witness_signed(const AuditVerifier *verifier, const Envelope *envelope)
{
        if (!verifier->root)
                return 0;

        KeySet keys = root_key_set(verifier->root, ROOT_ROLE_WITNESS);
        int r = envelope_verify(envelope, ENVELOPE_CHECKPOINT, &keys, NULL);
        return r < 0 ? r : r == 0;
}

/* A statement that is signed is judged by `judge`; one that is not is counted. */
typedef void (*Judge)(AuditVerifier *verifier, const Checkpoint *checkpoint, bool witnessed);

static int weigh(AuditVerifier *verifier, const Said *said, Judge judge)
{
        int by_witness = witness_signed(verifier, said->envelope);
        int counts = by_witness != 0 ? by_witness : device_signed(verifier, said->envelope);

        if (counts < 0)
                return counts;
        if (!counts) {
                verifier->report.n_ignored++;
                return 0;
        }

        verifier->report.n_statements++;
        judge(verifier, &said->checkpoint, by_witness > 0);
        return 0;
}

/* The walk stands exactly where the statement says the chain ended. */
static void judge_here(AuditVerifier *verifier, const Checkpoint *checkpoint, bool witnessed)
{
        AuditReport *report = &verifier->report;

        if (memcmp(&checkpoint->chain, &verifier->identity.chain, sizeof checkpoint->chain) != 0)
                find_fault(verifier, AUDIT_FORK, checkpoint->size,
                           "there is a signed statement about another chain of this device");
        else if (!sha256_equal(&checkpoint->head, &report->head))
                find_fault(verifier, AUDIT_FORK, checkpoint->size,
                           "it is not the history that the device signed for");
        else if (witnessed)
                report->witnessed = checkpoint->size;
}

static void judge_beyond(AuditVerifier *verifier, const Checkpoint *checkpoint, bool witnessed)
{
        if (memcmp(&checkpoint->chain, &verifier->identity.chain, sizeof checkpoint->chain) != 0)
                judge_here(verifier, checkpoint, witnessed);
        else
                find_fault(verifier, AUDIT_TRUNCATED, checkpoint->size,
                           "it was longer: there is a signed statement that says so");
}

/* The statements of the size that the walk has reached. */
static int weigh_here(AuditVerifier *verifier)
{
        while (verifier->next < verifier->n_said &&
               verifier->said[verifier->next].checkpoint.size <= verifier->report.size) {
                int r = weigh(verifier, &verifier->said[verifier->next++], judge_here);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* From the last, so that the largest size is the one that is told. */
static int weigh_beyond(AuditVerifier *verifier)
{
        for (size_t i = verifier->n_said; i > verifier->next; i--) {
                int r = weigh(verifier, &verifier->said[i - 1], judge_beyond);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* Returns an AuditNext: ENTRY if the walk may go on. */
static int step(AuditVerifier *verifier, AuditWalk *walk, AuditSource *source)
{
        AuditEntry entry;
        int error = 0;

        int next = audit_source_next(source, &entry);
        if (next == AUDIT_NEXT_MALFORMED)
                find_fault(verifier, AUDIT_BROKEN, walk->size, "it is not written as entries are");
        if (next != AUDIT_NEXT_ENTRY)
                return next;

        uint64_t number = walk->size;
        int fault = audit_walk_step(walk, &entry);
        const char *why = fault > 0 ? audit_fault_sentence((AuditFault) fault)
                                    : audit_life_step(&verifier->life, &entry, verifier->hash_only, &error);
        if (error < 0)
                return error;
        if (why) {
                find_fault(verifier, AUDIT_BROKEN, number, why);
                return AUDIT_NEXT_MALFORMED;
        }

        verifier->report.size = walk->size;
        verifier->report.head = walk->head;
        return AUDIT_NEXT_ENTRY;
}

int audit_verify(AuditVerifier *verifier, AuditSource *source, AuditReport *ret_report)
{
        AuditReport *report = &verifier->report;
        AuditWalk walk;
        int next, r;

        if (verifier->n_said > 0)
                qsort(verifier->said, verifier->n_said, sizeof *verifier->said, compare_said);
        audit_walk_begin(&walk, &verifier->identity.chain, verifier->identity.device);
        while ((next = step(verifier, &walk, source)) == AUDIT_NEXT_ENTRY) {
                r = weigh_here(verifier);
                if (r < 0)
                        return r;
        }
        if (next < 0)
                return next;

        if (report->outcome != AUDIT_BROKEN) {
                r = weigh_beyond(verifier);
                if (r < 0)
                        return r;
                if (next == AUDIT_NEXT_PART)
                        find_fault(verifier, AUDIT_TRUNCATED, report->size,
                                   "it ends in the middle of an entry");
                if (report->size == 0 && report->outcome < AUDIT_TRUNCATED)
                        find_fault(verifier, AUDIT_BROKEN, 0, "there is no entry at all");
                if (report->witnessed == 0)
                        find_fault(verifier, AUDIT_UNWITNESSED, report->size,
                                   verifier->root ? "no witness vouches for it: give --checkpoints"
                                                  : "without --root no witness can be recognised");
        }

        *ret_report = *report;
        return 0;
}
