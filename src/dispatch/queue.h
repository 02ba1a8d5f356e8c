/* SPDX-License-Identifier: MIT */
#pragma once

/* The requests of this hub from their submission to their end:
 *
 *     submitted ── approving ── queued ── running ── ended
 *                     │            │         └─ finished, timeout, cancelled, failed, rejected, interrupted…
 *                     └─ denied    └─ unreachable; expired; cancelled
 *
 * Running is what the device has, or may have, as its answer was lost: only its word ends that. Cancelled or
 * expired, it is withdrawn on the device, which answers with what it knows, or that it never ran.
 *
 * What finds its device away and may wait is delivered when the device is back, in the order of submission,
 * each after the end of the one before.
 *
 * Each step is on the disk before it has an effect. A request is never run twice: it is sent again as it is,
 * and the device answers with what it knows. After a restart, open requests go on from the state that they
 * were in. */

#include "dispatch/compose.h"
#include "dispatch/facts.h"
#include "dispatch/link.h"
#include "dispatch/store.h"

/* Open requests: of one device, and in all. */
#define QUEUE_DEVICE_MAX 128
#define QUEUE_MAX        4096

typedef struct Queue Queue;

typedef struct QueueHandlers {
        void (*on_changed)(const StoredRequest *request, void *owner); /* its state, or its approvals */
} QueueHandlers;

/* Upper limits of the histogram; beyond the last one there is one more. */
#define QUEUE_BUCKETS 10
extern const usec_t queue_buckets_usec[QUEUE_BUCKETS];

typedef struct QueueStats {
        uint64_t submitted_total;
        uint64_t ended_total[_CAPABILITY_KIND_MAX + 1][_DISPATCH_STATE_MAX]; /* last: unknown capabilities */
        uint64_t replays_total; /* requests that their device rejected as a replay */

        /* Of those that a device has ended, from when nothing but the device was waited for. */
        uint64_t durations[QUEUE_BUCKETS + 1];
        usec_t duration_sum_usec;

        uint64_t open[DISPATCH_RUNNING + 1]; /* now, by their state */
        uint64_t oldest_approval_ms;         /* when it was submitted; 0: none */
} QueueStats;

/* `context` and the owner must outlive it. Errors: those of the store. */
int queue_new(const LinkContext *context, const char *directory, const QueueHandlers *handlers, void *owner,
              Queue **ret_queue);
Queue *queue_free(Queue *queue);
DEFINE_CLEANUP(Queue, queue_free);

/* Goes on with what was open when the last process ended. */
void queue_resume(Queue *queue);

DispatchStore *queue_store(Queue *queue);
QueueStats queue_stats(const Queue *queue);

void queue_each_open(const Queue *queue, void (*visit)(const StoredRequest *request, void *userdata),
                     void *userdata);

/* The links to the devices that requests were sent to since the start. */
size_t queue_n_links(const Queue *queue);
DeviceLink *queue_link(const Queue *queue, size_t i);
DeviceLink *queue_find_link(const Queue *queue, const char *device); /* NULL: there is none */

typedef struct QueueSubmission {
        const char *device, *capability, *principal;
        const char *event_id;     /* that caused it, in a chat; NULL: none */
        const Composed *composed; /* its payload is signed */
        bool may_wait;
        int stream_fd; /* borrowed; -EBADF: none */
} QueueSubmission;

/* A request of an event that is known already is followed, and none is made. Errors: DEVBOX_ERROR_BUSY too
 * many are open; AUDIT_UNAVAILABLE it cannot be kept; REQUEST_ID_CONFLICT of queue_follow(). */
int queue_submit(Queue *queue, const QueueSubmission *submission, char ret_id[static ULID_SIZE]);

/* Follows the request of an event: of the submission event, principal, device and stream are read. The
 * client of before, if any, no longer does. Errors: DEVBOX_ERROR_REQUEST_UNKNOWN there is none (any more);
 * REQUEST_ID_CONFLICT it is another principal's, or another device's. */
int queue_follow(Queue *queue, const QueueSubmission *submission, char ret_id[static ULID_SIZE]);

/* One person's decision on a request, with the device's manifest of now. The same again by the same event of
 * a chat changes nothing. Without an envelope the attester signs for `principal`. Errors:
 * DEVBOX_ERROR_REQUEST_UNKNOWN; REQUEST_STATE it waits for none; APPROVAL_MISMATCH not an approver, or who
 * asked, or the envelope is about something else; APPROVAL_MISSING a higher tier is needed; APPROVAL_REUSED
 * the same person again; of an envelope also those of envelope_verify(), BAD_ENVELOPE, BAD_SCHEMA and
 * APPROVAL_EXPIRED.
 * `ret_why` is set to what APPROVAL_MISMATCH or APPROVAL_MISSING is about, static, where that is known. */
typedef struct QueueDecision {
        const char *id, *principal;
        int tier; /* ApprovalTier */
        bool approve;
        const Manifest *manifest;
        const char *room, *message_id, *reaction_id; /* NULL: not by chat */
        const char *envelope; /* of an approval by the approver's own key, which decides who it is, too */
} QueueDecision;

int queue_decide(Queue *queue, const QueueDecision *decision, const char **ret_why);

/* Takes the approval of `principal` back: while more are needed only that one goes, afterwards the request
 * is cancelled. Errors: DEVBOX_ERROR_REQUEST_UNKNOWN; REQUEST_STATE it has ended; APPROVAL_MISSING this
 * principal has not approved it. */
int queue_withdraw(Queue *queue, const QueueDecision *decision);

/* Errors: DEVBOX_ERROR_REQUEST_UNKNOWN; REQUEST_STATE it has ended. */
int queue_cancel(Queue *queue, const char *id);

/* Before a device is cut off: hangs up on what it may run, which cancels that. Returns how many it was. */
unsigned queue_hang_up(Queue *queue, const char *device);

/* A device that was revoked: what is open for it ends with peer_revoked; whether what it may have ran to its
 * end is unknown. */
void queue_revoke(Queue *queue, const char *device);
