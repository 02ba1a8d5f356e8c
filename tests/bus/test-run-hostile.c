/* SPDX-License-Identifier: MIT */
/* A device that answers the dispatcher as it likes: what becomes of a request, and of the next one. */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/bytes.h"
#include "basic/fd.h"
#include "basic/time.h"
#include "run-calls.h"

/* Takes the place of the agent. */
typedef struct HostileAgent {
        const RunWorld *world;
        int listen_fd, fd;
        const char *id; /* that may expire before it is sent; NULL: none may */
        char request[64 * 1024];
} HostileAgent;

/* On the last connection that the hub has made. Returns 1 if there is a new one, -ETIME if the request that
 * is waited for has expired. */
static int wait_readable(HostileAgent *agent)
{
        struct pollfd polled[] = { { agent->listen_fd, POLLIN, 0 }, { agent->fd, POLLIN, 0 } };
        usec_t end = deadline_after(TEST_DEADLINE_SEC * USEC_PER_SEC);

        while (poll(polled, ELEMENTSOF(polled), 100) <= 0) {
                assert_true(deadline_left(end) > 0);
                if (agent->id && request_left_ms(agent->world, agent->id) == 0)
                        return -ETIME;
        }
        if (polled[0].revents == 0)
                return 0;

        (void) fd_close(agent->fd);
        agent->fd = assert_ok(accept4(agent->listen_fd, NULL, NULL, SOCK_CLOEXEC));
        return 1;
}

/* Receives one request. Returns its path; NULL: it has expired before. */
static const char *receive_request(HostileAgent *agent)
{
        size_t size = 0, needed = SIZE_MAX;

        while (size < needed) {
                int r = wait_readable(agent);

                if (r < 0)
                        return NULL;
                if (r > 0) {
                        size = 0;
                        needed = SIZE_MAX;
                        continue;
                }
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

static void respond_to_step(HostileAgent *agent)
{
        static const char session[] =
                "{\"session\":\"53535353535353535353535353535353\",\"checkpoint\":\"\"}";

        respond(agent, "200 OK", bytes_of_string(strstr(agent->request, "/v1/session") ? session : "{}"));
}

/* Serves a session, and answers the request in it with these bytes. */
static void answer(HostileAgent *agent, const char *status, Bytes body)
{
        while (!startswith(receive_request(agent), "/v1/requests"))
                respond_to_step(agent);
        respond(agent, status, body);
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
        HostileAgent agent = { .world = world, .listen_fd = world->listen_fd, .fd = -EBADF };

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

/* Runs what has a second to be sent. Returns its stream; -ETIME: this machine was too slow. */
static int run_soon(HostileAgent *agent, Outcome *outcome)
{
        char *words[] = { (char *) "ls", (char *) "soon", NULL };
        _cleanup_(fd_closep) int fd = run(agent->world, "shell.exec", words, outcome);
        const char *path;

        agent->id = outcome->id;
        while ((path = receive_request(agent)) && !startswith(path, "/v1/requests"))
                respond_to_step(agent);
        agent->id = NULL;
        return path ? TAKE_FD(fd) : -ETIME;
}

/* The dispatcher dies before it hears what became of a request, which is expired when the next one starts:
 * the device is asked all the same, because it may have run, until it has signed an answer. */
static void test_sent_by_an_earlier_dispatcher(void **state)
{
        static const char expired[] = "{\"error\":{\"code\":\"expired\",\"message\":\"\"}}";
        RunWorld *world = *state;
        HostileAgent agent = { .world = world, .listen_fd = world->listen_fd, .fd = -EBADF };
        Outcome outcome = { .id = "" };
        _cleanup_(fd_closep) int fd = -EBADF;

        world->agent = test_daemon_free(world->agent);
        do
                fd = run_soon(&agent, &outcome);
        while (fd == -ETIME);
        usec_t sent = time_now(CLOCK_REALTIME);
        test_daemon_free(world->dispatch);
        while (time_now(CLOCK_REALTIME) < sent + 2 * USEC_PER_SEC)
                (void) usleep(50000);

        start_dispatch(world);
        answer(&agent, "403 Forbidden", bytes_of_string(expired));
        (void) fd_close(agent.fd);
        start_agent(world);
        assert_string_equal(wait_end(world, outcome.id), "expired");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                run_world_test(test_answers),
                run_world_test(test_sent_by_an_earlier_dispatcher),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
