/* SPDX-License-Identifier: MIT */
/* devboxctl operator rotate: the root that follows, signed by the old key and the new.
 *
 * The new key is on disk and synced before a root names it, and the root before operator.key changes: a
 * crash in between leaves a key that nothing uses yet, or the new one still under its own name. */

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/file.h"
#include "ctl/operator-files.h"
#include "ctl/operator-key.h"
#include "ctl/print.h"
#include "ctl/root-make.h"
#include "proto/id.h"

static void replace_key(Root *root, const PublicKey *old, const PublicKey *new)
{
        for (int role = 0; role < _ROOT_ROLE_MAX; role++)
                for (size_t i = 0; i < root->roles[role].keys.n; i++)
                        if (public_key_equal(&root->roles[role].keys.items[i], old))
                                root->roles[role].keys.items[i] = *new;
}

static bool may_sign_root(const Root *root, const PublicKey *key)
{
        const RootKeys *keys = &root->roles[ROOT_ROLE_ROOT];

        for (size_t i = 0; i < keys->keys.n; i++)
                if (public_key_equal(&keys->keys.items[i], key))
                        return true;

        return false;
}

static int check_old_key(const Ctl *ctl, const Root *root, const KeyPair *old)
{
        if (!may_sign_root(root, key_pair_public(old)))
                return print_failure(ctl, DEVBOX_ERROR_UNKNOWN_KEY,
                                     "this key has no say in root %" PRIi64 "; use the one that made it",
                                     root->version);
        if (root->roles[ROOT_ROLE_ROOT].threshold > 1)
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                     "root %" PRIi64 " needs the signatures of %" PRIi64
                                     " people; one alone cannot follow it",
                                     root->version, root->roles[ROOT_ROLE_ROOT].threshold);

        return 0;
}

/* `ret_file` is set to the name of the new key's file if it has one. */
static int get_new_key(const Ctl *ctl, int64_t version, KeyPair **ret_pair, char **ret_file)
{
        _cleanup_(freep) char *name = NULL;
        const char *label = ctl->options[OPTION_LABEL];
        char own_label[32];

        int r = operator_load_seed(ctl, OPTION_NEW_KEY, OPTION_NEW_KEY_FD, ret_pair);
        if (r != 0 || *ret_pair)
                return r;

        (void) snprintf(own_label, sizeof own_label, "operator-%" PRIi64, version);
        if (label && !label_valid(label))
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                     "--label takes a-z, 0-9, '.', '_' and '-', at most 63");
        if (asprintf(&name, "%" PRIi64 ".operator.key", version) < 0) {
                name = NULL;
                return -ENOMEM;
        }

        r = key_pair_generate(ret_pair);
        if (r == 0)
                r = operator_write_key(ctl, name, label ? label : own_label, *ret_pair);
        if (r == 0)
                *ret_file = TAKE_PTR(name);
        return r;
}

/* operator.key becomes the new key; the old one stays beside it, under the number of its root. */
static int switch_key_file(const Ctl *ctl, int64_t old_version, const char *new_name)
{
        _cleanup_(freep) char *current = NULL, *kept = NULL, *new = NULL, *text = NULL;
        char name[48];

        (void) snprintf(name, sizeof name, "%" PRIi64 ".operator.key", old_version);
        int r = operator_path(ctl, "operator.key", &current);
        if (r == 0)
                r = operator_path(ctl, name, &kept);
        if (r == 0)
                r = operator_path(ctl, new_name, &new);
        if (r == 0)
                r = operator_read_file(ctl, new, KEY_FILE_MAX, &text);
        if (r != 0)
                return r;

        if (link(current, kept) < 0 && errno != EEXIST && errno != ENOENT)
                r = -errno;
        if (r == 0)
                r = file_write(current, FILE_REPLACE, 0600, bytes_of_string(text));
        return r < 0 ? print_failure(ctl, DEVBOX_ERROR_ACCESS_DENIED,
                                     "the root is made, but %s is still the old key: %s; put %s there",
                                     current, strerror(-r), new)
                     : 0;
}

/* The next root: the same but for its number, its life, the key and a witness more. Its lists are those of
 * `root`, which changes with it. */
static int publish_next(const Ctl *ctl, const Root *root, const KeyPair *old, const KeyPair *new)
{
        PublicKey witnesses[ROOT_KEYS_MAX];
        Root next = *root;
        RootKeys *witness = &next.roles[ROOT_ROLE_WITNESS];

        next.version++;
        next.epoch += old != new;
        if (witness->keys.n > 0)
                memcpy(witnesses, witness->keys.items, witness->keys.n * sizeof *witnesses);
        witness->keys.items = witnesses;
        int r = root_add_witness(ctl, witnesses, &witness->keys.n);
        if (r == 0)
                r = root_set_life(ctl, &next);
        if (r != 0)
                return r;

        if (witness->threshold == 0 && witness->keys.n > 0)
                witness->threshold = 1;
        replace_key(&next, key_pair_public(old), key_pair_public(new));
        return root_publish(ctl, &next, old, old != new ? new : NULL);
}

int ctl_operator_rotate(const Ctl *ctl, char **args)
{
        _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;
        _cleanup_(key_pair_freep) KeyPair *old = NULL, *new = NULL;
        _cleanup_(freep) char *new_file = NULL;
        bool keep = ctl->options[OPTION_KEEP_KEY];

        int r = operator_load_roots(ctl, NULL, &chain);
        if (r == 0)
                r = operator_load_key(ctl, &old);
        if (r == 0)
                r = check_old_key(ctl, chain.root, old);
        if (r == 0 && !keep)
                r = get_new_key(ctl, chain.root->version + 1, &new, &new_file);
        if (r == 0)
                r = publish_next(ctl, chain.root, old, keep ? old : new);
        if (r == 0 && new_file)
                r = switch_key_file(ctl, chain.root->version, new_file);
        if (r != 0)
                return r;

        if (!keep && !ctl->json)
                (void) fprintf(stderr,
                               "All manifests of epoch %" PRIi64 " are void once a device has this "
                               "root: sign them again.\n",
                               chain.root->epoch);
        return ctl_operator_show(ctl, (char *[]){ NULL });
}
