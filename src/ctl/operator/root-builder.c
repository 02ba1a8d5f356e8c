/* SPDX-License-Identifier: MIT */
/* Filling in a root. */

#include "ctl/operator/root-builder.h"

#include <stdio.h>

#include "basic/parse.h"
#include "basic/timestamp.h"
#include "codec/binary-text.h"
#include "ctl/operator/files.h"
#include "ctl/print.h"

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

/* ---- options */

static int set_life(const Ctl *ctl, Root *root)
{
        const char *expires = ctl->options[OPTION_EXPIRES];
        uint64_t now_ms = operator_now_ms(), until_ms = now_ms + ROOT_LIFE_MS;

        if (expires && (parse_timestamp_ms(expires, now_ms, &until_ms) < 0 || until_ms <= now_ms ||
                        until_ms > (uint64_t) SCHEMA_INTEGER_MAX))
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                     "--expires takes a span such as 365d, or a date to come");

        root->issued_at_ms = (int64_t) now_ms;
        root->expires_at_ms = (int64_t) until_ms;
        return 0;
}

static int parse_key(const Ctl *ctl, const char *option, const char *text, PublicKey *ret_key)
{
        PublicKey key;

        if (hex_parse(text, key.bytes, sizeof key.bytes) < 0 || !public_key_is_valid(&key))
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                     "%s takes public keys of 64 hexadecimal digits, as devboxctl operator "
                                     "export-pub tells them; '%s' is none",
                                     option, text);

        *ret_key = key;
        return 0;
}

static int add_key(const Ctl *ctl, const PublicKey *key, RootKeys *keys)
{
        if (keys->keys.n == ROOT_KEYS_MAX)
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST, "a role has at most %d keys",
                                     ROOT_KEYS_MAX);

        keys->keys.items[keys->keys.n++] = *key;
        return 0;
}

static int add_witness(const Ctl *ctl, Root *root)
{
        const char *text = ctl->options[OPTION_WITNESS];
        RootKeys *witness = &root->roles[ROOT_ROLE_WITNESS];
        PublicKey key;

        if (!text)
                return 0;

        int r = parse_key(ctl, "--witness", text, &key);
        if (r != 0 || root_has_key(root, ROOT_ROLE_WITNESS, &key))
                return r;

        witness->threshold = MAX(witness->threshold, INT64_C(1));
        return add_key(ctl, &key, witness);
}

/* The same key twice would only look like one person more. */
static int add_other(const Ctl *ctl, const char *text, Root *root)
{
        PublicKey key;

        int r = parse_key(ctl, "--root-keys", text, &key);
        if (r != 0)
                return r;
        if (root_has_key(root, ROOT_ROLE_ROOT, &key))
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                     "%s is there twice; --root-keys takes the keys of the others, your own "
                                     "is among them anyway",
                                     text);

        return add_key(ctl, &key, &root->roles[ROOT_ROLE_ROOT]);
}

static int set_people(const Ctl *ctl, const PublicKey *own, RootBuilder *builder)
{
        const char *option = ctl->options[OPTION_ROOT_KEYS];
        _cleanup_(freep) char *text = NULL;
        int r = 0;

        if (!option)
                return 0;
        if (!ctl->options[OPTION_THRESHOLD])
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                     "--root-keys needs --threshold: how many of you must sign a root");
        text = strdup(option);
        if (!text)
                return -ENOMEM;

        root_builder_set(builder, ROOT_ROLE_ROOT, own);
        for (char *word = text, *end; word && r == 0; word = end) {
                end = strchr(word, ',');
                if (end)
                        *end++ = '\0';
                r = add_other(ctl, word, &builder->root);
        }

        return r;
}

static int set_threshold(const Ctl *ctl, RootKeys *people)
{
        const char *option = ctl->options[OPTION_THRESHOLD];
        uint64_t threshold;

        if (!option)
                return 0;
        if (parse_u64(option, 1, ROOT_THRESHOLD_MAX, &threshold) < 0)
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                     "--threshold takes a number from 1 to %d: no more signatures of two "
                                     "roots fit into one file",
                                     ROOT_THRESHOLD_MAX);
        if (threshold > people->keys.n)
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                     "--threshold %s needs more keys than the %zu there are; add those of "
                                     "others with --root-keys",
                                     option, people->keys.n);

        people->threshold = (int64_t) threshold;
        return 0;
}

int root_builder_apply(const Ctl *ctl, const PublicKey *own, RootBuilder *builder)
{
        int r = set_life(ctl, &builder->root);
        if (r == 0)
                r = add_witness(ctl, &builder->root);
        if (r == 0)
                r = set_people(ctl, own, builder);
        if (r == 0)
                r = set_threshold(ctl, &builder->root.roles[ROOT_ROLE_ROOT]);

        return r;
}
