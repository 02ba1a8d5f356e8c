/* SPDX-License-Identifier: MIT */
/* The clients that follow requests.
 *
 * The first one gets the output as it arrives. One that follows a request of a chat again, after the first
 * one was gone, gets at the end what the device's result keeps of the output. */

#include <fcntl.h>

#include "codec/json.h"
#include "dispatch/queue-internal.h"
#include "trust/result.h"

/* ---- what they get */

static void send_kept(ClientStream *stream, char type, const ResultStream *output)
{
        if (output->data.size > 0)
                client_stream_send(stream, type, BYTES(output->data.data, output->data.size));
}

static void send_last(ClientStream *stream, const StoredRequest *stored, uint64_t output_bytes)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        _cleanup_(freep) char *text = NULL;

        json_open_object(&json, NULL);
        json_add_string(&json, "state", dispatch_state_names[stored->state]);
        if (stored->reason)
                json_add_string(&json, "reason", stored->reason);
        if (stored->message)
                json_add_string(&json, "message", stored->message);
        if (stored->exit_code >= 0)
                json_add_u64(&json, "exit_code", (uint64_t) stored->exit_code);
        if (stored->exit_signal > 0)
                json_add_u64(&json, "exit_signal", (uint64_t) stored->exit_signal);
        json_add_u64(&json, "output_bytes", output_bytes);
        json_close_object(&json);
        if (json_take(&json, &text, NULL) == 0)
                client_stream_send(stream, 'R', bytes_of_string(text));
}

void stored_send_end(const StoredRequest *stored, ClientStream *stream, bool again)
{
        _cleanup_(result_freep) Result *result = NULL;
        bool has_result = stored->result && result_read(stored->result, &result) == 0;

        if (has_result && again) {
                send_kept(stream, 'O', &result->out);
                send_kept(stream, 'E', &result->err);
        }
        send_last(stream, stored, has_result ? (uint64_t) (result->out.size + result->err.size) : 0);
}

/* ---- their streams */

static void on_room(void *owner)
{
        QueuedRequest *request = owner;

        if (request->run)
                link_run_resume(request->run);
}

/* Whoever watches a request cancels it by going away, but for one of a chat. */
static void on_closed(void *owner)
{
        QueuedRequest *request = owner;

        request->stream = client_stream_free(request->stream);
        if (!request->stored.event_id)
                queued_cancel(request);
}

static const ClientStreamHandlers stream_handlers = { .on_room = on_room, .on_closed = on_closed };

static int stream_new(const Queue *queue, int fd, QueuedRequest *request, ClientStream **ret_stream)
{
        int own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);

        return own_fd < 0 ? -errno
                          : client_stream_new_take(queue->context->event, own_fd, &stream_handlers, request,
                                                   ret_stream);
}

int queued_follow(QueuedRequest *request, int fd)
{
        ClientStream *stream = NULL;

        int r = fd >= 0 ? stream_new(request->queue, fd, request, &stream) : 0;
        if (r < 0)
                return r;

        client_stream_free(request->stream);
        request->stream = stream;
        on_room(request); /* the device may have waited for the one before */
        return 0;
}

/* ---- again */

static QueuedRequest *find_open(const Queue *queue, const char *event_id)
{
        QueuedRequest *request;

        TAILQ_FOREACH(request, &queue->requests, entry)
                if (streq(strempty(request->stored.event_id), event_id))
                        return request;

        return NULL;
}

static bool is_same(const StoredRequest *stored, const QueueSubmission *submission)
{
        return streq(stored->device, submission->device) && streq(stored->principal, submission->principal);
}

static int follow_ended(const Queue *queue, const StoredRequest *stored, int fd)
{
        _cleanup_(client_stream_freep) ClientStream *stream = NULL;

        int r = fd >= 0 ? stream_new(queue, fd, NULL, &stream) : 0;
        if (r == 0 && stream)
                stored_send_end(stored, stream, true);
        return r;
}

int queue_follow(Queue *queue, const QueueSubmission *submission, char ret_id[static ULID_SIZE])
{
        _cleanup_(stored_request_done) StoredRequest read = { .n_approvals = 0 };
        QueuedRequest *open = find_open(queue, submission->event_id);
        const StoredRequest *stored = open ? &open->stored : &read;

        int r = open ? 0 : dispatch_store_find_event(queue->store, submission->event_id, &read);
        if (r == 0 && !is_same(stored, submission))
                r = DEVBOX_ERROR_REQUEST_ID_CONFLICT;
        if (r != 0)
                return r;

        memcpy(ret_id, stored->id, ULID_SIZE);
        if (!open)
                return follow_ended(queue, stored, submission->stream_fd);
        open->again = true;
        return queued_follow(open, submission->stream_fd);
}
