/* SPDX-License-Identifier: MIT */
#include "basic/ip-prefix.h"

#include "test.h"

static void test_parse(void **state)
{
        static const struct {
                const char *text, *formatted, *masked; /* NULL: rejected */
        } rows[] = {
                { "10.42.0.1/24", "10.42.0.1/24", "10.42.0.0/24" },
                { "10.42.0.1", "10.42.0.1/32", "10.42.0.1/32" },
                { "255.255.255.255/0", "255.255.255.255/0", "0.0.0.0/0" },
                { "10.42.255.255/17", "10.42.255.255/17", "10.42.128.0/17" },
                { "fd00::1/64", "fd00::1/64", "fd00::/64" },
                { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
                  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
                  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128" },
                { "::/0", "::/0", "::/0" },
                { .text = "" },
                { .text = "/24" },
                { .text = "10.42.0.1/" },
                { .text = "10.42.0.1/33" },
                { .text = "10.42.0.1/-1" },
                { .text = "10.42.0.1/24/24" },
                { .text = "10.42.0/24" },
                { .text = "10.42.0.1 " },
                { .text = "fd00::1/129" },
                { .text = "fe80::1%eth0/64" },
                { .text = "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111" },
        };
        char text[IP_PREFIX_TEXT_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                IpPrefix prefix = IP_PREFIX_NULL;

                if (!rows[i].formatted) {
                        assert_err(ip_prefix_parse(rows[i].text, &prefix), -EINVAL);
                        assert_int_equal(prefix.family, AF_UNSPEC);
                        continue;
                }
                assert_ok(ip_prefix_parse(rows[i].text, &prefix));
                assert_string_equal(ip_prefix_format(&prefix, text), rows[i].formatted);
                ip_prefix_mask(&prefix);
                assert_string_equal(ip_prefix_format(&prefix, text), rows[i].masked);
        }
}

static void test_contains(void **state)
{
        static const struct {
                const char *outer, *inner;
                bool contains;
        } rows[] = {
                { "10.42.0.0/24", "10.42.0.255", true },
                { "10.42.0.0/24", "10.42.1.0", false },
                { "10.42.0.0/24", "10.42.0.0/24", true },
                { "10.42.0.0/24", "10.42.0.0/23", false },
                { "10.42.0.9/24", "10.42.0.128/25", true },
                { "0.0.0.0/0", "fd00::1", false },
                { "fd00::/8", "fdff::1", true },
                { "::/0", "10.42.0.1", false },
                { "10.42.128.0/17", "10.42.127.255", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                IpPrefix outer, inner;

                assert_ok(ip_prefix_parse(rows[i].outer, &outer));
                assert_ok(ip_prefix_parse(rows[i].inner, &inner));
                assert_int_equal(ip_prefix_contains(&outer, &inner), rows[i].contains);
        }
}

static void test_order(void **state)
{
        static const char *const rows[] = { "9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/9", "10.0.0.1/8", "::/0" };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (size_t j = 0; j < ELEMENTSOF(rows); j++) {
                        IpPrefix a, b;

                        assert_ok(ip_prefix_parse(rows[i], &a));
                        assert_ok(ip_prefix_parse(rows[j], &b));
                        int order = ip_prefix_compare(&a, &b);
                        assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
                }
}

static void test_from_sockaddr(void **state)
{
        static const struct {
                const char *socket, *address;
        } rows[] = {
                { "10.42.0.1:8080", "10.42.0.1/32" },
                { "[fd00::1]:8080", "fd00::1/128" },
        };
        IpPrefix prefix;
        SockAddr socket;
        socklen_t size;
        char text[IP_PREFIX_TEXT_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_ok(sockaddr_parse(rows[i].socket, &socket, &size));
                assert_ok(ip_prefix_from_sockaddr(&socket, &prefix));
                assert_string_equal(ip_prefix_format(&prefix, text), rows[i].address);
        }
        assert_ok(sockaddr_parse("/run/socket", &socket, &size));
        assert_err(ip_prefix_from_sockaddr(&socket, &prefix), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_contains),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_from_sockaddr),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
