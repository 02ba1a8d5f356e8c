/* SPDX-License-Identifier: MIT */
/* Whether what the device says it did was allowed. */

#include "audit/policy-replay.h"

#include "trust/accept.h"

static void forget_manifest(PolicyReplay *proof)
{
        proof->manifest = manifest_free(proof->manifest);
        proof->envelope = envelope_free(proof->envelope);
        proof->standing = STANDING_UNKNOWN;
}

void policy_replay_done(PolicyReplay *proof)
{
        forget_manifest(proof);
}

/* `*error` is that of a failure; `refusal` that of a judgement. Returns whether it is a refusal. */
static bool refused(PolicyReplay *proof, int r, int *error)
{
        if (r < 0)
                *error = r;
        if (r > 0)
                proof->refusal = (DevboxError) r;

        return r > 0;
}

/* ---- roots and manifests */

static const char *on_manifest(PolicyReplay *proof, const AuditEntry *entry, const AuditBody *body,
                               int *error)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        ManifestVerdict verdict = { 0 };
        ManifestJudge judge = { .root = proof->life->root,
                                .device = proof->life->identity->device,
                                .device_key = chain_state_device_key(proof->life),
                                .ceiling_unknown = true,
                                .floor = proof->floor,
                                .now_ms = entry->time_ms };

        forget_manifest(proof);
        proof->floor =
                (ManifestFloor){ .epoch = body->epoch, .version = body->version, .digest = body->sha256 };
        int r = judge.root ? audit_evidence_find(proof->evidence, &body->sha256, &envelope) : 0;
        if (r <= 0) {
                *error = r;
                return NULL;
        }

        r = manifest_accept(&judge, envelope, &verdict);
        if (refused(proof, r, error))
                return "a manifest was taken that has no right to be";
        if (r < 0)
                return NULL;

        proof->manifest = verdict.manifest;
        proof->envelope = TAKE_PTR(envelope);
        proof->standing = STANDING_GOOD;
        return verdict.manifest->epoch == body->epoch && verdict.manifest->version == body->version
                       ? NULL
                       : "the manifest is of another epoch or version than the entry says";
}

/* A root that no longer has the key makes void what it signed. */
static const char *on_root(PolicyReplay *proof, int *error)
{
        const Root *root = proof->life->root;

        if (!proof->manifest)
                return NULL;

        proof->standing = STANDING_UNKNOWN;
        if (!root)
                return NULL;

        KeySet keys = root_key_set(root, ROOT_ROLE_MANIFEST);
        int r = envelope_verify(proof->envelope, ENVELOPE_MANIFEST, &keys, NULL);
        if (r < 0)
                *error = r;
        else
                proof->standing = r > 0 ? STANDING_VOID : STANDING_GOOD;
        return NULL;
}

/* ---- requests */

/* The request and its approvals. Returns 1: all are there; 0: not all. */
static int find_all(const PolicyReplay *proof, const AuditBody *body,
                    Envelope *envelopes[static 1 + APPROVALS_MAX])
{
        assert(body->approvals.n <= APPROVALS_MAX);

        int r = audit_body_is_redacted(body)
                        ? audit_evidence_find(proof->evidence, &body->request_sha256, &envelopes[0])
                        : audit_evidence_take(proof->evidence, &body->request_sha256, &envelopes[0]);
        for (size_t i = 0; r > 0 && i < body->approvals.n; i++)
                r = audit_evidence_find(proof->evidence, &body->approvals.items[i].sha256,
                                        &envelopes[1 + i]);

        return r;
}

/* Both may be NULL. */
static bool same_text(const char *a, const char *b)
{
        return a && b ? streq(a, b) : a == b;
}

static bool same_approvals(const AcceptVerdict *verdict, const AuditBody *body)
{
        bool same = verdict->n_approvals == body->approvals.n;

        for (size_t i = 0; same && i < verdict->n_approvals; i++)
                same = streq(verdict->approvals[i]->approver, body->approvals.items[i].approver) &&
                       same_text(verdict->approvals[i]->approval_msg_id,
                                 body->approvals.items[i].approval_msg_id) &&
                       verdict->approvals[i]->tier == body->approvals.items[i].tier;

        return same;
}

static int same_arguments(const AcceptVerdict *verdict, const Capability *capability, const AuditBody *body)
{
        _cleanup_(freep) char *arguments = NULL;
        Sha256 digest;

        int r = audit_redact(verdict->request, capability, &arguments, &digest);
        return r < 0 ? r
                     : sha256_equal(&digest, &body->arguments_sha256) && streq(arguments, body->arguments);
}

/* Whether the entry says what was signed. Arguments that are too long for the chain are all redacted. */
static int same_request(const AcceptVerdict *verdict, const AuditBody *body)
{
        const Request *request = verdict->request;

        int r = same_arguments(verdict, verdict->capability, body);
        if (r == 0)
                r = same_arguments(verdict, NULL, body);
        if (r <= 0)
                return r;

        return streq(request->request_id, body->request_id) &&
               streq(request->capability, body->capability) && streq(verdict->capability->id, body->entry) &&
               streq(request->origin.mxid, body->mxid) && same_text(request->origin.room, body->room) &&
               same_text(request->origin.event_id, body->event_id) && same_approvals(verdict, body);
}

/* What is known of it from now on. */
static const char *take(PolicyReplay *proof, const AuditEntry *entry, const AcceptVerdict *verdict,
                        int *error)
{
        const Request *request = verdict->request;
        ReplayCache *once = &proof->life->once;

        if (replay_cache_find(once, BYTES_OF(request->nonce)))
                return "a nonce is used for the second time";

        replay_cache_find(once, bytes_of_string(request->request_id))->start_until_ms =
                verdict->start_until_ms;

        const char *why = chain_state_use(proof->life, BYTES_OF(request->nonce), entry->time_ms, error);
        proof->n_proved += !why && *error == 0;
        return why;
}

static const char *judge(PolicyReplay *proof, const AuditEntry *entry, const AuditBody *body,
                         const AcceptInput *input, int *error)
{
        _cleanup_(accept_verdict_done) AcceptVerdict verdict = ACCEPT_VERDICT_NULL;
        AcceptDevice device = { .name = proof->life->identity->device,
                                .root = proof->life->root,
                                .manifest = proof->manifest,
                                .manifest_digest = proof->floor.digest,
                                .manifest_confirmed_at_ms = entry->time_ms,
                                .now_ms = entry->time_ms,
                                .clock_synchronised = true };

        int r = accept_replay(&device, input, &verdict);
        if (refused(proof, r, error))
                return "a request was accepted that has no right to be";
        if (r == 0)
                r = same_request(&verdict, body);
        if (r < 0) {
                *error = r;
                return NULL;
        }

        return r > 0 ? take(proof, entry, &verdict, error) : "the entry does not say what was signed";
}

static const char *on_accepted(PolicyReplay *proof, const AuditEntry *entry, const AuditBody *body,
                               int *error)
{
        Envelope *envelopes[1 + APPROVALS_MAX] = { NULL };
        const char *why = NULL;

        if (proof->standing == STANDING_VOID)
                return "a request is accepted under a manifest that the root had made void";

        int r = proof->standing == STANDING_GOOD ? find_all(proof, body, envelopes) : 0;
        if (r > 0) {
                AcceptInput input = { .request = envelopes[0], .n_approvals = body->approvals.n };

                for (size_t i = 0; i < body->approvals.n; i++)
                        input.approvals[i] = envelopes[1 + i];
                why = judge(proof, entry, body, &input, error);
        } else if (r == -EEXIST)
                why = "a request is accepted again that was accepted long before";
        else
                *error = r;

        for (size_t i = 0; i < ELEMENTSOF(envelopes); i++)
                envelope_free(envelopes[i]);
        return why;
}

static const char *on_started(const PolicyReplay *proof, const AuditEntry *entry, const AuditBody *body)
{
        const AuditUsed *request = replay_cache_find(&proof->life->once, bytes_of_string(body->request_id));

        if (proof->standing == STANDING_VOID)
                return "a request is started under a manifest that the root had made void";

        return request->start_until_ms > 0 && entry->time_ms > request->start_until_ms
                       ? "a request is started after it had expired"
                       : NULL;
}

const char *policy_replay_step(PolicyReplay *proof, const AuditEntry *entry, const AuditBody *body,
                               int *error)
{
        if (!proof->evidence)
                return NULL;

        switch (entry->type) {
        case AUDIT_ROOT:
                return on_root(proof, error);
        case AUDIT_MANIFEST:
                return on_manifest(proof, entry, body, error);
        case AUDIT_REQUEST_ACCEPTED:
                return on_accepted(proof, entry, body, error);
        case AUDIT_REQUEST_STARTED:
                return on_started(proof, entry, body);
        default:
                return NULL;
        }
}
