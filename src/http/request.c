/* SPDX-License-Identifier: MIT */
/* A request from its headers to its response. */

#include "http/request.h"

#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

#include "basic/parse.h"
#include "http/guard.h"
#include "http/server-internal.h"
#include "http/strict.h"

static const HttpListener *listener_of(const HttpRequest *request)
{
        return http_request_connection(request)->listener;
}

static HttpServer *server_of(const HttpRequest *request)
{
        return listener_of(request)->server;
}

/* The target without its query. Borrowed from libmicrohttpd. */
typedef struct RequestLine {
        const char *method, *target, *version;
} RequestLine;

/* The longest that can be accepted is an IPv6 address in brackets with a port. */
#define AUTHORITY_SIZE 64

/* The headers that routing depends on, collected in one pass. */
typedef struct RequestHeaders {
        HttpGuardHeaders guard;
        const char *content_length, *transfer_encoding;
        unsigned n_content_length, n_transfer_encoding;
        HttpStrict strict;
        char authority[AUTHORITY_SIZE]; /* of an absolute-form target */
} RequestHeaders;

static enum MHD_Result on_header(void *userdata, enum MHD_ValueKind kind, const char *name, size_t name_size,
                                 const char *value, size_t value_size)
{
        RequestHeaders *headers = userdata;
        const struct {
                const char *name, **value;
                unsigned *n;
        } rows[] = {
                { MHD_HTTP_HEADER_HOST, &headers->guard.host, &headers->guard.n_host },
                { MHD_HTTP_HEADER_ORIGIN, &headers->guard.origin, &headers->guard.n_origin },
                { "Sec-Fetch-Site", &headers->guard.fetch_site, &headers->guard.n_fetch_site },
                { MHD_HTTP_HEADER_CONTENT_LENGTH, &headers->content_length, &headers->n_content_length },
                { MHD_HTTP_HEADER_TRANSFER_ENCODING, &headers->transfer_encoding,
                  &headers->n_transfer_encoding },
        };

        if (!http_strict_header(&headers->strict, name, name_size, value, value_size))
                return MHD_NO;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (strcasecmp(name, rows[i].name) == 0) {
                        *rows[i].value = value;
                        ++*rows[i].n;
                }

        return MHD_YES;
}

/* libmicrohttpd can send a response before a body or after it, not in the middle. A chunked body, whose size
 * is known only at its end, is therefore rejected at its headers. */
static int check_body(const RequestHeaders *headers, uint64_t body_max, uint64_t *ret_size)
{
        *ret_size = 0;
        if (headers->n_transfer_encoding > 0 && headers->n_content_length > 0)
                return DEVBOX_ERROR_BAD_REQUEST;
        if (headers->n_transfer_encoding > 0)
                return strcasecmp(headers->transfer_encoding, "chunked") == 0 ? DEVBOX_ERROR_LENGTH_REQUIRED
                                                                              : DEVBOX_ERROR_BAD_REQUEST;
        if (headers->n_content_length == 0)
                return 0;
        if (headers->n_content_length > 1)
                return DEVBOX_ERROR_BAD_REQUEST;

        switch (parse_u64(headers->content_length, 0, body_max, ret_size)) {
        case 0:
                return 0;
        case -ERANGE:
                return DEVBOX_ERROR_BODY_TOO_LARGE;
        default:
                return DEVBOX_ERROR_BAD_REQUEST;
        }
}

/* The memory of a body that will be kept is charged before the body is read; a Text may have twice its size.
 */
static int accept_body(HttpRequest *request, const RequestHeaders *headers)
{
        const HttpRoute *route = request->match.route;
        HttpServer *server = server_of(request);
        size_t kept_max = route ? route->body_max : 0;
        uint64_t size;

        int r = check_body(headers, kept_max > 0 ? kept_max : server->limits.body_bytes, &size);
        if (r != 0 || kept_max == 0)
                return r;

        r = http_charge(&server->budget, http_request_connection(request)->user, 2 * size,
                        &request->body_charge);
        return r == -EDQUOT ? DEVBOX_ERROR_BUSY : r;
}

static int find_route(HttpRequest *request, const HttpGuardHeaders *headers, const char *method,
                      const char *path)
{
        const HttpListener *listener = listener_of(request);
        bool mutation = !streq(method, MHD_HTTP_METHOD_GET) && !streq(method, MHD_HTTP_METHOD_HEAD);

        int r = http_guard_check(headers,
                                 (listener->server->exposed ? HTTP_GUARD_EXPOSED : 0) |
                                         (mutation ? HTTP_GUARD_MUTATION : 0),
                                 listener->options.own_host ? &listener->own_address : NULL);
        if (r != 0)
                return r;

        return http_route_find(listener->server->routes, listener->options.scope, method, path,
                               &request->match);
}

static void reject_method(HttpRequest *request, const char *path)
{
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;
        _cleanup_(freep) char *methods = NULL;

        if (http_route_allowed(server_of(request)->routes, listener_of(request)->options.scope, path,
                               &methods) < 0 ||
            http_response_new_error(DEVBOX_ERROR_METHOD_NOT_ALLOWED, NULL, &response) < 0 ||
            http_response_add_header(response, MHD_HTTP_HEADER_ALLOW, methods) < 0)
                return;

        http_request_respond(request, response);
}

/* RFC 9112 3.2.2: the authority of an absolute-form target takes the place of Host. Returns the path. */
static const char *parse_target(const char *target, RequestHeaders *headers)
{
        if (strncasecmp(target, "http://", strlen("http://")) != 0)
                return target;

        const char *begin = target + strlen("http://");
        size_t length = strcspn(begin, "/");

        if (length < AUTHORITY_SIZE)
                memcpy(headers->authority, begin, length);
        headers->guard.host = headers->authority;
        return begin[length] == '\0' ? "/" : begin + length;
}

static int route_request(HttpRequest *request, const RequestLine *line, RequestHeaders *headers,
                         bool *ret_reject)
{
        const char *path = parse_target(line->target, headers);

        int r = find_route(request, &headers->guard, line->method, path);
        int body = accept_body(request, headers);
        *ret_reject = body != 0;
        if (body != 0 || r != DEVBOX_ERROR_METHOD_NOT_ALLOWED)
                return body != 0 ? body : r;

        reject_method(request, path);
        return 0;
}

/* Where a malformed request ends is not known, so nothing more is read from its connection. */
static void reject_malformed(HttpRequest *request)
{
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;

        server_of(request)->stats.malformed_total++;
        if (http_response_new_error(DEVBOX_ERROR_BAD_REQUEST, NULL, &response) < 0 ||
            http_response_add_header(response, MHD_HTTP_HEADER_CONNECTION, "close") < 0)
                return;

        http_request_respond(request, response);
}

static bool read_headers(const HttpRequest *request, const RequestLine *line, RequestHeaders *headers)
{
        struct MHD_Connection *mhd = http_request_connection(request)->mhd;
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

        http_strict_begin(&headers->strict, line->method, line->target, request->target_size, line->version);
        (void) MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, on_header, headers);
        return http_strict_end(&headers->strict, line->method, info ? info->header_size : 0);
}

void http_request_begin(HttpRequest *request, const char *method, const char *target, const char *version,
                        bool *ret_reject)
{
        const RequestLine line = { method, target, version };
        RequestHeaders headers = { 0 };

        request->begun = true;
        if (!read_headers(request, &line, &headers)) {
                *ret_reject = true;
                reject_malformed(request);
                return;
        }

        int r = route_request(request, &line, &headers, ret_reject);
        if (r != 0)
                http_request_reject(request, r, NULL);
}

/* Only before any other response on the connection is being sent. */
static void send_error(HttpConnection *connection, DevboxError error)
{
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;
        _cleanup_(freep) char *text = NULL;
        size_t size;

        if (http_response_new_error(error, NULL, &response) < 0)
                return;

        const char *body = http_response_body(response, &size);
        unsigned status = http_response_status(response);
        int n = asprintf(&text,
                         "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Type: application/json\r\n"
                         "Content-Length: %zu\r\n\r\n%.*s",
                         status, MHD_get_reason_phrase_for(status), size, (int) size, body);
        if (n >= 0)
                (void) send(connection->fd, text, (size_t) n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void check_length(HttpConnection *connection)
{
        const char *value;
        uint64_t length;

        value = MHD_lookup_connection_value(connection->mhd, MHD_HEADER_KIND,
                                            MHD_HTTP_HEADER_CONTENT_LENGTH);
        int r = value ? parse_u64(value, 0, UINT64_MAX, &length) : 0;
        if (r >= 0)
                return;

        connection->listener->server->stats.malformed_total++;
        send_error(connection, r == -ERANGE ? DEVBOX_ERROR_BODY_TOO_LARGE : DEVBOX_ERROR_BAD_REQUEST);
        http_connection_abort(connection);
}

/* libmicrohttpd 0.9.75 sends the header of its error response to an invalid Content-Length twice. It logs a
 * message before it makes that response, and closes a connection without it that is shut down by then; so
 * the response is sent here. The message does not name its connection, whose header shows it. */
void http_request_on_log(void *userdata, const char *format, va_list arguments)
{
        HttpServer *server = userdata;
        HttpListener *listener;

        if (!strstr(format, "Content-Length"))
                return;

        LIST_FOREACH(listener, &server->listeners, entry) {
                HttpConnection *connection = TAILQ_FIRST(&listener->phases[HTTP_PHASE_READING]);

                while (connection) {
                        HttpConnection *next = TAILQ_NEXT(connection, in_phase);

                        if (connection->mhd)
                                check_length(connection);
                        connection = next;
                }
        }
}

void http_request_start(HttpRequest *request)
{
        HttpServer *server = server_of(request);
        const HttpRoute *route = request->match.route;

        request->started = true;
        http_connection_enter(http_request_connection(request), HTTP_PHASE_WORKING);

        if (server->handlers.admit(request, route, server->owner))
                route->handle(request, server->owner);
}

int http_request_append_body(HttpRequest *request, const char *data, size_t size)
{
        const HttpRoute *route = request->match.route;

        if (!request->response && route && route->body_max > 0)
                text_append_bytes(&request->body, data, size);
        return request->body.error;
}

void http_request_done(HttpRequest *request, int result)
{
        http_stream_done(&request->stream, result);
        text_done(&request->body);
        http_charge_done(&request->body_charge);
        http_response_unref(request->response);
        *request = (HttpRequest){ 0 };
}

void *http_request_owner(const HttpRequest *request)
{
        return server_of(request)->owner;
}

bool http_request_is_local(const HttpRequest *request)
{
        return listener_of(request)->local;
}

int http_request_source(const HttpRequest *request, IpPrefix *ret_source)
{
        SockAddr address = { 0 };
        socklen_t size = sizeof address;

        if (getpeername(http_request_connection(request)->fd, &address.any, &size) < 0)
                return -errno;

        return ip_prefix_from_sockaddr(&address, ret_source);
}

const char *http_request_parameter(const HttpRequest *request)
{
        return request->match.parameter;
}

const char *http_request_body(const HttpRequest *request, size_t *ret_size)
{
        *ret_size = request->body.size;
        return strempty(request->body.data);
}

/* Of a header or of the query. */
typedef struct ValueSearch {
        const char *name, *value;
        unsigned found;
} ValueSearch;

static enum MHD_Result on_value(void *userdata, enum MHD_ValueKind kind, const char *name, const char *value)
{
        ValueSearch *search = userdata;

        if (strcasecmp(name, search->name) == 0) {
                search->value = strempty(value);
                search->found++;
        }

        return MHD_YES;
}

static int find_value(const HttpRequest *request, enum MHD_ValueKind kind, const char *name,
                      const char **ret_value)
{
        ValueSearch search = { .name = name };

        (void) MHD_get_connection_values(http_request_connection(request)->mhd, kind, on_value, &search);
        if (search.found == 0)
                return -ENOENT;
        if (search.found > 1)
                return -ENOTUNIQ;

        *ret_value = search.value;
        return 0;
}

int http_request_header(const HttpRequest *request, const char *name, const char **ret_value)
{
        return find_value(request, MHD_HEADER_KIND, name, ret_value);
}

int http_request_query(const HttpRequest *request, const char *name, const char **ret_value)
{
        return find_value(request, MHD_GET_ARGUMENT_KIND, name, ret_value);
}

/* Only a suspended connection needs this: otherwise libmicrohttpd is just calling on_request(). */
void http_request_resume(HttpRequest *request)
{
        if (!TAKE(request->suspended, false))
                return;

        MHD_resume_connection(http_request_connection(request)->mhd);
        http_server_wake(server_of(request));
}

void http_request_respond(HttpRequest *request, HttpResponse *response)
{
        assert(!request->response);

        request->response = http_response_ref(response);
        http_request_resume(request);
}

void http_request_reject(HttpRequest *request, int reason, const char *detail)
{
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;

        if (http_response_new_error(reason, detail, &response) >= 0)
                http_request_respond(request, response);
        else
                http_request_resume(request); /* out of memory: closes the connection without a response */
}
