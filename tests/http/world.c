/* SPDX-License-Identifier: MIT */
/* A server and raw clients. */
#include "world.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"

static char received[16 * 1024];
static size_t n_received;

void world_respond(HttpRequest *request, const char *text)
{
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;

        assert_ok(http_response_new_static(200, "text/plain", text, strlen(text), &response));
        http_request_respond(request, response);
}

static void handle_now(HttpRequest *request, void *owner)
{
        ((World *) owner)->n_handled++;
        world_respond(request, "now");
}

static void handle_later(HttpRequest *request, void *owner)
{
        World *world = owner;

        world->n_handled++;
        world->held[world->n_held++] = request;
}

static void handle_parameter(HttpRequest *request, void *owner)
{
        world_respond(request, http_request_parameter(request));
}

static void respond_value(HttpRequest *request, int r, const char *value)
{
        switch (r) {
        case 0:
                world_respond(request, value);
                break;
        case -ENOTUNIQ:
                world_respond(request, "(twice)");
                break;
        default:
                http_request_reject(request, DEVBOX_ERROR_TOKEN_REQUIRED, "X-Test");
        }
}

static void handle_header(HttpRequest *request, void *owner)
{
        const char *value = NULL;

        int r = http_request_header(request, "X-Test", &value);
        respond_value(request, r, value);
}

static void handle_query(HttpRequest *request, void *owner)
{
        const char *value = NULL;

        int r = http_request_query(request, "test", &value);
        respond_value(request, r, value);
}

static void handle_big(HttpRequest *request, void *owner)
{
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;
        World *world = owner;

        assert_ok(http_response_new_static(200, "text/plain", world->big, BIG_SIZE, &response));
        http_request_respond(request, response);
}

static void handle_page(HttpRequest *request, void *owner)
{
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;

        assert_ok(http_response_new_static(200, "text/plain", ((World *) owner)->big, 10000, &response));
        http_request_respond(request, response);
}

static ssize_t read_stream(char *buffer, size_t size, void *userdata)
{
        World *world = userdata;
        const char *piece = world->endless ? world->big : *world->pieces;

        if (!piece)
                return 0;
        if (streq(piece, ""))
                return -EAGAIN;
        if (streq(piece, "!"))
                return -EIO;

        size = MIN(size, strlen(piece));
        memcpy(buffer, piece, size);
        world->pieces += !world->endless;
        world->n_produced += size;
        return (ssize_t) size;
}

static void on_stream_end(int result, void *userdata)
{
        World *world = userdata;

        world->n_ended++;
        world->stream_result = result;
}

static void handle_stream(HttpRequest *request, void *owner)
{
        static const HttpStreamHandlers handlers = { read_stream, on_stream_end };
        World *world = owner;

        world->streamed = request;
        assert_ok(http_stream_start(request, 200, "text/event-stream", &handlers, world));
}

static void handle_body(HttpRequest *request, void *owner)
{
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;
        size_t size;
        const char *body = http_request_body(request, &size);
        char *copy = malloc(size + 1);

        assert_non_null(copy);
        memcpy(copy, body, size + 1);
        assert_ok(http_response_new_take(200, "text/plain", copy, size, &response));
        http_request_respond(request, response);
}

static bool admit(HttpRequest *request, const HttpRoute *route, void *owner)
{
        if (!((World *) owner)->reject || streq(route->method, "GET"))
                return true;

        http_request_reject(request, DEVBOX_ERROR_TOKEN_INVALID, NULL);
        return false;
}

static void on_response(const HttpRoute *route, unsigned status, void *owner)
{
        World *world = owner;

        world->n_responses++;
        world->last_status = status;
        world->last_route = route;
}

static void on_drained(void *owner)
{
        ((World *) owner)->drained = true;
}

const HttpRoute world_routes[] = {
        { "GET", "/now", handle_now, 0, .scopes = WORLD_SCOPE },
        { "POST", "/now", handle_now, 0 },
        { "GET", "/later", handle_later, 0 },
        { "GET", "/echo/{text}", handle_parameter, 0 },
        { "GET", "/header", handle_header, 0 },
        { "GET", "/query", handle_query, 0 },
        { "GET", "/big", handle_big, 0 },
        { "GET", "/page", handle_page, 0 },
        { "GET", "/stream", handle_stream, 0 },
        { "POST", "/body", handle_body, 0, WORLD_BODY_MAX },
        { "POST", "/word", handle_body, 0, 4 },
        {},
};

int world_listen_socket(void)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_ok(fd);
        assert_ok(bind(fd, (struct sockaddr *) &address, sizeof address));
        assert_ok(listen(fd, 1024));
        return fd;
}

static void start(World *world, const HttpLimits *limits, size_t max_connections)
{
        static const HttpHandlers handlers = { admit, on_response, on_drained };

        assert_ok(http_server_new(world->event, world_routes, &handlers, limits, &world->server));
        http_server_set_owner(world->server, world);
        const HttpListenerOptions options = { .max_connections = max_connections,
                                              .may_pause = world->may_pause };

        assert_ok(http_server_listen_take(world->server, dup(world->listen_fd), &options, &world->listener));
}

int world_up(void **state)
{
        World *world = calloc(1, sizeof *world);

        assert_non_null(world);
        world->big = calloc(1, BIG_SIZE + 1);
        assert_non_null(world->big);
        memset(world->big, 'x', BIG_SIZE);
        world->listen_fd = world_listen_socket();
        assert_ok(sd_event_new(&world->event));
        start(world, &HTTP_LIMITS_DEFAULT, 512);

        *state = world;
        return 0;
}

int world_down(void **state)
{
        World *world = *state;

        if (world->server)
                http_server_free(world->server);
        sd_event_unref(world->event);
        (void) fd_close(world->listen_fd);
        free(world->big);
        free(world);
        return 0;
}

void world_restart(World *world, const HttpLimits *limits, size_t max_connections)
{
        http_server_free(world->server);
        start(world, limits, max_connections);
}

int world_connect(World *world)
{
        return world_connect_buffer(world, 0);
}

int world_connect_buffer(World *world, int receive_bytes)
{
        struct sockaddr_in address;
        socklen_t size = sizeof address;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_ok(fd);
        assert_ok(getsockname(world->listen_fd, (struct sockaddr *) &address, &size));
        if (receive_bytes > 0)
                assert_ok(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes));
        assert_ok(connect(fd, (struct sockaddr *) &address, size));
        return fd;
}

void world_send(int fd, const char *text)
{
        assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

void world_spin(World *world)
{
        for (int i = 0; i < 50; i++)
                assert_ok(sd_event_run(world->event, i < 40 ? 0 : 1000));
}

/* Appends what has been received; false once the server has closed. */
static bool receive(int fd)
{
        ssize_t n = recv(fd, received + n_received, sizeof received - 1 - n_received, MSG_DONTWAIT);

        if (n > 0)
                n_received += (size_t) n;
        received[n_received] = '\0';
        return n > 0 || (n < 0 && errno == EAGAIN);
}

const char *world_read_to_end(World *world, int fd)
{
        n_received = 0;
        RUN_UNTIL(world, !receive(fd));
        return received;
}

const char *world_read_until(World *world, int fd, const char *needle)
{
        n_received = 0;
        received[0] = '\0';
        RUN_UNTIL(world, (receive(fd), strstr(received, needle)));
        return received;
}

const char *world_request(World *world, const char *request)
{
        _cleanup_(fd_closep) int fd = world_connect(world);

        world_send(fd, request);
        return world_read_to_end(world, fd);
}

size_t count_text(const char *text, const char *needle)
{
        size_t n = 0;

        for (const char *at = strstr(text, needle); at; at = strstr(at + 1, needle))
                n++;
        return n;
}
