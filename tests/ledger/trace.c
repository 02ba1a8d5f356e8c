/* SPDX-License-Identifier: MIT */
/* The trace of a rejection. */

#include "trace.h"

#include <stdio.h>

void assert_trace(LedgerWorld *world, uint64_t size, DevboxError reason, Trace trace)
{
        _cleanup_(freep) char *checkpoint = NULL, *body = NULL;
        bool counted = trace == TRACE_COUNT;
        char wanted[96];
        uint16_t type;

        if (counted) {
                assert_true(ledger_world_size(world) == size);
                assert_int_equal(ledger_flush(world->ledger, &checkpoint), 0);
        }
        if (ledger_world_size(world) != size + 1)
                fail_msg("%s: %d entries", devbox_error_code(reason),
                         (int) (ledger_world_size(world) - size));

        (void) snprintf(wanted, sizeof wanted,
                        counted ? "{\"reason\":\"%s\",\"count\":1}" : "\"reason\":\"%s\"",
                        devbox_error_code(reason));
        body = ledger_world_entry(world, 1, &type);
        assert_int_equal(type, counted ? AUDIT_SUPPRESSED : AUDIT_REQUEST_DENIED);
        if (counted ? !streq(body, wanted) : !strstr(body, wanted))
                fail_msg("no %s in %s", wanted, body);
}

void assert_refused(LedgerWorld *world, const SignedBundle *bundle, DevboxError reason, Trace trace)
{
        _cleanup_(ledger_answer_done) LedgerAnswer answer = LEDGER_ANSWER_NULL;
        uint64_t size = ledger_world_size(world);

        ledger_world_put(world, bundle, &answer);
        if (answer.outcome != LEDGER_DENIED || answer.error != reason)
                fail_msg("%d, %s instead of %s", (int) answer.outcome,
                         answer.error ? devbox_error_code(answer.error) : "nothing",
                         devbox_error_code(reason));
        assert_int_equal(answer.logged, trace == TRACE_ENTRY);
        assert_trace(world, size, reason, trace);
}

void assert_case_refused(LedgerWorld *world, const Case *given, DevboxError reason, Trace trace)
{
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };

        signed_bundle(&world->made, given, &bundle);
        assert_refused(world, &bundle, reason, trace);
}
