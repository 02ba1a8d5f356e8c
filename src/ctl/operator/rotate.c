/* SPDX-License-Identifier: MIT */
/* devboxctl operator rotate: the root that follows, signed by keys of the old one and of the new.
 *
 * A new key is on disk and synced, as next.operator.key or next.manifest.key, before anything names it; then
 * the root is put in place, and then the key takes its own name (root-publish.h). After a crash in between,
 * the next rotation goes on with the key that is there, or finishes what the root in place asks for. */

#include <inttypes.h>
#include <stdio.h>

#include "ctl/operator/files.h"
#include "ctl/operator/key.h"
#include "ctl/operator/root-builder.h"
#include "ctl/operator/root-store.h"
#include "ctl/operator/show.h"
#include "ctl/print.h"

typedef enum Replaced { REPLACED_NOTHING, REPLACED_OPERATOR_KEY, REPLACED_MANIFEST_KEY } Replaced;

static int read_choice(const Ctl *ctl, Replaced *ret_replaced)
{
        bool keep = ctl->options[OPTION_KEEP_KEY], manifest = ctl->options[OPTION_MANIFEST_KEY];

        if (keep && (manifest || operator_key_is_given(ctl, &NEW_KEY_IN(NEXT_OPERATOR_KEY))))
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                     "--keep-key means no new key; --manifest-key and --new-key mean one");

        *ret_replaced = keep ? REPLACED_NOTHING : manifest ? REPLACED_MANIFEST_KEY : REPLACED_OPERATOR_KEY;
        return operator_check_label(ctl);
}

static int open_own_key(const Ctl *ctl, const Root *root, OperatorKey *ret_key)
{
        _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;

        int r = operator_key_open(ctl, &OWN_KEY_IN(OPERATOR_KEY), &key);
        if (r == 0 && !root_has_key(root, ROOT_ROLE_ROOT, &key.public))
                r = print_failure(ctl, DEVBOX_ERROR_UNKNOWN_KEY,
                                  "this key has no say in root %" PRIi64 "; use the one that made it",
                                  root->version);
        if (r != 0)
                return r;

        *ret_key = TAKE(key, OPERATOR_KEY_NULL);
        return 0;
}

static int make_new_key(const Ctl *ctl, const Root *root, Replaced replaced, OperatorKey *ret_key)
{
        bool manifest = replaced == REPLACED_MANIFEST_KEY;
        RootRole role = manifest ? ROOT_ROLE_MANIFEST : ROOT_ROLE_ROOT;
        _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;
        char label[64];

        (void) snprintf(label, sizeof label, "%s-%" PRIi64, manifest ? "manifest" : "operator",
                        root->version);
        int r = operator_key_make(ctl, &NEW_KEY_IN(manifest ? NEXT_MANIFEST_KEY : NEXT_OPERATOR_KEY),
                                  ctl->options[OPTION_LABEL] ? ctl->options[OPTION_LABEL] : label, &key);
        if (r != 0)
                return r;
        if (root_has_key(root, role, &key.public))
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST, "the new key is in the root already");

        *ret_key = TAKE(key, OPERATOR_KEY_NULL);
        return 0;
}

/* A new key for manifests voids the manifests of the old one, by a new epoch. */
static void put_new_key(RootBuilder *builder, Replaced replaced, const PublicKey *own, const PublicKey *new)
{
        bool everyday = root_has_key(&builder->root, ROOT_ROLE_MANIFEST, own);

        if (replaced == REPLACED_OPERATOR_KEY) {
                root_builder_replace(builder, own, new);
                builder->root.epoch += everyday;
        } else if (replaced == REPLACED_MANIFEST_KEY) {
                root_builder_set(builder, ROOT_ROLE_MANIFEST, new);
                root_builder_set(builder, ROOT_ROLE_TOKEN, new);
                builder->root.epoch++;
        }
}

/* Passphrases come last, and a new key at the very end: until then all can be refused without a trace. */
static int make_next_root(const Ctl *ctl, const Root *before, Replaced replaced, RootDraft *ret_draft)
{
        _cleanup_(operator_key_done) OperatorKey own = OPERATOR_KEY_NULL, new = OPERATOR_KEY_NULL;
        RootBuilder builder;

        int r = open_own_key(ctl, before, &own);
        if (r != 0)
                return r;

        root_builder_follow(&builder, before);
        r = root_builder_apply(ctl, &own.public, &builder);
        if (r == 0)
                r = operator_key_unseal(ctl, &own);
        if (r == 0 && replaced != REPLACED_NOTHING)
                r = make_new_key(ctl, &builder.root, replaced, &new);
        if (r != 0)
                return r;

        put_new_key(&builder, replaced, &own.public, &new.public);
        r = root_draft_new(&builder.root, before, ret_draft);
        if (r == 0)
                r = root_draft_sign(ret_draft, own.pair);
        if (r == 0 && replaced == REPLACED_OPERATOR_KEY)
                r = root_draft_sign(ret_draft, new.pair);
        return r;
}

int ctl_operator_rotate(const Ctl *ctl, char **args)
{
        _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;
        _cleanup_(root_draft_done) RootDraft draft = ROOT_DRAFT_NULL;
        _cleanup_(freep) char *path = NULL;
        bool settled = false;
        Replaced replaced = REPLACED_NOTHING;

        int r = read_choice(ctl, &replaced);
        if (r == 0)
                r = root_store_recover(ctl, &settled);
        if (r == 0 && settled)
                return operator_print_settled(ctl);
        if (r == 0)
                r = operator_load_roots(ctl, NULL, &chain);
        if (r == 0)
                r = root_refuse_draft(ctl, chain.root->version + 1);
        if (r == 0)
                r = make_next_root(ctl, chain.root, replaced, &draft);
        if (r == 0)
                r = root_deliver(ctl, &draft, &path);
        if (r != 0)
                return r;

        if (draft.root->epoch > chain.root->epoch && !ctl->json)
                (void) fprintf(stderr,
                               "All manifests of epoch %" PRIi64 " are void once a device has this "
                               "root: sign them again.\n",
                               chain.root->epoch);
        r = operator_tell_outcome(ctl, &draft, path);
        return r != 0 ? r : operator_print_root(ctl, &draft);
}
