/* SPDX-License-Identifier: MIT */
/* Records confirmations of the manifest in the chain. */

#include "ledger/confirmation.h"

#include "audit/ledger-database.h"
#include "ledger/ledger-internal.h"

int confirmation_log(Ledger *ledger, ChainTransaction *write, const Capability *capability, uint64_t now_ms)
{
        const Policy *policy = &ledger->policy;
        int64_t at = (int64_t) policy->confirmed_at_ms, logged = 0;
        AuditBody body = { .sha256 = policy->floor.digest, .confirmed_at_ms = at };

        if (!capability->strict)
                return 0;

        int r = state_read_integer(ledger->database, LEDGER_CONFIRMATION_LOGGED, &logged);
        if (r < 0 || logged == at)
                return MIN(r, 0);

        r = chain_append(write, AUDIT_CONFIRMATION, now_ms, &body, NULL);
        return r == 0 ? state_write_integer(ledger->database, LEDGER_CONFIRMATION_LOGGED, at) : r;
}
