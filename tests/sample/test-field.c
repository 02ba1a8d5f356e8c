/* SPDX-License-Identifier: MIT */
/* The field tables agree with themselves: a row whose names lead nowhere would be left out silently. */

#include "sample/field.h"

#include "test.h"

static bool is_json_member(const char *json)
{
        for (const char *const *member = system_json_order; *member; member++)
                if (startswith(json, *member) && strchr(".", json[strlen(*member)]))
                        return true;

        return false;
}

static const PrometheusFamily *find_family(const char *name)
{
        for (const PrometheusFamily *family = system_families; family->name; family++)
                if (streq(family->name, name))
                        return family;

        return NULL;
}

static bool has_field(const FieldTable *table, const char *metric)
{
        for (size_t i = 0; i < table->n_fields; i++) {
                const SampleField *field = &table->fields[i];

                if (field->metric && streq(field->metric, metric))
                        return true;
                if (field->kind == FIELD_ROWS && has_field(field->table, metric))
                        return true;
        }

        return false;
}

static void test_every_name_of_a_row_is_declared(void **state)
{
        for (size_t i = 0; i < system_table.n_fields; i++) {
                const SampleField *field = &system_table.fields[i];
                const FieldTable *table = field->table ? field->table : &system_table;

                assert_true(!field->json || is_json_member(field->json));
                for (size_t j = 0; j < table->n_fields; j++)
                        assert_true(!table->fields[j].metric || find_family(table->fields[j].metric));
        }
}

static void test_every_family_has_a_row(void **state)
{
        for (const PrometheusFamily *family = system_families; family->name; family++)
                assert_true(has_field(&system_table, family->name));
}

static void test_every_field_is_shown_somewhere(void **state)
{
        for (size_t i = 0; i < system_table.n_fields; i++)
                assert_true(system_table.fields[i].json || system_table.fields[i].metric);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_name_of_a_row_is_declared),
                cmocka_unit_test(test_every_family_has_a_row),
                cmocka_unit_test(test_every_field_is_shown_somewhere),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
