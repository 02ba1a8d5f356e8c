/* SPDX-License-Identifier: MIT */
/* Requests that lenient and strict parsers read differently: the same responses from every version of
 * libmicrohttpd, and exactly one response. */

#include <stdio.h>
#include <sys/socket.h>

#include "basic/fd.h"
#include "world.h"

#define POST_HEAD "POST /now HTTP/1.1\r\n" HOST

typedef struct Row {
        const char *request;
        int status;
        const char *has; /* NULL: whatever body */
} Row;

/* Exactly one response on a connection, and then its end. */
static void assert_rows(void **state, const Row *rows, size_t n_rows)
{
        World *world = *state;

        for (size_t i = 0; i < n_rows; i++) {
                _cleanup_(fd_closep) int fd = world_connect(world);
                int status = 0;

                world_send(fd, rows[i].request);
                const char *text = world_read_to_end(world, fd);
                (void) sscanf(text, "HTTP/1.%*1[01] %d", &status);
                if (status != rows[i].status || count_text(text, "\r\n\r\n") != 1 ||
                    (rows[i].has && !strstr(text, rows[i].has)))
                        fail_msg("row %zu:\n%s\ngave:\n%s", i, rows[i].request, text);
        }
}

/* RFC 9112 3.2.2: the authority of the target takes the place of Host. */
static void test_absolute_form(void **state)
{
        static const Row rows[] = {
                { "GET http://localhost/now HTTP/1.1\r\n" HOST END, 200, "now" },
                { "GET http://127.0.0.1:8080/now HTTP/1.1\r\n" HOST END, 200, "now" },
                { "GET HTTP://LOCALHOST/now?x=1 HTTP/1.1\r\n" HOST END, 200, "now" },
                { "GET http://[::1]:8080/echo/abc HTTP/1.1\r\n" HOST END, 200, "abc" },
                { "POST http://localhost/now HTTP/1.1\r\n" HOST END, 200, "now" },
                { "GET http://localhost/absent HTTP/1.1\r\n" HOST END, 404, "not_found" },
                { "GET http://localhost HTTP/1.1\r\n" HOST END, 404, "not_found" },
                { "GET http://localhost?x HTTP/1.1\r\n" HOST END, 404, "not_found" },
                { "DELETE http://localhost/now HTTP/1.1\r\n" HOST END, 405, "method_not_allowed" },
                { "GET http://evil.example/now HTTP/1.1\r\n" HOST END, 421, "host_not_allowed" },
                { "GET http://user@localhost/now HTTP/1.1\r\n" HOST END, 421, "host_not_allowed" },
                { "GET http:///now HTTP/1.1\r\n" HOST END, 421, "host_not_allowed" },
                { "GET http://localhost/now HTTP/1.1\r\nHost: evil.example\r\n" END, 200, "now" },
                { "GET http://localhost/now HTTP/1.1\r\n" END, 400, NULL },
                { "POST http://localhost:1/now HTTP/1.1\r\n" HOST "Origin: http://localhost:1\r\n" END, 200,
                  "now" },
                { "POST http://localhost:1/now HTTP/1.1\r\n" HOST "Origin: http://localhost\r\n" END, 403,
                  "origin_not_allowed" },
                { "GET https://localhost/now HTTP/1.1\r\n" HOST END, 404, "not_found" },
                { "GET file:///now HTTP/1.1\r\n" HOST END, 404, "not_found" },
                { "GET localhost/now HTTP/1.1\r\n" HOST END, 404, "not_found" },
        };

        assert_rows(state, rows, ELEMENTSOF(rows));
}

static void test_content_length(void **state)
{
        static const Row rows[] = {
                { POST_HEAD "Content-Length: +3\r\n" END "abc", 400, NULL },
                { POST_HEAD "Content-Length:\r\n" END, 400, NULL },
                { POST_HEAD "Content-Length: \r\n" END, 400, NULL },
                { POST_HEAD "Content-Length: -1\r\n" END, 400, NULL },
                { POST_HEAD "Content-Length: x\r\n" END, 400, NULL },
                { POST_HEAD "Content-Length: 3x\r\n" END "abc", 400, NULL },
                { POST_HEAD "Content-Length: 0x3\r\n" END "abc", 400, NULL },
                { POST_HEAD "Content-Length: 3,3\r\n" END "abc", 400, NULL },
                { POST_HEAD "Content-Length: 3 3\r\n" END "abc", 400, NULL },
                { POST_HEAD "Content-Length: 99999999999999999999999\r\n" END, 413, NULL },
                { POST_HEAD "Content-Length: 18446744073709551615\r\n" END, 413, NULL },
                { POST_HEAD "Content-Length: 18446744073709551616\r\n" END, 413, NULL },
                { POST_HEAD "Content-Length: 3\r\nContent-Length: 3\r\n" END "abc", 400, NULL },
                { POST_HEAD "Content-Length: 003\r\n" END "abc", 200, "now" },
                { POST_HEAD "Content-Length: \t 3\r\n" END "abc", 200, "now" },
                { POST_HEAD "Content-Length:3\r\n" END "abc", 200, "now" },
                { "GET /now HTTP/1.1\r\n" HOST "Content-Length: +3\r\n" END, 400, NULL },
        };

        assert_rows(state, rows, ELEMENTSOF(rows));
}

static void test_field_lines(void **state)
{
        static const Row rows[] = {
                { POST_HEAD "Transfer-Encoding : chunked\r\n" END "0\r\n\r\n", 400, NULL },
                { POST_HEAD "Transfer-Encoding\t: chunked\r\n" END "0\r\n\r\n", 400, NULL },
                { POST_HEAD "Content-Length : 3\r\n" END "abc", 400, NULL },
                { GET("/now") "X-Test : a\r\n" END, 400, NULL },
                { GET("/now") " X-Test: a\r\n" END, 400, NULL },
                { GET("/now") "X-Test: a\r\n b\r\n" END, 400, NULL },
                { GET("/now") "X-Test: a\r\n\tb\r\n" END, 400, NULL },
                { GET("/now") "X-Test: a\r\n \r\n" END, 400, NULL },
                { GET("/now") "X-Test:\r\n a\r\n" END, 400, NULL },
                { "GET /now HTTP/1.1\r\n X-First: a\r\n" HOST END, 400, NULL },
                { "GET /now HTTP/1.1\r\n" HOST "X-Te st: a\r\n" END, 400, NULL },
                { "GET /now HTTP/1.1\r\n" HOST ": a\r\n" END, 400, NULL },
                { POST_HEAD "Content-Length: 1\r\n 0\r\n" END "abc", 400, NULL },
                { POST_HEAD "Transfer-Encoding:\r\n chunked\r\n" END "0\r\n\r\n", 400, NULL },
                { POST_HEAD "Transfer-Encoding: chunked\r\n" END "0\r\n\r\n", 411, NULL },
                { POST_HEAD "Transfer-Encoding: Chunked \r\n" END "0\r\n\r\n", 411, NULL },
                { POST_HEAD "Transfer-Encoding: gzip\r\n" END, 400, NULL },
                { POST_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n" END "abc", 400, NULL },
                { "GET /now HTTP/1.1\r\nHost: localhost \r\n" END, 200, "now" },
                { "GET /now HTTP/1.1\r\nHost: \t localhost:8080 \t\r\n" END, 200, "now" },
                { GET("/header") "X-Test: abc \r\n" END, 200, "\r\n\r\nabc" },
                { GET("/header") "X-Test:  \t a b\t \r\n" END, 200, "\r\n\r\na b" },
                { GET("/header") "X-Test:   \r\n" END, 200, "\r\n\r\n" },
                { "POST /now HTTP/1.1\r\n" HOST "Origin: http://localhost \r\n" END, 200, "now" },
                { "POST /now HTTP/1.1\r\n" HOST "Sec-Fetch-Site: same-origin \r\n" END, 200, "now" },
                { "GET /now HTTP/1.1\nHost: localhost\nConnection: close\n\n", 400, NULL },
                { "GET /now HTTP/1.1\nHost: localhost\r\n" END, 400, NULL },
                { "GET /now HTTP/1.1\r\nHost: localhost\n" END, 400, NULL },
                { "GET /now HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\n", 400, NULL },
                { "GET /now HTTP/1.1 \r\n" HOST END, 400, NULL },
                { "GET  /now HTTP/1.1\r\n" HOST END, 400, NULL },
                { "GET /no w HTTP/1.1\r\n" HOST END, 400, NULL },
                { "GET /now HTTP/1.1\r\n" HOST "X: a\rb\r\n" END, 400, NULL },
                { "GET /now HTTP/1.2\r\n" HOST END, 200, NULL },
        };

        assert_rows(state, rows, ELEMENTSOF(rows));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_up, world_down)
        static const struct CMUnitTest tests[] = {
                TEST(test_absolute_form),
                TEST(test_content_length),
                TEST(test_field_lines),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
