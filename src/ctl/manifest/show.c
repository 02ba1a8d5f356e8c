/* SPDX-License-Identifier: MIT */
/* devboxctl manifest show: what a manifest allows. */

#include <stdio.h>

#include "codec/strict-json.h"
#include "ctl/manifest/manifest-print.h"
#include "ctl/manifest/verify-file.h"
#include "ctl/operator/options.h"
#include "ctl/operator/root-chain.h"
#include "ctl/verbs.h"
#include "proto/error.h"

typedef struct ShowOptions {
        const char *root, *dir;
} ShowOptions;

/* The manifest's own JSON, what the device reads; of a template, the part that it says. */
static int print_payload(const ManifestFile *file)
{
        const Schema *schema = file->template ? &manifest_policy_schema : &manifest_schema;
        _cleanup_(json_deletep) cJSON *tree = NULL;
        _cleanup_(freep) char *text = NULL;

        int r = schema_build(schema, file->manifest, &tree, NULL);
        if (r == 0)
                r = strict_json_format(tree, &text);
        if (r != 0)
                return r > 0 ? -EINVAL : r;

        return puts(text) < 0 ? -errno : 0;
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(manifest_file_done) ManifestFile file = MANIFEST_FILE_NULL;
        _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;
        const ShowOptions *given = options;
        const ManifestDefaults defaults = manifest_defaults(ctl->now_ms, given->dir);
        const char *root = given->root, *state = "not signed";
        SchemaFault fault;

        int r = manifest_file_read(args[0], &defaults, &file, &ctl->problem);
        if (r == 0 && root)
                r = root_chain_read(root, &chain, &ctl->problem);
        if (r != 0)
                return r;
        if (ctl->json)
                return print_payload(&file);

        if (file.template)
                state = "none: it is a template";
        else if (file.envelope && !root)
                state = "not checked; give --root";
        else if (file.envelope) {
                r = manifest_file_verify(&file, chain.root, NULL, ctl->now_ms, &fault);
                if (r < 0)
                        return r;
                state = r == 0 ? "good" : devbox_error_sentence((DevboxError) r);
        }

        return manifest_print(file.manifest, state, stdout, ctl->colour);
}

static const Option options[] = {
        { "root", &option_file, offsetof(ShowOptions, root),
          "check the signature against this root, or several" },
        DIRECTORY_OPTION(offsetof(ShowOptions, dir)),
        { 0 },
};

const Verb verb_manifest_show = {
        .noun = "manifest",
        .name = "show",
        .arguments = "FILE",
        .help = "show what a manifest or template allows",
        .example = "manifest show laptop.yaml",
        VERB_OPTIONS(ShowOptions, options),
        .run = run,
};
