/* SPDX-License-Identifier: MIT */
/* A device that answers the dispatcher as it likes: what becomes of a request, and of the next one. */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/bytes.h"
#include "basic/fd.h"
#include "run-calls.h"

/* Takes the place of the agent. */
typedef struct HostileAgent {
        int listen_fd, fd;
        char request[64 * 1024];
} HostileAgent;

static void wait_readable(int fd)
{
        struct pollfd polled = { .fd = fd, .events = POLLIN };

        assert_int_equal(poll(&polled, 1, TEST_DEADLINE_SEC * 1000), 1);
}

/* Receives one request. Returns its path. */
static const char *receive_request(HostileAgent *agent)
{
        size_t size = 0, needed = SIZE_MAX;

        while (size < needed) {
                if (agent->fd < 0) {
                        wait_readable(agent->listen_fd);
                        agent->fd = assert_ok(accept4(agent->listen_fd, NULL, NULL, SOCK_CLOEXEC));
                }
                wait_readable(agent->fd);
                ssize_t n = read(agent->fd, agent->request + size, sizeof agent->request - 1 - size);
                if (n <= 0) {
                        agent->fd = fd_close(agent->fd);
                        size = 0;
                        continue;
                }
                size += (size_t) n;
                agent->request[size] = '\0';

                const char *body = strstr(agent->request, "\r\n\r\n"),
                           *length = strstr(agent->request, "Content-Length: ");
                if (body)
                        needed = (size_t) (body + 4 - agent->request) +
                                 (length && length < body ? strtoul(length + 16, NULL, 10) : 0);
        }

        return strchr(agent->request, ' ') + 1;
}

static void respond(HostileAgent *agent, const char *status, Bytes body)
{
        char head[160];
        int n = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", status, body.size);

        assert_ok(fd_write_all(agent->fd, BYTES(head, (size_t) n)));
        assert_ok(fd_write_all(agent->fd, body));
}

/* Serves a session, and answers the request in it with these bytes. */
static void answer(HostileAgent *agent, const char *status, Bytes body)
{
        static const char session[] =
                "{\"session\":\"53535353535353535353535353535353\",\"checkpoint\":\"\"}";

        for (;;) {
                const char *path = receive_request(agent);

                if (startswith(path, "/v1/requests")) {
                        respond(agent, status, body);
                        return;
                }
                respond(agent, "200 OK", bytes_of_string(startswith(path, "/v1/session") ? session : "{}"));
        }
}

static void append_frame(Text *text, char type, const char *payload)
{
        uint8_t header[5] = { (uint8_t) type };

        put_be32(header + 1, (uint32_t) strlen(payload));
        text_append_bytes(text, header, sizeof header);
        text_append(text, payload);
}

static void test_answers(void **state)
{
        static const char denied[] =
                "{\"outcome\":\"denied\",\"reason\":\"args_denied\",\"message\":\"%s\"}";
        static const struct {
                const char *status, *frame, *message; /* frame: after a denial with the message */
                const char *end;
        } rows[] = {
                { "403 Forbidden", NULL, NULL, "\"reason\":\"args_denied\"" },
                { "500 Internal Server Error", NULL, NULL, "\"state\":\"rejected\"" },
                { "200 OK", "", "no", "\"message\":\"no\"" },
                { "200 OK", "", "\xff\xfe", "\"reason\":\"args_denied\"" },
                { "200 OK", "", "\\u001b[2J", "\"reason\":\"args_denied\"" },
                { "200 OK", "{}", "no", "\"reason\":\"bad_sig\"" },
                { "200 OK", "nonsense", "no", "\"reason\":\"bad_sig\"" },
        };
        RunWorld *world = *state;
        char *words[] = { (char *) "ls", (char *) "/home", NULL };
        HostileAgent agent = { .listen_fd = world->listen_fd, .fd = -EBADF };

        assert_int_equal(test_daemon_stop(world->agent), 0);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(outcome_done) Outcome outcome = { .id = "" };
                _cleanup_(text_done) Text body = TEXT_NULL;
                char text[160];

                if (rows[i].frame) {
                        (void) snprintf(text, sizeof text, denied, rows[i].message);
                        append_frame(&body, 'A', text);
                        if (*rows[i].frame)
                                append_frame(&body, 'R', rows[i].frame);
                } else
                        text_append(&body, "{\"error\":{\"code\":\"args_denied\",\"message\":\"\"}}");

                int fd = run(world, "shell.exec", words, &outcome);
                answer(&agent, rows[i].status, BYTES(body.data, body.size));
                follow(fd, &outcome);
                assert_end(world, &outcome, rows[i].end);

                sd_bus_message *list = new_dispatch_call(world, "ListRequests");
                assert_ok(sd_bus_message_append(list, "bu", 0, 10));
                sd_bus_message_unref(finish_call(world->client, list, NULL));
        }
        (void) fd_close(agent.fd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                run_world_test(test_answers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
