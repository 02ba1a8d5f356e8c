/* SPDX-License-Identifier: MIT */
/* An HTTP server on loopback for tests. */

#include "server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"
#include "test.h"

struct ServerConnection {
        Server *server;
        int fd;
        sd_event_source *source;
        Text received;
        bool waits; /* for server_poke() */
        LIST_ENTRY(ServerConnection) entry;
};

static void connection_free(ServerConnection *connection)
{
        LIST_REMOVE(connection, entry);
        sd_event_source_disable_unref(connection->source);
        (void) fd_close(connection->fd);
        text_done(&connection->received);
        free(connection);
}

/* Where the body begins, once all of it was received; NULL before. */
static char *complete_body(const Text *received)
{
        char *head_end = received->data ? strstr(received->data, "\r\n\r\n") : NULL;
        const char *length = head_end ? strstr(received->data, "Content-Length: ") : NULL;

        if (!head_end)
                return NULL;
        size_t size = length && length < head_end ? (size_t) atol(length + strlen("Content-Length: ")) : 0;
        return received->size - (size_t) (head_end + 4 - received->data) >= size ? head_end + 4 : NULL;
}

static void send_answer(ServerConnection *connection, const Answer *answer)
{
        const char *body = strempty(answer->body);
        size_t size = strlen(body), missing = answer->how == ANSWER_CUT ? 10 : 0;
        _cleanup_(text_done) Text text = TEXT_NULL;

        text_appendf(&text, "HTTP/1.1 %u X\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n%s",
                     answer->status, size + missing, strempty(answer->header), body);
        assert_ok(text.error);
        assert_ok(fd_write_all(connection->fd, BYTES(text.data, text.size)));
}

static void handle(ServerConnection *connection, char *body)
{
        char *head = connection->received.data, method[8], target[4096];

        assert_int_equal(sscanf(head, "%7s %4095s", method, target), 2);
        const ServerRequest request = { method, target, head, body,
                                        connection->received.size - (size_t) (body - head) };
        Answer answer = connection->server->handler(&request, connection->server->userdata);
        connection->waits = answer.how == ANSWER_LATER;
        if (answer.how == ANSWER || answer.how == ANSWER_CUT)
                send_answer(connection, &answer);
        free(answer.body);
        if (!connection->waits)
                connection_free(connection);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        ServerConnection *connection = userdata;
        char buffer[16384];

        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0) {
                connection_free(connection);
                return 0;
        }
        text_append_bytes(&connection->received, buffer, (size_t) n);
        assert_ok(connection->received.error);
        char *body = complete_body(&connection->received);
        if (body)
                handle(connection, body);
        return 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        ServerConnection *connection = calloc(1, sizeof *connection);
        Server *server = userdata;

        assert_non_null(connection);
        connection->server = server;
        connection->fd = assert_ok(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
        LIST_INSERT_HEAD(&server->connections, connection, entry);
        assert_ok(sd_event_add_io(server->event, &connection->source, connection->fd, EPOLLIN, on_readable,
                                  connection));
        return 0;
}

void server_init(Server *server, sd_event *event, ServerHandler *handler, void *userdata)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof address;

        *server = (Server){ .event = event, .handler = handler, .userdata = userdata };
        server->fd = assert_ok(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        assert_ok(bind(server->fd, (struct sockaddr *) &address, size));
        assert_ok(listen(server->fd, 16));
        assert_ok(getsockname(server->fd, (struct sockaddr *) &address, &size));
        (void) snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u", ntohs(address.sin_port));
        assert_ok(sd_event_add_io(event, &server->source, server->fd, EPOLLIN, on_connection, server));
}

void server_done(Server *server)
{
        while (!LIST_EMPTY(&server->connections))
                connection_free(LIST_FIRST(&server->connections));
        sd_event_source_disable_unref(server->source);
        (void) fd_close(server->fd);
}

void server_poke(Server *server)
{
        ServerConnection *connection, *next;

        for (connection = LIST_FIRST(&server->connections); connection; connection = next) {
                next = LIST_NEXT(connection, entry);
                if (connection->waits)
                        handle(connection, complete_body(&connection->received));
        }
}
