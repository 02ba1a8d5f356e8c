/* SPDX-License-Identifier: MIT */
/* Manifests: what is taken is written, and read to the same again. */

#include "fuzz.h"
#include "trust/ceiling.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL, *again = NULL;
        _cleanup_(freep) char *text = NULL, *twice = NULL;
        SchemaFault fault = { 0 };

        int r = manifest_parse(BYTES(data, size), &manifest, &fault);
        if (r != 0) {
                fuzz_check(r < 0 || fault.why);
                return 0;
        }

        fuzz_check(manifest_format(manifest, &text, NULL) == 0);
        fuzz_check(manifest_parse(bytes_of_string(text), &again, NULL) == 0);
        fuzz_check(manifest_format(again, &twice, NULL) == 0);
        fuzz_check(streq(text, twice));
        fuzz_check(manifest->capabilities.n == 0 || ceiling_check(&(Ceiling){ 0 }, manifest, &fault) > 0);
        return 0;
}
