/* SPDX-License-Identifier: MIT */
/* devboxctl manifest verify: who signed a manifest, and whether a device accepts it. */

#include <inttypes.h>
#include <stdio.h>

#include "codec/binary-text.h"
#include "ctl/manifest/verify-file.h"
#include "ctl/operator/options.h"
#include "ctl/operator/root-chain.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/verbs.h"

typedef struct VerifyOptions {
        const char *dir, *root, *ceiling;
} VerifyOptions;

static int print_verified(const Ctl *ctl, const ManifestFile *file)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        char hex[HEX_SIZE(SHA256_SIZE)];

        hex_format(BYTES_OF(file->envelope->digest.bytes), hex);
        if (!ctl->json)
                return print_line(stdout, "%s: good: %s, epoch %" PRIi64 ", version %" PRIi64 ", sha256 %s",
                                  file->path, file->manifest->device, file->manifest->epoch,
                                  file->manifest->version, hex);

        json_open_object(&json, NULL);
        json_add_bool(&json, "good", true);
        json_add_string(&json, "device", file->manifest->device);
        json_add_u64(&json, "epoch", (uint64_t) file->manifest->epoch);
        json_add_u64(&json, "version", (uint64_t) file->manifest->version);
        json_add_string(&json, "sha256", hex);
        json_close_object(&json);
        return print_json(&json);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(manifest_file_done) ManifestFile file = MANIFEST_FILE_NULL;
        _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;
        _cleanup_(ceiling_freep) Ceiling *ceiling = NULL;
        const VerifyOptions *given = options;
        const ManifestDefaults defaults = manifest_defaults(ctl->now_ms, given->dir);
        SchemaFault fault = { 0 };

        int r = root_chain_read_current(given->dir, given->root, &chain, &ctl->problem);
        if (r == 0)
                r = manifest_file_read(args[0], &defaults, &file, &ctl->problem);
        if (r == 0 && given->ceiling)
                r = ceiling_file_read(given->ceiling, ctl->now_ms, &ceiling, &ctl->problem);
        if (r != 0)
                return r;
        if (!file.envelope)
                return problem_set(&ctl->problem, DEVBOX_ERROR_BAD_ENVELOPE,
                                   "%s is not signed; sign it with: devboxctl manifest sign", args[0]);

        r = manifest_file_verify(&file, chain.root, ceiling, ctl->now_ms, &fault);
        if (r > 0)
                return problem_set(&ctl->problem, (DevboxError) r, "%s: %s%s%s%s%s", args[0],
                                   devbox_error_sentence((DevboxError) r), fault.why ? ": " : "", fault.path,
                                   fault.why ? " " : "", strempty(fault.why));

        return r < 0 ? r : print_verified(ctl, &file);
}

static const Option options[] = {
        DIRECTORY_OPTION(offsetof(VerifyOptions, dir)),
        { "root", &option_file, offsetof(VerifyOptions, root),
          "the root, or several, one per line (your own)" },
        { "ceiling", &option_file, offsetof(VerifyOptions, ceiling),
          "a ceiling that must hold the manifest" },
        { 0 },
};

const Verb verb_manifest_verify = {
        .noun = "manifest",
        .name = "verify",
        .arguments = "FILE",
        .help = "check who signed a manifest and whether a device accepts it",
        .example = "manifest verify laptop.json",
        .statuses = "failure, or a device rejects the manifest",
        VERB_OPTIONS(VerifyOptions, options),
        .run = run,
};
