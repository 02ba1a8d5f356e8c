/* SPDX-License-Identifier: MIT */
/* Strict JSON: what it takes it writes again, and cJSON reads the same in it. */

#include "codec/strict-json.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(json_deletep) cJSON *tree = NULL, *again = NULL, *other = NULL;
        _cleanup_(freep) char *text = NULL, *twice = NULL;

        if (strict_json_parse(BYTES(data, size), 65536, &tree, NULL) < 0)
                return 0;

        fuzz_check(strict_json_format(tree, &text) == 0);
        fuzz_check(strict_json_parse(bytes_of_string(text), SIZE_MAX, &again, NULL) == 0);
        fuzz_check(strict_json_format(again, &twice) == 0);
        fuzz_check(streq(text, twice));

        other = cJSON_ParseWithLength((const char *) data, size);
        fuzz_check(other && cJSON_Compare(tree, other, true));
        return 0;
}
