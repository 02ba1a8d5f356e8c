/* SPDX-License-Identifier: MIT */
/* devboxctl manifest sign, lint, verify: from what a person wrote to what a device obeys. */

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/file.h"
#include "basic/timestamp.h"
#include "codec/binary-text.h"
#include "crypto/fingerprint.h"
#include "ctl/manifest/file.h"
#include "ctl/manifest/lint.h"
#include "ctl/operator/files.h"
#include "ctl/operator/key.h"
#include "ctl/print.h"

/* ---- lint */

static void print_finding(FILE *stream, const ManifestFile *file, const LintFinding *finding)
{
        unsigned line = manifest_file_line(file, finding->path);
        bool named = *finding->subject != '\0';
        char number[16] = "";

        if (line > 0)
                (void) snprintf(number, sizeof number, "%u:", line);
        (void) print_line(stream, "%s:%s %s%s%s%s [%s]", file->path, number,
                          finding->refused ? "" : "note: ", named ? finding->subject : finding->path,
                          named || *finding->path ? ": " : "", finding->advice, finding->rule);
}

static int print_report_json(const ManifestFile *file, const LintReport *report)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_add_string(&json, "file", file->path);
        json_add_bool(&json, "signable", report->n_refused == 0);
        json_open_array(&json, "findings");
        for (size_t i = 0; i < report->n; i++) {
                const LintFinding *finding = &report->findings[i];

                json_open_object(&json, NULL);
                json_add_string(&json, "rule", finding->rule);
                json_add_bool(&json, "refused", finding->refused);
                json_add_bool(&json, "acceptable", finding->acceptable);
                json_add_string(&json, "path", finding->path);
                json_add_string(&json, "subject", finding->subject);
                json_add_u64(&json, "line", manifest_file_line(file, finding->path));
                json_add_string(&json, "advice", finding->advice);
                json_close_object(&json);
        }
        json_close_array(&json);
        json_close_object(&json);
        return print_json(&json);
}

int ctl_manifest_lint(const Ctl *ctl, char **args)
{
        _cleanup_(manifest_file_done) ManifestFile file = MANIFEST_FILE_NULL;
        _cleanup_(lint_report_done) LintReport report = LINT_REPORT_NULL;
        _cleanup_(ceiling_freep) Ceiling *ceiling = NULL;
        ManifestDefaults defaults = manifest_defaults();

        int r = manifest_load(ctl, args[0], &defaults, &file);
        if (r == 0)
                r = manifest_load_ceiling(ctl, NULL, &ceiling);
        if (r == 0)
                r = manifest_lint(file.manifest, ceiling, &report);
        if (r != 0)
                return r;

        for (size_t i = 0; i < report.n && !ctl->json; i++)
                print_finding(stdout, &file, &report.findings[i]);
        if (ctl->json)
                r = print_report_json(&file, &report);
        else if (report.n_refused == 0)
                r = print_line(stdout, "%s: ok", args[0]);
        if (r < 0)
                return r;

        return report.n_refused == 0 ? CTL_FINE : CTL_PROBLEM;
}

/* ---- sign */

/* The one before: its digest, and a version more within the same epoch. */
static int follow_previous(const Ctl *ctl, const Root *root, ManifestDefaults *defaults)
{
        _cleanup_(manifest_file_done) ManifestFile file = MANIFEST_FILE_NULL;
        const char *path = ctl->options[OPTION_PREVIOUS];

        if (!path)
                return 0;

        int r = manifest_load(ctl, path, defaults, &file);
        if (r != 0)
                return r;
        if (!file.envelope)
                return print_failure(ctl, DEVBOX_ERROR_BAD_ENVELOPE,
                                     "%s is not signed; --previous takes what the device has", path);
        if (file.manifest->epoch > root->epoch)
                return print_failure(ctl, DEVBOX_ERROR_ROOT_NEEDED,
                                     "%s is of epoch %" PRIi64 ", later than this root", path,
                                     file.manifest->epoch);

        if (file.manifest->epoch == root->epoch && manifest_is_tombstone(file.manifest))
                return print_failure(ctl, DEVBOX_ERROR_PEER_REVOKED,
                                     "%s ended the device in epoch %" PRIi64 "; the next epoch comes with: "
                                     "devboxctl operator rotate",
                                     path, file.manifest->epoch);

        envelope_digest(file.envelope, &defaults->previous);
        if (file.manifest->epoch == root->epoch)
                defaults->version = file.manifest->version + 1;
        return 0;
}

static int set_defaults(const Ctl *ctl, const Root *root, ManifestDefaults *defaults)
{
        const char *expires = ctl->options[OPTION_EXPIRES];
        uint64_t until_ms;

        *defaults = manifest_defaults();
        defaults->epoch = root->epoch;
        if (expires) {
                if (parse_timestamp_ms(expires, (uint64_t) defaults->issued_at_ms, &until_ms) < 0 ||
                    until_ms > (uint64_t) SCHEMA_INTEGER_MAX)
                        return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                             "--expires takes a span such as 30d, or a date to come");
                defaults->expires_at_ms = (int64_t) until_ms;
        }

        return follow_previous(ctl, root, defaults);
}

/* What no device would take is not signed in the first place. */
static int check_against_root(const Ctl *ctl, const ManifestFile *file, const Root *root,
                              const ManifestDefaults *defaults)
{
        const Manifest *manifest = file->manifest;

        if (file->envelope)
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST, "%s is signed already", file->path);
        if (root_check_expiry(root, operator_now_ms()) != 0)
                return print_failure(ctl, DEVBOX_ERROR_ROOT_EXPIRED,
                                     "the root has expired; renew it with: devboxctl operator rotate "
                                     "--keep-key");
        if (manifest->epoch != root->epoch)
                return print_failure(
                        ctl, DEVBOX_ERROR_ROOT_NEEDED,
                        "%s:%u: epoch is %" PRIi64 ", that of the root is %" PRIi64 "; leave it out",
                        file->path, manifest_file_line(file, "epoch"), manifest->epoch, root->epoch);
        if (ctl->options[OPTION_EXPIRES] && manifest->expires_at_ms != defaults->expires_at_ms)
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                     "%s:%u: expires_at is set here; leave it or --expires out", file->path,
                                     manifest_file_line(file, "expires_at"));
        if (manifest->version < defaults->version)
                return print_failure(ctl, DEVBOX_ERROR_MANIFEST_ROLLBACK,
                                     "%s:%u: version must be %" PRIi64 " or more; or leave it out",
                                     file->path, manifest_file_line(file, "version"), defaults->version);

        return 0;
}

static int refuse_risks(const Ctl *ctl, const ManifestFile *file)
{
        _cleanup_(lint_report_done) LintReport report = LINT_REPORT_NULL;
        _cleanup_(ceiling_freep) Ceiling *ceiling = NULL;

        int r = manifest_load_ceiling(ctl, NULL, &ceiling);
        if (r == 0)
                r = manifest_lint(file->manifest, ceiling, &report);
        if (r != 0)
                return r;

        for (size_t i = 0; i < report.n && !ctl->json; i++)
                print_finding(stderr, file, &report.findings[i]);
        return report.n_refused > 0
                       ? print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                       "not signed: %zu of these must be mended first (devboxctl manifest "
                                       "lint)",
                                       report.n_refused)
                       : 0;
}

/* The key that the options name; else of those in the operator's directory the one that the root lets sign
 * manifests. Next keys are among them: between a root and its key's own name there may have been a crash. */
static int open_manifest_key(const Ctl *ctl, const Root *root, OperatorKey *ret_key)
{
        static const char *const names[] = { MANIFEST_KEY, OPERATOR_KEY, NEXT_MANIFEST_KEY,
                                             NEXT_OPERATOR_KEY };
        bool given = operator_key_is_given(ctl, &OWN_KEY_IN(OPERATOR_KEY)), found = false;

        for (size_t i = 0; i < (given ? 1 : ELEMENTSOF(names)); i++) {
                _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;
                _cleanup_(freep) char *path = NULL;

                int r = operator_path(ctl, names[i], &path);
                if (r < 0)
                        return r;
                if (!given && access(path, F_OK) < 0 && errno == ENOENT)
                        continue;

                r = operator_key_open(ctl, &OWN_KEY_IN(names[i]), &key);
                if (r != 0)
                        return r;
                found = true;
                if (root_has_key(root, ROOT_ROLE_MANIFEST, &key.public)) {
                        *ret_key = TAKE(key, OPERATOR_KEY_NULL);
                        return 0;
                }
        }

        if (!found) /* says where one was expected */
                return operator_key_open(ctl, &OWN_KEY_IN(OPERATOR_KEY), ret_key);
        return print_failure(ctl, DEVBOX_ERROR_UNKNOWN_KEY,
                             "the root does not let %s sign manifests; see: devboxctl operator show",
                             given ? "this key" : "any key that is here");
}

/* The signed text, with a line end; the caller frees it. */
static int sign(const Ctl *ctl, const ManifestFile *file, const Root *root, char **ret_text)
{
        _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;
        _cleanup_(freep) char *payload = NULL, *text = NULL;

        int r = manifest_format(file->manifest, &payload, NULL);
        if (r != 0)
                return r > 0 ? -EINVAL : r;
        r = open_manifest_key(ctl, root, &key);
        if (r == 0)
                r = operator_key_unseal(ctl, &key);
        if (r != 0)
                return r;

        r = envelope_make(ENVELOPE_MANIFEST, payload, root_role_name(ROOT_ROLE_MANIFEST), key.pair, &text);
        if (r < 0)
                return r;

        return asprintf(ret_text, "%s\n", text) < 0 ? -ENOMEM : 0;
}

static int deliver(const Ctl *ctl, const ManifestFile *file, const char *text)
{
        const char *path = ctl->options[OPTION_OUTPUT];
        char until[FIGURE_MAX];

        if (!path)
                return fputs(text, stdout) < 0 ? -errno : CTL_FINE;

        int r = file_write(path, FILE_REPLACE, 0644, bytes_of_string(text));
        if (r < 0)
                return print_failure(ctl, DEVBOX_ERROR_ACCESS_DENIED, "cannot write %s: %s", path,
                                     strerror(-r));

        (void) print_line(stderr, "%s: manifest of %s, epoch %" PRIi64 ", version %" PRIi64 ", until %s",
                          path, file->manifest->device, file->manifest->epoch, file->manifest->version,
                          format_moment(until, (uint64_t) file->manifest->expires_at_ms));
        return CTL_FINE;
}

/* What a person wrote is not to be lost to what is made of it. */
static int refuse_own_place(const Ctl *ctl, const char *path)
{
        const char *output = ctl->options[OPTION_OUTPUT];
        struct stat input, place;

        if (!output || stat(path, &input) < 0 || stat(output, &place) < 0)
                return 0;

        return input.st_dev == place.st_dev && input.st_ino == place.st_ino
                       ? print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                       "%s would be lost; name another file with --output", path)
                       : 0;
}

int ctl_manifest_sign(const Ctl *ctl, char **args)
{
        _cleanup_(manifest_file_done) ManifestFile file = MANIFEST_FILE_NULL;
        _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;
        _cleanup_(freep) char *text = NULL;
        ManifestDefaults defaults;

        int r = refuse_own_place(ctl, args[0]);
        if (r == 0)
                r = operator_load_roots(ctl, ctl->options[OPTION_ROOT], &chain);
        if (r == 0)
                r = set_defaults(ctl, chain.root, &defaults);
        if (r == 0)
                r = manifest_load(ctl, args[0], &defaults, &file);
        if (r == 0)
                r = check_against_root(ctl, &file, chain.root, &defaults);
        if (r == 0)
                r = refuse_risks(ctl, &file);
        if (r == 0)
                r = sign(ctl, &file, chain.root, &text);

        return r != 0 ? r : deliver(ctl, &file, text);
}
