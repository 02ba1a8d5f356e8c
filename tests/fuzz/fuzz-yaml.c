/* SPDX-License-Identifier: MIT */
/* The part of YAML that a person writes by hand. */

#include <string.h>

#include "codec/yaml.h"
#include "fuzz.h"

static unsigned count(const YamlNode *node, unsigned depth)
{
        bool in_map = yaml_node_kind(node) == YAML_KIND_MAP;
        unsigned n = 1;

        fuzz_check(depth <= YAML_DEPTH_MAX);
        if (yaml_node_kind(node) == YAML_KIND_SCALAR) {
                fuzz_check(yaml_node_text(node));
                fuzz_check(!yaml_node_first(node));
                return n;
        }

        for (const YamlNode *member = yaml_node_first(node); member; member = yaml_node_next(member)) {
                fuzz_check(in_map == (yaml_node_key(member) != NULL));
                for (const YamlNode *other = yaml_node_next(member); in_map && other;
                     other = yaml_node_next(other))
                        fuzz_check(!streq(yaml_node_key(member), yaml_node_key(other)));
                n += count(member, depth + 1);
        }

        return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(yaml_node_freep) YamlNode *root = NULL;
        YamlProblem problem = { 0 };

        int r = yaml_node_parse((const char *) data, size, &root, &problem);
        fuzz_check(r == 0 || r == -EBADMSG);
        if (r == 0)
                fuzz_check(count(root, 0) <= YAML_NODES_MAX);
        else
                fuzz_check(problem.reason[0] != '\0' && !root);

        return 0;
}
