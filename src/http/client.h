/* SPDX-License-Identifier: MIT */
#pragma once

/* An HTTP/1.1 client on its owner's event loop: libcurl's multi interface over TCP and Unix sockets.
 *
 * A call has a deadline, a limit for the response body, and exactly one on_complete(), never before
 * http_call_start() has returned. A peer that cannot be reached any more ends its calls within 15 s; the
 * kernel sends keepalive probes for it, which also show the peer that a call is only paused. Freeing
 * a call or its client cancels it without on_complete(). Proxy settings of the environment are ignored,
 * redirects are not followed. Names other than addresses are resolved in a thread of libcurl. */

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"
#include "basic/time.h"

typedef struct HttpClient HttpClient;
typedef struct HttpCall HttpCall;

typedef struct HttpCallHandlers {
        /* Fills `buffer` with the next piece of the request body. Returns its size, 0 at the end of the
         * body, -EAGAIN to be called again after http_call_resume(), or another error, which becomes the
         * result of the call. NULL: the body is in HttpCallOptions. */
        ssize_t (*on_send)(HttpCall *call, char *buffer, size_t size, void *userdata);

        /* A piece of the response body. Returns 0, -EAGAIN to get the same piece again after
         * http_call_resume(), or another error, which becomes the result of the call. NULL: the body is
         * collected for http_call_body(). */
        int (*on_receive)(HttpCall *call, const char *data, size_t size, void *userdata);

        /* `result` is 0 if the response is complete, whatever its status. Otherwise: -ECONNREFUSED, -ENOENT
         * and others of connect(2); -EINVAL the URL; -EHOSTUNREACH the name does not resolve; -ETIMEDOUT the
         * deadline; -ECONNRESET the connection ended early; -EBADMSG not HTTP/1; -EFBIG the body limit;
         * -EKEYREJECTED the TLS certificate; -ENOMEM; -EIO; or the error of another handler. May free the
         * call. */
        void (*on_complete)(HttpCall *call, int result, void *userdata);
} HttpCallHandlers;

/* All borrowed during http_call_start(). */
typedef struct HttpCallOptions {
        const char *method;         /* NULL: GET */
        const char *url;            /* http: or https: */
        const char *unix_path;      /* connects there instead of to the host of `url`; NULL: TCP */
        const char *const *headers; /* "Name: value", NULL at the end; NULL: none */
        const char *body;           /* NULL: none, or on_send(); needs a Content-Type among `headers` */
        size_t body_size;           /* with on_send(): 0 if it is not known */
        bool own_connection;        /* none of an earlier call, whose peer may be gone without a word */
        usec_t timeout_usec;        /* for the whole call; USEC_INFINITY: none */
        size_t response_max;        /* bytes of the response body; SIZE_MAX: no limit */
} HttpCallOptions;

int http_client_new(sd_event *event, HttpClient **ret_client);

/* Also frees all calls. Not from a handler. */
HttpClient *http_client_free(HttpClient *client);
DEFINE_CLEANUP(HttpClient, http_client_free);

/* `handlers` is copied. The caller owns the call, also after it is complete. Errors:
 * -ENAMETOOLONG the path of the socket, -ENOMEM. */
int http_call_start(HttpClient *client, const HttpCallOptions *options, const HttpCallHandlers *handlers,
                    void *userdata, HttpCall **ret_call);

/* Not from on_send() or on_receive(): return an error there. */
HttpCall *http_call_free(HttpCall *call);
DEFINE_CLEANUP(HttpCall, http_call_free);

/* After on_send() or on_receive() returned -EAGAIN. */
void http_call_resume(HttpCall *call);

/* Whether anything of the request may have left: a connection alone is not enough. */
bool http_call_was_sent(const HttpCall *call);

/* The status of the response; 0 before it is known. */
unsigned http_call_status(const HttpCall *call);

/* The first header field of that name; NULL if there is none. Valid until the call is freed. */
const char *http_call_header(const HttpCall *call, const char *name);

/* The collected body, terminated with a NUL byte that is not part of it. Valid until the call is freed. */
const char *http_call_body(const HttpCall *call, size_t *ret_size);
