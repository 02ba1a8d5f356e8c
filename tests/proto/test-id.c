/* SPDX-License-Identifier: MIT */
/* Names: what each may look like. */

#include "proto/id.h"

#include "test.h"

static void test_ulids(void **state)
{
        static const uint8_t zeros[ULID_RANDOM_SIZE],
                ones[ULID_RANDOM_SIZE] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 };
        static const uint8_t counting[ULID_RANDOM_SIZE] = { 0x00, 0x44, 0x32, 0x14, 0xc7,
                                                            0x42, 0x54, 0xb6, 0x35, 0xcf };
        char text[ULID_SIZE];

        ulid_format(0, zeros, text);
        assert_string_equal(text, "00000000000000000000000000");
        ulid_format((UINT64_C(1) << 48) - 1, ones, text);
        assert_string_equal(text, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        ulid_format(1469918176385, counting, text); /* 01ARYZ6S41 is the example of the specification */
        assert_string_equal(text, "01ARYZ6S410123456789ABCDEF");
        assert_true(ulid_valid(text));

        assert_false(ulid_valid("8ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
        assert_false(ulid_valid("01ARYZ6S410123456789ABCDE"));
        assert_false(ulid_valid("01aryz6s410123456789abcdef"));
        assert_false(ulid_valid("01ARYZ6S410123456789ABCDEI"));
}

static void test_ends_of_ulids(void **state)
{
        static const struct {
                const char *text, *expected; /* NULL: none */
        } ends[] = {
                { "7KQ2PD", "7KQ2PD" },
                { "7kq2pd", "7KQ2PD" },
                { "oOiIlL", "001111" },
                { "01aryz6s410123456789abcdef", "01ARYZ6S410123456789ABCDEF" },
                { "", NULL },
                { "KQ2PD", NULL },
                { "001ARYZ6S410123456789ABCDEF", NULL },
                { "7KQ2P%", NULL },
                { "7KQ2P_", NULL },
                { "7KQ2PU", NULL },
                { "7KQ2P\xc3\xa4", NULL },
        };
        char suffix[ULID_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                assert_int_equal(ulid_suffix_parse(ends[i].text, suffix), ends[i].expected != NULL);
                if (ends[i].expected)
                        assert_string_equal(suffix, ends[i].expected);
        }
}

typedef struct Row {
        bool (*valid)(const char *text);
        const char *text;
        bool expected;
} Row;

static const Row rows[] = {
        { device_name_valid, "dev-a", true },
        { device_name_valid, "9", true },
        { device_name_valid, "", false },
        { device_name_valid, "-a", false },
        { device_name_valid, "a-", false },
        { device_name_valid, "Dev", false },
        { device_name_valid, "a.b", false },
        { device_name_valid, "a/b", false },
        { device_name_valid, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true },
        { device_name_valid, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
        { label_valid, "ls-home_2.x", true },
        { label_valid, ".x", false },
        { label_valid, "x y", false },
        { mxid_valid, "@ana:hs.example", true },
        { mxid_valid, "@ana:hs.example:8448", true },
        { mxid_valid, "ana:hs.example", false },
        { mxid_valid, "@ana", false },
        { mxid_valid, "@:hs.example", false },
        { mxid_valid, "@ana:", false },
        { mxid_valid, "@a na:hs.example", false },
        { mxid_valid, "@an\xc3\xa4:hs.example", false },
        { principal_valid, "@ana:hs.example", true },
        { principal_valid, "local:ana", true },
        { principal_valid, "local:_apt", true },
        { principal_valid, "dashboard", true },
        { principal_valid, "local:", false },
        { principal_valid, "local:-x", false },
        { principal_valid, "local:0", false },
        { principal_valid, "local:a b", false },
        { principal_valid, "local:a:b", false },
        { principal_valid, "local:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true },
        { principal_valid, "local:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
        { principal_valid, "Local:ana", false },
        { principal_valid, "dashboard2", false },
        { principal_valid, "ana", false },
        { principal_valid, "", false },
        { room_id_valid, "!x:hs", true },
        { room_id_valid, "#x:hs", false },
        { event_id_valid, "$x", true },
        { event_id_valid, "$", false },
        { container_name_valid, "web_1", true },
        { container_name_valid, "-web", false },
        { container_name_valid, "web/1", false },
        { unit_name_valid, "nginx.service", true },
        { unit_name_valid, "getty@tty1.service", true },
        { unit_name_valid, "getty@.service", false },
        { unit_name_valid, "nginx", false },
        { unit_name_valid, "*.service", false },
        { unit_name_valid, "--no-block.service", false },
        { unit_name_valid, ".service", false },
        { absolute_path_valid, "/", true },
        { absolute_path_valid, "/a/b c", true },
        { absolute_path_valid, "a", false },
        { absolute_path_valid, "/a/", false },
        { absolute_path_valid, "//a", false },
        { absolute_path_valid, "/a/../b", false },
        { absolute_path_valid, "/..", false },
        { absolute_path_valid, "/...", true },
        { absolute_path_valid, "/a\x01", false },
        { relative_path_valid, "a/b", true },
        { relative_path_valid, "", false },
        { relative_path_valid, "/a", false },
        { relative_path_valid, "./a", false },
        { relative_path_valid, "a/..", false },
};

static void test_forms(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].valid(rows[i].text) != rows[i].expected)
                        fail_msg("row %zu: %s", i, rows[i].text);
}

static void test_long_paths(void **state)
{
        char path[4200];

        memset(path, 'a', sizeof path);
        path[0] = '/';
        path[256] = '\0';
        assert_true(absolute_path_valid(path));
        path[256] = 'a';
        path[257] = '\0';
        assert_false(absolute_path_valid(path));

        for (size_t i = 0; i < sizeof path; i += 2)
                path[i] = '/', path[i + 1] = 'a';
        path[4096] = '\0';
        assert_false(absolute_path_valid(path));
        path[4094] = '\0';
        assert_true(absolute_path_valid(path));
}

static void test_under_a_root(void **state)
{
        assert_true(path_is_under("/home", "/home"));
        assert_true(path_is_under("/home/ana", "/home"));
        assert_false(path_is_under("/homes", "/home"));
        assert_false(path_is_under("/hom", "/home"));
        assert_true(path_is_under("/anything", "/"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ulids),        cmocka_unit_test(test_ends_of_ulids),
                cmocka_unit_test(test_forms),        cmocka_unit_test(test_long_paths),
                cmocka_unit_test(test_under_a_root),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
