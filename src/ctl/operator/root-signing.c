/* SPDX-License-Identifier: MIT */
/* A draft of a root. */

#include "ctl/operator/root-signing.h"

#include <stdio.h>

#include "proto/error.h"

void root_draft_done(RootDraft *draft)
{
        envelope_free(draft->envelope);
        root_free(draft->root);
        *draft = ROOT_DRAFT_NULL;
}

/* Which of the keys of `by` signed, and how many more must. */
static int count(const Envelope *envelope, const Root *by, uint32_t *ret_signers, size_t *ret_missing)
{
        KeySet keys = root_key_set(by, ROOT_ROLE_ROOT);
        size_t needed = keys.threshold, n;
        uint32_t signers = 0;

        keys.threshold = 1;
        int r = envelope_verify(envelope, ENVELOPE_ROOT, &keys, &signers);
        if (r < 0)
                return r;

        n = (size_t) __builtin_popcount(signers);
        *ret_signers = signers;
        *ret_missing = needed > n ? needed - n : 0;
        return 0;
}

static int count_all(RootDraft *draft)
{
        int r = count(draft->envelope, draft->root, &draft->signers, &draft->missing);
        if (r == 0 && draft->before)
                r = count(draft->envelope, draft->before, &draft->signers_before, &draft->missing_before);

        return r;
}

/* What root_accept_next() checks, apart from signatures. */
static bool follows(const Root *root, const Root *before)
{
        return root->version == before->version + 1 && streq(root->network, before->network) &&
               (root->epoch == before->epoch || root->epoch == before->epoch + 1);
}

int root_draft_take(Envelope *envelope, RootDraft *ret_draft)
{
        _cleanup_(root_draft_done) RootDraft draft = { .envelope = envelope };

        if (!streq(envelope->type, ENVELOPE_ROOT))
                return DEVBOX_ERROR_BAD_ENVELOPE;
        int r = root_parse(envelope_payload(envelope), &draft.root, NULL);
        if (r != 0)
                return r;

        r = count_all(&draft);
        if (r < 0)
                return r;

        *ret_draft = TAKE(draft, ROOT_DRAFT_NULL);
        return 0;
}

int root_draft_follow(RootDraft *draft, const Root *before)
{
        if (!follows(draft->root, before))
                return DEVBOX_ERROR_ROOT_CHAIN;

        draft->before = before;
        return count_all(draft);
}

int root_draft_new(const Root *root, const Root *before, RootDraft *ret_draft)
{
        _cleanup_(freep) char *payload = NULL;
        Envelope *envelope;

        int r = root_format(root, &payload, NULL);
        if (r == 0)
                r = envelope_new(ENVELOPE_ROOT, bytes_of_string(payload), &envelope);
        if (r == 0)
                r = root_draft_take(envelope, ret_draft);
        if (r == 0 && before)
                r = root_draft_follow(ret_draft, before);

        return r > 0 ? -EINVAL : r;
}

static bool has_signed(const Root *root, uint32_t signers, const PublicKey *key)
{
        const RootKeys *keys = &root->roles[ROOT_ROLE_ROOT];

        for (size_t i = 0; i < keys->keys.n; i++)
                if (signers & UINT32_C(1) << i && public_key_equal(&keys->keys.items[i], key))
                        return true;

        return false;
}

RootSignature root_draft_signature(const RootDraft *draft, const PublicKey *key)
{
        const Root *before = draft->before;
        bool here = root_has_key(draft->root, ROOT_ROLE_ROOT, key);
        bool there = before && root_has_key(before, ROOT_ROLE_ROOT, key);

        if (!here && !there)
                return ROOT_SIGNATURE_UNKNOWN_KEY;
        if ((here && has_signed(draft->root, draft->signers, key)) ||
            (there && has_signed(before, draft->signers_before, key)))
                return ROOT_SIGNATURE_PRESENT;

        return (here && draft->missing > 0) || (there && draft->missing_before > 0)
                       ? ROOT_SIGNATURE_MISSING
                       : ROOT_SIGNATURE_UNNEEDED;
}

int root_draft_sign(RootDraft *draft, const KeyPair *pair)
{
        int r = envelope_sign(draft->envelope, root_role_name(ROOT_ROLE_ROOT), pair);
        return r < 0 ? r : count_all(draft);
}

int root_draft_format(const RootDraft *draft, char **ret_text)
{
        _cleanup_(freep) char *text = NULL;

        int r = envelope_format(draft->envelope, &text);
        if (r < 0)
                return r;

        return asprintf(ret_text, "%s\n", text) < 0 ? -ENOMEM : 0;
}
