/* SPDX-License-Identifier: MIT */
#include "basic/sockaddr.h"

#include "test.h"

static void test_there_and_back(void **state)
{
        static const struct {
                const char *text;
                int family;
                size_t size;
        } rows[] = {
                { "127.0.0.1:8080", AF_INET, sizeof(struct sockaddr_in) },
                { "0.0.0.0:0", AF_INET, sizeof(struct sockaddr_in) },
                { "[::1]:65535", AF_INET6, sizeof(struct sockaddr_in6) },
                { "[fd00::2a]:1", AF_INET6, sizeof(struct sockaddr_in6) },
                { "/run/devbox/api.sock", AF_UNIX, offsetof(struct sockaddr_un, sun_path) + 21 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(text_done) Text text = TEXT_NULL;
                SockAddr address;
                socklen_t size;

                assert_ok(sockaddr_parse(rows[i].text, &address, &size));
                assert_int_equal(address.any.sa_family, rows[i].family);
                assert_int_equal(size, rows[i].size);
                sockaddr_append(&address, &text);
                assert_string_equal(text.data, rows[i].text);
        }
}

static void test_bad(void **state)
{
        static const char *const rows[] = {
                "",       "8080",         ":8080",         "127.0.0.1",       "127.0.0.1:",
                "x:1",    "127.0.0.1:+1", "127.0.0.1:1x",  "[::1:80",         "[]:80",
                "::1:80", "localhost:80", "[127.0.0.1]:1", "127.0.0.1:65536",
        };
        SockAddr address;
        socklen_t size;
        char path[200];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                print_message("%s\n", rows[i]);
                assert_err(sockaddr_parse(rows[i], &address, &size), -EINVAL);
        }

        memset(path, '/', sizeof path);
        path[sizeof path - 1] = '\0';
        assert_err(sockaddr_parse(path, &address, &size), -ENAMETOOLONG);
}

static void test_loopback(void **state)
{
        static const struct {
                const char *host;
                bool loopback;
        } rows[] = {
                { "127.0.0.1", true },
                { "127.255.255.254", true },
                { "128.0.0.1", false },
                { "0.0.0.0", false },
                { "10.42.0.1", false },
                { "::1", true },
                { "::", false },
                { "::2", false },
                { "fd00::1", false },
                { "::ffff:127.0.0.1", true },
                { "::ffff:10.0.0.1", false },
                { "::127.0.0.1", false },
        };
        SockAddr address;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                print_message("%s\n", rows[i].host);
                assert_ok(sockaddr_parse_host(rows[i].host, &address));
                assert_int_equal(sockaddr_is_loopback(&address), rows[i].loopback);
        }
        assert_err(sockaddr_parse_host("localhost", &address), -EINVAL);
        assert_err(sockaddr_parse_host("[::1]", &address), -EINVAL);
        assert_true(sockaddr_is_loopback(&(SockAddr){ .any.sa_family = AF_UNIX }));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_there_and_back),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_loopback),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
