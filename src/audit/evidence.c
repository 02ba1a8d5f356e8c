/* SPDX-License-Identifier: MIT */
/* The signed documents behind the entries. */

#include "audit/evidence.h"

#include "audit/body.h"
#include "trust/accept.h"

/* ---- what an entry names */

#define DOCUMENTS_MAX (1 + APPROVALS_MAX) /* behind one entry */

/* A request that the entry records in part is not kept. */
static size_t list_accepted(const AuditBody *body, Sha256 ret_digests[static DOCUMENTS_MAX])
{
        size_t n = 0;

        if (!audit_body_is_redacted(body))
                ret_digests[n++] = body->request_sha256;
        for (size_t i = 0; i < body->approvals.n; i++)
                ret_digests[n++] = body->approvals.items[i].sha256;

        return n;
}

/* Returns how many; none of a body that is not valid. Errors: -ENOMEM. */
static int list_documents(const AuditEntry *entry, Sha256 ret_digests[static DOCUMENTS_MAX])
{
        AuditType type = (AuditType) entry->type;
        AuditBody *body;
        size_t n = 1;

        if (type != AUDIT_GENESIS && type != AUDIT_ROOT && type != AUDIT_MANIFEST &&
            type != AUDIT_REQUEST_ACCEPTED)
                return 0;

        int r = audit_body_parse(type, entry->body, &body, NULL);
        if (r != 0)
                return MIN(r, 0);

        if (type == AUDIT_REQUEST_ACCEPTED)
                n = list_accepted(body, ret_digests);
        else
                ret_digests[0] = body->sha256;
        audit_body_free(type, body);
        return (int) n;
}

/* ---- the tables */

int evidence_exists(Database *database, const Sha256 *digest)
{
        return query_exists(database, "SELECT 1 FROM evidence WHERE digest = ?", "b",
                            BYTES_OF(digest->bytes));
}

int evidence_keep(Database *database, const char *device, const Envelope *envelope)
{
        static const char own[] = "INSERT OR IGNORE INTO evidence(digest, envelope) VALUES(?, ?)";
        static const char replica[] =
                "INSERT OR IGNORE INTO replica_evidence(digest, envelope, device) VALUES(?, ?, ?)";
        _cleanup_(freep) char *text = NULL;

        int r = envelope_format(envelope, &text);
        if (r < 0)
                return r;

        return query_run(database, device ? replica : own, device ? "btt" : "bt",
                         BYTES_OF(envelope->digest.bytes), text, device);
}

int evidence_for_each(Database *database, const char *device, StatementTextHandler on_envelope,
                      void *userdata)
{
        Statement *rows;

        int r = device ? query(database, &rows,
                               "SELECT envelope FROM replica_evidence WHERE device = ? ORDER BY rowid", "t",
                               device)
                       : query(database, &rows, "SELECT envelope FROM evidence ORDER BY rowid", "");
        return r < 0 ? r : statement_for_each_text(rows, on_envelope, userdata);
}

/* 1: stored, and the caller frees the text; 0: not. */
static int read_text(Database *database, const char *device, const Sha256 *digest, char **ret_text)
{
        Bytes key = BYTES_OF(digest->bytes);

        return device ? query_text(database, ret_text,
                                   "SELECT envelope FROM replica_evidence WHERE device = ? AND digest = ?",
                                   "tb", device, key)
                      : query_text(database, ret_text, "SELECT envelope FROM evidence WHERE digest = ?", "b",
                                   key);
}

int evidence_for_entry(Database *database, const AuditEntry *entry, StatementTextHandler on_envelope,
                       void *userdata)
{
        Sha256 digests[DOCUMENTS_MAX];

        int n = list_documents(entry, digests);
        for (int i = 0; i < n; i++) {
                _cleanup_(freep) char *text = NULL;

                int r = read_text(database, NULL, &digests[i], &text);
                if (r > 0)
                        r = on_envelope(userdata, text);
                if (r != 0)
                        return r;
        }

        return MIN(n, 0);
}

/* ---- for an auditor */

typedef struct Line {
        Sha256 digest;
        Bytes text; /* borrowed from `lines` */
} Line;

struct AuditEvidence {
        Database *const *database; /* borrowed; NULL: lines */
        const char *device;        /* borrowed; of the chain in the database */

        char *text;
        Line *lines; /* sorted by digest */
        size_t n_lines;
};

AuditEvidence *audit_evidence_free(AuditEvidence *evidence)
{
        if (!evidence)
                return NULL;

        free(evidence->text);
        free(evidence->lines);
        free(evidence);
        return NULL;
}

int audit_evidence_open(Database *const *database, const char *device, AuditEvidence **ret_evidence)
{
        AuditEvidence *evidence = calloc(1, sizeof *evidence);

        if (!evidence)
                return -ENOMEM;

        evidence->database = database;
        evidence->device = device;
        *ret_evidence = evidence;
        return 0;
}

static int compare(const void *a, const void *b)
{
        return memcmp(&((const Line *) a)->digest, &((const Line *) b)->digest, sizeof(Sha256));
}

static int add_line(AuditEvidence *evidence, Bytes text)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        Line *lines = evidence->lines;

        int r = envelope_parse(text, ENVELOPE_PAYLOAD_MAX, &envelope);
        if (r != 0)
                return r > 0 ? -EBADMSG : r;

        /* Room doubles: at 1, 2, 4, 8, … */
        if ((evidence->n_lines & (evidence->n_lines - 1)) == 0) {
                lines = realloc(lines, MAX(evidence->n_lines * 2, (size_t) 1) * sizeof *lines);
                if (!lines)
                        return -ENOMEM;
                evidence->lines = lines;
        }

        lines[evidence->n_lines].digest = envelope->digest;
        lines[evidence->n_lines++].text = text;
        return 0;
}

int audit_evidence_parse(const char *lines, AuditEvidence **ret_evidence, unsigned *ret_line)
{
        _cleanup_(audit_evidence_freep) AuditEvidence *evidence = calloc(1, sizeof *evidence);
        unsigned number = 1;

        if (!evidence)
                return -ENOMEM;
        evidence->text = strdup(lines);
        if (!evidence->text)
                return -ENOMEM;

        for (const char *line = evidence->text; *line != '\0'; number++) {
                size_t size = strcspn(line, "\n");
                int r = size > 0 ? add_line(evidence, BYTES(line, size)) : 0;

                if (r == -EBADMSG)
                        *ret_line = number;
                if (r < 0)
                        return r;
                line += size + (line[size] == '\n');
        }

        if (evidence->n_lines > 0)
                qsort(evidence->lines, evidence->n_lines, sizeof *evidence->lines, compare);
        *ret_evidence = TAKE_PTR(evidence);
        return 0;
}

/* A row whose envelope has another digest counts as absent: the database was tampered with. */
static int find_in_database(AuditEvidence *evidence, const Sha256 *digest, Envelope **ret_envelope)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(freep) char *text = NULL;

        int r = read_text(*evidence->database, evidence->device, digest, &text);
        if (r <= 0)
                return r;

        r = envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope);
        if (r != 0)
                return r < 0 ? r : 0;
        if (!sha256_equal(&envelope->digest, digest))
                return 0;

        *ret_envelope = TAKE_PTR(envelope);
        return 1;
}

int audit_evidence_find(AuditEvidence *evidence, const Sha256 *digest, Envelope **ret_envelope)
{
        Line like = { .digest = *digest };

        if (evidence->database)
                return find_in_database(evidence, digest, ret_envelope);
        if (evidence->n_lines == 0)
                return 0;

        const Line *found =
                bsearch(&like, evidence->lines, evidence->n_lines, sizeof *evidence->lines, compare);
        if (!found)
                return 0;

        int r = envelope_parse(found->text, ENVELOPE_PAYLOAD_MAX, ret_envelope);
        return r == 0 ? 1 : r > 0 ? -EBADMSG : r;
}

int audit_evidence_keep(AuditEvidence *evidence, Database *database, const char *device,
                        const AuditEntry *entry)
{
        Sha256 digests[DOCUMENTS_MAX];

        int n = list_documents(entry, digests);
        for (int i = 0; i < n; i++) {
                _cleanup_(envelope_freep) Envelope *envelope = NULL;

                int r = audit_evidence_find(evidence, &digests[i], &envelope);
                if (r > 0)
                        r = evidence_keep(database, device, envelope);
                if (r < 0)
                        return r;
        }

        return MIN(n, 0);
}
