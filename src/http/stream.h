/* SPDX-License-Identifier: MIT */
#pragma once

/* Responses whose body is produced piece by piece, as fast as the client reads it: events, results.
 *
 * The client must take each piece within HttpLimits.response_usec; the producer has no deadline here. Where
 * HttpListenerOptions.may_pause is set, the client may stop reading for any time, which pauses the producer;
 * its kernel has to send keepalive probes meanwhile (SO_KEEPALIVE, tcp(7)): the stream ends at the latest
 * when twice response_usec have passed without any segment.
 *
 * A client that closes its connection, or only its sending side, ends the stream immediately, also while the
 * producer has nothing to send. The request stays valid until the stream ends. */

#include <sys/types.h>

#include "http/route.h"

typedef struct HttpStreamHandlers {
        /* Fills `buffer` with the next piece, when the client has room for it. Returns its size, 0 at the
         * end of the body, -EAGAIN to be called again after http_stream_resume(), or another error, which
         * resets the connection. */
        ssize_t (*read)(char *buffer, size_t size, void *userdata);

        /* Exactly once, unless the stream was aborted. `result` is 0 if the body was sent; -ECONNRESET the
         * client has gone; -ETIMEDOUT it does not read; -ECANCELED the server drains or is freed; or the
         * error of read(). */
        void (*on_end)(int result, void *userdata);
} HttpStreamHandlers;

/* In place of http_request_respond(). `handlers` must outlive the stream. HEAD gets the header, and on_end()
 * without read(). Errors: -ENOMEM, and others of sd_event_add_io(3); then the request is still to be
 * responded to.
 */
int http_stream_start(HttpRequest *request, unsigned status, const char *content_type,
                      const HttpStreamHandlers *handlers, void *userdata);

/* After read() returned -EAGAIN; otherwise without effect. */
void http_stream_resume(HttpRequest *request);

/* Resets the connection; on_end() is not called. */
void http_stream_abort(HttpRequest *request);
