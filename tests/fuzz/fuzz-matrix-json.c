/* SPDX-License-Identifier: MIT */
/* JSON from a homeserver: whatever is read has one canonical form, which is read as the same again. */

#include "e2ee/json.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(json_freep) cJSON *tree = NULL, *again = NULL;
        _cleanup_(freep) char *canonical = NULL, *canonical_again = NULL;

        if (matrix_json_parse(BYTES(data, size), 1 << 16, &tree) < 0)
                return 0;
        if (canonical_json(tree, false, &canonical) < 0)
                return 0;

        fuzz_check(matrix_json_parse(bytes_of_string(canonical), 1 << 20, &again) == 0);
        fuzz_check(canonical_json(again, false, &canonical_again) == 0);
        fuzz_check(streq(canonical, canonical_again));
        return 0;
}
