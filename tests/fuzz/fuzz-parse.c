/* SPDX-License-Identifier: MIT */
/* Numbers from text. */

#include <string.h>

#include "basic/macro.h"
#include "basic/parse.h"
#include "fuzz.h"

/* A number that was taken is its own text, leading zeros aside. */
static void check_same(const char *text, uint64_t value)
{
        char again[32];

        while (text[0] == '0' && text[1] != '\0')
                text++;

        (void) snprintf(again, sizeof again, "%llu", (unsigned long long) value);
        fuzz_check(streq(text, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = strndup((const char *) data, size);
        const char *cursor = text;
        uint64_t value;

        fuzz_check(text);

        if (parse_u64(text, 0, UINT64_MAX, &value) == 0)
                check_same(text, value);
        if (parse_u64(text, 10, 20, &value) == 0)
                fuzz_check(value >= 10 && value <= 20);

        for (;;) {
                const char *before = cursor;
                int r = parse_next_u64(&cursor, &value);
                if (r < 0) {
                        fuzz_check(cursor == before);
                        break;
                }
                fuzz_check(cursor > before && cursor <= text + size);
        }

        return 0;
}
