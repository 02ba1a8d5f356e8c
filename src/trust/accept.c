/* SPDX-License-Identifier: MIT */
/* Decides whether a device acts on a request. The order is that of accept.h, each step one function, the
 * first failure wins. Approvals are checked in accept-approval.c. */

#include "trust/accept.h"

#include <stdio.h>

#include "schema/list.h"
#include "trust/accept-internal.h"

/* The dispatchers whose keys are valid now. */
typedef struct Dispatchers {
        PublicKey keys[KEY_SET_MAX];
        const ManifestDispatcher *rows[KEY_SET_MAX];
        size_t n;
} Dispatchers;

static void collect_dispatchers(const AcceptDevice *device, Dispatchers *dispatchers)
{
        dispatchers->n = 0;
        for (size_t i = 0; i < device->manifest->dispatchers.n && dispatchers->n < KEY_SET_MAX; i++) {
                const ManifestDispatcher *row = &device->manifest->dispatchers.items[i];

                if (effective_now_ms(device) > (uint64_t) row->not_after_ms)
                        continue;
                dispatchers->keys[dispatchers->n] = row->key;
                dispatchers->rows[dispatchers->n++] = row;
        }
}

/* Only the dispatcher that signed the request delivers it. */
static int verify(const AcceptDevice *device, const AcceptInput *input,
                  const ManifestDispatcher **ret_signer)
{
        Dispatchers dispatchers;
        uint32_t signers;

        collect_dispatchers(device, &dispatchers);
        KeySet keys = {
                .role = DISPATCHER_ROLE, .keys = dispatchers.keys, .n_keys = dispatchers.n, .threshold = 1
        };

        if (input->request->n_signatures != 1)
                return DEVBOX_ERROR_BAD_SIG; /* two dispatchers: it would be unclear whose scope applies */

        int r = envelope_verify(input->request, ENVELOPE_REQUEST, &keys, &signers);
        if (r != 0)
                return r;

        const ManifestDispatcher *signer = dispatchers.rows[__builtin_ctz(signers)];
        keys.keys = &signer->key;
        keys.n_keys = 1;
        *ret_signer = signer;
        return input->delivery ? envelope_verify(input->delivery, ENVELOPE_DELIVERY, &keys, NULL) : 0;
}

/* Whether the delivery is of this session, not used yet, and of this request. */
static int check_delivery(const AcceptDevice *device, const Envelope *envelope, AcceptVerdict *verdict)
{
        _cleanup_(delivery_freep) Delivery *delivery = NULL;

        int r = delivery_parse(envelope_payload(envelope), &delivery, NULL);
        if (r != 0)
                return r;
        if (!streq(verdict->request->device, device->name) || !streq(delivery->device, device->name))
                return DEVBOX_ERROR_WRONG_DEVICE;

        if (!device->counters || memcmp(delivery->session, device->session, sizeof device->session) != 0 ||
            !delivery_counters_allow(device->counters, &verdict->dispatcher, delivery->counter) ||
            !sha256_equal(&delivery->request_sha256, &verdict->digest))
                return DEVBOX_ERROR_SESSION_MISMATCH;

        verdict->counter = delivery->counter;
        verdict->withdrawn = delivery->withdraws;
        return 0;
}

static int check_known(const AcceptLedger *ledger, AcceptVerdict *verdict)
{
        const Request *request = verdict->request;

        int r = ledger->request_known(ledger->ledger, &verdict->dispatcher, &verdict->digest);
        if (r != 0) {
                verdict->known = r > 0;
                return r > 0 ? 0 : DEVBOX_ERROR_AUDIT_UNAVAILABLE;
        }

        r = ledger->id_used(ledger->ledger, &verdict->dispatcher, request->request_id);
        if (r != 0)
                return r > 0 ? DEVBOX_ERROR_REQUEST_ID_CONFLICT : DEVBOX_ERROR_AUDIT_UNAVAILABLE;

        r = ledger->nonce_used(ledger->ledger, &verdict->dispatcher, request->nonce);
        if (r != 0)
                return r < 0 ? DEVBOX_ERROR_AUDIT_UNAVAILABLE : DEVBOX_ERROR_NONCE_REPLAY;

        return verdict->withdrawn ? DEVBOX_ERROR_REQUEST_WITHDRAWN : 0;
}

static int check_clock(const AcceptDevice *device)
{
        return device->now_ms + skew_ms(device) < device->time_floor_ms ? DEVBOX_ERROR_CLOCK_ROLLBACK : 0;
}

static int check_time(const AcceptDevice *device, const Request *request)
{
        uint64_t skew = skew_ms(device), now = device->now_ms;

        if ((uint64_t) request->issued_at_ms > now + skew)
                return DEVBOX_ERROR_NOT_YET_VALID;
        if (device->issued_floor_ms > 0 &&
            (uint64_t) request->issued_at_ms <= device->issued_floor_ms + skew)
                return DEVBOX_ERROR_EXPIRED;

        return effective_now_ms(device) > (uint64_t) request->expires_at_ms + skew ? DEVBOX_ERROR_EXPIRED
                                                                                   : 0;
}

/* Whether the manifest is in force. */
static int check_manifest(const AcceptDevice *device)
{
        const Manifest *manifest = device->manifest;

        if (manifest->epoch != device->root->epoch)
                return DEVBOX_ERROR_MANIFEST_MISSING; /* of an earlier epoch */
        if (manifest_is_dated_ahead(manifest, device->now_ms))
                return DEVBOX_ERROR_NOT_YET_VALID; /* installed while the clock ran ahead */

        return effective_now_ms(device) >= (uint64_t) manifest->expires_at_ms ? DEVBOX_ERROR_MANIFEST_EXPIRED
                                                                              : 0;
}

static int check_reference(const AcceptDevice *device, const RequestManifest *theirs)
{
        const Manifest *ours = device->manifest;

        if (theirs->epoch < ours->epoch || (theirs->epoch == ours->epoch && theirs->version < ours->version))
                return DEVBOX_ERROR_STALE_MANIFEST;
        if (theirs->epoch > ours->epoch || theirs->version > ours->version)
                return DEVBOX_ERROR_MANIFEST_NEEDED;

        return sha256_equal(&theirs->sha256, &device->manifest_digest) ? 0 : DEVBOX_ERROR_MANIFEST_FORK;
}

static int check_scope(const ManifestDispatcher *signer, const Capability *capability)
{
        return signer->capabilities.n == 0 || LIST_CONTAINS(signer->capabilities, capability->id)
                       ? 0
                       : DEVBOX_ERROR_DISPATCHER_SCOPE;
}

static int check_capability(const AcceptDevice *device, const ManifestDispatcher *signer,
                            AcceptVerdict *verdict)
{
        const Request *request = verdict->request;

        if (!manifest_find_operator(device->manifest, request->origin.principal)) {
                (void) snprintf(verdict->subject, sizeof verdict->subject, "%s", request->origin.principal);
                return DEVBOX_ERROR_OPERATOR_UNKNOWN;
        }
        if (request->kind < 0)
                return DEVBOX_ERROR_UNKNOWN_CAPABILITY;

        capability_subject((CapabilityKind) request->kind, &request->arguments, verdict->subject);
        int r = manifest_find_capability(device->manifest, (CapabilityKind) request->kind,
                                         &request->arguments, &verdict->capability);
        if (r != 0)
                return r;

        return check_scope(signer, verdict->capability);
}

/* Until when it may start: as long as all that it was accepted by is valid. The entry bounds its lifetime,
 * too, whatever the dispatcher wrote. */
static uint64_t start_until_ms(const AcceptDevice *device, const ManifestDispatcher *signer,
                               const Request *request, const Capability *capability)
{
        uint64_t oldest = (uint64_t) request->issued_at_ms + (uint64_t) capability->max_age_s * 1000;
        uint64_t until = MIN((uint64_t) request->expires_at_ms, oldest) + skew_ms(device);

        until = MIN(until, (uint64_t) signer->not_after_ms);
        return MIN(until, (uint64_t) device->manifest->expires_at_ms - 1);
}

bool accept_is_confirmed(const AcceptDevice *device, const Capability *capability)
{
        uint64_t stale = (uint64_t) device->manifest->limits.stale_max_s * 1000;
        uint64_t at = device->manifest_confirmed_at_ms;

        /* One of a time to come is of a clock that ran ahead, and would count for as long as it did. */
        return !capability->strict ||
               (at <= device->now_ms + skew_ms(device) && effective_now_ms(device) <= at + stale);
}

/* The rules of the entry that depend on the time. */
static int check_entry_time(const AcceptDevice *device, const Capability *capability)
{
        if (!capability_window_open(capability, device->now_ms))
                return DEVBOX_ERROR_OUTSIDE_WINDOW;
        if (!accept_is_confirmed(device, capability))
                return DEVBOX_ERROR_MANIFEST_UNCONFIRMED;
        if (!device->clock_synchronised && !capability_kind_is_read_only((CapabilityKind) capability->kind))
                return DEVBOX_ERROR_CLOCK_UNSYNCED;

        return 0;
}

static int check_rate(const AcceptDevice *device, const AcceptLedger *ledger, const Capability *capability)
{
        uint64_t span = (uint64_t) capability->rate.per_s * 1000;

        if (capability->rate.n == 0)
                return 0;

        int r = ledger->rate_reached(ledger->ledger, capability->id,
                                     device->now_ms > span ? device->now_ms - span : 0, capability->rate.n);
        return r < 0 ? DEVBOX_ERROR_AUDIT_UNAVAILABLE : r > 0 ? DEVBOX_ERROR_RATE_LIMITED : 0;
}

/* Whether there is a manifest, which names the keys. */
static int check_device(const AcceptDevice *device)
{
        if (device->revoked || (device->manifest && manifest_is_tombstone(device->manifest)))
                return DEVBOX_ERROR_PEER_REVOKED;

        return device->manifest ? 0 : DEVBOX_ERROR_MANIFEST_MISSING;
}

/* Verifies and parses; until this is done, the input is unauthenticated. */
static int open_request(const AcceptDevice *device, const AcceptInput *input,
                        const ManifestDispatcher **ret_signer, AcceptVerdict *verdict)
{
        verdict->digest = input->request->digest;
        verdict->counted = true;
        int r = check_device(device);
        if (r == 0)
                r = verify(device, input, ret_signer);
        if (r != 0)
                return r;

        verdict->counted = false;
        verdict->dispatcher = (*ret_signer)->key;
        return request_parse(envelope_payload(input->request), &verdict->request, NULL);
}

/* Applies the policy at this moment. */
static int judge(const AcceptDevice *device, const AcceptLedger *ledger, const AcceptInput *input,
                 const ManifestDispatcher *signer, AcceptVerdict *verdict)
{
        const Request *request = verdict->request;

        int r = check_clock(device);
        if (r == 0)
                r = check_time(device, request);
        if (r == 0)
                r = check_manifest(device);
        if (r == 0)
                r = check_reference(device, &request->manifest);
        if (r == 0)
                r = check_capability(device, signer, verdict);
        if (r != 0)
                return r;

        verdict->start_until_ms = start_until_ms(device, signer, request, verdict->capability);
        if (effective_now_ms(device) > verdict->start_until_ms)
                return DEVBOX_ERROR_EXPIRED;
        r = check_entry_time(device, verdict->capability);
        if (r == 0)
                r = check_rate(device, ledger, verdict->capability);
        if (r != 0)
                return r;

        return accept_approvals(device, ledger, input, verdict);
}

int accept_start(const AcceptDevice *device, const AcceptedRequest *accepted)
{
        int r = check_device(device);
        if (r == 0)
                r = check_clock(device);
        if (r == 0)
                r = check_manifest(device);
        if (r != 0)
                return r;
        if (!sha256_equal(&accepted->manifest, &device->manifest_digest))
                return DEVBOX_ERROR_STALE_MANIFEST;

        const Capability *capability = manifest_find_entry(device->manifest, accepted->entry);
        if (!capability)
                return DEVBOX_ERROR_UNKNOWN_CAPABILITY;
        if (effective_now_ms(device) > accepted->start_until_ms)
                return DEVBOX_ERROR_EXPIRED;

        return check_entry_time(device, capability);
}

int accept_request(const AcceptDevice *device, const AcceptLedger *ledger, const AcceptInput *input,
                   AcceptVerdict *verdict)
{
        const ManifestDispatcher *signer;

        assert(!verdict->request && input->delivery && input->n_approvals <= APPROVALS_MAX);

        int r = open_request(device, input, &signer, verdict);
        if (r == 0)
                r = check_delivery(device, input->delivery, verdict);
        if (r == 0)
                r = check_known(ledger, verdict);
        if (r == 0 && !verdict->known)
                r = judge(device, ledger, input, signer, verdict);
        if (r > 0)
                verdict->error = (DevboxError) r;
        return r;
}

static int never_used(void *ledger, const Sha256 *digest)
{
        return 0;
}

static int never_reached(void *ledger, const char *capability_id, uint64_t since_ms, int64_t n)
{
        return 0;
}

int accept_replay(const AcceptDevice *device, const AcceptInput *input, AcceptVerdict *verdict)
{
        const AcceptLedger nothing = { .approval_used = never_used, .rate_reached = never_reached };
        const ManifestDispatcher *signer;

        assert(!verdict->request && !input->delivery && input->n_approvals <= APPROVALS_MAX);

        int r = open_request(device, input, &signer, verdict);
        if (r == 0 && !streq(verdict->request->device, device->name))
                r = DEVBOX_ERROR_WRONG_DEVICE;
        if (r == 0)
                r = judge(device, &nothing, input, signer, verdict);
        if (r > 0)
                verdict->error = (DevboxError) r;
        return r;
}

void accept_verdict_done(AcceptVerdict *verdict)
{
        for (size_t i = 0; i < verdict->n_approvals; i++)
                approval_free(verdict->approvals[i]);
        request_free(verdict->request);
        *verdict = ACCEPT_VERDICT_NULL;
}
