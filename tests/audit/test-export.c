/* SPDX-License-Identifier: MIT */
/* One entry, written and read: each has one spelling. */

#include "audit/export.h"

#include <stdio.h>

#include "test.h"

static const struct {
        const char *bytes;
        size_t size;
        bool clean;
} bodies[] = {
        { "", 0, true },
        { "{\"a\":\"\\\\\"}", 10, true },
        { "ma\xc3\xb1"
          "ana",
          7, true },
        { "a\0b", 3, false },
        { "\x1b[2J", 4, false },
        { "\x7f", 1, false },
        { "\xc2\x9b", 2, false },
        { "\xff", 1, false },
        { "\xe2\x80", 2, false },
};

static void write_entry(AuditForm form, size_t i, Text *text)
{
        AuditEntry entry = { .seq = 7,
                             .time_ms = 1760000000000,
                             .type = AUDIT_SESSION,
                             .body = BYTES(bodies[i].bytes, bodies[i].size) };

        audit_write_entry(form, &entry, text);
        assert_ok(text->error);
}

static void test_round_trip(void **state)
{
        static const AuditForm forms[] = { AUDIT_FORM_JSON, AUDIT_FORM_BINARY };

        for (size_t i = 0; i < ELEMENTSOF(bodies); i++)
                for (size_t k = 0; k < ELEMENTSOF(forms); k++) {
                        _cleanup_(text_done) Text text = TEXT_NULL;
                        AuditEntry entry;
                        size_t used;

                        write_entry(forms[k], i, &text);
                        if (forms[k] == AUDIT_FORM_JSON)
                                assert_int_equal(!strstr(text.data, "body_b64"), bodies[i].clean);
                        assert_int_equal(
                                audit_read_entry(forms[k], (uint8_t *) text.data, text.size, &used, &entry),
                                AUDIT_NEXT_ENTRY);
                        assert_int_equal(used, text.size);
                        assert_int_equal(entry.body.size, bodies[i].size);
                        assert_memory_equal(entry.body.data, bodies[i].bytes, bodies[i].size);
                }
}

/* Clean text in base64, and text that is not clean as it is. */
static void test_other_spelling(void **state)
{
        static const char right[] = "\"body\":\"abc\"", base64[] = "\"body_b64\":\"YWJj\"";
        static const char *const others[] = { base64,
                                              "\"body\":\"a\xc2\x9b\"",
                                              "\"body\":\"\x7f\"",
                                              "\"body\":\"\xff\"",
                                              "\"body_b64\":\"YWJ\"",
                                              "\"body_b64\":\"" };
        _cleanup_(text_done) Text text = TEXT_NULL;
        AuditEntry entry = { .seq = 7, .type = AUDIT_SESSION, .body = bytes_of_string("abc") };
        size_t used;

        audit_write_entry(AUDIT_FORM_JSON, &entry, &text);
        const char *at = strstr(text.data, right);
        assert_non_null(at);
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                char line[1024];

                int n = snprintf(line, sizeof line, "%.*s%s}\n", (int) (at - text.data), text.data,
                                 others[i]);
                assert_int_equal(
                        audit_read_entry(AUDIT_FORM_JSON, (uint8_t *) line, (size_t) n, &used, &entry),
                        AUDIT_NEXT_MALFORMED);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_other_spelling),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
