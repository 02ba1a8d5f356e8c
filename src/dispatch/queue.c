/* SPDX-License-Identifier: MIT */
/* The queue: states, deadlines, submission. */

#include <stdio.h>

#include "dispatch/queue-internal.h"
#include "log/log.h"
#include "trust/accept.h"

static QueuedRequest *queued_free(QueuedRequest *request)
{
        TAILQ_REMOVE(&request->queue->requests, request, entry);
        link_run_free(request->run);
        client_stream_free(request->stream);
        stored_request_done(&request->stored);
        free(request);
        return NULL;
}

/* ---- states */

void queued_changed(QueuedRequest *request)
{
        request->queue->handlers.on_changed(&request->stored, request->queue->owner);
}

/* Frees the request. A state that cannot be written is written by the next process: the device is asked
 * again. */
void queued_end(QueuedRequest *request, DispatchState state, int reason, const char *message,
                const QueueDecision *denial)
{
        StoredRequest *stored = &request->stored;
        Queue *queue = request->queue;
        const StoredEvent event = queued_end_event(stored, state, reason, denial);
        bool waited = stored->state == DISPATCH_APPROVING;

        stored->state = state;
        stored->ended_ms = (int64_t) queue_now_ms();
        if (reason > 0) {
                free(stored->reason);
                free(stored->message);
                stored->reason = strdup(devbox_error_code((DevboxError) reason));
                stored->message =
                        strdup(message && *message ? message : devbox_error_sentence((DevboxError) reason));
        }

        int r = dispatch_store_update(queue->store, stored, waited ? &event : NULL);
        if (r < 0)
                (void) log_error_errno(r, "Cannot write the end of a request, ignoring");
        queue_count_end(queue, request);
        (void) log_full(LOG_INFO, 0,
                        LOG_FIELDS({ "DEVBOX_REQUEST", stored->id }, { "DEVBOX_PEER", stored->device },
                                   { "DEVBOX_CAPABILITY", stored->subject },
                                   { "DEVBOX_OUTCOME", dispatch_state_names[state] }),
                        "Request %s to %s: %s%s%s", stored->id, stored->device, dispatch_state_names[state],
                        stored->reason ? ", " : "", strempty(stored->reason));
        if (request->stream)
                stored_send_end(stored, request->stream, request->again);
        queued_changed(request);
        (void) queued_free(request);
}

int queued_set_state(QueuedRequest *request, DispatchState state)
{
        request->stored.state = state;
        int r = dispatch_store_update(request->queue->store, &request->stored, NULL);

        queued_changed(request);
        return r;
}

bool queued_may_have_arrived(const QueuedRequest *request)
{
        return request->stored.state == DISPATCH_RUNNING ||
               (request->run && link_run_may_have_arrived(request->run));
}

/* ---- deadlines */

/* What waits for people or for the device ends at its expiry. */
static void check_expiry(QueuedRequest *request, uint64_t now)
{
        const StoredRequest *stored = &request->stored;

        if ((uint64_t) stored->expires_ms <= now && !queued_may_have_arrived(request))
                return queued_end(request, DISPATCH_EXPIRED,
                                  stored->state == DISPATCH_APPROVING ? DEVBOX_ERROR_APPROVAL_EXPIRED
                                                                      : DEVBOX_ERROR_EXPIRED,
                                  NULL, NULL);
        if (!request->run && stored->state != DISPATCH_APPROVING)
                queued_start(request);
}

/* Once a second while anything is open: expiry, and devices that were away. */
static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Queue *queue = userdata;
        QueuedRequest *request = TAILQ_FIRST(&queue->requests), *next;

        for (; request; request = next) {
                next = TAILQ_NEXT(request, entry);
                check_expiry(request, queue_now_ms());
        }
        if (TAILQ_EMPTY(&queue->requests))
                return 0;

        int r = sd_event_source_set_time_relative(source, USEC_PER_SEC);
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void arm(Queue *queue, usec_t after_usec)
{
        (void) sd_event_source_set_time_relative(queue->timer, after_usec);
        (void) sd_event_source_set_enabled(queue->timer, SD_EVENT_ONESHOT);
}

void queued_cancel(QueuedRequest *request)
{
        StoredRequest *stored = &request->stored;

        if (!queued_may_have_arrived(request))
                return queued_end(request, DISPATCH_CANCELLED, 0, NULL, NULL);
        if (TAKE(stored->cancelled, true))
                return;

        int r = dispatch_store_update(request->queue->store, stored, NULL);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot write that a request is cancelled, ignoring");
        if (request->run)
                link_run_withdraw(request->run);
}

void queued_revoke(QueuedRequest *request)
{
        queued_end(request,
                   queued_may_have_arrived(request) ? DISPATCH_INTERRUPTED_UNKNOWN : DISPATCH_REJECTED,
                   DEVBOX_ERROR_PEER_REVOKED, NULL, NULL);
}

/* ---- public */

static int load(StoredRequest *stored, void *userdata)
{
        Queue *queue = userdata;
        QueuedRequest *request = calloc(1, sizeof *request);

        if (!request)
                return -ENOMEM;

        request->queue = queue;
        request->stored = TAKE(*stored, ((StoredRequest){ .n_approvals = 0 }));
        TAILQ_INSERT_TAIL(&queue->requests, request, entry);
        if (request->stored.state == DISPATCH_QUEUED && request->stored.sent)
                request->stored.state = DISPATCH_RUNNING;

        /* The last process ended between the last approval and the state that follows from it. */
        if (request->stored.state == DISPATCH_APPROVING &&
            (int64_t) request->stored.n_approvals >= request->stored.needed)
                request->stored.state = DISPATCH_QUEUED;
        request->deferred = request->stored.state != DISPATCH_APPROVING && request->stored.may_wait;
        return 0;
}

int queue_new(const LinkContext *context, const char *directory, const QueueHandlers *handlers, void *owner,
              Queue **ret_queue)
{
        _cleanup_(queue_freep) Queue *queue = calloc(1, sizeof *queue);
        if (!queue)
                return -ENOMEM;

        TAILQ_INIT(&queue->requests);
        queue->context = context;
        queue->handlers = *handlers;
        queue->owner = owner;
        int r = dispatch_store_open(directory, &queue->store);
        if (r == 0)
                r = sd_event_add_time_relative(context->event, &queue->timer, CLOCK_MONOTONIC, 0, 0,
                                               on_timer, queue);
        if (r >= 0)
                r = dispatch_store_each_open(queue->store, load, queue);
        if (r < 0)
                return r;

        *ret_queue = TAKE_PTR(queue);
        return 0;
}

Queue *queue_free(Queue *queue)
{
        if (!queue)
                return NULL;

        while (!TAILQ_EMPTY(&queue->requests))
                queued_free(TAILQ_FIRST(&queue->requests));
        for (size_t i = 0; i < queue->n_links; i++)
                device_link_free(queue->links[i]);
        sd_event_source_disable_unref(queue->timer);
        dispatch_store_close(queue->store);
        free(queue);
        return NULL;
}

void queue_resume(Queue *queue)
{
        if (!TAILQ_EMPTY(&queue->requests))
                arm(queue, 0);
}

DispatchStore *queue_store(Queue *queue)
{
        return queue->store;
}

size_t queue_n_links(const Queue *queue)
{
        return queue->n_links;
}

DeviceLink *queue_link(const Queue *queue, size_t i)
{
        return queue->links[i];
}

DeviceLink *queue_find_link(const Queue *queue, const char *device)
{
        for (size_t i = 0; i < queue->n_links; i++)
                if (streq(device_link_name(queue->links[i]), device))
                        return queue->links[i];

        return NULL;
}

QueuedRequest *queue_find(Queue *queue, const char *id)
{
        QueuedRequest *request;
        char suffix[ULID_SIZE];

        if (!ulid_suffix_parse(id, suffix))
                return NULL;

        TAILQ_FOREACH_REVERSE(request, &queue->requests, QueuedRequests, entry)
                if (endswith(request->stored.id, suffix))
                        return request;

        return NULL;
}

int queue_why_not_open(Queue *queue, const char *id)
{
        _cleanup_(stored_request_done) StoredRequest request = { .n_approvals = 0 };

        int r = dispatch_store_find(queue->store, id, &request);
        return r == 0 ? DEVBOX_ERROR_REQUEST_STATE : r;
}

static bool has_space(const Queue *queue, const char *device)
{
        const QueuedRequest *request;
        size_t n = 0, n_device = 0;

        TAILQ_FOREACH(request, &queue->requests, entry) {
                n++;
                n_device += streq(request->stored.device, device);
        }

        return n < QUEUE_MAX && n_device < QUEUE_DEVICE_MAX;
}

static int fill(StoredRequest *stored, const QueueSubmission *submission, const KeyPair *dispatcher)
{
        const Capability *entry = submission->composed->capability;
        _cleanup_(envelope_freep) Envelope *envelope = NULL;

        stored->device = strdup(submission->device);
        stored->capability = strdup(submission->capability);
        stored->subject = strdup(submission->composed->subject);
        stored->description = strdup(submission->composed->description);
        stored->principal = strdup(submission->principal);
        stored->event_id = submission->event_id ? strdup(submission->event_id) : NULL;
        if (!stored->device || !stored->capability || !stored->subject || !stored->description ||
            !stored->principal || (submission->event_id && !stored->event_id))
                return -ENOMEM;

        int r = envelope_new(ENVELOPE_REQUEST, bytes_of_string(submission->composed->payload), &envelope);
        if (r == 0)
                r = envelope_sign(envelope, DISPATCHER_ROLE, dispatcher);
        if (r == 0)
                r = envelope_format(envelope, &stored->envelope);
        if (r != 0)
                return r;

        memcpy(stored->id, submission->composed->request_id, sizeof stored->id);
        stored->digest = envelope->digest;
        stored->created_ms = (int64_t) queue_now_ms();
        stored->expires_ms = (int64_t) submission->composed->expires_at_ms;
        stored->tier = entry ? entry->approval : APPROVAL_NONE;
        stored->needed = stored->tier > APPROVAL_NONE ? entry->approval_count : 0;
        stored->may_wait = submission->may_wait && entry && entry->queue;
        stored->self_may_approve = entry && entry->approval_self;
        stored->exit_code = -1;
        stored->state = stored->needed > 0 ? DISPATCH_APPROVING : DISPATCH_QUEUED;
        stored->sent = stored->state == DISPATCH_QUEUED; /* the next step */
        return 0;
}

static int submit(Queue *queue, const QueueSubmission *submission, QueuedRequest *request)
{
        int r = fill(&request->stored, submission, queue->context->keys->dispatcher);
        if (r == 0)
                r = queued_follow(request, submission->stream_fd);
        if (r != 0)
                return r;

        const StoredEvent waits = { .kind = AUDIT_EVENT_APPROVAL_REQUESTED,
                                    .principal = request->stored.principal,
                                    .tier = (int) request->stored.tier };

        r = dispatch_store_insert(queue->store, &request->stored,
                                  request->stored.needed > 0 ? &waits : NULL);
        return r < 0 ? DEVBOX_ERROR_AUDIT_UNAVAILABLE : 0;
}

int queue_submit(Queue *queue, const QueueSubmission *submission, char ret_id[static ULID_SIZE])
{
        int r = submission->event_id ? queue_follow(queue, submission, ret_id)
                                     : DEVBOX_ERROR_REQUEST_UNKNOWN;

        if (r != DEVBOX_ERROR_REQUEST_UNKNOWN)
                return r;
        if (!has_space(queue, submission->device))
                return DEVBOX_ERROR_BUSY;

        QueuedRequest *request = calloc(1, sizeof *request);
        if (!request)
                return -ENOMEM;

        request->queue = queue;
        TAILQ_INSERT_TAIL(&queue->requests, request, entry);
        r = submit(queue, submission, request);
        if (r != 0) {
                (void) queued_free(request);
                return r;
        }

        queue->stats.submitted_total++;
        memcpy(ret_id, request->stored.id, ULID_SIZE);
        arm(queue, USEC_PER_SEC);
        queued_changed(request);
        if (request->stored.state == DISPATCH_QUEUED)
                queued_start(request);
        return 0;
}

int queue_cancel(Queue *queue, const char *id)
{
        QueuedRequest *request = queue_find(queue, id);

        if (!request)
                return queue_why_not_open(queue, id);

        queued_cancel(request);
        return 0;
}

unsigned queue_hang_up(Queue *queue, const char *device)
{
        QueuedRequest *request;
        unsigned n = 0;

        TAILQ_FOREACH(request, &queue->requests, entry)
                if (request->run && link_run_may_have_arrived(request->run) &&
                    streq(request->stored.device, device)) {
                        link_run_withdraw(request->run);
                        n++;
                }

        return n;
}

void queue_revoke(Queue *queue, const char *device)
{
        for (QueuedRequest *request = TAILQ_FIRST(&queue->requests), *next; request; request = next) {
                next = TAILQ_NEXT(request, entry);
                if (streq(request->stored.device, device))
                        queued_revoke(request);
        }
}
