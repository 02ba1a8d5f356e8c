/* SPDX-License-Identifier: MIT */
/* Streamed responses.
 *
 * libmicrohttpd calls the reader whenever its buffer for the connection is empty, that is when the kernel
 * has taken what was produced before: this is the back-pressure. A producer with nothing to send suspends
 * the connection. libmicrohttpd does not poll suspended connections, so an event source of ours waits for
 * the end of the client. */

#include "http/stream.h"

#include <microhttpd.h>

#include "http/request.h"
#include "http/server-internal.h"

/* How much libmicrohttpd asks the reader for. */
#define PIECE_SIZE 4096

static ssize_t on_read(void *userdata, uint64_t offset, char *buffer, size_t size)
{
        HttpRequest *request = userdata;
        HttpConnection *connection = http_request_connection(request);
        HttpStream *stream = &request->stream;

        if (connection->listener->server->ending)
                stream->result = -ECANCELED;
        if (connection->listener->server->ending || connection->phase == HTTP_PHASE_ABORTED)
                return MHD_CONTENT_READER_END_WITH_ERROR;

        ssize_t n = stream->handlers->read(buffer, size, stream->userdata);
        if (n == -EAGAIN) {
                http_connection_enter(connection, HTTP_PHASE_STREAMING);
                request->suspended = true;
                MHD_suspend_connection(connection->mhd);
                return 0;
        }
        if (n < 0) {
                stream->result = (int) n;
                http_connection_abort(connection);
                return MHD_CONTENT_READER_END_WITH_ERROR;
        }

        http_connection_enter(connection, HTTP_PHASE_WRITING);
        return n > 0 ? n : MHD_CONTENT_READER_END_OF_STREAM;
}

static int on_hangup(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        HttpRequest *request = userdata;

        http_connection_abort(http_request_connection(request));
        return 0;
}

int http_stream_start(HttpRequest *request, unsigned status, const char *content_type,
                      const HttpStreamHandlers *handlers, void *userdata)
{
        HttpConnection *connection = http_request_connection(request);
        _cleanup_(sd_event_source_disable_unrefp) sd_event_source *source = NULL;
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;

        int r = sd_event_add_io(connection->listener->server->event, &source, connection->fd, EPOLLRDHUP,
                                on_hangup, request);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        if (r < 0)
                return r;

        struct MHD_Response *mhd =
                MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE_SIZE, on_read, request, NULL);
        if (!mhd)
                return -ENOMEM;
        r = http_response_new_mhd_take(status, content_type, mhd, &response);
        if (r < 0)
                return r;

        request->stream = (HttpStream){ .handlers = handlers,
                                        .userdata = userdata,
                                        .source_hangup = TAKE_PTR(source) };
        http_request_respond(request, response);
        return 0;
}

void http_stream_resume(HttpRequest *request)
{
        http_request_resume(request);
}

void http_stream_abort(HttpRequest *request)
{
        request->stream.handlers = NULL;
        http_connection_abort(http_request_connection(request));
}

void http_stream_done(HttpStream *stream, int result)
{
        sd_event_source_disable_unref(stream->source_hangup);
        if (stream->handlers)
                stream->handlers->on_end(stream->result < 0 ? stream->result : result, stream->userdata);
}
