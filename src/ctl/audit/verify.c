/* SPDX-License-Identifier: MIT */
/* devboxctl audit verify: one line for each chain, and one exit status for all. */

#include <inttypes.h>
#include <stdio.h>

#include "audit/verify.h"
#include "ctl/audit/open.h"
#include "ctl/input.h"
#include "ctl/operator/root-chain.h"
#include "ctl/option-types.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/verbs.h"

#define LINES_MAX (256 * 1024 * 1024)

typedef struct VerifyOptions {
        const char *db, *device, *root, *checkpoints, *evidence;
        bool all, hash_only, require_evidence;
} VerifyOptions;

/* devboxctl-audit(1). Later outcomes are worse. */
static const int exit_statuses[_AUDIT_OUTCOME_MAX] = {
        [AUDIT_OK] = 0,        [AUDIT_UNPROVEN] = 7, [AUDIT_UNWITNESSED] = 3,
        [AUDIT_TRUNCATED] = 4, [AUDIT_FORK] = 5,     [AUDIT_BROKEN] = 6,
};

/* What the auditor holds, and the result for all chains. */
typedef struct Audit {
        Ctl *ctl;
        const VerifyOptions *options;
        const char *path;
        RootChain chain; /* empty without --root */
        AuditRoot *roots;
        char *checkpoints;       /* lines; NULL without --checkpoints */
        AuditEvidence *evidence; /* of --evidence */
        Json json;
        size_t n_chains;
        AuditOutcome worst;
} Audit;

static void audit_done(Audit *audit)
{
        root_chain_done(&audit->chain);
        free(audit->roots);
        free(audit->checkpoints);
        audit_evidence_free(audit->evidence);
        json_done(&audit->json);
}

/* ---- what is printed */

static void add_report(Audit *audit, const char *device, const AuditReport *report)
{
        Json *json = &audit->json;

        json_open_object(json, NULL);
        json_add_string(json, "device", device);
        json_add_string(json, "outcome", audit_outcome_name(report->outcome));
        if (report->why) {
                json_add_u64(json, "at", report->at);
                json_add_string(json, "why", report->why);
                if (report->error)
                        json_add_string(json, "reason", devbox_error_code(report->error));
        }
        json_add_u64(json, "size", report->size);
        json_add_hex(json, "head", BYTES_OF(report->head.bytes));
        json_add_u64(json, "witnessed", report->witnessed);
        json_add_u64(json, "accepted", report->n_accepted);
        json_add_u64(json, "judged_again", report->n_judged);
        json_add_u64(json, "redacted", report->n_redacted);
        json_add_u64(json, "unproven", report->n_unproven);
        json_add_u64(json, "dated_ahead", report->n_ahead);
        json_add_u64(json, "unknown_roots", report->n_unknown_roots);
        json_add_u64(json, "statements", report->n_checkpoints);
        json_add_u64(json, "ignored", report->n_ignored);
        json_close_object(json);
}

/* What would change an outcome that is not the chain's fault; "": nothing. */
static const char *find_hint(const Audit *audit, const AuditReport *report)
{
        if (report->outcome != AUDIT_UNWITNESSED || report->size == 0)
                return "";
        if (!audit->options->root)
                return " (give --root)";
        if (report->n_unknown_roots > 0)
                return " (give --root every root there was)";
        if (report->retired > 0)
                return " (give --root the roots up to the one of its time)";

        return report->n_checkpoints + report->n_ignored == 0 ? " (give --checkpoints)" : "";
}

static int print_report(const Audit *audit, const char *device, const AuditReport *report)
{
        const char *colour = !audit->ctl->colour                    ? ""
                             : report->outcome == AUDIT_OK          ? "\x1b[32m"
                             : report->outcome <= AUDIT_UNWITNESSED ? "\x1b[33m"
                                                                    : "\x1b[1;31m";
        bool at = report->outcome > AUDIT_UNWITNESSED;
        int n = printf("%s: %s%s%s", *device != '\0' ? device : "(not enrolled)", colour,
                       audit_outcome_name(report->outcome), audit->ctl->colour ? "\x1b[0m" : "");

        if (n >= 0 && at)
                n = printf(" at %s %" PRIu64, report->outcome == AUDIT_BROKEN ? "entry" : "size",
                           report->at);
        if (n >= 0 && report->why)
                n = printf(": %s%s%s%s", report->why, find_hint(audit, report), report->error ? ": " : "",
                           report->error ? devbox_error_sentence(report->error) : "");
        if (n >= 0)
                n = printf("%s %" PRIu64 " entries are valid, %" PRIu64 " of them witnessed",
                           report->why ? ";" : ":", report->size, report->witnessed);
        if (n >= 0 && report->n_accepted > 0)
                n = printf("; %zu of %zu acceptances proven", report->n_accepted - report->n_unproven,
                           report->n_accepted);
        if (n >= 0 && report->n_redacted > 0)
                n = printf(", %zu redacted", report->n_redacted);
        if (n >= 0 && report->n_unproven > 0)
                n = printf(", %zu unproven", report->n_unproven);
        if (n >= 0 && report->n_ahead > 0)
                n = printf("; %zu entries are dated ahead of this clock", report->n_ahead);
        if (n >= 0 && report->n_unknown_roots > 0)
                n = printf("; %zu of its roots are not held", report->n_unknown_roots);
        if (n >= 0 && report->n_ignored > 0)
                n = printf("; %zu checkpoints without a valid signature", report->n_ignored);

        return n < 0 || putchar('\n') < 0 ? -errno : 0;
}

/* ---- one chain */

static int add_own_checkpoint(void *userdata, const char *envelope)
{
        int r = audit_verifier_add_checkpoint(userdata, envelope);

        return r == -EBADMSG ? 0 : r; /* a damaged row confirms nothing */
}

/* Each line of the file, which is unchanged afterwards. */
static int add_checkpoints(Audit *audit, AuditVerifier *verifier)
{
        unsigned number = 1;

        for (char *line = audit->checkpoints; line && *line != '\0'; number++) {
                char *end = strchr(line, '\n');
                int r = 0;

                if (end)
                        *end = '\0';
                if (*line != '\0')
                        r = audit_verifier_add_checkpoint(verifier, line);
                if (end)
                        *end = '\n';
                if (r == -EBADMSG)
                        return problem_set(&audit->ctl->problem, DEVBOX_ERROR_BAD_ENVELOPE,
                                           "%s:%u: not a checkpoint in an envelope",
                                           audit->options->checkpoints, number);
                if (r < 0)
                        return r;
                line = end ? end + 1 : NULL;
        }

        return 0;
}

static int report_chain(Audit *audit, const char *device, const AuditReport *report)
{
        audit->n_chains++;
        audit->worst = MAX(audit->worst, report->outcome);
        if (!audit->ctl->json)
                return print_report(audit, device, report);

        add_report(audit, device, report);
        return 0;
}

static int verify_reader(Audit *audit, AuditReader *reader)
{
        const ChainIdentity *identity = audit_reader_identity(reader);
        _cleanup_(audit_evidence_freep) AuditEvidence *own = NULL;
        _cleanup_(audit_verifier_freep) AuditVerifier *verifier = NULL;
        AuditReport report;

        int r = audit->evidence ? 0 : audit_reader_open_evidence(reader, &own);
        if (r >= 0)
                r = audit_verifier_new(identity,
                                       &(AuditMeans){ .roots = audit->roots,
                                                      .n_roots = audit->chain.n_steps,
                                                      .evidence = audit->evidence ? audit->evidence : own,
                                                      .require_evidence = audit->options->require_evidence,
                                                      .now_ms = audit->ctl->now_ms,
                                                      .hash_only = audit->options->hash_only,
                                                      .may_be_empty = audit_reader_is_replica(reader) },
                                       &verifier);
        if (r == 0)
                r = add_checkpoints(audit, verifier);
        if (r == 0)
                r = audit_reader_checkpoints(reader, add_own_checkpoint, verifier);
        if (r == 0)
                r = audit_verify(verifier, reader, &report);
        if (r < 0)
                return r == -ENOMEM ? r
                                    : problem_set(&audit->ctl->problem, DEVBOX_ERROR_AUDIT_UNAVAILABLE,
                                                  "cannot read %s: %s", audit->path, strerror(-r));
        if (r > 0)
                return r;
        if (report.outcome != AUDIT_OK && audit_reader_is_stale(reader))
                return problem_set(&audit->ctl->problem, DEVBOX_ERROR_AUDIT_UNAVAILABLE,
                                   "the ledger started to write %s meanwhile: verify again", audit->path);

        return report_chain(audit, identity->device, &report);
}

static int verify_device(void *userdata, const char *device)
{
        _cleanup_(audit_reader_freep) AuditReader *reader = NULL;
        Audit *audit = userdata;

        if (device && *device == '\0')
                return report_chain(audit, device,
                                    &(AuditReport){ .outcome = AUDIT_BROKEN,
                                                    .why = "there are entries without an enrolment" });

        int r = audit_open(audit->path, device, &reader, NULL, &audit->ctl->problem);
        return r != 0 ? r : verify_reader(audit, reader);
}

/* ---- the verb */

static int load_roots(Audit *audit)
{
        if (!audit->options->root)
                return 0;

        int r = root_chain_read(audit->options->root, &audit->chain, &audit->ctl->problem);
        if (r != 0)
                return r;

        audit->roots = calloc(audit->chain.n_steps, sizeof *audit->roots);
        if (!audit->roots)
                return -ENOMEM;
        for (size_t i = 0; i < audit->chain.n_steps; i++)
                audit->roots[i] = (AuditRoot){ .version = audit->chain.steps[i].root->version,
                                               .digest = audit->chain.steps[i].digest,
                                               .root = audit->chain.steps[i].root };

        return 0;
}

static int load_checkpoints(Audit *audit)
{
        const char *path = audit->options->checkpoints;
        char **text = &audit->checkpoints;

        int r = path ? input_read_text(path, LINES_MAX, text, &audit->ctl->problem) : 0;
        if (r == 0 && *text && (*text)[strspn(*text, " \t\r\n")] == '\0')
                r = problem_set(&audit->ctl->problem, DEVBOX_ERROR_BAD_ENVELOPE,
                                "%s is empty: it has no checkpoint", path);
        return r;
}

static int load_evidence(Audit *audit)
{
        const char *path = audit->options->evidence;
        _cleanup_(freep) char *text = NULL;
        unsigned line;

        int r = path ? input_read_text(path, LINES_MAX, &text, &audit->ctl->problem) : 0;
        if (r != 0 || !path)
                return r;

        r = audit_evidence_parse(text, &audit->evidence, &line);
        return r == -EBADMSG ? problem_set(&audit->ctl->problem, DEVBOX_ERROR_BAD_ENVELOPE,
                                           "%s:%u: not an envelope", path, line)
                             : r;
}

static int verify_all(Audit *audit)
{
        int r = audit_reader_devices(audit->path, verify_device, audit);

        if (r == -EBADMSG)
                return problem_set(&audit->ctl->problem, DEVBOX_ERROR_BAD_REQUEST,
                                   "--all takes a ledger's database, which %s is not", audit->path);
        if (r == 0 && audit->n_chains == 0)
                return problem_set(&audit->ctl->problem, DEVBOX_ERROR_NOT_FOUND, "%s holds no chain",
                                   audit->path);
        return r < 0 && r != -ENOMEM ? problem_set(&audit->ctl->problem, DEVBOX_ERROR_AUDIT_UNAVAILABLE,
                                                   "cannot read %s: %s", audit->path, strerror(-r))
                                     : r;
}

static int run(Ctl *ctl, const void *options, char **args)
{
        const VerifyOptions *given = options;
        _cleanup_(audit_done) Audit audit = { .ctl = ctl, .options = given };

        if (args[0] && given->db)
                return ctl_usage(ctl, "give the chain as FILE or with --db, not both");
        if (given->all && given->device)
                return ctl_usage(ctl, "give --device or --all, not both");
        audit.path = args[0] ? args[0] : given->db ? given->db : LEDGER_PATH;

        int r = load_roots(&audit);
        if (r == 0)
                r = load_checkpoints(&audit);
        if (r == 0)
                r = load_evidence(&audit);
        if (r != 0)
                return r;

        json_open_object(&audit.json, NULL);
        json_open_array(&audit.json, "chains");
        r = given->all ? verify_all(&audit) : verify_device(&audit, given->device);
        if (r != 0)
                return r;

        json_close_array(&audit.json);
        json_close_object(&audit.json);
        ctl->status = exit_statuses[audit.worst];
        return ctl->json ? print_json(&audit.json) : 0;
}

static const Option options[] = {
        CHAIN_OPTIONS(VerifyOptions),
        { "all", &option_switch, offsetof(VerifyOptions, all), "every chain in the database" },
        { "root", &option_file, offsetof(VerifyOptions, root), "the roots to check against, one per line" },
        { "checkpoints", &option_file, offsetof(VerifyOptions, checkpoints),
          "checkpoints of the chain, one envelope per line" },
        { "evidence", &option_file, offsetof(VerifyOptions, evidence),
          "the signed documents behind the entries" },
        { "require-evidence", &option_switch, offsetof(VerifyOptions, require_evidence),
          "UNPROVEN unless evidence shows that all requests were allowed" },
        { "hash-only", &option_switch, offsetof(VerifyOptions, hash_only),
          "do not check what the entries mean" },
        { 0 },
};

const Verb verb_audit_verify = {
        .noun = "audit",
        .name = "verify",
        .arguments = "[FILE]",
        .help = "check that a history is complete and unchanged",
        .example = "audit verify laptop.jsonl --root root.json",
        .statuses = "failure; see devboxctl-audit(1) for 3 and more",
        VERB_OPTIONS(VerifyOptions, options),
        .run = run,
};
