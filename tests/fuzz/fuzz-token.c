/* SPDX-License-Identifier: MIT */
/* Invitations, in both spellings. */

#include "fuzz.h"
#include "trust/token.h"

static void try_payload(Bytes payload)
{
        _cleanup_(token_freep) Token *token = NULL, *again = NULL;
        _cleanup_(freep) char *text = NULL;

        if (token_parse(payload, &token, NULL) != 0)
                return;

        fuzz_check(token->expires_at_ms - token->issued_at_ms <= TOKEN_LIFE_MAX_MS);
        fuzz_check(token_format(token, &text, NULL) == 0);
        fuzz_check(token_parse(bytes_of_string(text), &again, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(freep) char *text = strndup((const char *) data, size), *again = NULL;

        fuzz_check(text);
        if (token_text_parse(text, &envelope) == 0) {
                fuzz_check(token_text_format(envelope, &again) == 0);
                fuzz_check(streq(text, again));
                try_payload(envelope_payload(envelope));
        }

        try_payload(BYTES(data, size));
        return 0;
}
