/* SPDX-License-Identifier: MIT */
/* devboxctl operator rotate: the root that follows, signed by keys of the old one and of the new.
 *
 * A new key is on disk and synced, as next.operator.key or next.manifest.key, before a root names it; then
 * the root is put in place, and then the key gets its own name (root-store.h). After a crash in between, the
 * next rotation continues with the key on disk, or finishes what the root in place requires. */

#include <inttypes.h>
#include <stdio.h>

#include "ctl/operator/options.h"
#include "ctl/operator/root-print.h"
#include "ctl/operator/root-store.h"
#include "ctl/problem.h"
#include "ctl/verbs.h"

typedef struct RotateOptions {
        KeySource key, new_key;
        RootChanges changes;
        const char *label;
        bool keep_key, manifest_key;
} RotateOptions;

typedef enum Replaced { REPLACED_NOTHING, REPLACED_OPERATOR_KEY, REPLACED_MANIFEST_KEY } Replaced;

static int read_choice(Ctl *ctl, const RotateOptions *options, Replaced *ret_replaced)
{
        if (options->keep_key && (options->manifest_key || key_source_is_given(&options->new_key)))
                return ctl_usage(ctl, "--keep-key means no new key; --manifest-key and --new-key mean one");

        *ret_replaced = options->keep_key       ? REPLACED_NOTHING
                        : options->manifest_key ? REPLACED_MANIFEST_KEY
                                                : REPLACED_OPERATOR_KEY;
        return 0;
}

static int open_own_key(Ctl *ctl, const KeySource *source, const Root *root, OperatorKey *ret_key)
{
        _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;

        int r = operator_open_key(ctl, source, &key);
        if (r == 0 && !root_has_key(root, ROOT_ROLE_ROOT, &key.public))
                r = problem_set(&ctl->problem, DEVBOX_ERROR_UNKNOWN_KEY,
                                "root %" PRIi64 " does not name this key; use the one that made it",
                                root->version);
        if (r != 0)
                return r;

        *ret_key = TAKE(key, OPERATOR_KEY_NULL);
        return 0;
}

static int make_new_key(Ctl *ctl, const RotateOptions *options, const Root *root, OperatorKey *ret_key)
{
        RootRole role = options->manifest_key ? ROOT_ROLE_MANIFEST : ROOT_ROLE_ROOT;
        KeySource source = key_source_beside(&options->key, &options->new_key,
                                             options->manifest_key ? NEXT_MANIFEST_KEY : NEXT_OPERATOR_KEY);
        _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;
        char label[64];

        (void) snprintf(label, sizeof label, "%s-%" PRIi64, options->manifest_key ? "manifest" : "operator",
                        root->version);
        int r = operator_key_make(&source, options->label ? options->label : label, &key, &ctl->problem);
        if (r != 0)
                return r;
        if (root_has_key(root, role, &key.public))
                return problem_set(&ctl->problem, DEVBOX_ERROR_BAD_REQUEST,
                                   "the new key is in the root already");

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

/* Passphrases are asked for last, and a new key is made at the very end: until then a rejection changes
 * nothing. */
static int make_next_root(Ctl *ctl, const RotateOptions *options, const Root *before, Replaced replaced,
                          RootDraft *ret_draft)
{
        const KeySource source = key_source_named(&options->key, OPERATOR_KEY);
        _cleanup_(operator_key_done) OperatorKey own = OPERATOR_KEY_NULL, new = OPERATOR_KEY_NULL;
        RootBuilder builder;

        int r = open_own_key(ctl, &source, before, &own);
        if (r != 0)
                return r;

        root_builder_follow(&builder, before);
        r = operator_apply_changes(ctl, &options->changes, &own.public, &builder);
        if (r == 0)
                r = operator_key_unseal(&source, &own, &ctl->problem);
        if (r == 0 && replaced != REPLACED_NOTHING)
                r = make_new_key(ctl, options, &builder.root, &new);
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

static int run(Ctl *ctl, const void *options, char **args)
{
        const RotateOptions *given = options;
        const char *dir = given->key.dir;
        _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;
        _cleanup_(root_draft_done) RootDraft draft = ROOT_DRAFT_NULL;
        _cleanup_(freep) char *path = NULL;
        Replaced replaced = REPLACED_NOTHING;
        bool recovered = false;

        int r = read_choice(ctl, given, &replaced);
        if (r == 0)
                r = root_store_recover(dir, &recovered, &ctl->problem);
        if (r == 0 && recovered)
                return operator_show_recovered(ctl, dir);
        if (r == 0)
                r = root_chain_read_current(dir, NULL, &chain, &ctl->problem);
        if (r == 0)
                r = root_store_check_no_draft(dir, chain.root->version + 1, &ctl->problem);
        if (r == 0)
                r = make_next_root(ctl, given, chain.root, replaced, &draft);
        if (r == 0)
                r = root_store_deliver(dir, &draft, &path, &ctl->problem);
        if (r != 0)
                return r;

        if (draft.root->epoch > chain.root->epoch && !ctl->json)
                (void) fprintf(stderr,
                               "All manifests of epoch %" PRIi64 " are void once a device has this "
                               "root: sign them again.\n",
                               chain.root->epoch);
        r = operator_print_outcome(ctl, &draft, path);
        return r != 0 ? r : operator_print_root(ctl, &draft);
}

static const Option options[] = {
        KEY_OPTIONS(RotateOptions),
        NEW_KEY_OPTIONS(RotateOptions),
        ROOT_OPTIONS(RotateOptions),
        { "keep-key", &option_switch, offsetof(RotateOptions, keep_key),
          "only renew the root, with its keys" },
        { "label", &option_label, offsetof(RotateOptions, label), "the name of the new key (operator-N)" },
        { "manifest-key", &option_switch, offsetof(RotateOptions, manifest_key),
          "replace the key that signs manifests and invitations" },
        { 0 },
};

const Verb verb_operator_rotate = {
        .noun = "operator",
        .name = "rotate",
        .help = "make the next root, with a new key",
        .example = "operator rotate --keep-key",
        VERB_OPTIONS(RotateOptions, options),
        .defaults = &(const RotateOptions){ .key = KEY_SOURCE_INIT, .new_key = KEY_SOURCE_INIT },
        .run = run,
};
