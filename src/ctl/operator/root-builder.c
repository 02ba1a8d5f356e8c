/* SPDX-License-Identifier: MIT */
/* The content of a root. */

#include "ctl/operator/root-builder.h"

#include <inttypes.h>
#include <stdio.h>

#include "codec/binary-text.h"
#include "ctl/problem.h"

void root_builder_begin(RootBuilder *builder, const char *network)
{
        *builder = (RootBuilder){ .root = { .version = 1, .epoch = 1 } };
        (void) snprintf(builder->network, sizeof builder->network, "%s", network);
        builder->root.network = builder->network;
        for (int role = 0; role < _ROOT_ROLE_MAX; role++)
                builder->root.roles[role].keys.items = builder->keys[role];
}

void root_builder_follow(RootBuilder *builder, const Root *before)
{
        root_builder_begin(builder, before->network);
        builder->root.version = before->version + 1;
        builder->root.epoch = before->epoch;
        for (int role = 0; role < _ROOT_ROLE_MAX; role++) {
                const RootKeys *keys = &before->roles[role];

                builder->root.roles[role].threshold = keys->threshold;
                builder->root.roles[role].keys.n = keys->keys.n;
                for (size_t i = 0; i < keys->keys.n; i++)
                        builder->keys[role][i] = keys->keys.items[i];
        }
}

void root_builder_set(RootBuilder *builder, RootRole role, const PublicKey *key)
{
        builder->keys[role][0] = *key;
        builder->root.roles[role].keys.n = 1;
        builder->root.roles[role].threshold = 1;
}

void root_builder_replace(RootBuilder *builder, const PublicKey *old, const PublicKey *new)
{
        for (int role = 0; role < _ROOT_ROLE_MAX; role++)
                for (size_t i = 0; i < builder->root.roles[role].keys.n; i++)
                        if (public_key_equal(&builder->keys[role][i], old))
                                builder->keys[role][i] = *new;
}

/* ---- changes */

static int add_key(const PublicKey *key, RootKeys *keys, char **ret_problem)
{
        if (keys->keys.n == ROOT_KEYS_MAX)
                return problem_set(ret_problem, DEVBOX_ERROR_BAD_REQUEST, "a role has at most %d keys",
                                   ROOT_KEYS_MAX);

        keys->keys.items[keys->keys.n++] = *key;
        return 0;
}

static int add_witness(Root *root, const RootKeyList *list, char **ret_problem)
{
        RootKeys *witness = &root->roles[ROOT_ROLE_WITNESS];

        if (list->n == 0 || root_has_key(root, ROOT_ROLE_WITNESS, &list->keys[0]))
                return 0;

        witness->threshold = MAX(witness->threshold, INT64_C(1));
        return add_key(&list->keys[0], witness, ret_problem);
}

/* The same key twice would only look like one more person. */
static int set_others(RootBuilder *builder, const RootChanges *changes, const PublicKey *own,
                      char **ret_problem)
{
        Root *root = &builder->root;
        int r = 0;

        if (changes->others.n == 0)
                return 0;
        if (changes->threshold == 0)
                return problem_set(ret_problem, DEVBOX_ERROR_BAD_REQUEST,
                                   "--root-keys needs --threshold: how many of you must sign a root");

        root_builder_set(builder, ROOT_ROLE_ROOT, own);
        for (size_t i = 0; i < changes->others.n && r == 0; i++) {
                const PublicKey *key = &changes->others.keys[i];
                char hex[HEX_SIZE(PUBLIC_KEY_SIZE)];

                hex_format(BYTES_OF(key->bytes), hex);
                r = root_has_key(root, ROOT_ROLE_ROOT, key)
                            ? problem_set(
                                      ret_problem, DEVBOX_ERROR_BAD_REQUEST,
                                      "%s is there twice; --root-keys takes the keys of the others, your "
                                      "own is among them anyway",
                                      hex)
                            : add_key(key, &root->roles[ROOT_ROLE_ROOT], ret_problem);
        }

        return r;
}

static int set_threshold(RootKeys *people, uint64_t threshold, char **ret_problem)
{
        if (threshold == 0)
                return 0;
        if (threshold > people->keys.n)
                return problem_set(ret_problem, DEVBOX_ERROR_BAD_REQUEST,
                                   "--threshold %" PRIu64
                                   " needs more keys than the %zu there are; add those "
                                   "of others with --root-keys",
                                   threshold, people->keys.n);

        people->threshold = (int64_t) threshold;
        return 0;
}

int root_builder_apply(RootBuilder *builder, const RootChanges *changes, const PublicKey *own,
                       uint64_t now_ms, char **ret_problem)
{
        Root *root = &builder->root;

        root->issued_at_ms = (int64_t) now_ms;
        root->expires_at_ms =
                (int64_t) (changes->expires_at_ms > 0 ? changes->expires_at_ms : now_ms + ROOT_LIFE_MS);

        int r = add_witness(root, &changes->witness, ret_problem);
        if (r == 0)
                r = set_others(builder, changes, own, ret_problem);
        if (r == 0)
                r = set_threshold(&root->roles[ROOT_ROLE_ROOT], changes->threshold, ret_problem);

        return r;
}
