/* SPDX-License-Identifier: MIT */
/* Whose the store is, before and after the first login. */

#include "matrix/login.h"

#include "store.h"
#include "store/query.h"
#include "test.h"

static void expect_login(TestStore *store, const char *condition)
{
        assert_int_equal(assert_ok(query_exists(store->database, condition, "")), 1);
}

/* A name that was mistyped is refused by the homeserver, and the store has no user yet. */
static void test_another_user(void **state)
{
        _cleanup_(secret_freep) Secret *seal = NULL;
        TestStore *store = *state;

        assert_ok(secret_new_random(32, &seal));
        assert_ok(matrix_login_begin(store->database, "https://x", "@devbix:x"));
        assert_ok(matrix_login_begin(store->database, "https://y", "@devbox:y"));
        expect_login(store, "SELECT 1 FROM login WHERE server = 'https://y' AND user_id = '@devbox:y'");

        assert_ok(matrix_login_set_tokens(store->database, seal,
                                          &(MatrixTokens){ .access = bytes_of_string("syt_secret") }));
        assert_err(matrix_login_begin(store->database, "https://x", "@devbix:x"), -EXDEV);
        assert_ok(matrix_login_begin(store->database, "https://z", "@devbox:y"));
        expect_login(store, "SELECT 1 FROM login WHERE server = 'https://z' AND user_id = '@devbox:y'");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_another_user, test_store_up, test_store_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
