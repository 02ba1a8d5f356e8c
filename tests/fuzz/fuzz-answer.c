/* SPDX-License-Identifier: MIT */
/* Answers to claims: what is read can be written, and says the same when it is read again. */

#include "fuzz.h"
#include "trust/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(answer_freep) Answer *answer = NULL, *again = NULL;
        _cleanup_(freep) char *text = NULL, *second = NULL;

        if (answer_parse(BYTES(data, size), &answer, NULL) != 0)
                return 0;

        fuzz_check(answer_format(answer, &text, NULL) == 0);
        fuzz_check(answer_parse(bytes_of_string(text), &again, NULL) == 0);
        fuzz_check(answer_format(again, &second, NULL) == 0);
        fuzz_check(streq(text, second));
        return 0;
}
