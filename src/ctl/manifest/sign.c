/* SPDX-License-Identifier: MIT */
/* devboxctl manifest sign: makes a signed manifest of YAML. */

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ctl/input.h"
#include "ctl/manifest/lint-print.h"
#include "ctl/operator/options.h"
#include "ctl/operator/role-key.h"
#include "ctl/operator/root-chain.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/verbs.h"

typedef struct SignOptions {
        KeySource key;
        const char *root, *previous, *ceiling, *output;
        uint64_t expires_at_ms;
        const char *device; /* these four: for a template */
        RootKeyList device_key, dispatcher, attester;
} SignOptions;

static PublicKey key_of(const RootKeyList *list)
{
        return list->n > 0 ? list->keys[0] : (PublicKey){ { 0 } };
}

/* The one before: its digest, and a version more within the same epoch. */
static int follow_previous(Ctl *ctl, const char *path, const Root *root, ManifestDefaults *defaults)
{
        _cleanup_(manifest_file_done) ManifestFile file = MANIFEST_FILE_NULL;

        int r = manifest_file_read(path, defaults, &file, &ctl->problem);
        if (r != 0)
                return r;
        if (!file.envelope)
                return problem_set(&ctl->problem, DEVBOX_ERROR_BAD_ENVELOPE,
                                   "%s is not signed; --previous takes what the device has", path);
        if (file.manifest->epoch > root->epoch)
                return problem_set(&ctl->problem, DEVBOX_ERROR_ROOT_NEEDED,
                                   "%s is of epoch %" PRIi64 ", later than this root", path,
                                   file.manifest->epoch);

        if (file.manifest->epoch == root->epoch && manifest_is_tombstone(file.manifest))
                return problem_set(&ctl->problem, DEVBOX_ERROR_PEER_REVOKED,
                                   "%s ended the device in epoch %" PRIi64 "; for the next epoch run: "
                                   "devboxctl operator rotate",
                                   path, file.manifest->epoch);

        defaults->previous = file.envelope->digest;
        if (file.manifest->epoch == root->epoch)
                defaults->version = file.manifest->version + 1;
        return 0;
}

static int set_defaults(Ctl *ctl, const SignOptions *options, const Root *root, ManifestDefaults *defaults)
{
        *defaults = manifest_defaults(ctl->now_ms, options->key.dir);
        defaults->epoch = root->epoch;
        if (options->expires_at_ms > 0)
                defaults->expires_at_ms = (int64_t) options->expires_at_ms;

        return options->previous ? follow_previous(ctl, options->previous, root, defaults) : 0;
}

/* Only a template leaves to the command line whom it is for. */
static int fill(Ctl *ctl, const SignOptions *options, const ManifestDefaults *defaults, ManifestFile *file)
{
        const ManifestFacts facts = { .device = options->device,
                                      .device_key = key_of(&options->device_key),
                                      .dispatcher = key_of(&options->dispatcher),
                                      .attester = key_of(&options->attester),
                                      .epoch = defaults->epoch,
                                      .version = defaults->version,
                                      .previous = defaults->previous,
                                      .issued_at_ms = defaults->issued_at_ms,
                                      .expires_at_ms = (int64_t) options->expires_at_ms };
        bool whole = options->device && options->device_key.n > 0;

        if (!file->template)
                return options->device || options->device_key.n > 0 || options->dispatcher.n > 0 ||
                                       options->attester.n > 0
                               ? ctl_usage(ctl, "%s is no template, so it names device and keys itself",
                                           file->path)
                               : 0;
        if (!whole)
                return ctl_usage(
                        ctl,
                        "%s is a template; say whom it is for with --device NAME --device-key KEY, or let "
                        "devboxctl manifest publish do it",
                        file->path);

        return manifest_file_fill(file, &facts, &ctl->problem);
}

/* A manifest that every device rejects is not signed. */
static int check_against_root(Ctl *ctl, const SignOptions *options, const ManifestFile *file,
                              const Root *root, const ManifestDefaults *defaults)
{
        const Manifest *manifest = file->manifest;

        if (file->envelope)
                return problem_set(&ctl->problem, DEVBOX_ERROR_BAD_REQUEST, "%s is signed already",
                                   file->path);
        if (root_check_expiry(root, ctl->now_ms) != 0)
                return problem_set(&ctl->problem, DEVBOX_ERROR_ROOT_EXPIRED,
                                   "the root has expired; renew it with: devboxctl operator rotate "
                                   "--keep-key");
        if (manifest->epoch != root->epoch)
                return problem_set(
                        &ctl->problem, DEVBOX_ERROR_ROOT_NEEDED,
                        "%s:%u: epoch is %" PRIi64 ", that of the root is %" PRIi64 "; leave it out",
                        file->path, manifest_file_line(file, "epoch"), manifest->epoch, root->epoch);
        if (options->expires_at_ms > 0 && manifest->expires_at_ms != defaults->expires_at_ms)
                return problem_set(&ctl->problem, DEVBOX_ERROR_BAD_REQUEST,
                                   "%s:%u: expires_at is set here; leave it or --expires out", file->path,
                                   manifest_file_line(file, "expires_at"));
        if (manifest->version < defaults->version)
                return problem_set(&ctl->problem, DEVBOX_ERROR_MANIFEST_ROLLBACK,
                                   "%s:%u: version must be %" PRIi64 " or more; or leave it out", file->path,
                                   manifest_file_line(file, "version"), defaults->version);

        return 0;
}

static int reject_risks(Ctl *ctl, const char *ceiling_path, const ManifestFile *file)
{
        _cleanup_(lint_report_done) LintReport report = LINT_REPORT_NULL;
        _cleanup_(ceiling_freep) Ceiling *ceiling = NULL;

        int r = ceiling_path ? ceiling_file_read(ceiling_path, ctl->now_ms, &ceiling, &ctl->problem) : 0;
        if (r == 0)
                r = manifest_lint(file->manifest, ceiling, ctl->now_ms, &report);
        if (r == 0 && !ctl->json)
                r = lint_print_findings(stderr, false, file, &report);
        if (r != 0 || report.n_rejected == 0)
                return r;

        return problem_set(&ctl->problem, DEVBOX_ERROR_BAD_REQUEST,
                           "not signed: %zu of these must be fixed first (devboxctl manifest lint)",
                           report.n_rejected);
}

/* The signed text, with a line end; the caller frees it. */
static int sign(Ctl *ctl, const KeySource *source, const ManifestFile *file, const Root *root,
                char **ret_text)
{
        _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;
        _cleanup_(freep) char *payload = NULL, *text = NULL;

        int r = manifest_format(file->manifest, &payload, NULL);
        if (r != 0)
                return r > 0 ? -EINVAL : r;
        r = operator_open_role_key(ctl, source, root, ROOT_ROLE_MANIFEST, &key);
        if (r == 0)
                r = operator_key_unseal(source, &key, &ctl->problem);
        if (r != 0)
                return r;

        r = envelope_make(ENVELOPE_MANIFEST, payload, root_role_name(ROOT_ROLE_MANIFEST), key.pair, &text);
        if (r < 0)
                return r;

        return asprintf(ret_text, "%s\n", text) < 0 ? -ENOMEM : 0;
}

static int deliver(Ctl *ctl, const char *path, const Manifest *manifest, const char *text)
{
        char until[FIGURE_MAX];

        if (!path)
                return fputs(text, stdout) < 0 ? -errno : 0;

        int r = output_write(path, FILE_REPLACE, 0644, text, &ctl->problem);
        if (r != 0)
                return r;

        return print_line(stderr, "%s: manifest of %s, epoch %" PRIi64 ", version %" PRIi64 ", until %s",
                          path, manifest->device, manifest->epoch, manifest->version,
                          format_moment(until, (uint64_t) manifest->expires_at_ms));
}

/* The result must not replace its source. */
static int check_output(Ctl *ctl, const char *path, const char *output)
{
        struct stat source, target;

        if (!output || stat(path, &source) < 0 || stat(output, &target) < 0)
                return 0;

        return source.st_dev == target.st_dev && source.st_ino == target.st_ino
                       ? problem_set(&ctl->problem, DEVBOX_ERROR_BAD_REQUEST,
                                     "%s would be lost; name another file with --output", path)
                       : 0;
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(manifest_file_done) ManifestFile file = MANIFEST_FILE_NULL;
        _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;
        _cleanup_(freep) char *text = NULL;
        const SignOptions *given = options;
        ManifestDefaults defaults;

        int r = check_output(ctl, args[0], given->output);
        if (r == 0)
                r = root_chain_read_current(given->key.dir, given->root, &chain, &ctl->problem);
        if (r == 0)
                r = set_defaults(ctl, given, chain.root, &defaults);
        if (r == 0)
                r = manifest_file_read(args[0], &defaults, &file, &ctl->problem);
        if (r == 0)
                r = fill(ctl, given, &defaults, &file);
        if (r == 0)
                r = check_against_root(ctl, given, &file, chain.root, &defaults);
        if (r == 0)
                r = reject_risks(ctl, given->ceiling, &file);
        if (r == 0)
                r = sign(ctl, &given->key, &file, chain.root, &text);

        return r != 0 ? r : deliver(ctl, given->output, file.manifest, text);
}

static const Option options[] = {
        KEY_OPTIONS(SignOptions),
        { "root", &option_file, offsetof(SignOptions, root),
          "the root, or several, one per line (your own)" },
        { "previous", &option_file, offsetof(SignOptions, previous),
          "the signed manifest that the device has" },
        { "ceiling", &option_file, offsetof(SignOptions, ceiling), "a ceiling that must hold the manifest" },
        { "expires", &option_expiry, offsetof(SignOptions, expires_at_ms), "when it expires (in 30 days)" },
        { "device", &option_name, offsetof(SignOptions, device), "of a template: the device" },
        { "device-key", &option_root_key, offsetof(SignOptions, device_key),
          "of a template: the device's key" },
        { "dispatcher", &option_root_key, offsetof(SignOptions, dispatcher),
          "of a template: the hub's key that may deliver requests" },
        { "attester", &option_root_key, offsetof(SignOptions, attester),
          "of a template: the hub's key that may attest approvals" },
        { "output", &option_file, offsetof(SignOptions, output), "write there, not to standard output",
          'o' },
        { 0 },
};

const Verb verb_manifest_sign = {
        .noun = "manifest",
        .name = "sign",
        .arguments = "FILE",
        .help = "make a signed manifest of a YAML file or template",
        .example = "manifest sign laptop.yaml -o laptop.json",
        VERB_OPTIONS(SignOptions, options),
        .defaults = &(const SignOptions){ .key = KEY_SOURCE_INIT },
        .run = run,
};
