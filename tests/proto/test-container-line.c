/* SPDX-License-Identifier: MIT */
#include "proto/container-line.h"

#include <string.h>

#include "test.h"

static void test_lines(void **state)
{
        static const struct {
                const char *text;
                const char *pieces[2][4];
        } rows[] = {
                { "", { { NULL } } },
                { "\n   \n\n", { { NULL } } },
                { "web      running   nginx:1     Up 3 hours \n",
                  { { "web", "running", "nginx:1", "Up 3 hours" } } },
                { "web running nginx:1 Up\ndb exited postgres",
                  { { "web", "running", "nginx:1", "Up" }, { "db", "exited", "postgres", "" } } },
                { "\nweb\n \ndb  \n", { { "web", "", "", "" }, { "db", "", "", "" } } },
                { " web running", { { "", "web", "running", "" } } },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *text = strdup(rows[i].text);
                ContainerLine line;
                char *rest = text;

                for (size_t j = 0; j < 2 && rows[i].pieces[j][0]; j++) {
                        assert_true(container_line_next(&rest, &line));
                        assert_string_equal(line.name, rows[i].pieces[j][0]);
                        assert_string_equal(line.state, rows[i].pieces[j][1]);
                        assert_string_equal(line.image, rows[i].pieces[j][2]);
                        assert_string_equal(line.status, rows[i].pieces[j][3]);
                }
                assert_false(container_line_next(&rest, &line));
                assert_null(rest);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
