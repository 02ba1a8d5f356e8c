/* SPDX-License-Identifier: MIT */
/* Approvals by the approver's own key. */

#include "ctl/run/sign-approval.h"

#include "ctl/mesh/mesh-client.h"
#include "ctl/operator/options.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/run/request-print.h"
#include "trust/accept.h"
#include "trust/description.h"

/* A request, and the principal whose key is at hand. */
typedef struct Subject {
        Envelope *envelope;
        Request *request;
        Manifest *manifest;
        Sha256 manifest_sha256;           /* what the device compares with that of the request */
        const ManifestApprover *approver; /* in the manifest */
} Subject;

static void subject_done(Subject *subject)
{
        envelope_free(subject->envelope);
        request_free(subject->request);
        manifest_free(subject->manifest);
}

/* What the hub calls this request must be what was signed. */
static int read_request(Ctl *ctl, const RequestRow *row, Subject *subject)
{
        int r = envelope_parse(bytes_of_string(strempty(row->request)), ENVELOPE_PAYLOAD_MAX,
                               &subject->envelope);
        if (r == 0)
                r = request_parse(envelope_payload(subject->envelope), &subject->request, NULL);
        if (r == 0 && (!streq(subject->envelope->type, ENVELOPE_REQUEST) ||
                       !streq(subject->request->request_id, row->id)))
                r = DEVBOX_ERROR_APPROVAL_MISMATCH;
        return r > 0 ? problem_about(&ctl->problem, (DevboxError) r, row->id) : r;
}

/* The one that the hub names, which may not be the one that the request is for. */
static int read_manifest(Ctl *ctl, Subject *subject)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(freep) char *text = NULL;

        int r = mesh_client_get_manifest(ctl->bus, subject->request->device, &text, &ctl->problem);
        if (r != 0)
                return r;
        r = envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope);
        if (r == 0)
                r = manifest_parse(envelope_payload(envelope), &subject->manifest, NULL);
        if (r == 0)
                subject->manifest_sha256 = envelope->digest;
        return r > 0 ? problem_about(&ctl->problem, (DevboxError) r, subject->request->device) : r;
}

static int find_approver(Ctl *ctl, const PublicKey *key, Subject *subject)
{
        const Manifest *manifest = subject->manifest;

        for (size_t i = 0; i < manifest->approvers.n; i++)
                if (public_key_equal(&manifest->approvers.items[i].key, key)) {
                        subject->approver = &manifest->approvers.items[i];
                        return 0;
                }

        return problem_set(&ctl->problem, DEVBOX_ERROR_UNKNOWN_KEY,
                           "no approver of %s has this key; name it with: devboxctl person add NAME --key "
                           "FILE, then publish the manifest",
                           manifest->device);
}

static int show(const Subject *subject)
{
        const Request *request = subject->request;
        const bool is_of_manifest = sha256_equal(&request->manifest.sha256, &subject->manifest_sha256);
        _cleanup_(freep) char *description = NULL;
        char moment[FIGURE_MAX];

        int r = request_describe(
                request, is_of_manifest ? &subject->manifest->roots : &(PathRoots){ .n = 0 }, &description);
        if (r == 0)
                r = print_asked(&(RequestRow){ .principal = request->origin.principal,
                                               .device = request->device,
                                               .description = description });
        if (r == 0)
                r = print_line(stderr, "until %s; you sign as %s",
                               format_moment(moment, (uint64_t) request->expires_at_ms),
                               subject->approver->principal);
        return r;
}

static int sign(const Subject *subject, const KeyPair *pair, char **ret_envelope)
{
        const Request *request = subject->request;
        _cleanup_(freep) char *payload = NULL;
        int64_t now_ms = (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC);
        const Approval approval = {
                .request_id = request->request_id,
                .request_sha256 = subject->envelope->digest,
                .device = request->device,
                .tier = APPROVAL_SIGNED,
                .approver = subject->approver->principal,
                .decision = APPROVAL_APPROVE,
                .decided_at_ms = now_ms,
                .expires_at_ms = MIN(request->expires_at_ms, now_ms + APPROVAL_LIFE_MAX_MS),
        };

        int r = approval_format(&approval, &payload, NULL);
        if (r == DEVBOX_ERROR_BAD_SCHEMA)
                return DEVBOX_ERROR_EXPIRED;
        return r != 0 ? r : envelope_make(ENVELOPE_APPROVAL, payload, APPROVAL_ROLE, pair, ret_envelope);
}

int sign_approval(Ctl *ctl, const KeySource *source, const RequestRow *row, char **ret_envelope)
{
        _cleanup_(subject_done) Subject subject = { .envelope = NULL };
        _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;

        int r = read_request(ctl, row, &subject);
        if (r == 0)
                r = read_manifest(ctl, &subject);
        if (r == 0)
                r = operator_open_key(ctl, source, &key);
        if (r == 0)
                r = find_approver(ctl, &key.public, &subject);
        if (r == 0)
                r = show(&subject);
        if (r == 0)
                r = operator_key_unseal(source, &key, &ctl->problem);
        return r != 0 ? r : sign(&subject, key.pair, ret_envelope);
}
