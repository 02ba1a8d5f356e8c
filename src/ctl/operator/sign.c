/* SPDX-License-Identifier: MIT */
/* devboxctl operator sign: one more signature under a root that several people make. Nobody signs for a key
 * that has no say, and no signature is added that is not missing, so that all that are needed fit. */

#include <inttypes.h>
#include <stdio.h>

#include "basic/file.h"
#include "ctl/operator/files.h"
#include "ctl/operator/key.h"
#include "ctl/operator/root-store.h"
#include "ctl/operator/show.h"
#include "ctl/print.h"

static int load_draft(const Ctl *ctl, const char *path, RootDraft *ret_draft)
{
        Envelope *envelope;

        int r = operator_read_envelope(ctl, path, &envelope);
        if (r != 0)
                return r;

        r = root_draft_take(envelope, ret_draft);
        return r > 0 ? print_failure(ctl, (DevboxError) r, "%s: %s", path,
                                     devbox_error_sentence((DevboxError) r))
                     : r;
}

static const Sha256 *last_digest(const RootChain *chain)
{
        return chain->n_steps > 0 ? &chain->steps[chain->n_steps - 1].digest : NULL;
}

static bool is_in_place(const RootDraft *draft, const RootChain *own)
{
        Sha256 digest;

        envelope_digest(draft->envelope, &digest);
        return own->root && sha256_equal(&digest, last_digest(own));
}

/* `chain` ends with the root before, or is empty for the first one. */
static int check_follows(const Ctl *ctl, const char *path, const RootChain *chain, RootDraft *draft)
{
        int64_t version = draft->root->version;

        if (root_check_expiry(draft->root, operator_now_ms()) != 0)
                return print_failure(ctl, DEVBOX_ERROR_ROOT_EXPIRED, "%s: root %" PRIi64 " has expired",
                                     path, version);
        if (!chain->root && version == 1)
                return 0;
        if (!chain->root)
                return print_failure(ctl, DEVBOX_ERROR_NOT_FOUND,
                                     "%s: root %" PRIi64 " follows root %" PRIi64
                                     ", which is not here; name it with --root",
                                     path, version, version - 1);

        int r = root_draft_follow(draft, chain->root);
        return r > 0 ? print_failure(ctl, (DevboxError) r,
                                     "%s: root %" PRIi64 " of network %s does not follow root %" PRIi64
                                     " of network %s, which is the last one here",
                                     path, version, draft->root->network, chain->root->version,
                                     chain->root->network)
                     : r;
}

/* Nobody is asked for a passphrase before it is on the screen what they sign. */
static int show_before_signing(const Ctl *ctl, const RootDraft *draft)
{
        int r = operator_print_root(ctl, draft);

        return r != 0 ? r : fflush(stdout) == 0 ? 0 : -errno;
}

static int add_signature(const Ctl *ctl, const char *path, OperatorKey *key, RootDraft *draft)
{
        _cleanup_(freep) char *text = NULL;

        int r = operator_key_unseal(ctl, key);
        if (r != 0)
                return r;

        r = root_draft_sign(draft, key->pair);
        if (r == -ENOSPC)
                return print_failure(ctl, DEVBOX_ERROR_BAD_ENVELOPE, "%s has no room for another signature",
                                     path);
        if (r == 0)
                r = root_draft_format(draft, &text);
        if (r < 0)
                return r;

        r = file_write(path, FILE_REPLACE, 0644, bytes_of_string(text));
        return r < 0 ? print_failure(ctl, DEVBOX_ERROR_ACCESS_DENIED, "cannot write %s: %s", path,
                                     strerror(-r))
                     : 0;
}

static int sign(const Ctl *ctl, const char *path, RootDraft *draft)
{
        _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;

        int r = operator_key_open(ctl, &OWN_KEY_IN(OPERATOR_KEY), &key);
        if (r != 0)
                return r;

        switch (root_draft_say(draft, &key.public)) {
        case ROOT_SAY_NONE:
                return print_failure(ctl, DEVBOX_ERROR_UNKNOWN_KEY,
                                     "this key has no say in root %" PRIi64
                                     ", nor in the one before; nothing was signed",
                                     draft->root->version);
        case ROOT_SAY_SIGNED:
                return ctl->json ? 0 : print_line(stderr, "This key has signed %s already.", path);
        case ROOT_SAY_ENOUGH:
                return ctl->json ? 0
                                 : print_line(stderr, "%s needs no signature of this key any more.", path);
        case ROOT_SAY_WANTED:
                return add_signature(ctl, path, &key, draft);
        }

        return -EINVAL;
}

/* Whoever keeps the roots up to the one before gets this one, too. */
static int publish(const Ctl *ctl, const RootDraft *draft, char **ret_path)
{
        int r = operator_make_directory(ctl);

        return r != 0 ? r : root_deliver(ctl, draft, ret_path);
}

int ctl_operator_sign(const Ctl *ctl, char **args)
{
        _cleanup_(root_chain_done) RootChain own = ROOT_CHAIN_NULL, given = ROOT_CHAIN_NULL;
        _cleanup_(root_draft_done) RootDraft draft = ROOT_DRAFT_NULL;
        _cleanup_(freep) char *path = NULL;
        const char *root = ctl->options[OPTION_ROOT];
        bool own_follows;

        int r = load_draft(ctl, args[0], &draft);
        if (r == 0)
                r = root_store_recover(ctl, NULL);
        if (r == 0)
                r = root_load_current(ctl, &own);
        if (r == 0 && root)
                r = operator_load_roots(ctl, root, &given);
        if (r != 0)
                return r;
        if (is_in_place(&draft, &own)) {
                r = ctl->json ? 0
                              : print_line(stderr, "Root %" PRIi64 " is in place here already.",
                                           draft.root->version);
                return r < 0 ? r : ctl_operator_show(ctl, (char *[]){ NULL });
        }

        own_follows = !root || (own.root && sha256_equal(last_digest(&own), last_digest(&given)));
        r = check_follows(ctl, args[0], root ? &given : &own, &draft);
        if (r == 0 && !ctl->json)
                r = show_before_signing(ctl, &draft);
        if (r == 0)
                r = sign(ctl, args[0], &draft);
        if (r == 0 && own_follows && root_draft_is_complete(&draft))
                r = publish(ctl, &draft, &path);
        if (r == 0)
                r = operator_tell_outcome(ctl, &draft, path ? path : args[0]);

        return r != 0 || !ctl->json ? r : operator_print_root(ctl, &draft);
}
