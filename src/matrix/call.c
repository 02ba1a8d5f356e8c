/* SPDX-License-Identifier: MIT */
/* Requests to a homeserver, and when they are repeated. */

#include "matrix/call.h"

#include <stdio.h>
#include <strings.h>

#include "basic/backoff.h"
#include "basic/parse.h"
#include "e2ee/json.h"
#include "http/guard.h"
#include "log/log.h"

#define RETRY_MIN_USEC      USEC_PER_SEC
#define RETRY_MAX_USEC      (60 * USEC_PER_SEC)
#define RETRY_AFTER_MAX_SEC 3600                        /* a longer Retry-After is a mistake */
#define RESPONSE_MAX        ((size_t) 64 * 1024 * 1024) /* the first sync of a bot in hundreds of rooms */

struct MatrixCall {
        MatrixServer *server;
        char *method, *url, *body;
        size_t body_size; /* or the file's */
        MatrixFileReader read_file;
        size_t n_read;                   /* bytes of it, in this attempt */
        usec_t timeout_usec, until_usec; /* until: of CLOCK_MONOTONIC */
        size_t response_max;
        bool once, limited, anonymous;
        bool failing; /* the attempt before failed, and this was logged */
        MatrixReplyHandler on_reply;
        void *userdata;
        Backoff backoff;
        sd_event_source *timer;
        HttpCall *http;
};

void matrix_server_done(MatrixServer *server)
{
        free(server->url);
        server->url = NULL;
        server->token = secret_free(server->token);
}

/* A token must not cross a network in clear. */
static bool url_is_private(const char *url)
{
        _cleanup_(freep) char *host = NULL;

        if (startswith(url, "https://"))
                return url[strlen("https://")] != '\0';
        if (!startswith(url, "http://"))
                return false;
        host = strdup(url + strlen("http://"));
        if (!host)
                return false;
        host[strcspn(host, "/")] = '\0';
        return http_guard_host_allowed(host, false, NULL);
}

int matrix_server_set_url(MatrixServer *server, const char *url)
{
        if (!url_is_private(url))
                return -EINVAL;

        char *copy = strdup(url);
        if (!copy)
                return -ENOMEM;
        for (size_t length = strlen(copy); length > 0 && copy[length - 1] == '/';)
                copy[--length] = '\0';
        free(server->url);
        server->url = copy;
        return 0;
}

const char *matrix_reply_code(const MatrixReply *reply)
{
        return strempty(object_string(reply->body, "errcode"));
}

const char *matrix_reply_refusal(const MatrixReply *reply)
{
        const char *code = matrix_reply_code(reply);

        return *code != '\0' ? code : "M_UNKNOWN";
}

MatrixCall *matrix_call_free(MatrixCall *call)
{
        if (!call)
                return NULL;

        sd_event_source_disable_unref(call->timer);
        http_call_free(call->http);
        free(call->method);
        free(call->url);
        if (call->body)
                explicit_bzero(call->body, call->body_size); /* it may have a password */
        free(call->body);
        free(call);
        return NULL;
}

/* ---- one attempt */

static void on_complete(HttpCall *http, int result, void *userdata);

static int authorization(const Secret *token, char **ret_header)
{
        Bytes bytes = secret_bytes(token);

        return asprintf(ret_header, "Authorization: Bearer %.*s", (int) bytes.size, bytes.data) < 0 ? -ENOMEM
                                                                                                    : 0;
}

static ssize_t on_send(HttpCall *http, char *buffer, size_t size, void *userdata)
{
        MatrixCall *call = userdata;
        size_t left = call->body_size - call->n_read;
        ssize_t n = left == 0 ? 0 : call->read_file(call->userdata, call->n_read, buffer, MIN(size, left));

        call->n_read += (size_t) MAX(n, (ssize_t) 0);
        return n == 0 && left > 0 ? -EIO : n;
}

static int attempt(MatrixCall *call)
{
        const HttpCallHandlers handlers = { .on_send = call->read_file ? on_send : NULL,
                                            .on_complete = on_complete };
        const char *headers[3] = { NULL };
        char *header = NULL;
        size_t n = 0;
        int r = 0;

        if (call->server->token && !call->anonymous)
                r = authorization(call->server->token, &header);
        if (r < 0)
                return r;
        if (header)
                headers[n++] = header;
        if (call->body || call->read_file)
                headers[n++] = call->body ? "Content-Type: application/json"
                                          : "Content-Type: application/octet-stream";
        call->n_read = 0;

        const HttpCallOptions options = { .method = call->method,
                                          .url = call->url,
                                          .headers = headers,
                                          .body = call->body,
                                          .body_size = call->body_size,
                                          .timeout_usec = call->timeout_usec,
                                          .response_max = call->response_max };
        r = http_call_start(call->server->http, &options, &handlers, call, &call->http);
        if (header)
                explicit_bzero(header, strlen(header));
        free(header);
        return r;
}

static int on_timer(sd_event_source *timer, uint64_t usec, void *userdata);

/* ENOMEM here ends the loop: a request must not be lost silently. */
static int attempt_after(MatrixCall *call, usec_t delay_usec)
{
        call->http = http_call_free(call->http);
        call->timer = sd_event_source_disable_unref(call->timer);
        return sd_event_add_time_relative(call->server->event, &call->timer, CLOCK_MONOTONIC, delay_usec, 0,
                                          on_timer, call);
}

static int on_timer(sd_event_source *timer, uint64_t usec, void *userdata)
{
        MatrixCall *call = userdata;

        int r = attempt(call);
        return r < 0 ? attempt_after(call, backoff_next(&call->backoff)) : 0;
}

/* ---- its end */

/* Milliseconds in the body are what servers sent before the header. */
static usec_t retry_after(const HttpCall *http, const cJSON *body, usec_t otherwise_usec)
{
        const char *header = http_call_header(http, "Retry-After");
        uint64_t seconds;
        int64_t ms;

        if (http_call_status(http) == 429 && header &&
            parse_u64(header, 0, RETRY_AFTER_MAX_SEC, &seconds) == 0)
                return MAX(seconds * USEC_PER_SEC, otherwise_usec);
        if (object_integer(body, "retry_after_ms", 0, INT64_C(1000) * RETRY_AFTER_MAX_SEC, &ms))
                return MAX((usec_t) ms * USEC_PER_MSEC, otherwise_usec);
        return otherwise_usec;
}

static void log_failure(MatrixCall *call, int result, unsigned status)
{
        if (call->failing)
                return;

        call->failing = true;
        if (result < 0)
                (void) log_warning_errno(result, "The homeserver does not answer; trying again");
        else
                log_warning("The homeserver answers with status %u; trying again", status);
}

static void on_complete(HttpCall *http, int result, void *userdata)
{
        _cleanup_(json_freep) cJSON *body = NULL;
        MatrixCall *call = userdata;
        unsigned status = result == 0 ? http_call_status(http) : 0;
        size_t size = 0;
        const char *text = http_call_body(http, &size);

        if (result == 0)
                (void) matrix_json_parse(BYTES(text, size), RESPONSE_MAX, &body);
        if (result == 0 && status / 100 == 2 && !body)
                result = -EBADMSG; /* a proxy, a cut body */

        bool is_limit = status == 429, undecided = result < 0 || is_limit || status / 100 == 5;
        usec_t delay_usec = undecided ? retry_after(http, body, backoff_next(&call->backoff)) : 0;
        if (undecided && !call->once && !(is_limit && call->limited) &&
            time_now(CLOCK_MONOTONIC) < call->until_usec) {
                log_failure(call, result, status);
                if (attempt_after(call, delay_usec) < 0)
                        (void) sd_event_exit(call->server->event, -ENOMEM);
                return;
        }

        const MatrixReply reply = {
                .error = result, .status = status, .body = body, .retry_usec = delay_usec
        };
        call->on_reply(call, &reply, call->userdata);
}

int matrix_call_start(MatrixServer *server, const MatrixRequest *request, MatrixReplyHandler on_reply,
                      void *userdata, MatrixCall **ret_call)
{
        _cleanup_(matrix_call_freep) MatrixCall *call = calloc(1, sizeof *call);

        if (!call)
                return -ENOMEM;
        *call = (MatrixCall){ .server = server,
                              .read_file = request->read_file,
                              .body_size = request->body ? strlen(request->body) : request->file_size,
                              .timeout_usec = request->timeout_usec,
                              .response_max =
                                      request->response_max > 0 ? request->response_max : RESPONSE_MAX,
                              .until_usec = request->repeat_usec > 0
                                                    ? time_now(CLOCK_MONOTONIC) + request->repeat_usec
                                                    : USEC_INFINITY,
                              .once = request->once,
                              .limited = request->limited,
                              .anonymous = request->anonymous,
                              .on_reply = on_reply,
                              .userdata = userdata,
                              .backoff = { .min_usec = server->retry_min_usec > 0 ? server->retry_min_usec
                                                                                  : RETRY_MIN_USEC,
                                           .max_usec = RETRY_MAX_USEC } };
        call->method = strdup(request->method);
        call->body = request->body ? strdup(request->body) : NULL;
        if (!call->method || (request->body && !call->body) ||
            asprintf(&call->url, "%s%s", server->url, request->target) < 0)
                return -ENOMEM;

        int r = attempt(call);
        if (r < 0)
                return r;

        *ret_call = TAKE_PTR(call);
        return 0;
}
