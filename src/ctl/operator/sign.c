/* SPDX-License-Identifier: MIT */
/* devboxctl operator sign: one more signature under a root that several people make. Only a missing
 * signature of a key that the roots name is added, so that there is room for all. */

#include <inttypes.h>
#include <stdio.h>

#include "basic/file.h"
#include "ctl/input.h"
#include "ctl/operator/files.h"
#include "ctl/operator/options.h"
#include "ctl/operator/root-print.h"
#include "ctl/operator/root-store.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/verbs.h"

typedef struct SignOptions {
        KeySource key;
        const char *root;
} SignOptions;

static int load_draft(Ctl *ctl, const char *path, RootDraft *ret_draft)
{
        Envelope *envelope;

        int r = input_read_envelope(path, &envelope, &ctl->problem);
        if (r != 0)
                return r;

        r = root_draft_take(envelope, ret_draft);
        return r > 0 ? problem_about(&ctl->problem, (DevboxError) r, path) : r;
}

static bool is_in_place(const RootDraft *draft, const RootChain *own)
{
        return own->root && sha256_equal(&draft->envelope->digest, root_chain_last_digest(own));
}

/* `chain` ends with the root before, or is empty for the first one. */
static int check_follows(Ctl *ctl, const char *path, const RootChain *chain, RootDraft *draft)
{
        int64_t version = draft->root->version;

        if (root_check_expiry(draft->root, ctl->now_ms) != 0)
                return problem_set(&ctl->problem, DEVBOX_ERROR_ROOT_EXPIRED,
                                   "%s: root %" PRIi64 " has expired", path, version);
        if (!chain->root && version == 1)
                return 0;
        if (!chain->root)
                return problem_set(&ctl->problem, DEVBOX_ERROR_NOT_FOUND,
                                   "%s: root %" PRIi64 " follows root %" PRIi64
                                   ", which is not here; name it with --root",
                                   path, version, version - 1);

        int r = root_draft_follow(draft, chain->root);
        return r > 0 ? problem_set(&ctl->problem, (DevboxError) r,
                                   "%s: root %" PRIi64 " of network %s does not follow root %" PRIi64
                                   " of network %s, which is the last one here",
                                   path, version, draft->root->network, chain->root->version,
                                   chain->root->network)
                     : r;
}

/* What is signed is on the screen before the passphrase is asked for. */
static int show_before_signing(Ctl *ctl, const RootDraft *draft)
{
        int r = operator_print_root(ctl, draft);

        return r != 0 ? r : fflush(stdout) == 0 ? 0 : -errno;
}

static int add_signature(Ctl *ctl, const KeySource *source, OperatorKey *key, const char *path,
                         RootDraft *draft)
{
        _cleanup_(freep) char *text = NULL;

        int r = operator_key_unseal(source, key, &ctl->problem);
        if (r != 0)
                return r;

        r = root_draft_sign(draft, key->pair);
        if (r == -ENOSPC)
                return problem_set(&ctl->problem, DEVBOX_ERROR_BAD_ENVELOPE,
                                   "%s has no room for another signature", path);
        if (r == 0)
                r = root_draft_format(draft, &text);
        if (r < 0)
                return r;

        return output_write(path, FILE_REPLACE, 0644, text, &ctl->problem);
}

static int sign(Ctl *ctl, const KeySource *source, const char *path, RootDraft *draft)
{
        _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;

        int r = operator_open_key(ctl, source, &key);
        if (r != 0)
                return r;

        switch (root_draft_signature(draft, &key.public)) {
        case ROOT_SIGNATURE_UNKNOWN_KEY:
                return problem_set(&ctl->problem, DEVBOX_ERROR_UNKNOWN_KEY,
                                   "neither root %" PRIi64
                                   " nor the one before names this key; nothing was signed",
                                   draft->root->version);
        case ROOT_SIGNATURE_PRESENT:
                return ctl->json ? 0 : print_line(stderr, "This key has signed %s already.", path);
        case ROOT_SIGNATURE_UNNEEDED:
                return ctl->json ? 0
                                 : print_line(stderr, "%s needs no signature of this key any more.", path);
        case ROOT_SIGNATURE_MISSING:
                return add_signature(ctl, source, &key, path, draft);
        }

        return -EINVAL;
}

/* An operator who keeps the roots up to the one before gets this one, too. */
static int publish(Ctl *ctl, const char *dir, const RootDraft *draft, char **ret_path)
{
        int r = operator_make_directory(dir, &ctl->problem);

        return r != 0 ? r : root_store_deliver(dir, draft, ret_path, &ctl->problem);
}

static int show_in_place(Ctl *ctl, const char *dir, const RootDraft *draft)
{
        int r = ctl->json ? 0
                          : print_line(stderr, "Root %" PRIi64 " is in place here already.",
                                       draft->root->version);

        return r < 0 ? r : operator_show(ctl, dir, NULL);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(root_chain_done) RootChain own = ROOT_CHAIN_NULL, given = ROOT_CHAIN_NULL;
        _cleanup_(root_draft_done) RootDraft draft = ROOT_DRAFT_NULL;
        _cleanup_(freep) char *path = NULL;
        const SignOptions *sign_options = options;
        const KeySource source = key_source_named(&sign_options->key, OPERATOR_KEY);
        const char *root = sign_options->root;
        bool own_follows;

        int r = load_draft(ctl, args[0], &draft);
        if (r == 0)
                r = root_store_recover(source.dir, NULL, &ctl->problem);
        if (r == 0)
                r = root_store_load(source.dir, &own, &ctl->problem);
        if (r == 0 && root)
                r = root_chain_read(root, &given, &ctl->problem);
        if (r != 0)
                return r;
        if (is_in_place(&draft, &own))
                return show_in_place(ctl, source.dir, &draft);

        own_follows = !root || (own.root &&
                                sha256_equal(root_chain_last_digest(&own), root_chain_last_digest(&given)));
        r = check_follows(ctl, args[0], root ? &given : &own, &draft);
        if (r == 0 && !ctl->json)
                r = show_before_signing(ctl, &draft);
        if (r == 0)
                r = sign(ctl, &source, args[0], &draft);
        if (r == 0 && own_follows && root_draft_is_complete(&draft))
                r = publish(ctl, source.dir, &draft, &path);
        if (r == 0)
                r = operator_print_outcome(ctl, &draft, path ? path : args[0]);

        return r != 0 || !ctl->json ? r : operator_print_root(ctl, &draft);
}

static const Option options[] = {
        KEY_OPTIONS(SignOptions),
        { "root", &option_file, offsetof(SignOptions, root),
          "the root before this one, if it is not your own" },
        { 0 },
};

const Verb verb_operator_sign = {
        .noun = "operator",
        .name = "sign",
        .arguments = "FILE",
        .help = "add a signature to a draft of a root",
        .example = "operator sign 2.root.draft.json",
        VERB_OPTIONS(SignOptions, options),
        .defaults = &(const SignOptions){ .key = KEY_SOURCE_INIT },
        .run = run,
};
