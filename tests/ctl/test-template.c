/* SPDX-License-Identifier: MIT */
/* Templates: what is rejected and why, and what people and facts add. */

#include "ctl/template/template.h"

#include <stdio.h>

#include "codec/binary-text.h"
#include "template-world.h"

#include "test.h"

/* Every problem of a template is found in one run. */
static void test_all_problems(void **state)
{
        static const char text[] = "operators: ana\n"
                                   "expires_at: soon\n"
                                   "device_key: x\n"
                                   "roots: {home: home, A: /a}\n"
                                   "limits: {skew: 1}\n"
                                   "capabilities:\n"
                                   "  - run: ls > x\n"
                                   "  - run: df -h\n"
                                   "  - read: nowhere\n";
        static const unsigned lines[] = { 1, 2, 3, 4, 4, 5, 7, 9 };
        Parsed parsed;

        assert_err(parsed_init(&parsed, text), -EBADMSG);
        assert_int_equal(parsed.problems.n, ELEMENTSOF(lines));
        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                assert_int_equal(parsed.problems.items[i].line, lines[i]);
        parsed_done(&parsed);
}

static void test_what_is_no_template(void **state)
{
        static const struct {
                const char *text, *why;
        } rows[] = {
                { "", "a map of keys and values" },
                { "[]", "a map of keys and values" },
                { "operators: []", "capabilities is missing" },
                { "capabilities: []", "operators is missing" },
                { "operators: []\ncapabilities: {}", "capabilities must be a list" },
                { "operators: [a b]\ncapabilities: []", "operators[0] " },
                { "operators: []\ncapabilites: []", "capabilities is missing" },
                { "operators: []\nroots: [a]\ncapabilities: []", "roots must be a map" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Parsed parsed;

                assert_err(parsed_init(&parsed, rows[i].text), -EBADMSG);
                if (!startswith(parsed.problems.items[0].reason, rows[i].why))
                        fail_msg("%s: %s", rows[i].text, parsed.problems.items[0].reason);
                parsed_done(&parsed);
        }
}

static const struct {
        const char *names, *operators, *approvers;
} peopled[] = {
        { "[ana]",
          "{\"mxid\":\"@ana:hs.example\",\"person\":\"ana\",\"msk\":"
          "\"03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8\"},"
          "{\"mxid\":\"local:ana\",\"person\":\"ana\"}",
          "{\"mxid\":\"@ana:hs.example\",\"person\":\"ana\",\"pub\":"
          "\"8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394\",\"msk\":"
          "\"03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8\"},"
          "{\"mxid\":\"local:ana\",\"person\":\"ana\"}" },
        { "[ben, eve, dashboard, local:root]",
          "{\"mxid\":\"@ben:hs.example\",\"person\":\"ben\"},{\"mxid\":\"local:eve\",\"person\":\"eve\"},"
          "{\"mxid\":\"dashboard\"},{\"mxid\":\"local:root\"}",
          "{\"mxid\":\"@ben:hs.example\",\"person\":\"ben\"},{\"mxid\":\"local:eve\",\"person\":\"eve\","
          "\"pub\":\"ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1\"},"
          "{\"mxid\":\"dashboard\"},{\"mxid\":\"local:root\"}" },
        { "[ben, admins, ben]",
          "{\"mxid\":\"@ben:hs.example\",\"person\":\"ben\"},"
          "{\"mxid\":\"@ana:hs.example\",\"person\":\"ana\",\"msk\":"
          "\"03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8\"},"
          "{\"mxid\":\"local:ana\",\"person\":\"ana\"}",
          NULL },
        { "[]", "", "" },
};

static void test_people(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(peopled); i++) {
                char text[256], expected[1024];

                (void) snprintf(text, sizeof text, "operators: %s\napprovers: %s\ncapabilities: []\n",
                                peopled[i].names, peopled[i].names);
                (void) snprintf(expected, sizeof expected, "[%s]", peopled[i].operators);
                _cleanup_(freep) char *operators = template_part(text, "operators");
                assert_string_equal(operators, expected);

                _cleanup_(freep) char *approvers = template_part(text, "approvers");
                (void) snprintf(expected, sizeof expected, "[%s]", strempty(peopled[i].approvers));
                if (peopled[i].approvers)
                        assert_string_equal(approvers, expected);
        }
}

static void test_nobody(void **state)
{
        Parsed parsed;

        assert_err(
                parsed_init(&parsed, "operators:\n  - ana\n  - mia\napprovers: [mal]\ncapabilities: []\n"),
                -EBADMSG);
        assert_int_equal(parsed.problems.n, 2);
        assert_int_equal(parsed.problems.items[0].line, 3);
        assert_int_equal(parsed.problems.items[1].line, 4);
        assert_true(startswith(parsed.problems.items[0].reason,
                               "mia is neither a person nor a group; add with: "
                               "devboxctl person add mia"));
        parsed_done(&parsed);
}

/* Of every capability that asks, unless it says so itself. */
static void test_approval_self(void **state)
{
        static const char text[] = "operators: []\napproval_self: true\ncapabilities:\n"
                                   "  - restart: a, ask\n"
                                   "  - {restart: \"b, ask\", approval_self: false}\n"
                                   "  - service: c\n"
                                   "  - {name: fs.write, id: w, approval: message, roots: [t]}\n"
                                   "roots: {t: /srv/t}\n";
        Parsed parsed;

        assert_ok(parsed_init(&parsed, text));
        const Manifest *manifest = parsed.manifest;
        assert_true(manifest->capabilities.items[0].approval_self);
        assert_false(manifest->capabilities.items[1].approval_self);
        assert_false(manifest->capabilities.items[2].approval_self);
        assert_true(manifest->capabilities.items[3].approval_self);
        assert_int_equal(manifest->capabilities.items[0].max_age_s, 300); /* people need time */
        assert_int_equal(manifest->capabilities.items[2].max_age_s, 120);
        assert_int_equal(template_line(parsed.template, "capabilities[0]"), 4);
        assert_int_equal(template_line(parsed.template, "capabilities[3].roots"), 7);
        assert_int_equal(template_line(parsed.template, "operators"), 1);
        parsed_done(&parsed);
}

static PublicKey key_of(const char *hex)
{
        PublicKey key;

        assert_ok(hex_parse(hex, key.bytes, sizeof key.bytes));
        return key;
}

static void test_facts(void **state)
{
        _cleanup_(people_freep) People *people = template_people();
        _cleanup_(manifest_freep) Manifest *manifest = NULL, *parsed_again = NULL;
        _cleanup_(freep) char *text = NULL;
        ManifestFacts facts = {
                .device = "laptop",
                .device_key = key_of("ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c"),
                .dispatcher = key_of("20828bf5c5bdcacb684863336c202fb5599da48be5596615742170705beca9f7"),
                .attester = key_of("d54207da194977dcf46adbfec2bc2e75b52d5a8a42184fedfdc00024f0e3e8da"),
                .epoch = 2,
                .version = 7,
                .issued_at_ms = TEMPLATE_NOW,
        };
        Parsed parsed;

        assert_ok(parsed_init(&parsed, TEMPLATE_HEAD "  - run: df -h\n"));
        assert_ok(template_fill(parsed.template, people, &facts, &manifest, &parsed.problems));
        assert_int_equal(manifest_format(manifest, &text, NULL), 0);
        assert_int_equal(manifest_parse(bytes_of_string(text), &parsed_again, NULL), 0);
        assert_string_equal(parsed_again->device, "laptop");
        assert_int_equal(parsed_again->version, 7);
        assert_int_equal(parsed_again->expires_at_ms, TEMPLATE_NOW + INT64_C(30) * 86400000);
        assert_int_equal(parsed_again->dispatchers.items[0].not_after_ms, parsed_again->expires_at_ms);
        assert_int_equal(parsed_again->attesters.n, 1);

        /* A device with the key of a person is one that cannot be told from them. */
        manifest = manifest_free(manifest);
        facts.device_key = key_of("03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8");
        assert_err(template_fill(parsed.template, people, &facts, &manifest, &parsed.problems), -EBADMSG);
        parsed_done(&parsed);

        facts.device_key = key_of("ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c");
        assert_ok(parsed_init(&parsed, "expires_at: 7d\n" TEMPLATE_HEAD "  - run: df -h\n"));
        assert_ok(template_fill(parsed.template, people, &facts, &manifest, &parsed.problems));
        assert_int_equal(manifest->expires_at_ms, TEMPLATE_NOW + INT64_C(7) * 86400000);
        parsed_done(&parsed);
}

static void test_templates_are_recognised(void **state)
{
        static const struct {
                const char *text;
                bool is;
        } rows[] = {
                { "operators: []", true }, { "{}", true },        { "device: laptop", false },
                { "dev_pub: x", false },   { "- device", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(yaml_node_freep) YamlNode *yaml = NULL;
                YamlProblem problem;

                assert_ok(yaml_node_parse(rows[i].text, strlen(rows[i].text), &yaml, &problem));
                assert_int_equal(template_is(yaml), rows[i].is);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_problems),
                cmocka_unit_test(test_what_is_no_template),
                cmocka_unit_test(test_people),
                cmocka_unit_test(test_nobody),
                cmocka_unit_test(test_approval_self),
                cmocka_unit_test(test_facts),
                cmocka_unit_test(test_templates_are_recognised),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
