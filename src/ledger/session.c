/* SPDX-License-Identifier: MIT */
/* Sessions: deliveries name the current one. Each is an entry in the chain, so they are limited. */

#include "ledger/ledger-internal.h"
#include "ledger/request.h"

static int append_session(Ledger *ledger, const uint8_t nonce[SESSION_NONCE_SIZE], uint64_t now_ms)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;
        AuditBody body = { .boot_id = ledger->boot_id };

        memcpy(body.session, nonce, SESSION_NONCE_SIZE);
        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = chain_append(&write, AUDIT_SESSION, now_ms, &body, NULL);
        if (r != 0)
                return r;

        return chain_transaction_commit(&write);
}

int ledger_begin_session(Ledger *ledger, uint8_t ret_session[SESSION_NONCE_SIZE])
{
        _cleanup_(secret_freep) Secret *nonce = NULL;
        uint64_t now_ms = ledger_time(ledger).now_ms;
        unsigned suppressed;

        if (!chain_exists(&ledger->chain) || !ledger_key_fits(ledger))
                return DEVBOX_ERROR_NOT_ENROLLED;
        if (!ratelimit_pass(&ledger->sessions, now_ms * USEC_PER_MSEC, &suppressed))
                return DEVBOX_ERROR_RATE_LIMITED;

        int r = secret_new_random(SESSION_NONCE_SIZE, &nonce);
        if (r < 0)
                return r;
        r = append_session(ledger, secret_bytes(nonce).data, now_ms);
        if (r != 0)
                return r;

        ledger->session = (Session){ .begun = true };
        memcpy(ledger->session.nonce, secret_bytes(nonce).data, SESSION_NONCE_SIZE);
        memcpy(ret_session, ledger->session.nonce, SESSION_NONCE_SIZE);
        return 0;
}
