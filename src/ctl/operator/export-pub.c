/* SPDX-License-Identifier: MIT */
/* devboxctl operator export-pub: the public half of a key, for which no passphrase is needed. */

#include "ctl/operator/key-print.h"
#include "ctl/operator/options.h"
#include "ctl/verbs.h"

typedef struct ExportOptions {
        KeySource key;
} ExportOptions;

static int run(Ctl *ctl, const void *options, char **args)
{
        const KeySource source = key_source_named(&((const ExportOptions *) options)->key, OPERATOR_KEY);
        _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;

        int r = operator_open_key(ctl, &source, &key);
        return r != 0 ? r : operator_print_key(ctl, &key.public);
}

const Verb verb_operator_export_pub = {
        .noun = "operator",
        .name = "export-pub",
        .help = "print the operator's public key",
        VERB_OPTIONS(ExportOptions, (const Option[]){ KEY_OPTIONS(ExportOptions), { 0 } }),
        .defaults = &(const ExportOptions){ .key = KEY_SOURCE_INIT },
        .run = run,
};
