/* SPDX-License-Identifier: MIT */
/* Invitations: what is read has exactly one encoding, as bytes and as text. */

#include "fuzz.h"
#include "trust/token.h"

static void check(const Token *token, Bytes bytes)
{
        uint8_t again[TOKEN_SIZE_MAX];
        char text[TOKEN_TEXT_SIZE_MAX];
        Token same;

        size_t size = token_format(token, again);
        fuzz_check(bytes.size == 0 || bytes_equal(bytes, BYTES(again, size)));
        token_text_format(token, text);
        fuzz_check(token_text_parse(text, &same) == 0);
        fuzz_check(memcmp(token, &same, sizeof same) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = strndup((const char *) data, size);
        Token token;

        fuzz_check(text);
        if (token_text_parse(text, &token) == 0)
                check(&token, BYTES_NULL);
        if (token_parse(BYTES(data, size), &token) == 0)
                check(&token, BYTES(data, size));
        return 0;
}
