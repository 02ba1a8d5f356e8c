/* SPDX-License-Identifier: MIT */
#include "api/listen.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "test.h"

static void test_good(void **state)
{
        static const struct {
                const char *address;
                int family;
        } rows[] = {
                { "127.0.0.1:0", AF_INET },
                { "0.0.0.0:0", AF_INET },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct sockaddr_storage address;
                socklen_t size = sizeof address;
                _cleanup_(fd_closep) int fd = listen_on(rows[i].address);

                assert_ok(fd);
                assert_ok(getsockname(fd, (struct sockaddr *) &address, &size));
                assert_int_equal(address.ss_family, rows[i].family);
        }
}

static void test_bad(void **state)
{
        static const char *const rows[] = {
                "",       "8080",         ":8080",         "127.0.0.1",       "127.0.0.1:",
                "x:1",    "127.0.0.1:+1", "127.0.0.1:1x",  "[::1:80",         "[]:80",
                "::1:80", "localhost:80", "[127.0.0.1]:1", "127.0.0.1:65536",
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                print_message("%s\n", rows[i]);
                assert_err(listen_on(rows[i]), -EINVAL);
        }
}

static void test_says_where(void **state)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        _cleanup_(fd_closep) int v4 = listen_on("127.0.0.1:0"), v6 = listen_on("[::1]:0");
        struct sockaddr_in address;
        socklen_t size = sizeof address;
        char wanted[64];

        assert_ok(getsockname(v4, (struct sockaddr *) &address, &size));
        (void) snprintf(wanted, sizeof wanted, "127.0.0.1:%u", ntohs(address.sin_port));
        assert_ok(listen_append_address(v4, &text));
        assert_string_equal(text.data, wanted);

        if (v6 >= 0) { /* not every machine has IPv6 */
                text_reset(&text);
                assert_ok(listen_append_address(v6, &text));
                assert_true(startswith(text.data, "[::1]:"));
        }
        assert_err(listen_append_address(-EBADF, &text), -EBADF);
}

static void test_path(void **state)
{
        _cleanup_(text_done) Text text = TEXT_NULL;

        char directory[] = "/tmp/test-listen-XXXXXX", path[64], too_long[256];

        assert_non_null(mkdtemp(directory));
        (void) snprintf(path, sizeof path, "%s/socket", directory);
        for (int i = 0; i < 2; i++) { /* a left socket file is replaced */
                _cleanup_(fd_closep) int fd = listen_on(path);
                struct stat st;

                assert_ok(fd);
                assert_ok(stat(path, &st));
                assert_true(S_ISSOCK(st.st_mode));
                text_reset(&text);
                assert_ok(listen_append_address(fd, &text));
                assert_string_equal(text.data, path);
        }
        assert_ok(unlink(path));
        assert_ok(rmdir(directory));

        memset(too_long, '/', sizeof too_long - 1);
        too_long[sizeof too_long - 1] = '\0';
        assert_err(listen_on(too_long), -ENAMETOOLONG);
}

static void test_names(void **state)
{
        static const struct {
                const char *name;
                int result;
                ListenPurpose purpose;
                const char *sources;
        } rows[] = {
                { "devbox-api.socket", 0, LISTEN_LOCAL, NULL },
                { "unknown", 0, LISTEN_LOCAL, NULL },
                { "", 0, LISTEN_LOCAL, NULL },
                { "mesh", 0, LISTEN_LOCAL, NULL },
                { "mesh=10.42.0.0/24", 0, LISTEN_MESH, "10.42.0.0/24" },
                { "bootstrap=169.254.64.0/18", 0, LISTEN_BOOTSTRAP, "169.254.64.0/18" },
                { "mesh=", -EINVAL, LISTEN_LOCAL, NULL },
                { "mesh=10.42.0.0/33", -EINVAL, LISTEN_LOCAL, NULL },
                { "mesh=10.42.0.0/24 ", -EINVAL, LISTEN_LOCAL, NULL },
                { "meshes=10.42.0.0/24", -EINVAL, LISTEN_LOCAL, NULL },
                { "local=10.42.0.0/24", -EINVAL, LISTEN_LOCAL, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                ListenPurpose purpose = LISTEN_LOCAL;
                IpPrefix sources = IP_PREFIX_NULL;
                char text[IP_PREFIX_TEXT_SIZE];

                print_message("%s\n", rows[i].name);
                assert_err(listen_parse_name(rows[i].name, &purpose, &sources), rows[i].result);
                assert_int_equal(purpose, rows[i].purpose);
                assert_int_equal(sources.family == AF_UNSPEC, !rows[i].sources);
                if (rows[i].sources)
                        assert_string_equal(ip_prefix_format(&sources, text), rows[i].sources);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good), cmocka_unit_test(test_bad),   cmocka_unit_test(test_says_where),
                cmocka_unit_test(test_path), cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
