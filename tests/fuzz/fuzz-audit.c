/* SPDX-License-Identifier: MIT */
/* Exported chains: of binary ones, what is read is written again byte for byte. */

#include <string.h>

#include "audit/export.h"
#include "fuzz.h"

static void read_all(AuditForm form, const uint8_t *data, size_t size)
{
        _cleanup_(freep) uint8_t *bytes = malloc(size + 1);
        _cleanup_(text_done) Text again = TEXT_NULL;
        ChainIdentity identity;
        size_t used, at;

        memcpy(bytes, data, size);
        if (audit_read_head(form, bytes, size, &used, &identity) != AUDIT_NEXT_ENTRY)
                return;

        audit_write_head(form, &identity, &again);
        for (at = used; at < size; at += used) {
                AuditEntry entry;

                if (audit_read_entry(form, bytes + at, size - at, &used, &entry) != AUDIT_NEXT_ENTRY)
                        break;
                fuzz_check(used > 0 && used <= size - at);
                audit_write_entry(form, &entry, &again);
        }

        /* JSON may come with a body in base64 that is written as text. */
        if (form == AUDIT_FORM_BINARY)
                fuzz_check(again.size == at && memcmp(again.data, data, at) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        read_all(AUDIT_FORM_JSON, data, size);
        read_all(AUDIT_FORM_BINARY, data, size);
        return 0;
}
