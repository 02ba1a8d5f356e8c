/* SPDX-License-Identifier: MIT */
/* Gives requests to the links of their devices, and takes what these report. */

#include "dispatch/queue-internal.h"
#include "log/log.h"

static int set_sent(QueuedRequest *request, bool sent)
{
        StoredRequest *stored = &request->stored;

        if (TAKE(stored->sent, sent) == sent)
                return 0;

        int r = dispatch_store_update(request->queue->store, stored, NULL);
        if (r < 0)
                stored->sent = !sent;
        return r;
}

static int on_sending(void *userdata)
{
        return set_sent(userdata, true);
}

static void on_arrived(void *userdata)
{
        QueuedRequest *request = userdata;

        if (request->stored.state == DISPATCH_QUEUED && queued_set_state(request, DISPATCH_RUNNING) < 0)
                log_warning("Cannot write that a request runs, ignoring");
}

static bool has_room(void *userdata)
{
        const QueuedRequest *request = userdata;

        return !request->stream || !client_stream_is_full(request->stream);
}

static void on_output(char type, Bytes output, void *userdata)
{
        QueuedRequest *request = userdata;

        if (request->stream && !request->again)
                client_stream_send(request->stream, type, output);
}

static const DispatchState states_of_results[_RESULT_STATUS_MAX] = {
        [RESULT_FINISHED] = DISPATCH_FINISHED,
        [RESULT_DENIED] = DISPATCH_REJECTED,
        [RESULT_TIMEOUT] = DISPATCH_TIMEOUT,
        [RESULT_CANCELLED] = DISPATCH_CANCELLED,
        [RESULT_FAILED] = DISPATCH_FAILED,
        [RESULT_INTERRUPTED] = DISPATCH_INTERRUPTED,
        [RESULT_INTERRUPTED_UNKNOWN] = DISPATCH_INTERRUPTED_UNKNOWN,
};

static void take_result(QueuedRequest *request, const Result *result, const char *envelope)
{
        StoredRequest *stored = &request->stored;

        stored->result = strdup(envelope);
        stored->exit_code = result->exit.code;
        stored->exit_signal = result->exit.signal;
        stored->reason = result->reason ? strdup(result->reason) : NULL;
        stored->message = result->message ? strdup(result->message) : NULL;
}

/* The device did not have it, and never takes it. */
static void on_withdrawn(QueuedRequest *request, const char *envelope)
{
        StoredRequest *stored = &request->stored;

        stored->result = strdup(envelope);
        if (stored->cancelled)
                queued_end(request, DISPATCH_CANCELLED, 0, NULL, NULL);
        else
                queued_end(request, DISPATCH_EXPIRED, DEVBOX_ERROR_EXPIRED, NULL, NULL);
}

static bool is_withdrawal(const Result *result)
{
        return result->status == RESULT_DENIED &&
               streq(strempty(result->reason), devbox_error_code(DEVBOX_ERROR_REQUEST_WITHDRAWN));
}

static bool is_away(int reason)
{
        return reason == DEVBOX_ERROR_MESH_UNREACHABLE || reason == DEVBOX_ERROR_BUSY;
}

static void on_end(const Result *result, const char *envelope, int reason, const char *message,
                   void *userdata)
{
        QueuedRequest *request = userdata;

        if (result && is_withdrawal(result))
                return on_withdrawn(request, envelope);
        if (result) {
                take_result(request, result, envelope);
                return queued_end(request, states_of_results[result->status], 0, NULL, NULL);
        }

        if (request->stored.may_wait && (is_away(reason) || reason == DEVBOX_ERROR_MESH_UNAVAILABLE)) {
                /* It keeps its place; the timer tries again. */
                request->deferred = true;
                request->run = link_run_free(request->run);
                if (set_sent(request, false) < 0)
                        log_warning("Cannot write that a request was not sent, ignoring");
                return;
        }
        if (reason == DEVBOX_ERROR_PEER_REVOKED)
                return queued_revoke(request);
        if (reason == DEVBOX_ERROR_MESH_UNREACHABLE)
                return queued_end(request, DISPATCH_UNREACHABLE, DEVBOX_ERROR_MESH_UNREACHABLE, NULL, NULL);

        queued_end(request, DISPATCH_REJECTED, reason, message, NULL);
}

static const LinkRunHandlers run_handlers = { .on_sending = on_sending,
                                              .on_arrived = on_arrived,
                                              .has_room = has_room,
                                              .on_output = on_output,
                                              .on_end = on_end };

/* ---- starting */

static int need_link(Queue *queue, const char *device, DeviceLink **ret_link)
{
        *ret_link = queue_find_link(queue, device);
        if (*ret_link)
                return 0;
        if (queue->n_links == LINKS_MAX)
                return -ENOBUFS;

        int r = device_link_new(queue->context, device, &queue->links[queue->n_links]);
        if (r < 0)
                return r;

        *ret_link = queue->links[queue->n_links++];
        return 0;
}

/* Whether an older request still waits for the device. */
static bool is_behind(const QueuedRequest *request)
{
        const QueuedRequest *older;

        TAILQ_FOREACH(older, &request->queue->requests, entry) {
                if (older == request)
                        break;
                if ((older->deferred || (older->run && link_run_is_in_order(older->run))) &&
                    streq(older->stored.device, request->stored.device))
                        return true;
        }

        return false;
}

void queued_start(QueuedRequest *request)
{
        const StoredRequest *stored = &request->stored;

        if (stored->may_wait && !request->deferred)
                request->deferred = is_behind(request);
        const LinkRequest link_request = { .envelope = stored->envelope,
                                           .approvals = (const char *const *) stored->approvals,
                                           .n_approvals = stored->n_approvals,
                                           .digest = &stored->digest,
                                           .expires_ms = (uint64_t) stored->expires_ms,
                                           .arrived = stored->state == DISPATCH_RUNNING,
                                           .withdrawn = stored->cancelled,
                                           .may_wait = stored->may_wait,
                                           .in_order = request->deferred };
        DeviceLink *link = NULL;

        if (request->ready_usec == 0)
                request->ready_usec = time_now(CLOCK_MONOTONIC);
        int r = need_link(request->queue, stored->device, &link);
        if (r == 0)
                r = link_run_start(link, &link_request, &run_handlers, request, &request->run);
        if (r < 0)
                queued_end(request, DISPATCH_FAILED, DEVBOX_ERROR_INTERNAL, NULL, NULL);
}
