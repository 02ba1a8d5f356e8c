/* SPDX-License-Identifier: MIT */
/* devboxctl operator keygen: a key of one's own, for a root that another person makes. */

#include "ctl/operator/files.h"
#include "ctl/operator/key-print.h"
#include "ctl/operator/options.h"
#include "ctl/verbs.h"

typedef struct KeygenOptions {
        KeySource key;
        const char *label;
} KeygenOptions;

static int run(Ctl *ctl, const void *options, char **args)
{
        const KeygenOptions *given = options;
        const KeySource source = key_source_named(&given->key, OPERATOR_KEY);
        _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;

        int r = operator_make_directory(source.dir, &ctl->problem);
        if (r == 0)
                r = operator_check_absent(source.dir, OPERATOR_KEY, "a key is never overwritten",
                                          &ctl->problem);
        if (r == 0)
                r = operator_key_make(&source, given->label, &key, &ctl->problem);

        return r != 0 ? r : operator_print_key(ctl, &key.public);
}

static const Option options[] = {
        DIRECTORY_OPTION(offsetof(KeygenOptions, key.dir)),
        { "label", &option_label, offsetof(KeygenOptions, label), "the name of the key (operator)" },
        PASSPHRASE_OPTION(KeygenOptions),
        { 0 },
};

const Verb verb_operator_keygen = {
        .noun = "operator",
        .name = "keygen",
        .help = "make a key only, for a root that another operator makes",
        .example = "operator keygen --label ben",
        VERB_OPTIONS(KeygenOptions, options),
        .defaults = &(const KeygenOptions){ .key = KEY_SOURCE_INIT, .label = "operator" },
        .run = run,
};
