/* SPDX-License-Identifier: MIT */
/* Records events of the hub: each once, by the id that its caller gave it. The caller repeats a call whose
 * reply it did not get, also after a crash. */

#include "ledger/record.h"

#include "audit/entry-table.h"
#include "ledger/ledger-internal.h"
#include "store/query.h"

typedef struct Comparison {
        Bytes body;
        bool same;
} Comparison;

static int compare(const AuditEntry *entry, void *userdata)
{
        Comparison *comparison = userdata;

        comparison->same = bytes_equal(entry->body, comparison->body);
        return 0;
}

static int check_same(Ledger *ledger, uint64_t seq, const AuditBody *body)
{
        _cleanup_(freep) char *text = NULL;

        int r = audit_body_format(AUDIT_EVENT, body, &text, NULL);
        if (r != 0)
                return r;

        Comparison comparison = { .body = bytes_of_string(text) };
        r = chain_read(ledger->database, &(ChainRange){ .from = seq, .max = 1 }, compare, &comparison);
        if (r < 0)
                return r;

        return comparison.same ? 0 : DEVBOX_ERROR_BAD_REQUEST;
}

static int append_event(Ledger *ledger, const AuditBody *body)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;
        uint64_t seq;

        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = chain_append(&write, AUDIT_EVENT, ledger_time(ledger).now_ms, body, &seq);
        if (r != 0)
                return r;
        r = query_run(ledger->database, "INSERT INTO event(id, seq) VALUES(?, ?)", "ti", body->record_id,
                      (int64_t) seq);
        if (r < 0)
                return r;

        return chain_transaction_commit(&write);
}

int ledger_record(Ledger *ledger, const LedgerEvent *event)
{
        AuditBody body = { .event = event->kind,
                           .device = (char *) event->device,
                           .record_id = (char *) event->id,
                           .details = { (SchemaPair *) event->details, event->n_details } };
        int64_t seq;

        if (!chain_exists(&ledger->chain))
                return DEVBOX_ERROR_NOT_ENROLLED;
        for (size_t i = 0; i < event->n_details; i++)
                if (strlen(event->details[i].value) > AUDIT_DETAIL_SIZE_MAX)
                        return DEVBOX_ERROR_BAD_SCHEMA;

        int r = query_integer(ledger->database, &seq, "SELECT seq FROM event WHERE id = ?", "t", event->id);
        if (r < 0)
                return r;

        return r > 0 ? check_same(ledger, (uint64_t) seq, &body) : append_event(ledger, &body);
}
