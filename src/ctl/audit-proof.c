/* SPDX-License-Identifier: MIT */
/* Whether what the device says it did was allowed. */

#include "ctl/audit-proof.h"

#include "proto/accept.h"

static void forget_manifest(AuditProof *proof)
{
        proof->manifest = manifest_free(proof->manifest);
        proof->envelope = envelope_free(proof->envelope);
        proof->voided = false;
}

void audit_proof_done(AuditProof *proof)
{
        forget_manifest(proof);
}

/* `*error` is that of a failure; `refusal` that of a judgement. Returns whether it is a refusal. */
static bool refused(AuditProof *proof, int r, int *error)
{
        if (r < 0)
                *error = r;
        if (r > 0)
                proof->refusal = (DevboxError) r;

        return r > 0;
}

/* ---- roots and manifests */

static const char *on_manifest(AuditProof *proof, const AuditEntry *entry, const AuditBody *body, int *error)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        ManifestVerdict verdict = { 0 };
        ManifestJudge judge = { .root = proof->life->root,
                                .device = proof->life->identity->device,
                                .device_key = &proof->life->device_keys[proof->life->n_device_keys - 1],
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
        return verdict.manifest->epoch == body->epoch && verdict.manifest->version == body->version
                       ? NULL
                       : "the manifest is of another epoch or version than the entry says";
}

/* A root that no longer has the key makes void what it signed. */
static const char *on_root(AuditProof *proof, int *error)
{
        const Root *root = proof->life->root;

        if (!proof->manifest)
                return NULL;

        KeySet keys = root ? root_key_set(root, ROOT_ROLE_MANIFEST) : (KeySet){ 0 };
        int r = root ? envelope_verify(proof->envelope, ENVELOPE_MANIFEST, &keys, NULL) : 0;
        if (r < 0)
                *error = r;
        if (r == 0 && root)
                return NULL;

        forget_manifest(proof);
        proof->voided = r > 0;
        return NULL;
}

/* ---- requests */

/* The request and its approvals. Returns 1: all are there; 0: not all. */
static int find_all(const AuditProof *proof, const AuditBody *body,
                    Envelope *envelopes[static 1 + APPROVALS_MAX])
{
        assert(body->approvals.n <= APPROVALS_MAX);

        int r = audit_evidence_find(proof->evidence, &body->request_sha256, &envelopes[0]);
        for (size_t i = 0; r > 0 && i < body->approvals.n; i++)
                r = audit_evidence_find(proof->evidence, &body->approvals.items[i].sha256,
                                        &envelopes[1 + i]);

        return r;
}

static bool same_approvals(const AcceptVerdict *verdict, const AuditBody *body)
{
        bool same = verdict->n_approvals == body->approvals.n;

        for (size_t i = 0; same && i < verdict->n_approvals; i++)
                same = streq(verdict->approvals[i]->approver, body->approvals.items[i].approver) &&
                       verdict->approvals[i]->tier == body->approvals.items[i].tier;

        return same;
}

/* Whether the entry says what was signed. */
static int same_request(const AcceptVerdict *verdict, const AuditBody *body)
{
        _cleanup_(freep) char *arguments = NULL;
        const Request *request = verdict->request;
        Sha256 digest;

        int r = audit_redact(request, verdict->capability, &arguments, &digest);
        if (r < 0)
                return r;

        return streq(request->request_id, body->request_id) &&
               streq(request->capability, body->capability) && streq(verdict->capability->id, body->entry) &&
               streq(request->origin.mxid, body->mxid) && sha256_equal(&digest, &body->arguments_sha256) &&
               streq(arguments, body->arguments) && same_approvals(verdict, body);
}

static const char *take_nonce(AuditProof *proof, const AuditEntry *entry, const Request *request, int *error)
{
        AuditOnce *once = &proof->life->once;

        if (audit_once_find(once, BYTES_OF(request->nonce)))
                return "a nonce is used for the second time";

        *error = audit_once_use(once, BYTES_OF(request->nonce), entry->time_ms, NULL);
        proof->n_proved += *error == 0;
        return NULL;
}

static const char *judge(AuditProof *proof, const AuditEntry *entry, const AuditBody *body,
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

        int r = accept_again(&device, input, &verdict);
        if (refused(proof, r, error))
                return "a request was accepted that has no right to be";
        if (r == 0)
                r = same_request(&verdict, body);
        if (r < 0) {
                *error = r;
                return NULL;
        }

        return r > 0 ? take_nonce(proof, entry, verdict.request, error)
                     : "the entry does not say what was signed";
}

static const char *on_accepted(AuditProof *proof, const AuditEntry *entry, const AuditBody *body, int *error)
{
        Envelope *envelopes[1 + APPROVALS_MAX] = { NULL };
        const char *why = NULL;

        if (proof->voided)
                return "a request is accepted under a manifest that the root had made void";

        int r = proof->manifest ? find_all(proof, body, envelopes) : 0;
        if (r > 0) {
                AcceptInput input = { .request = envelopes[0], .n_approvals = body->approvals.n };

                for (size_t i = 0; i < body->approvals.n; i++)
                        input.approvals[i] = envelopes[1 + i];
                why = judge(proof, entry, body, &input, error);
        } else
                *error = r;

        for (size_t i = 0; i < ELEMENTSOF(envelopes); i++)
                envelope_free(envelopes[i]);
        return why;
}

const char *audit_proof_step(AuditProof *proof, const AuditEntry *entry, const AuditBody *body, int *error)
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
        default:
                return NULL;
        }
}
