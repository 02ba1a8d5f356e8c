/* SPDX-License-Identifier: MIT */
/* What may be used once, and for how long that is known. */

#include "ctl/audit-once.h"
#include "proto/audit.h"
#include "test.h"

#define START  UINT64_C(1760000000000)
#define WINDOW (REQUEST_KEEP_MS - AUDIT_BACKWARDS_MAX_MS)

static void once_done(AuditOnce *once)
{
        audit_once_done(once);
}

static void test_window(void **state)
{
        _cleanup_(once_done) AuditOnce once = AUDIT_ONCE_NULL;
        Bytes key = bytes_of_string("nonce");

        assert_null(audit_once_find(&once, key));
        assert_ok(audit_once_use(&once, key, START, NULL));
        audit_once_forget(&once, START + WINDOW);
        assert_non_null(audit_once_find(&once, key));
        assert_null(audit_once_find(&once, bytes_of_string("nonc")));
        audit_once_forget(&once, START + WINDOW + 1);
        assert_null(audit_once_find(&once, key));
        assert_ok(audit_once_use(&once, key, START + WINDOW + 1, NULL));
        assert_non_null(audit_once_find(&once, key));
}

/* A request that has not ended is known for as long as that takes, and what was used after it is forgotten
 * nevertheless. */
static void test_open_request(void **state)
{
        _cleanup_(once_done) AuditOnce once = AUDIT_ONCE_NULL;
        AuditUsed *request;

        assert_ok(audit_once_use(&once, bytes_of_string("request"), START, &request));
        request->stage = STAGE_STARTED;
        assert_ok(audit_once_use(&once, bytes_of_string("nonce"), START + 1, NULL));
        for (int days = 2; days < 5; days++) {
                audit_once_forget(&once, START + (uint64_t) days * REQUEST_KEEP_MS);
                assert_ptr_equal(audit_once_find(&once, bytes_of_string("request")), request);
                assert_null(audit_once_find(&once, bytes_of_string("nonce")));
        }

        request->stage = STAGE_USED;
        audit_once_forget(&once, START + 6 * REQUEST_KEEP_MS);
        assert_null(audit_once_find(&once, bytes_of_string("request")));
}

/* Times in a file are whatever somebody wrote there. */
static void test_end_of_time(void **state)
{
        _cleanup_(once_done) AuditOnce once = AUDIT_ONCE_NULL;
        AuditUsed *request;

        assert_ok(audit_once_use(&once, bytes_of_string("request"), START, &request));
        request->stage = STAGE_ACCEPTED;
        audit_once_forget(&once, UINT64_MAX);
        assert_non_null(audit_once_find(&once, bytes_of_string("request")));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_window),
                cmocka_unit_test(test_open_request),
                cmocka_unit_test(test_end_of_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
