/* SPDX-License-Identifier: MIT */
/* Checks the approvals of a request against its entry in the manifest. The tier follows from the key that
 * signed: an attester can prove the message tier at most; the signed tier needs the approver's own key, and
 * where the root lists approval keys, one of those. So a compromised hub can neither raise a tier nor invent
 * an approver who has a key. */

#include "trust/accept-internal.h"

/* Who signed: one of the two. */
typedef struct Signer {
        const ManifestAttester *attester;
        const ManifestApprover *approver;
} Signer;

typedef struct ApprovalKeys {
        PublicKey keys[KEY_SET_MAX];
        Signer signers[KEY_SET_MAX];
        size_t n;
} ApprovalKeys;

static void add_key(ApprovalKeys *keys, const PublicKey *key, Signer signer)
{
        keys->keys[keys->n] = *key;
        keys->signers[keys->n++] = signer;
}

static void collect_attesters(const AcceptDevice *device, ApprovalKeys *keys)
{
        const Manifest *manifest = device->manifest;

        for (size_t i = 0; i < manifest->attesters.n; i++) {
                const ManifestAttester *row = &manifest->attesters.items[i];

                if (effective_now_ms(device) <= (uint64_t) row->not_after_ms)
                        add_key(keys, &row->key, (Signer){ .attester = row });
        }
}

/* Whether the root lets this key approve: it lists none, or this one. */
static bool root_allows(const Root *root, const PublicKey *key)
{
        const RootKeys *listed = &root->roles[ROOT_ROLE_APPROVAL];

        for (size_t i = 0; i < listed->keys.n; i++)
                if (public_key_equal(&listed->keys.items[i], key))
                        return true;

        return listed->keys.n == 0;
}

static void collect_approvers(const AcceptDevice *device, ApprovalKeys *keys)
{
        const Manifest *manifest = device->manifest;

        for (size_t i = 0; i < manifest->approvers.n; i++) {
                const ManifestApprover *row = &manifest->approvers.items[i];

                if (!public_key_is_null(&row->key) && root_allows(device->root, &row->key))
                        add_key(keys, &row->key, (Signer){ .approver = row });
        }
}

/* Resolves the signer. Other keys are rejected. */
static int find_signer(const AcceptDevice *device, const Envelope *envelope, Signer *ret_signer)
{
        static void (*const collect[])(const AcceptDevice *device,
                                       ApprovalKeys *keys) = { collect_attesters, collect_approvers };

        for (size_t i = 0; i < ELEMENTSOF(collect); i++) {
                ApprovalKeys keys = { .n = 0 };
                uint32_t signers;

                collect[i](device, &keys);
                KeySet set = { .role = APPROVAL_ROLE, .keys = keys.keys, .n_keys = keys.n, .threshold = 1 };
                int r = envelope_verify(envelope, ENVELOPE_APPROVAL, &set, &signers);
                if (r < 0)
                        return r;
                if (r == 0) {
                        *ret_signer = keys.signers[__builtin_ctz(signers)];
                        return 0;
                }
        }

        return DEVBOX_ERROR_APPROVAL_DENIED;
}

static int check_binding(const AcceptDevice *device, const AcceptVerdict *verdict, const Approval *approval)
{
        const Request *request = verdict->request;
        uint64_t skew = skew_ms(device);

        if (!streq(approval->request_id, request->request_id) || !streq(approval->device, request->device) ||
            !sha256_equal(&approval->request_sha256, &verdict->digest) ||
            approval->decided_at_ms + (int64_t) skew < request->issued_at_ms)
                return DEVBOX_ERROR_APPROVAL_MISMATCH;
        if ((uint64_t) approval->decided_at_ms > device->now_ms + skew)
                return DEVBOX_ERROR_NOT_YET_VALID;
        if (effective_now_ms(device) > (uint64_t) approval->expires_at_ms + skew)
                return DEVBOX_ERROR_APPROVAL_EXPIRED;

        return 0;
}

/* Whether this person may approve, and has not been counted yet. */
static int check_person(const AcceptDevice *device, const AcceptVerdict *verdict, const Approval *approval)
{
        if (approval->decision != APPROVAL_APPROVE ||
            !manifest_find_approver(device->manifest, approval->approver))
                return DEVBOX_ERROR_APPROVAL_DENIED;
        if (manifest_same_person(device->manifest, approval->approver, verdict->request->origin.principal) &&
            !verdict->capability->approval_self)
                return DEVBOX_ERROR_APPROVAL_DENIED;

        for (size_t i = 0; i < verdict->n_approvals; i++)
                if (manifest_same_person(device->manifest, verdict->approvals[i]->approver,
                                         approval->approver))
                        return DEVBOX_ERROR_APPROVAL_DENIED;

        return 0;
}

/* Whether the signature can prove the tier that was signed. The chain records that tier, so it is also the
 * one that counts: a key that could have signed a higher one proves no more than it did. */
static bool tier_is_proven(const Signer *signer, const Approval *approval)
{
        return signer->approver ? streq(signer->approver->principal, approval->approver)
                                : approval->tier <= APPROVAL_MESSAGE;
}

/* Until when it counts, so that an accepted request does not start on an approval that has expired. */
static uint64_t valid_until_ms(const AcceptDevice *device, const Signer *signer, const Approval *approval)
{
        uint64_t until = (uint64_t) approval->expires_at_ms + skew_ms(device);

        return signer->attester ? MIN(until, (uint64_t) signer->attester->not_after_ms) : until;
}

static int accept_one(const AcceptDevice *device, const AcceptLedger *ledger, const Envelope *envelope,
                      AcceptVerdict *verdict)
{
        _cleanup_(approval_freep) Approval *approval = NULL;
        Signer signer;

        int r = find_signer(device, envelope, &signer);
        if (r != 0)
                return r;

        r = approval_parse(envelope_payload(envelope), &approval, NULL);
        if (r != 0)
                return r;

        r = check_binding(device, verdict, approval);
        if (r != 0)
                return r;

        r = check_person(device, verdict, approval);
        if (r != 0)
                return r;
        if (!tier_is_proven(&signer, approval) || approval->tier < verdict->capability->approval)
                return DEVBOX_ERROR_APPROVAL_DENIED;

        r = ledger->approval_used(ledger->ledger, &envelope->digest);
        if (r != 0)
                return r < 0 ? DEVBOX_ERROR_AUDIT_UNAVAILABLE : DEVBOX_ERROR_APPROVAL_REUSED;

        verdict->start_until_ms = MIN(verdict->start_until_ms, valid_until_ms(device, &signer, approval));
        verdict->approval_digests[verdict->n_approvals] = envelope->digest;
        verdict->approvals[verdict->n_approvals++] = TAKE_PTR(approval);
        return 0;
}

int accept_approvals(const AcceptDevice *device, const AcceptLedger *ledger, const AcceptInput *input,
                     AcceptVerdict *verdict)
{
        const Capability *capability = verdict->capability;

        if (capability->approval == APPROVAL_NONE)
                return 0;
        if (device->manifest->approvers.n == 0)
                return DEVBOX_ERROR_APPROVAL_DENIED; /* an empty set allows no approver */

        for (size_t i = 0; i < input->n_approvals; i++) {
                int r = accept_one(device, ledger, input->approvals[i], verdict);
                if (r != 0)
                        return r;
        }

        return verdict->n_approvals < (size_t) capability->approval_count ? DEVBOX_ERROR_APPROVAL_MISSING
                                                                          : 0;
}
