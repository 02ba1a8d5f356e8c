/* SPDX-License-Identifier: MIT */
/* Requests: what is taken is written, read to the same again, and can always be redacted and named. */

#include "audit/body.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(request_freep) Request *request = NULL, *again = NULL;
        _cleanup_(freep) char *text = NULL, *twice = NULL, *redacted = NULL;
        char subject[64];
        Sha256 digest;

        if (request_parse(BYTES(data, size), &request, NULL) != 0)
                return 0;

        fuzz_check(request_format(request, &text, NULL) == 0);
        fuzz_check(request_parse(bytes_of_string(text), &again, NULL) == 0);
        fuzz_check(request_format(again, &twice, NULL) == 0);
        fuzz_check(streq(text, twice));
        fuzz_check(audit_redact(request, NULL, &redacted, &digest) == 0);
        if (request->kind >= 0)
                capability_subject((CapabilityKind) request->kind, &request->arguments, subject);
        return 0;
}
