/* SPDX-License-Identifier: MIT */
/* One GET request over a Unix socket, against a server that sends what the test wants. */

#include "ctl/status/http-get.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/text.h"
#include "test.h"

typedef struct Server {
        char directory[32];
        char path[64];
        pid_t pid;
} Server;

/* Accepts one connection, expects the request, sends the response and exits. */
static void serve_once(int listen_fd, const char *response, size_t size)
{
        static const char wanted[] = "GET /health HTTP/1.1\r\nHost: localhost\r\n";
        char request[256] = "";
        int fd = accept(listen_fd, NULL, NULL);

        if (recv(fd, request, sizeof request - 1, 0) < 0 || !startswith(request, wanted))
                _exit(1);
        while (size > 0) {
                ssize_t n = send(fd, response, size, MSG_NOSIGNAL);
                if (n < 0)
                        _exit(2);
                response += n;
                size -= (size_t) n;
        }
        _exit(0);
}

static void server_start(Server *server, const char *response, size_t size)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        (void) snprintf(server->directory, sizeof server->directory, "/tmp/devbox-test-XXXXXX");
        assert_non_null(mkdtemp(server->directory));
        (void) snprintf(server->path, sizeof server->path, "%s/api.sock", server->directory);
        (void) snprintf(address.sun_path, sizeof address.sun_path, "%s", server->path);

        int fd = assert_ok(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        assert_ok(bind(fd, (const struct sockaddr *) &address, sizeof address));
        assert_ok(listen(fd, 1));
        server->pid = assert_ok(fork());
        if (server->pid == 0)
                serve_once(fd, response, size);
        assert_ok(close(fd));
}

static void server_stop(Server *server)
{
        int status;

        assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
        (void) unlink(server->path);
        (void) rmdir(server->directory);
}

static void test_responses(void **state)
{
        static const struct {
                const char *response;
                int outcome, status;
                const char *body;
        } rows[] = {
                { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 0, 200, "ok" },
                { "HTTP/1.0 503 Busy\r\n\r\n", 0, 503, "" },
                { "HTTP/1.1 200 OK\r\n", -ECONNRESET, 0, NULL },
                { "HTTP/2 200 OK\r\n\r\n", -EBADMSG, 0, NULL },
                { "SSH-2.0-x\r\n\r\n", -EBADMSG, 0, NULL },
                { "", -ECONNRESET, 0, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *body = NULL;
                Server server;
                int status = 0;

                server_start(&server, rows[i].response, strlen(rows[i].response));
                assert_err(http_get_over_unix(server.path, "/health", &status, &body), rows[i].outcome);
                server_stop(&server);

                assert_int_equal(status, rows[i].status);
                if (rows[i].body)
                        assert_string_equal(strempty(body), rows[i].body);
                else
                        assert_null(body);
        }
}

static void test_body_limit(void **state)
{
        static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";
        _cleanup_(freep) char *response = calloc(1, 2 * HTTP_GET_MAX), *body = NULL;
        Server server;
        int status;

        assert_non_null(response);
        memcpy(response, head, strlen(head));
        server_start(&server, response, 2 * HTTP_GET_MAX);
        assert_err(http_get_over_unix(server.path, "/health", &status, &body), -EFBIG);
        server_stop(&server);
}

static void test_connect_errors(void **state)
{
        _cleanup_(freep) char *body = NULL;
        char path[200], target[300];
        int status;

        assert_err(http_get_over_unix("/tmp/devbox-test-absent/api.sock", "/", &status, &body), -ENOENT);

        memset(path, 'p', sizeof path - 1);
        path[sizeof path - 1] = '\0';
        assert_err(http_get_over_unix(path, "/", &status, &body), -ENAMETOOLONG);

        memset(target, 't', sizeof target - 1);
        target[sizeof target - 1] = '\0';
        assert_err(http_get_over_unix("/tmp/devbox-test-absent/api.sock", target, &status, &body),
                   -ENAMETOOLONG);
        assert_null(body);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_responses),
                cmocka_unit_test(test_body_limit),
                cmocka_unit_test(test_connect_errors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
