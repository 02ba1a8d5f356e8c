/* SPDX-License-Identifier: MIT */
/* The signed documents behind the entries. */

#include "audit/evidence.h"

/* ---- the table */

static int prepare_find(Database *database, Statement **ret_find)
{
        return database_prepare(database, "SELECT envelope FROM evidence WHERE digest = ?", ret_find);
}

int evidence_init(Evidence *evidence, Database *database)
{
        int r = prepare_find(database, &evidence->find);
        if (r < 0)
                return r;

        return database_prepare(database, "INSERT OR IGNORE INTO evidence(digest, envelope) VALUES(?, ?)",
                                &evidence->insert);
}

void evidence_done(Evidence *evidence)
{
        evidence->find = statement_free(evidence->find);
        evidence->insert = statement_free(evidence->insert);
}

int evidence_exists(const Evidence *evidence, const Sha256 *digest)
{
        _cleanup_(statement_resetp) Statement *find = evidence->find;

        statement_bind_bytes(find, BYTES_OF(digest->bytes));
        return statement_step(find);
}

int evidence_keep(const Evidence *evidence, const Envelope *envelope)
{
        _cleanup_(freep) char *text = NULL;

        int r = envelope_format(envelope, &text);
        if (r < 0)
                return r;

        statement_bind_bytes(evidence->insert, BYTES_OF(envelope->digest.bytes));
        statement_bind_text(evidence->insert, text);
        return statement_run(evidence->insert);
}

int evidence_for_each(Database *database, StatementTextHandler on_envelope, void *userdata)
{
        _cleanup_(statement_freep) Statement *select = NULL;

        int r = database_prepare(database, "SELECT envelope FROM evidence ORDER BY rowid", &select);
        return r < 0 ? r : statement_for_each_text(select, on_envelope, userdata);
}

/* ---- for an auditor */

typedef struct Line {
        Sha256 digest;
        Bytes text; /* borrowed from `lines` */
} Line;

struct AuditEvidence {
        Statement *find; /* in the table; NULL: lines */

        char *text;
        Line *lines; /* sorted by digest */
        size_t n_lines;
};

AuditEvidence *audit_evidence_free(AuditEvidence *evidence)
{
        if (!evidence)
                return NULL;

        statement_free(evidence->find);
        free(evidence->text);
        free(evidence->lines);
        free(evidence);
        return NULL;
}

int audit_evidence_open(Database *database, AuditEvidence **ret_evidence)
{
        _cleanup_(audit_evidence_freep) AuditEvidence *evidence = calloc(1, sizeof *evidence);

        if (!evidence)
                return -ENOMEM;

        int r = prepare_find(database, &evidence->find);
        if (r < 0)
                return r;

        *ret_evidence = TAKE_PTR(evidence);
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
        _cleanup_(statement_resetp) Statement *find = evidence->find;
        _cleanup_(envelope_freep) Envelope *envelope = NULL;

        statement_bind_bytes(find, BYTES_OF(digest->bytes));
        int r = statement_step(find);
        if (r <= 0)
                return r;

        const char *text = statement_text(find, 0);
        if (!text)
                return 0;
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

        if (evidence->find)
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
