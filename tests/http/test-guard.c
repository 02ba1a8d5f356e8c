/* SPDX-License-Identifier: MIT */
#include "http/guard.h"

#include "test.h"

static void test_host(void **state)
{
        static const struct {
                const char *host;
                bool loopback, exposed; /* whether it may be asked by that name */
        } rows[] = {
                { "localhost", true, true },
                { "LocalHost:8080", true, true },
                { "127.0.0.1", true, true },
                { "127.0.0.1:8080", true, true },
                { "127.255.0.9:1", true, true },
                { "127.0.0.1:65535", true, true },
                { "[::1]", true, true },
                { "[::1]:8080", true, true },
                { "[0:0:0:0:0:0:0:1]:80", true, true },
                { "192.0.2.7", false, true },
                { "192.0.2.7:8080", false, true },
                { "[2001:db8::1]:8080", false, true },
                { "0.0.0.0:8080", false, true },
                { "[::]", false, true },
                { "", false, false },
                { ":8080", false, false },
                { "localhost:", false, false },
                { "localhost:0", false, false },
                { "localhost:65536", false, false },
                { "localhost:80x", false, false },
                { "localhost:+80", false, false },
                { "localhost.", false, false },
                { "localhost.evil.example", false, false },
                { "evil.example", false, false },
                { "127.0.0.1.evil.example", false, false },
                { "127.1", false, false },
                { "0x7f.0.0.1", false, false },
                { "2130706433", false, false },
                { "127.0.0.1 ", false, false },
                { " 127.0.0.1", false, false },
                { "127.0.0.1,evil.example", false, false },
                { "user@127.0.0.1", false, false },
                { "::1", false, false },
                { "[::1", false, false },
                { "[::1]x", false, false },
                { "[]", false, false },
                { "[127.0.0.1]", false, false },
                { "[localhost]", false, false },
                { "[::1%lo]", false, false },
                { "[::ffff:127.0.0.1]", true, true },
                { "[::ffff:10.0.0.1]:8080", false, true },
                { "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]", false, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (http_guard_host_allowed(rows[i].host, false, NULL) != rows[i].loopback)
                        fail_msg("loopback: %s", rows[i].host);
                if (http_guard_host_allowed(rows[i].host, true, NULL) != rows[i].exposed)
                        fail_msg("exposed: %s", rows[i].host);
        }
}

/* Of a listener for other machines: its own address, and nothing else. */
static void test_own_host(void **state)
{
        static const struct {
                const char *host;
                bool allowed;
        } rows[] = {
                { "10.42.0.1", true },
                { "10.42.0.1:8080", true },
                { "10.42.0.10:8080", false },
                { "10.42.0.1.:8080", false },
                { "[10.42.0.1]:8080", false },
                { "10.42.0.1/32", false },
                { "127.0.0.1:8080", false },
                { "localhost", false },
                { "[::1]", false },
                { "[::ffff:10.42.0.1]:8080", false },
                { "hub.example", false },
                { "", false },
        };
        IpPrefix own;

        assert_ok(ip_prefix_parse("10.42.0.1", &own));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (int exposed = 0; exposed < 2; exposed++)
                        if (http_guard_host_allowed(rows[i].host, exposed, &own) != rows[i].allowed)
                                fail_msg("%s", rows[i].host);
}

static void test_origin(void **state)
{
        static const struct {
                const char *host, *origin, *fetch_site;
                int read, mutation;
        } rows[] = {
                { "localhost:8080", NULL, NULL, 0, 0 },
                { "localhost:8080", "http://localhost:8080", NULL, 0, 0 },
                { "localhost:8080", "HTTP://LOCALHOST:8080", "same-origin", 0, 0 },
                { "localhost", "http://localhost:80", NULL, 0, 0 },
                { "[::1]:8080", "http://[::1]:8080", "none", 0, 0 },
                { "localhost:8080", "null", NULL, 0, DEVBOX_ERROR_ORIGIN_NOT_ALLOWED },
                { "localhost:8080", "", NULL, 0, DEVBOX_ERROR_ORIGIN_NOT_ALLOWED },
                { "localhost:8080", "http://", NULL, 0, DEVBOX_ERROR_ORIGIN_NOT_ALLOWED },
                { "localhost:8080", "http://localhost", NULL, 0, DEVBOX_ERROR_ORIGIN_NOT_ALLOWED },
                { "localhost:8080", "http://localhost:3000", NULL, 0, DEVBOX_ERROR_ORIGIN_NOT_ALLOWED },
                { "localhost:8080", "http://127.0.0.1:8080", NULL, 0, DEVBOX_ERROR_ORIGIN_NOT_ALLOWED },
                { "localhost:8080", "https://localhost:8080", NULL, 0, DEVBOX_ERROR_ORIGIN_NOT_ALLOWED },
                { "localhost:8080", "http://evil.example", NULL, 0, DEVBOX_ERROR_ORIGIN_NOT_ALLOWED },
                { "localhost:8080", "http://localhost:8080/", NULL, 0, DEVBOX_ERROR_ORIGIN_NOT_ALLOWED },
                { "localhost:8080", NULL, "cross-site", 0, DEVBOX_ERROR_ORIGIN_NOT_ALLOWED },
                { "localhost:8080", NULL, "same-site", 0, DEVBOX_ERROR_ORIGIN_NOT_ALLOWED },
                { "localhost:8080", NULL, "anything", 0, DEVBOX_ERROR_ORIGIN_NOT_ALLOWED },
                { "evil.example", "http://evil.example", "same-origin", DEVBOX_ERROR_HOST_NOT_ALLOWED,
                  DEVBOX_ERROR_HOST_NOT_ALLOWED },
                { NULL, NULL, NULL, DEVBOX_ERROR_BAD_REQUEST, DEVBOX_ERROR_BAD_REQUEST },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                HttpGuardHeaders headers = {
                        .host = rows[i].host,
                        .n_host = !!rows[i].host,
                        .origin = rows[i].origin,
                        .n_origin = !!rows[i].origin,
                        .fetch_site = rows[i].fetch_site,
                        .n_fetch_site = !!rows[i].fetch_site,
                };

                print_message("row %zu\n", i);
                assert_err(http_guard_check(&headers, 0, NULL), rows[i].read);
                assert_err(http_guard_check(&headers, HTTP_GUARD_MUTATION, NULL), rows[i].mutation);
        }
}

static void test_repeated(void **state)
{
        static const HttpGuardHeaders two_hosts = { .host = "localhost", .n_host = 2 };
        static const HttpGuardHeaders two_origins = {
                .host = "localhost", .n_host = 1, .origin = "http://localhost", .n_origin = 2
        };
        static const HttpGuardHeaders two_sites = {
                .host = "localhost", .n_host = 1, .fetch_site = "none", .n_fetch_site = 2
        };

        assert_err(http_guard_check(&two_hosts, 0, NULL), DEVBOX_ERROR_BAD_REQUEST);
        assert_err(http_guard_check(&two_origins, HTTP_GUARD_MUTATION, NULL), DEVBOX_ERROR_BAD_REQUEST);
        assert_err(http_guard_check(&two_sites, HTTP_GUARD_MUTATION, NULL), DEVBOX_ERROR_BAD_REQUEST);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_host),
                cmocka_unit_test(test_own_host),
                cmocka_unit_test(test_origin),
                cmocka_unit_test(test_repeated),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
