/* SPDX-License-Identifier: MIT */
#pragma once

/* The durable queue: every request of this hub, the approvals given for it, and what became of it. What a
 * call acknowledged is on the disk. */

#include "audit/body.h"
#include "proto/error.h"
#include "proto/id.h"
#include "store/query.h"
#include "trust/accept.h"

typedef enum DispatchState {
        DISPATCH_APPROVING, /* waits for people */
        DISPATCH_QUEUED,    /* waits for the device */
        DISPATCH_RUNNING,   /* the device has it, or may have it */
        /* Ended: */
        DISPATCH_FINISHED,
        DISPATCH_TIMEOUT,
        DISPATCH_CANCELLED,
        DISPATCH_FAILED,              /* could not be started on the device */
        DISPATCH_INTERRUPTED,         /* the device died before it started */
        DISPATCH_INTERRUPTED_UNKNOWN, /* … while it ran; whether it finished is unknown */
        DISPATCH_REJECTED,            /* by the device, for `reason` */
        DISPATCH_DENIED,              /* by an approver */
        DISPATCH_EXPIRED,             /* before the device accepted it */
        DISPATCH_UNREACHABLE,         /* and it may not wait */
        _DISPATCH_STATE_MAX,
        _DISPATCH_STATE_INVALID = -EINVAL,
} DispatchState;

extern const char *const dispatch_state_names[_DISPATCH_STATE_MAX]; /* "approving", … */

static inline bool dispatch_state_is_open(DispatchState state)
{
        return state <= DISPATCH_RUNNING;
}

/* A row; strings are owned. */
typedef struct StoredRequest {
        char id[ULID_SIZE];
        char *device, *capability, *subject, *principal;
        char *envelope, *description; /* the latter: request_describe(); NULL: of an older version */
        Sha256 digest;
        DispatchState state;
        int64_t created_ms, expires_ms, ended_ms; /* 0: open */
        int64_t tier, needed;                     /* ApprovalTier, approvals; 0: none */
        bool self_may_approve;                    /* the requester may be an approver */
        bool may_wait;                            /* for a device that is away */
        bool sent;                                /* perhaps: it is written before it is */
        bool cancelled;                           /* while the device may have it */
        char *reason, *message;                   /* of a rejection or failure; NULL: none */
        char *result;                             /* the device's signed statement; NULL: none */
        int64_t exit_code, exit_signal;
        char *event_id; /* that caused it, of at most one request; NULL: none */

        char *approvals[APPROVALS_MAX]; /* envelopes */
        size_t n_approvals;
} StoredRequest;

void stored_request_done(StoredRequest *request);

/* What the hub's audit chain is given about a request, in the transaction of the change that it reports. */
typedef struct StoredEvent {
        AuditEventKind kind;
        const char *principal, *message_id; /* who decided, by which message; NULL: none */
        const char *decision_id;            /* event of the chat that decided, kept; NULL: none */
        int tier;                           /* ApprovalTier, of the decision or what is needed */
        int reason;                         /* DevboxError; 0: none */
} StoredEvent;

typedef struct DispatchStore DispatchStore;

int dispatch_store_open(const char *directory, DispatchStore **ret_store);
DispatchStore *dispatch_store_close(DispatchStore *store);
DEFINE_CLEANUP(DispatchStore, dispatch_store_close);

/* For an Outbox. */
Database *const *dispatch_store_database(const DispatchStore *store);

/* The event may be NULL. */
int dispatch_store_insert(DispatchStore *store, const StoredRequest *request, const StoredEvent *event);

/* State, whether it was sent and cancelled, reason, message, result, exit and time of the end. */
int dispatch_store_update(DispatchStore *store, const StoredRequest *request, const StoredEvent *event);

/* The event names the approver. */
int dispatch_store_add_approval(DispatchStore *store, const StoredRequest *request, const char *envelope,
                                const StoredEvent *event);

/* The event names whose approval goes. The request still has its envelope: dispatch_store_read_approvals().
 */
int dispatch_store_remove_approval(DispatchStore *store, const StoredRequest *request,
                                   const StoredEvent *event);

/* Replaces those of the request. */
int dispatch_store_read_approvals(DispatchStore *store, StoredRequest *request);

/* Whether this principal has approved it. */
int dispatch_store_has_decided(DispatchStore *store, const char *id, const char *approver);

/* Whether this event of a chat was taken as such a decision on the request, which may have ended since. */
int dispatch_store_has_decision(DispatchStore *store, const char *id, const char *principal,
                                const char *event_id, bool approve);

/* By its id, or by the end of it, see ulid_suffix_parse(). Errors: DEVBOX_ERROR_REQUEST_UNKNOWN. */
int dispatch_store_find(DispatchStore *store, const char *id, StoredRequest *ret_request);

/* By the event that caused it. Errors: DEVBOX_ERROR_REQUEST_UNKNOWN. */
int dispatch_store_find_event(DispatchStore *store, const char *event_id, StoredRequest *ret_request);

/* The newest first, or only the open ones, in their order. The row is borrowed by the handler, which may
 * take from it; what it returns if that is not 0 ends the listing. */
typedef int (*StoredRequestHandler)(StoredRequest *request, void *userdata);
int dispatch_store_each_open(DispatchStore *store, StoredRequestHandler handler, void *userdata);
int dispatch_store_each_recent(DispatchStore *store, int64_t max, StoredRequestHandler handler,
                               void *userdata);

/* Of each device the last docker.list that succeeded. */
int dispatch_store_each_listing(DispatchStore *store, StoredRequestHandler handler, void *userdata);
