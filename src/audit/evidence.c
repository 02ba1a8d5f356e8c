/* SPDX-License-Identifier: MIT */
/* The signed things behind the entries. */

#include "audit/evidence.h"

#include "audit/ledger-database.h"

int evidence_init(Evidence *evidence, Database *database)
{
        int r = database_prepare(database, LEDGER_SELECT_EVIDENCE, &evidence->find);
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
        Sha256 digest;

        int r = envelope_format(envelope, &text);
        if (r < 0)
                return r;

        envelope_digest(envelope, &digest);
        statement_bind_bytes(evidence->insert, BYTES_OF(digest.bytes));
        statement_bind_text(evidence->insert, text);
        return statement_run(evidence->insert);
}
