/* SPDX-License-Identifier: MIT */
/* A request from its headers to its response. */

#include "http/request.h"

#include <strings.h>

#include "basic/parse.h"
#include "http/guard.h"
#include "http/server-internal.h"

static HttpServer *server_of(const HttpRequest *request)
{
        return http_request_connection(request)->listener->server;
}

/* The headers that routing depends on, collected in one pass. */
typedef struct RequestHeaders {
        HttpGuardHeaders guard;
        const char *content_length;
        unsigned n_content_length, n_transfer_encoding;
} RequestHeaders;

static enum MHD_Result on_header(void *userdata, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
        RequestHeaders *headers = userdata;

        if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
                headers->guard.host = strempty(value);
                headers->guard.n_host++;
        } else if (strcasecmp(name, MHD_HTTP_HEADER_ORIGIN) == 0) {
                headers->guard.origin = strempty(value);
                headers->guard.n_origin++;
        } else if (strcasecmp(name, "Sec-Fetch-Site") == 0) {
                headers->guard.fetch_site = strempty(value);
                headers->guard.n_fetch_site++;
        } else if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
                headers->content_length = strempty(value);
                headers->n_content_length++;
        } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0)
                headers->n_transfer_encoding++;

        return MHD_YES;
}

/* libmicrohttpd can send a response before a body or after it, not in the middle. A chunked body, whose size
 * is known only at its end, is therefore rejected at its headers. */
static int check_body(const RequestHeaders *headers, uint64_t body_max, uint64_t *ret_size)
{
        *ret_size = 0;
        if (headers->n_transfer_encoding > 0)
                return DEVBOX_ERROR_LENGTH_REQUIRED;
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

        int r = check_body(headers, MAX(server->limits.body_bytes, kept_max), &size);
        if (r != 0 || kept_max == 0)
                return r;

        r = http_charge(&server->budget, http_request_connection(request)->user, 2 * size,
                        &request->body_charge);
        return r == -EDQUOT ? DEVBOX_ERROR_BUSY : r;
}

static int find_route(HttpRequest *request, const HttpGuardHeaders *headers, const char *method,
                      const char *path)
{
        HttpServer *server = server_of(request);
        bool mutation = !streq(method, MHD_HTTP_METHOD_GET) && !streq(method, MHD_HTTP_METHOD_HEAD);

        int r = http_guard_check(headers, (server->exposed ? HTTP_GUARD_EXPOSED : 0) |
                                                  (mutation ? HTTP_GUARD_MUTATION : 0));
        if (r != 0)
                return r;

        return http_route_find(server->routes, method, path, &request->match);
}

static void reject_method(HttpRequest *request, const char *path)
{
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;
        _cleanup_(freep) char *methods = NULL;

        if (http_route_allowed(server_of(request)->routes, path, &methods) < 0 ||
            http_response_new_error(DEVBOX_ERROR_METHOD_NOT_ALLOWED, NULL, &response) < 0 ||
            http_response_add_header(response, MHD_HTTP_HEADER_ALLOW, methods) < 0)
                return;

        http_request_respond(request, response);
}

void http_request_begin(HttpRequest *request, const char *method, const char *path, bool *ret_reject_body)
{
        RequestHeaders headers = { 0 };

        (void) MHD_get_connection_values(http_request_connection(request)->mhd, MHD_HEADER_KIND, on_header,
                                         &headers);

        int r = find_route(request, &headers.guard, method, path);
        int body = accept_body(request, &headers);
        if (body != 0)
                r = body;
        if (r == DEVBOX_ERROR_METHOD_NOT_ALLOWED)
                reject_method(request, path);
        else if (r != 0)
                http_request_reject(request, r, NULL);

        request->begun = true;
        *ret_reject_body = body != 0;
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

const char *http_request_parameter(const HttpRequest *request)
{
        return request->match.parameter;
}

const char *http_request_body(const HttpRequest *request, size_t *ret_size)
{
        *ret_size = request->body.size;
        return strempty(request->body.data);
}

typedef struct HeaderQuery {
        const char *name, *value;
        unsigned found;
} HeaderQuery;

static enum MHD_Result on_queried_header(void *userdata, enum MHD_ValueKind kind, const char *name,
                                         const char *value)
{
        HeaderQuery *query = userdata;

        if (strcasecmp(name, query->name) == 0) {
                query->value = strempty(value);
                query->found++;
        }

        return MHD_YES;
}

int http_request_header(const HttpRequest *request, const char *name, const char **ret_value)
{
        HeaderQuery query = { .name = name };

        (void) MHD_get_connection_values(http_request_connection(request)->mhd, MHD_HEADER_KIND,
                                         on_queried_header, &query);
        if (query.found == 0)
                return -ENOENT;
        if (query.found > 1)
                return -ENOTUNIQ;

        *ret_value = query.value;
        return 0;
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
