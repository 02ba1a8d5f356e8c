/* SPDX-License-Identifier: MIT */
#pragma once

/* Rows of options that several verbs of an operator take. `options` is the struct of the verb's options,
 * which has a KeySource `key`, a KeySource `new_key` or a RootChanges `changes`. */

#include "ctl/operator/key.h"
#include "ctl/operator/root-builder.h"
#include "ctl/option-types.h"

extern const OptionType option_root_key;       /* RootKeyList: one */
extern const OptionType option_root_keys;      /* RootKeyList: any number, with commas */
extern const OptionType option_root_threshold; /* uint64_t */

typedef struct DirectoryOptions {
        const char *dir;
} DirectoryOptions;

/* operator_key_open(), with a warning on standard error if others may read the key. */
int operator_open_key(Ctl *ctl, const KeySource *source, OperatorKey *ret_key);

/* root_builder_apply() as options of a command line: what it rejects is wrong usage. */
int operator_apply_changes(Ctl *ctl, const RootChanges *changes, const PublicKey *own, RootBuilder *builder);

/* clang-format off */
#define DIRECTORY_OPTION(offset) \
        { "dir", &option_directory, offset, "the operator's directory (~/.config/devbox/operator)" }

/* In the initializer of a verb whose only option this is. */
#define DIRECTORY_ONLY VERB_OPTIONS(DirectoryOptions, (const Option[]){ DIRECTORY_OPTION(0), { 0 } })

#define PASSPHRASE_OPTION(options) \
        { "passphrase-fd", &option_fd, offsetof(options, key.passphrase_fd), \
          "read the passphrase from this descriptor" }

#define KEY_OPTIONS(options) \
        DIRECTORY_OPTION(offsetof(options, key.dir)), \
        { "key", &option_file, offsetof(options, key.path), \
          "the operator's key; - reads a seed from standard input" }, \
        { "key-fd", &option_fd, offsetof(options, key.fd), \
          "read the operator's key or seed from this descriptor" }, \
        PASSPHRASE_OPTION(options)

#define NEW_KEY_OPTIONS(options) \
        { "new-key", &option_file, offsetof(options, new_key.path), "the new key, if it exists already" }, \
        { "new-key-fd", &option_fd, offsetof(options, new_key.fd), "read the new key from this descriptor" }

#define ROOT_OPTIONS(options) \
        { "expires", &option_expiry, offsetof(options, changes.expires_at_ms), \
          "when the root expires (in 366 days)" }, \
        { "witness", &option_root_key, offsetof(options, changes.witness), "the public key of a witness" }, \
        { "root-keys", &option_root_keys, offsetof(options, changes.others), \
          "public keys of the others who sign roots" }, \
        { "threshold", &option_root_threshold, offsetof(options, changes.threshold), \
          "how many keys must sign a root" }
/* clang-format on */
