/* SPDX-License-Identifier: MIT */
/* devboxctl operator init: the key that a network rests on, and its first root. */

#include "ctl/operator/files.h"
#include "ctl/operator/options.h"
#include "ctl/operator/root-print.h"
#include "ctl/operator/root-store.h"
#include "ctl/verbs.h"

typedef struct InitOptions {
        KeySource key, new_key;
        RootChanges changes;
        const char *label, *network;
        bool manifest_key;
} InitOptions;

/* All that can be rejected before a passphrase is typed. */
static int check_options(Ctl *ctl, const InitOptions *options)
{
        PublicKey own = { 0 }; /* in place of the key to be made */
        RootBuilder builder;

        if (!options->manifest_key && key_source_is_given(&options->new_key))
                return ctl_usage(ctl, "--new-key and --new-key-fd of init are for --manifest-key");

        root_builder_begin(&builder, options->network);
        root_builder_set(&builder, ROOT_ROLE_ROOT, &own);
        return operator_apply_changes(ctl, &options->changes, &own, &builder);
}

static int make_first_root(Ctl *ctl, const InitOptions *options, const PublicKey *own,
                           const PublicKey *everyday, RootDraft *ret_draft)
{
        RootBuilder builder;

        root_builder_begin(&builder, options->network);
        root_builder_set(&builder, ROOT_ROLE_ROOT, own);
        root_builder_set(&builder, ROOT_ROLE_MANIFEST, everyday);
        root_builder_set(&builder, ROOT_ROLE_TOKEN, everyday);
        int r = operator_apply_changes(ctl, &options->changes, own, &builder);

        return r != 0 ? r : root_draft_new(&builder.root, NULL, ret_draft);
}

static int make_operator(Ctl *ctl, const InitOptions *options)
{
        KeySource own_source = key_source_named(&options->key, OPERATOR_KEY);
        KeySource everyday_source = key_source_beside(&options->key, &options->new_key, MANIFEST_KEY);
        _cleanup_(operator_key_done) OperatorKey own = OPERATOR_KEY_NULL, everyday = OPERATOR_KEY_NULL;
        _cleanup_(root_draft_done) RootDraft draft = ROOT_DRAFT_NULL;
        _cleanup_(freep) char *path = NULL;

        int r = operator_key_make(&own_source, options->label, &own, &ctl->problem);
        if (r == 0 && options->manifest_key)
                r = operator_key_make(&everyday_source, "manifest", &everyday, &ctl->problem);
        if (r == 0)
                r = make_first_root(ctl, options, &own.public,
                                    options->manifest_key ? &everyday.public : &own.public, &draft);
        if (r == 0)
                r = root_draft_sign(&draft, own.pair);
        if (r == 0)
                r = root_store_deliver(options->key.dir, &draft, &path, &ctl->problem);
        if (r == 0)
                r = operator_print_outcome(ctl, &draft, path);

        return r != 0 ? r : operator_print_root(ctl, &draft);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        const InitOptions *given = options;
        const char *dir = given->key.dir;
        bool recovered = false;

        int r = check_options(ctl, given);
        if (r == 0)
                r = operator_make_directory(dir, &ctl->problem);
        if (r == 0)
                r = root_store_recover(dir, &recovered, &ctl->problem);
        if (r == 0 && recovered)
                return operator_show_recovered(ctl, dir);
        if (r == 0)
                r = operator_check_absent(dir, "root.json",
                                          "there is an operator already. For the next root run: devboxctl "
                                          "operator rotate",
                                          &ctl->problem);
        if (r == 0)
                r = root_store_check_no_draft(dir, 1, &ctl->problem);

        return r != 0 ? r : make_operator(ctl, given);
}

static const Option options[] = {
        KEY_OPTIONS(InitOptions),
        NEW_KEY_OPTIONS(InitOptions),
        ROOT_OPTIONS(InitOptions),
        { "label", &option_label, offsetof(InitOptions, label), "the name of the key (operator)" },
        { "network", &option_label, offsetof(InitOptions, network), "the name of the network (home)" },
        { "manifest-key", &option_switch, offsetof(InitOptions, manifest_key),
          "make a second key, which signs manifests and invitations" },
        { 0 },
};

const Verb verb_operator_init = {
        .noun = "operator",
        .name = "init",
        .help = "make the operator's key and the first root",
        .example = "operator init --network home",
        VERB_OPTIONS(InitOptions, options),
        .defaults = &(const InitOptions){ .key = KEY_SOURCE_INIT,
                                          .new_key = KEY_SOURCE_INIT,
                                          .label = "operator",
                                          .network = "home" },
        .run = run,
};
