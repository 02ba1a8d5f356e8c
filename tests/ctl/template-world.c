/* SPDX-License-Identifier: MIT */
/* Templates and people for tests. */

#include "template-world.h"

#include "codec/strict-json.h"

#include "test.h"

static const char people_text[] =
        "people:\n"
        "  - {name: ana, mxid: \"@ana:hs.example\", local: ana, groups: [admins],\n"
        "     msk: 03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8,\n"
        "     key: 8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394}\n"
        "  - {name: ben, mxid: \"@ben:hs.example\", groups: [admins]}\n"
        "  - {name: eve, local: eve,\n"
        "     key: ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1}\n";

People *template_people(void)
{
        YamlProblems problems = YAML_PROBLEMS_NULL;
        People *people;

        assert_ok(schema_yaml_parse(&people_schema, bytes_of_string(people_text), 0, (void **) &people,
                                    &problems));
        return people;
}

int parsed_init(Parsed *parsed, const char *text)
{
        _cleanup_(people_freep) People *people = template_people();
        YamlProblem problem = { 0 };

        *parsed = (Parsed){ 0 };
        assert_ok(yaml_node_parse(text, strlen(text), &parsed->yaml, &problem));
        int r = template_parse(parsed->yaml, TEMPLATE_NOW, &parsed->template, &parsed->problems);
        return r < 0 ? r : template_expand(parsed->template, people, &parsed->manifest, &parsed->problems);
}

void parsed_done(Parsed *parsed)
{
        manifest_free(parsed->manifest);
        template_free(parsed->template);
        yaml_node_free(parsed->yaml);
}

char *template_part(const char *text, const char *part)
{
        _cleanup_(json_deletep) cJSON *tree = NULL;
        Parsed parsed;
        char *json;

        if (parsed_init(&parsed, text) < 0)
                fail_msg("%s: %u: %s", text, parsed.problems.items[0].line, parsed.problems.items[0].reason);
        assert_err(schema_build(&manifest_policy_schema, parsed.manifest, &tree, NULL), 0);
        assert_ok(strict_json_format(cJSON_GetObjectItemCaseSensitive(tree, part), &json));
        parsed_done(&parsed);
        return json;
}
