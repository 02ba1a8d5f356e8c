/* SPDX-License-Identifier: MIT */
/* Judges again what the device accepted. */

#include "audit/policy-replay.h"

#include "audit/recorded-request.h"
#include "trust/accept.h"

static void drop_manifest(PolicyReplay *replay)
{
        for (size_t i = 0; replay->rates && i < replay->manifest->capabilities.n; i++)
                rate_window_done(&replay->rates[i]);
        free(replay->rates);
        replay->rates = NULL;
        replay->manifest = manifest_free(replay->manifest);
        replay->envelope = envelope_free(replay->envelope);
        replay->standing = MANIFEST_UNKNOWN;
}

void policy_replay_done(PolicyReplay *replay)
{
        drop_manifest(replay);
        replay_cache_done(&replay->judged);
}

/* What a judgement of src/trust returned. */
static int rejected(AuditFinding *finding, const char *why, int r)
{
        if (r > 0)
                *finding = (AuditFinding){ .why = why, .error = (DevboxError) r };

        return r > 0 ? AUDIT_CONTRADICTION : r;
}

/* ---- roots and manifests */

/* Acceptances under an earlier manifest are not counted. */
static int begin_rates(PolicyReplay *replay)
{
        const Manifest *manifest = replay->manifest;

        replay->rates = calloc(MAX(manifest->capabilities.n, (size_t) 1), sizeof *replay->rates);
        if (!replay->rates)
                return -ENOMEM;

        for (size_t i = 0; i < manifest->capabilities.n; i++) {
                int64_t n = manifest->capabilities.items[i].rate.n;
                int r = n > 0 ? rate_window_init(&replay->rates[i], (size_t) n) : 0;

                if (r < 0)
                        return r;
        }

        return 0;
}

static void on_confirmation(PolicyReplay *replay, const AuditBody *body)
{
        replay->confirmations = true;
        replay->confirmed_at_ms = (uint64_t) body->confirmed_at_ms;
}

static int on_manifest(PolicyReplay *replay, const AuditEntry *entry, const AuditBody *body,
                       AuditFinding *finding)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        ManifestVerdict verdict = { 0 };
        ManifestJudge judge = { .root = replay->state->root,
                                .device = replay->state->identity->device,
                                .device_key = chain_state_device_key(replay->state),
                                .ceiling_unknown = true,
                                .floor = replay->floor,
                                .now_ms = entry->time_ms };

        drop_manifest(replay);
        replay->confirmed_at_ms = entry->time_ms;
        replay->floor =
                (ManifestFloor){ .epoch = body->epoch, .version = body->version, .digest = body->sha256 };
        int r = judge.root ? audit_evidence_find(replay->evidence, &body->sha256, &envelope) : 0;
        if (r <= 0)
                return r;

        r = manifest_accept(&judge, envelope, &verdict);
        if (r != 0)
                return rejected(finding, "a manifest was installed that must be rejected", r);

        replay->manifest = verdict.manifest;
        replay->envelope = TAKE_PTR(envelope);
        replay->standing = MANIFEST_VALID;
        r = begin_rates(replay);
        if (r < 0)
                return r;

        return verdict.manifest->epoch == body->epoch && verdict.manifest->version == body->version
                       ? 0
                       : audit_contradiction(finding,
                                             "the manifest is of another epoch or version than the entry");
}

/* A root without the key that signed the manifest makes it void. */
static int on_root(PolicyReplay *replay)
{
        const Root *root = replay->state->root;

        if (!replay->manifest)
                return 0;

        replay->standing = MANIFEST_UNKNOWN;
        if (!root)
                return 0;

        KeySet keys = root_key_set(root, ROOT_ROLE_MANIFEST);
        int r = envelope_verify(replay->envelope, ENVELOPE_MANIFEST, &keys, NULL);
        if (r < 0)
                return r;

        replay->standing = r > 0 ? MANIFEST_VOID : MANIFEST_VALID;
        return 0;
}

/* ---- requests */

/* The request and its approvals. 1: all are in evidence; 0: not all. */
static int find_all(const PolicyReplay *replay, const AuditBody *body,
                    Envelope *envelopes[static 1 + APPROVALS_MAX])
{
        assert(body->approvals.n <= APPROVALS_MAX);

        int r = audit_evidence_find(replay->evidence, &body->request_sha256, &envelopes[0]);
        for (size_t i = 0; r > 0 && i < body->approvals.n; i++)
                r = audit_evidence_find(replay->evidence, &body->approvals.items[i].sha256,
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

/* Whether the entry records what was signed. Arguments that are too long for the chain are all redacted. */
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
               streq(request->origin.principal, body->principal) &&
               same_text(request->origin.room, body->room) &&
               same_text(request->origin.event_id, body->event_id) && same_approvals(verdict, body);
}

/* A ledger keeps what it accepted for ever, and so rejects it for ever; not so what it may not keep. */
static int use_request(PolicyReplay *replay, const AuditBody *body, AuditFinding *finding)
{
        Bytes digest = BYTES_OF(body->request_sha256.bytes);

        if (audit_body_is_redacted(body))
                return 0;
        if (replay_cache_find(&replay->judged, digest))
                return audit_contradiction(finding,
                                           "a request is accepted again that was accepted long before");

        return replay_cache_add(&replay->judged, digest, UINT64_MAX, NULL);
}

/* Ids and nonces are those of one dispatcher. */
static int use_names(PolicyReplay *replay, const AuditEntry *entry, const AcceptVerdict *verdict,
                     AuditFinding *finding)
{
        const struct {
                Bytes name;
                const char *twice;
        } rows[] = {
                { bytes_of_string(verdict->request->request_id), "a dispatcher uses an id a second time" },
                { BYTES_OF(verdict->request->nonce), "a dispatcher uses a nonce a second time" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Sha256 key;

                sha256_of_parts((Bytes[]){ BYTES_OF(verdict->dispatcher.bytes), rows[i].name }, 2, &key);
                if (replay_cache_find(&replay->state->used, BYTES_OF(key.bytes)))
                        return audit_contradiction(finding, rows[i].twice);

                int r = chain_state_use(replay->state, BYTES_OF(key.bytes), entry->time_ms, finding);
                if (r != 0)
                        return r;
        }

        return 0;
}

/* The device as it was then; what the chain does not record is assumed in its favour. Confirmations are
 * judged in is_confirmed(). */
static AcceptDevice device_at(const PolicyReplay *replay, uint64_t time_ms)
{
        return (AcceptDevice){ .name = replay->state->identity->device,
                               .root = replay->state->root,
                               .manifest = replay->manifest,
                               .manifest_digest = replay->floor.digest,
                               .manifest_confirmed_at_ms = time_ms,
                               .now_ms = time_ms,
                               .clock_synchronised = true };
}

static int judge(PolicyReplay *replay, const AuditEntry *entry, const AuditBody *body,
                 const AcceptInput *input, AuditFinding *finding)
{
        _cleanup_(accept_verdict_done) AcceptVerdict verdict = ACCEPT_VERDICT_NULL;
        AcceptDevice device = device_at(replay, entry->time_ms);

        int r = accept_replay(&device, input, &verdict);
        if (r != 0)
                return rejected(finding, "a request was accepted that must be rejected", r);
        r = same_request(&verdict, body);
        if (r <= 0)
                return r < 0 ? r : audit_contradiction(finding, "the entry does not record what was signed");
        r = use_request(replay, body, finding);
        if (r != 0)
                return r;
        r = use_names(replay, entry, &verdict, finding);
        if (r != 0)
                return r;

        chain_state_find_request(replay->state, body)->start_until_ms = verdict.start_until_ms;
        return 0;
}

/* Returns what counts the request if it is allowed; NULL: it is not in evidence. */
static int judge_evidence(PolicyReplay *replay, const AuditEntry *entry, const AuditBody *body,
                          size_t **ret_count, AuditFinding *finding)
{
        Envelope *envelopes[1 + APPROVALS_MAX] = { NULL };

        int r = find_all(replay, body, envelopes);
        if (r > 0) {
                AcceptInput input = { .request = envelopes[0], .n_approvals = body->approvals.n };

                for (size_t i = 0; i < body->approvals.n; i++)
                        input.approvals[i] = envelopes[1 + i];
                *ret_count = &replay->n_judged;
                r = judge(replay, entry, body, &input, finding);
        }

        for (size_t i = 0; i < ELEMENTSOF(envelopes); i++)
                envelope_free(envelopes[i]);
        return r;
}

/* 1: all approvals are in evidence; 0: not all. */
static int find_approvals(const PolicyReplay *replay, const AuditBody *body)
{
        int r = 1;

        for (size_t i = 0; r > 0 && i < body->approvals.n; i++) {
                _cleanup_(envelope_freep) Envelope *envelope = NULL;

                r = audit_evidence_find(replay->evidence, &body->approvals.items[i].sha256, &envelope);
        }

        return r;
}

/* Returns what counts the request; NULL: it is unproven. */
static int judge_recorded(PolicyReplay *replay, const RecordedRequest *recorded, size_t **ret_count,
                          AuditFinding *finding)
{
        bool redacted = false;

        int r = recorded_request_check(recorded, &redacted);
        if (r != 0)
                return rejected(finding, "a request was accepted that must be rejected", r);
        r = find_approvals(replay, recorded->body);
        if (r < 0)
                return r;

        *ret_count = redacted && r > 0 ? &replay->n_recorded : NULL;
        return 0;
}

/* A ledger deletes acceptances that are older than a day. */
static int check_rate(PolicyReplay *replay, size_t index, uint64_t time_ms, AuditFinding *finding)
{
        RateWindow *window = &replay->rates[index];
        uint64_t span = (uint64_t) replay->manifest->capabilities.items[index].rate.per_s * 1000;
        uint64_t latest = replay->state->used.now_ms;

        if (window->n == 0)
                return 0;

        uint64_t since = time_ms - MIN(time_ms, span);
        since = MAX(since, latest - MIN(latest, REQUEST_KEEP_MS));
        if (rate_window_is_full(window, since))
                return rejected(finding, "a request was accepted that must be rejected",
                                DEVBOX_ERROR_RATE_LIMITED);

        rate_window_add(window, time_ms);
        return 0;
}

static bool is_confirmed(const PolicyReplay *replay, const Capability *capability, uint64_t time_ms)
{
        AcceptDevice device = device_at(replay, time_ms);

        device.manifest_confirmed_at_ms = replay->confirmed_at_ms;
        return accept_is_confirmed(&device, capability);
}

static int on_accepted(PolicyReplay *replay, const AuditEntry *entry, const AuditBody *body,
                       AuditFinding *finding)
{
        RecordedRequest recorded = { replay->manifest, body, entry->time_ms };
        size_t *count = NULL;

        if (replay->standing == MANIFEST_VOID)
                return audit_contradiction(finding, "a request is accepted under a void manifest");
        if (replay->standing == MANIFEST_UNKNOWN)
                return 0;

        int r = judge_evidence(replay, entry, body, &count, finding);
        if (r == 0 && !count)
                r = judge_recorded(replay, &recorded, &count, finding);
        if (r != 0)
                return r;

        const Capability *capability = recorded_request_capability(&recorded);
        bool confirmed = is_confirmed(replay, capability, entry->time_ms);
        if (!confirmed && replay->confirmations)
                return rejected(finding, "a request was accepted that must be rejected",
                                DEVBOX_ERROR_MANIFEST_UNCONFIRMED);
        if (confirmed && count)
                (*count)++;

        size_t index = (size_t) (capability - replay->manifest->capabilities.items);
        chain_state_find_request(replay->state, body)->capability = index + 1;
        return check_rate(replay, index, entry->time_ms, finding);
}

/* Under the manifest that it was accepted under, or chain_state_next() would have rejected it. */
static int on_started(PolicyReplay *replay, const AuditEntry *entry, const AuditBody *body,
                      AuditFinding *finding)
{
        const ReplayEntry *request = chain_state_find_request(replay->state, body);
        AcceptDevice device = device_at(replay, entry->time_ms);

        if (replay->standing == MANIFEST_VOID)
                return audit_contradiction(finding, "a request is started under a void manifest");
        if (replay->standing == MANIFEST_UNKNOWN || request->capability == 0)
                return 0;

        const Capability *capability = &replay->manifest->capabilities.items[request->capability - 1];
        AcceptedRequest accepted = {
                .manifest = replay->floor.digest,
                .entry = capability->id,
                .start_until_ms = request->start_until_ms > 0 ? request->start_until_ms : UINT64_MAX,
        };
        int r = accept_start(&device, &accepted);
        if (r == 0 && replay->confirmations && !is_confirmed(replay, capability, entry->time_ms))
                r = DEVBOX_ERROR_MANIFEST_UNCONFIRMED;

        return rejected(finding, "a request was started that must be rejected", r);
}

int policy_replay_next(PolicyReplay *replay, const AuditEntry *entry, const AuditBody *body,
                       AuditFinding *finding)
{
        if (!replay->evidence)
                return 0;

        switch (entry->type) {
        case AUDIT_ROOT:
                return on_root(replay);
        case AUDIT_MANIFEST:
                return on_manifest(replay, entry, body, finding);
        case AUDIT_CONFIRMATION:
                on_confirmation(replay, body);
                return 0;
        case AUDIT_REQUEST_ACCEPTED:
                return on_accepted(replay, entry, body, finding);
        case AUDIT_REQUEST_STARTED:
                return on_started(replay, entry, body, finding);
        default:
                return 0;
        }
}
