/* SPDX-License-Identifier: MIT */
/* Decisions of people: checked against the device's manifest, signed by the attester or by the approver's
 * own key, kept with the request. The device judges them again. */

#include <stdio.h>

#include "dispatch/queue-internal.h"
#include "trust/accept.h"

static StoredEvent event_of(const QueueDecision *decision, AuditEventKind kind)
{
        return (StoredEvent){ .kind = kind,
                              .principal = decision->principal,
                              .message_id = decision->message_id,
                              .tier = decision->tier };
}

/* What was signed says itself who decided. */
static const char *event_id_of(const QueueDecision *decision)
{
        return decision->envelope      ? NULL
               : decision->reaction_id ? decision->reaction_id
                                       : decision->message_id;
}

StoredEvent queued_end_event(const StoredRequest *stored, DispatchState state, int reason,
                             const QueueDecision *denial)
{
        StoredEvent event = { .kind = state == DISPATCH_EXPIRED ? AUDIT_EVENT_APPROVAL_EXPIRED
                                                                : AUDIT_EVENT_APPROVAL_WITHDRAWN,
                              .tier = (int) stored->tier };

        if (denial) {
                event = event_of(denial, AUDIT_EVENT_APPROVAL_DENIED);
                event.decision_id = event_id_of(denial);
        }
        event.reason = reason;
        return event;
}

static int reject_decision(DevboxError error, const char *why, const char **ret_why)
{
        *ret_why = why;
        return (int) error;
}

static int check_decision(Queue *queue, const StoredRequest *stored, const QueueDecision *decision,
                          const char **ret_why)
{
        if (stored->state != DISPATCH_APPROVING)
                return DEVBOX_ERROR_REQUEST_STATE;
        if (!manifest_find_approver(decision->manifest, decision->principal))
                return reject_decision(DEVBOX_ERROR_APPROVAL_MISMATCH,
                                       "the manifest does not name whoever decided as an approver", ret_why);
        if (decision->approve && decision->tier < stored->tier)
                return reject_decision(
                        DEVBOX_ERROR_APPROVAL_MISSING,
                        stored->tier == APPROVAL_SIGNED
                                ? "the tier is signed, use: devboxctl approve --sign"
                                : "the tier is message, a reaction is not enough: write !approve and its id",
                        ret_why);
        if (decision->approve &&
            manifest_same_person(decision->manifest, stored->principal, decision->principal) &&
            !stored->self_may_approve)
                return reject_decision(DEVBOX_ERROR_APPROVAL_MISMATCH,
                                       "whoever asked for it may not approve it", ret_why);

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

static int copy_text(const char *text, char **ret_copy)
{
        *ret_copy = strdup(text);
        return *ret_copy ? 0 : -ENOMEM;
}

/* ---- by the approver's own key */

/* Whose key signed. Errors: those of envelope_verify(). */
static int find_signer(const Manifest *manifest, const Envelope *envelope, const char **ret_principal)
{
        const ManifestApprover *approvers[KEY_SET_MAX];
        PublicKey keys[KEY_SET_MAX];
        KeySet set = { .role = APPROVAL_ROLE, .keys = keys, .threshold = 1 };
        uint32_t signers;

        for (size_t i = 0; i < manifest->approvers.n && set.n_keys < KEY_SET_MAX; i++) {
                const ManifestApprover *approver = &manifest->approvers.items[i];

                if (public_key_is_null(&approver->key))
                        continue;
                keys[set.n_keys] = approver->key;
                approvers[set.n_keys++] = approver;
        }

        int r = envelope_verify(envelope, ENVELOPE_APPROVAL, &set, &signers);
        if (r == 0)
                *ret_principal = approvers[__builtin_ctz(signers)]->principal;
        return r;
}

static int check_signed(const StoredRequest *stored, const QueueDecision *decision, const Approval *approval)
{
        if (!streq(approval->request_id, stored->id) || !streq(approval->device, stored->device) ||
            !sha256_equal(&approval->request_sha256, &stored->digest) ||
            !streq(approval->approver, decision->principal) || approval->tier != APPROVAL_SIGNED ||
            (approval->decision == APPROVAL_APPROVE) != decision->approve)
                return DEVBOX_ERROR_APPROVAL_MISMATCH;

        return (uint64_t) approval->expires_at_ms <= queue_now_ms() ? DEVBOX_ERROR_APPROVAL_EXPIRED : 0;
}

/* Fills in who decided, and by which tier, from what was signed. */
static int open_signed(const StoredRequest *stored, QueueDecision *decision)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(approval_freep) Approval *approval = NULL;

        int r = envelope_parse(bytes_of_string(decision->envelope), (size_t) approval_schema.max_bytes,
                               &envelope);
        if (r == 0)
                r = find_signer(decision->manifest, envelope, &decision->principal);
        if (r == 0)
                r = approval_parse(envelope_payload(envelope), &approval, NULL);
        if (r != 0)
                return r;

        decision->tier = APPROVAL_SIGNED;
        return check_signed(stored, decision, approval);
}

static int was_taken(Queue *queue, const QueueDecision *decision)
{
        const char *event_id = event_id_of(decision);

        return event_id ? dispatch_store_has_decision(queue->store, decision->id, decision->principal,
                                                      event_id, decision->approve)
                        : 0;
}

int queue_decide(Queue *queue, const QueueDecision *given, const char **ret_why)
{
        QueuedRequest *request = queue_find(queue, given->id);
        _cleanup_(freep) char *envelope = NULL;
        QueueDecision own = *given;
        const QueueDecision *decision = &own;

        int r = was_taken(queue, given);
        if (r != 0)
                return MIN(r, 0);
        if (!request)
                return queue_why_not_open(queue, given->id);

        StoredRequest *stored = &request->stored;
        r = given->envelope ? open_signed(stored, &own) : 0;
        if (r == 0)
                r = check_decision(queue, stored, decision, ret_why);
        if (r != 0)
                return r;
        if (!decision->approve) {
                char message[256];

                (void) snprintf(message, sizeof message, "denied by %s", decision->principal);
                queued_end(request, DISPATCH_DENIED, DEVBOX_ERROR_APPROVAL_DENIED, message, decision);
                return 0;
        }

        StoredEvent event = event_of(decision, AUDIT_EVENT_APPROVED);
        event.decision_id = event_id_of(decision);
        r = decision->envelope ? copy_text(decision->envelope, &envelope)
                               : sign_approval(queue, stored, decision, &envelope);
        if (r == 0 && stored->n_approvals == APPROVALS_MAX)
                r = -ENOBUFS;
        if (r == 0)
                r = dispatch_store_add_approval(queue->store, stored, envelope, &event);
        if (r != 0)
                return r;

        stored->approvals[stored->n_approvals++] = TAKE_PTR(envelope);
        if ((int64_t) stored->n_approvals < stored->needed) {
                queued_changed(request);
                return 0;
        }

        stored->sent = true; /* the next step */
        r = queued_set_state(request, DISPATCH_QUEUED);
        if (r == 0)
                queued_start(request);
        return r;
}

/* A crash before the end leaves a request with too few approvals, which the device rejects. */
int queue_withdraw(Queue *queue, const QueueDecision *decision)
{
        QueuedRequest *request = queue_find(queue, decision->id);
        const StoredEvent event = event_of(decision, AUDIT_EVENT_APPROVAL_WITHDRAWN);

        if (!request)
                return queue_why_not_open(queue, decision->id);

        StoredRequest *stored = &request->stored;
        int r = dispatch_store_has_decided(queue->store, stored->id, decision->principal);
        if (r == 0)
                return DEVBOX_ERROR_APPROVAL_MISSING;
        if (r > 0)
                r = dispatch_store_remove_approval(queue->store, stored, &event);
        if (r < 0)
                return r;
        if (stored->state != DISPATCH_APPROVING) {
                queued_cancel(request);
                return 0;
        }

        r = dispatch_store_read_approvals(queue->store, stored);
        queued_changed(request);
        return r;
}
