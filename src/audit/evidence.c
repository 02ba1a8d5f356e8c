/* SPDX-License-Identifier: MIT */
/* The signed documents behind the entries. */

#include "audit/evidence.h"

/* ---- the table */

int evidence_exists(Database *database, const Sha256 *digest)
{
        return query_exists(database, "SELECT 1 FROM evidence WHERE digest = ?", "b",
                            BYTES_OF(digest->bytes));
}

int evidence_keep(Database *database, const Envelope *envelope)
{
        _cleanup_(freep) char *text = NULL;

        int r = envelope_format(envelope, &text);
        if (r < 0)
                return r;

        return query_run(database, "INSERT OR IGNORE INTO evidence(digest, envelope) VALUES(?, ?)", "bt",
                         BYTES_OF(envelope->digest.bytes), text);
}

int evidence_for_each(Database *database, StatementTextHandler on_envelope, void *userdata)
{
        Statement *rows;

        int r = query(database, &rows, "SELECT envelope FROM evidence ORDER BY rowid", "");
        return r < 0 ? r : statement_for_each_text(rows, on_envelope, userdata);
}

/* ---- for an auditor */

typedef struct Line {
        Sha256 digest;
        Bytes text; /* borrowed from `lines` */
} Line;

struct AuditEvidence {
        Database *database; /* borrowed; NULL: lines */

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

int audit_evidence_open(Database *database, AuditEvidence **ret_evidence)
{
        AuditEvidence *evidence = calloc(1, sizeof *evidence);

        if (!evidence)
                return -ENOMEM;

        evidence->database = database;
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

        int r = query_text(evidence->database, &text, "SELECT envelope FROM evidence WHERE digest = ?", "b",
                           BYTES_OF(digest->bytes));
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
