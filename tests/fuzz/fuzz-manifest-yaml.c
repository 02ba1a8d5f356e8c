/* SPDX-License-Identifier: MIT */
/* Manifests as a person writes them: whatever the text, it is refused with a reason, or can be written. */

#include <string.h>

#include "fuzz.h"
#include "schema/yaml.h"
#include "trust/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_(freep) char *text = NULL;
        YamlProblems problems = YAML_PROBLEMS_NULL;

        int r = schema_yaml_parse(&manifest_schema, BYTES(data, size), 1760000000000, (void **) &manifest,
                                  &problems);
        fuzz_check(r == 0 || r == -EBADMSG);
        if (r == 0)
                fuzz_check(manifest_format(manifest, &text, NULL) == 0);
        else
                fuzz_check(problems.n > 0 && problems.items[0].reason[0] != '\0' && !manifest);

        return 0;
}
