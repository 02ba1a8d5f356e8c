/* SPDX-License-Identifier: MIT */
/* The signed things behind the entries. */

#include "ledger/evidence.h"

int evidence_init(Evidence *evidence, Database *database)
{
        return database_prepare(database, "INSERT OR IGNORE INTO evidence(digest, envelope) VALUES(?, ?)",
                                &evidence->insert);
}

void evidence_done(Evidence *evidence)
{
        evidence->insert = statement_free(evidence->insert);
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
