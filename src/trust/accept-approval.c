/* SPDX-License-Identifier: MIT */
/* Checks the approvals of a request against its entry in the manifest. The tier follows from the key that
 * signed: an attester can prove the message tier at most; the signed tier needs the approver's own key, and
 * where the root lists approval keys, one of those. So a compromised hub can neither raise a tier nor invent
 * an approver who has a key. */

#include "trust/accept-internal.h"

typedef enum Signer { SIGNER_ATTESTER, SIGNER_APPROVER } Signer;

typedef struct ApprovalKeys {
        PublicKey keys[KEY_SET_MAX];
        const ManifestApprover *rows[KEY_SET_MAX]; /* of approvers */
        size_t n;
} ApprovalKeys;

static KeySet key_set(const ApprovalKeys *keys)
{
        return (KeySet){ .role = APPROVAL_ROLE, .keys = keys->keys, .n_keys = keys->n, .threshold = 1 };
}

static void collect_attesters(const AcceptDevice *device, ApprovalKeys *keys)
{
        const Manifest *manifest = device->manifest;

        keys->n = 0;
        for (size_t i = 0; i < manifest->attesters.n && keys->n < KEY_SET_MAX; i++)
                if (effective_now_ms(device) <= (uint64_t) manifest->attesters.items[i].not_after_ms)
                        keys->keys[keys->n++] = manifest->attesters.items[i].key;
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

        keys->n = 0;
        for (size_t i = 0; i < manifest->approvers.n && keys->n < KEY_SET_MAX; i++) {
                const ManifestApprover *row = &manifest->approvers.items[i];

                if (public_key_equal(&row->key, &(PublicKey){ { 0 } }) ||
                    !root_allows(device->root, &row->key))
                        continue;
                keys->keys[keys->n] = row->key;
                keys->rows[keys->n++] = row;
        }
}

/* Resolves the signer: an attester, or the approver in `ret_approver`. Other keys are rejected. */
static int find_signer(const AcceptDevice *device, const Envelope *envelope, Signer *ret_signer,
                       const ManifestApprover **ret_approver)
{
        ApprovalKeys keys;
        uint32_t signers;

        collect_attesters(device, &keys);
        KeySet set = key_set(&keys);
        int r = envelope_verify(envelope, ENVELOPE_APPROVAL, &set, NULL);
        if (r <= 0) {
                *ret_signer = SIGNER_ATTESTER;
                return r;
        }

        collect_approvers(device, &keys);
        set = key_set(&keys);
        r = envelope_verify(envelope, ENVELOPE_APPROVAL, &set, &signers);
        if (r != 0)
                return r > 0 ? DEVBOX_ERROR_APPROVAL_DENIED : r;

        *ret_signer = SIGNER_APPROVER;
        *ret_approver = keys.rows[__builtin_ctz(signers)];
        return 0;
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
        if (streq(approval->approver, verdict->request->origin.mxid) && !verdict->capability->approval_self)
                return DEVBOX_ERROR_APPROVAL_DENIED;

        for (size_t i = 0; i < verdict->n_approvals; i++)
                if (streq(verdict->approvals[i]->approver, approval->approver))
                        return DEVBOX_ERROR_APPROVAL_DENIED;

        return 0;
}

/* Whether the signature can prove the tier that was signed. The chain records that tier, so it is also the
 * one that counts: a key that could have signed a higher one proves no more than it did. */
static bool tier_is_proven(Signer signer, const ManifestApprover *approver, const Approval *approval)
{
        return signer == SIGNER_APPROVER ? streq(approver->mxid, approval->approver)
                                         : approval->tier <= APPROVAL_MESSAGE;
}

static int accept_one(const AcceptDevice *device, const AcceptLedger *ledger, const Envelope *envelope,
                      AcceptVerdict *verdict)
{
        _cleanup_(approval_freep) Approval *approval = NULL;
        const ManifestApprover *approver = NULL;
        Signer signer;

        int r = find_signer(device, envelope, &signer, &approver);
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
        if (!tier_is_proven(signer, approver, approval) || approval->tier < verdict->capability->approval)
                return DEVBOX_ERROR_APPROVAL_DENIED;

        r = ledger->approval_used(ledger->ledger, &envelope->digest);
        if (r != 0)
                return r < 0 ? DEVBOX_ERROR_AUDIT_UNAVAILABLE : DEVBOX_ERROR_APPROVAL_REUSED;

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
