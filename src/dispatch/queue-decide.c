/* SPDX-License-Identifier: MIT */
/* Decisions of people: checked against the device's manifest, signed by the attester, kept with the request.
 * The device judges them again. */

#include <stdio.h>

#include "dispatch/queue-internal.h"
#include "trust/accept.h"

static int check_decision(Queue *queue, const QueuedRequest *request, const QueueDecision *decision)
{
        const StoredRequest *stored = &request->stored;

        if (stored->state != DISPATCH_APPROVING)
                return DEVBOX_ERROR_REQUEST_STATE;
        if (!manifest_find_approver(decision->manifest, decision->principal))
                return DEVBOX_ERROR_APPROVAL_MISMATCH;
        if (decision->approve && decision->tier < stored->tier)
                return DEVBOX_ERROR_APPROVAL_MISSING;
        if (decision->approve &&
            manifest_same_person(decision->manifest, stored->principal, decision->principal) &&
            !stored->self_may_approve)
                return DEVBOX_ERROR_APPROVAL_MISMATCH;

        int r = dispatch_store_has_decided(queue->store, stored->id, decision->principal);
        return r < 0 ? r : r > 0 ? DEVBOX_ERROR_APPROVAL_REUSED : 0;
}

static int sign_approval(Queue *queue, const StoredRequest *stored, const QueueDecision *decision,
                         char **ret_envelope)
{
        _cleanup_(freep) char *payload = NULL;
        int64_t now = (int64_t) queue_now_ms();
        const Approval approval = {
                .request_id = (char *) stored->id,
                .request_sha256 = stored->digest,
                .device = stored->device,
                .tier = decision->tier,
                .approver = (char *) decision->principal,
                .approval_msg_id = (char *) decision->message_id,
                .reaction_event_id = (char *) decision->reaction_id,
                .room = (char *) decision->room,
                .decision = decision->approve ? APPROVAL_APPROVE : APPROVAL_DENY,
                .decided_at_ms = now,
                .expires_at_ms = MIN(stored->expires_ms, now + APPROVAL_LIFE_MAX_MS),
        };

        int r = approval_format(&approval, &payload, NULL);
        return r != 0 ? r
                      : envelope_make(ENVELOPE_APPROVAL, payload, APPROVAL_ROLE,
                                      queue->context->keys->attester, ret_envelope);
}

int queue_decide(Queue *queue, const QueueDecision *decision)
{
        QueuedRequest *request = queue_find(queue, decision->id);
        _cleanup_(freep) char *envelope = NULL;

        if (!request)
                return queue_why_not_open(queue, decision->id);

        StoredRequest *stored = &request->stored;
        int r = check_decision(queue, request, decision);
        if (r != 0)
                return r;
        if (!decision->approve) {
                char message[256];

                (void) snprintf(message, sizeof message, "denied by %s", decision->principal);
                queued_end(request, DISPATCH_DENIED, DEVBOX_ERROR_APPROVAL_DENIED, message);
                return 0;
        }

        r = sign_approval(queue, stored, decision, &envelope);
        if (r == 0 && stored->n_approvals == APPROVALS_MAX)
                r = -ENOBUFS;
        if (r == 0)
                r = dispatch_store_add_approval(queue->store, stored->id, decision->principal, envelope);
        if (r != 0)
                return r;

        stored->approvals[stored->n_approvals++] = TAKE_PTR(envelope);
        if ((int64_t) stored->n_approvals < stored->needed) {
                queued_changed(request);
                return 0;
        }

        r = queued_set_state(request, DISPATCH_QUEUED);
        if (r == 0)
                queued_start(request);
        return r;
}
