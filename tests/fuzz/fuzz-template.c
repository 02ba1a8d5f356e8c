/* SPDX-License-Identifier: MIT */
/* Templates: whatever the text, it is rejected with a reason, or expands to a policy that can be written. */

#include "ctl/template/template.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const People nobody = { .people = { NULL, 0 } };
        _cleanup_(template_freep) Template *template = NULL;
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_(yaml_node_freep) YamlNode *yaml = NULL;
        YamlProblems problems = YAML_PROBLEMS_NULL;
        YamlProblem problem = { 0 };
        cJSON *tree = NULL;

        if (yaml_node_parse((const char *) data, size, &yaml, &problem) < 0)
                return 0;

        int r = template_parse(yaml, 1760000000000, &template, &problems);
        if (r == 0)
                r = template_expand(template, &nobody, &manifest, &problems);
        fuzz_check(r == 0 || r == -EBADMSG);
        fuzz_check((r == 0) == (problems.n == 0) && (r == 0) == (manifest != NULL));
        for (size_t i = 0; i < yaml_problems_listed(&problems); i++)
                fuzz_check(problems.items[i].reason[0] != '\0');
        if (r == 0)
                fuzz_check(schema_build(&manifest_policy_schema, manifest, &tree, NULL) == 0);

        cJSON_Delete(tree);
        return 0;
}
