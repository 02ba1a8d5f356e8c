/* SPDX-License-Identifier: MIT */
/* Counts rejections. */

#include "ledger/tally.h"

void tally_add(Tally *tally, int error)
{
        assert(error > 0 && error < _DEVBOX_ERROR_MAX);

        tally->counts[error]++;
        tally->total++;
}

int tally_append(const Tally *tally, ChainTransaction *write, uint64_t now_ms)
{
        for (int error = 1; error < _DEVBOX_ERROR_MAX; error++) {
                if (tally->counts[error] == 0)
                        continue;

                int r = chain_append(write, AUDIT_SUPPRESSED, now_ms,
                                     &(AuditBody){ .reason = (char *) devbox_error_code((DevboxError) error),
                                                   .count = (int64_t) tally->counts[error] },
                                     NULL);
                if (r != 0)
                        return r;
        }

        return 0;
}

void tally_reset(Tally *tally)
{
        *tally = (Tally){ 0 };
}
