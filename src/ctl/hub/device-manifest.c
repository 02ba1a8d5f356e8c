/* SPDX-License-Identifier: MIT */
/* The manifest that a device gets next. */

#include "ctl/hub/device-manifest.h"

#include "ctl/manifest/file.h"
#include "ctl/manifest/linter.h"
#include "ctl/operator/root-store.h"
#include "ctl/problem.h"
#include "ctl/run/devices-client.h"
#include "ctl/template/store.h"

/* Dates and numbers for what the file leaves out. */
static ManifestDefaults defaults_of(const HubSession *session, const MeshManifestNext *next)
{
        ManifestDefaults defaults = manifest_defaults(hub_session_now_ms(session), session->source->dir);

        defaults.epoch = session->chain.root->epoch;
        if (next && next->version > 0 && (int64_t) next->epoch == defaults.epoch)
                defaults.version = (int64_t) next->version;
        if (next)
                defaults.previous = next->previous;
        return defaults;
}

/* A template says the same for every device. */
static int fill_template(HubSession *session, const DeviceManifest *wanted, const ManifestDefaults *defaults,
                         ManifestFile *file)
{
        ManifestFacts facts = { .device = wanted->device,
                                .epoch = defaults->epoch,
                                .version = defaults->version,
                                .previous = defaults->previous,
                                .issued_at_ms = defaults->issued_at_ms };
        DispatchKeys keys;

        int r = devices_client_get_keys(session->bus, &keys, &session->ctl->problem);
        if (r != 0)
                return r;

        facts.dispatcher = keys.dispatcher;
        facts.attester = keys.attester;
        if (wanted->key)
                facts.device_key = *wanted->key;
        return manifest_file_fill(file, &facts, &session->ctl->problem);
}

static int read_file(HubSession *session, const DeviceManifest *wanted, const ManifestDefaults *defaults,
                     Manifest **ret_manifest)
{
        _cleanup_(manifest_file_done) ManifestFile file = MANIFEST_FILE_NULL;
        char **problem = &session->ctl->problem;

        int r = manifest_file_read(wanted->path, defaults, &file, problem);
        if (r != 0)
                return r;
        if (file.envelope)
                return problem_set(problem, DEVBOX_ERROR_BAD_REQUEST,
                                   "%s is signed already; name the YAML file that it was made of",
                                   wanted->path);
        if (file.template)
                r = fill_template(session, wanted, defaults, &file);
        else if (!streq(file.manifest->device, wanted->device))
                return problem_set(problem, DEVBOX_ERROR_WRONG_DEVICE, "%s is the manifest of %s, not of %s",
                                   wanted->path, file.manifest->device, wanted->device);

        if (r == 0)
                *ret_manifest = TAKE_PTR(file.manifest);
        return r;
}

/* By the newest root that lets a key that signed it sign manifests: the current one, or one before. */
static int verify(const HubSession *session, const Envelope *envelope, bool *ret_current)
{
        int64_t current = session->chain.root->version;
        int r = DEVBOX_ERROR_ROOT_CHAIN;

        for (int64_t version = current; version > 0 && r > 0; version--) {
                _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;

                r = root_store_load_before(session->source->dir, version + 1, &chain,
                                           &session->ctl->problem);
                if (r != 0)
                        return r;

                const KeySet keys = root_key_set(chain.root, ROOT_ROLE_MANIFEST);
                r = envelope_verify(envelope, ENVELOPE_MANIFEST, &keys, NULL);
                *ret_current = version == current;
        }

        return r;
}

void kept_manifest_done(KeptManifest *kept)
{
        manifest_free(kept->manifest);
        *kept = KEPT_MANIFEST_NULL;
}

int device_manifest_read_kept(HubSession *session, const char *device, KeptManifest *ret_kept)
{
        _cleanup_(kept_manifest_done) KeptManifest kept = KEPT_MANIFEST_NULL;
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(freep) char *text = NULL;
        char **problem = &session->ctl->problem;

        int r = mesh_client_get_manifest(session->bus, device, &text, problem);
        if (r == DEVBOX_ERROR_PEER_UNKNOWN)
                return DEVBOX_ERROR_MANIFEST_MISSING; /* as for a known device without one */
        if (r != 0)
                return r;

        r = envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope);
        if (r == 0)
                r = verify(session, envelope, &kept.by_current_root);
        if (r == 0)
                r = manifest_parse(envelope_payload(envelope), &kept.manifest, NULL);
        if (r == 0 && !streq(kept.manifest->device, device))
                r = DEVBOX_ERROR_WRONG_DEVICE;
        if (r != 0)
                return r < 0 ? r
                             : problem_set(problem, (DevboxError) r,
                                           "the hub keeps a manifest of %s that is not the operator's: %s",
                                           device, devbox_error_sentence((DevboxError) r));

        kept.digest = envelope->digest;
        *ret_kept = TAKE(kept, KEPT_MANIFEST_NULL);
        return 0;
}

/* The one before, for as long from now on as it was valid. */
static int renew(HubSession *session, const char *device, const ManifestDefaults *defaults,
                 Manifest **ret_manifest)
{
        _cleanup_(kept_manifest_done) KeptManifest kept = KEPT_MANIFEST_NULL;
        char **problem = &session->ctl->problem;

        int r = device_manifest_read_kept(session, device, &kept);
        if (r == DEVBOX_ERROR_MANIFEST_MISSING)
                return problem_set(
                        problem, DEVBOX_ERROR_BAD_REQUEST,
                        "the hub keeps no manifest of %s; say what it may do with: --manifest FILE", device);
        if (r == 0 && (!kept.by_current_root || manifest_is_tombstone(kept.manifest)))
                return problem_set(
                        problem, DEVBOX_ERROR_BAD_REQUEST,
                        "the manifest of %s that the hub keeps cannot be used again; say what it may "
                        "do with: --manifest FILE",
                        device);
        if (r != 0)
                return r;

        Manifest *manifest = kept.manifest;
        int64_t shift_ms = defaults->issued_at_ms - manifest->issued_at_ms;
        manifest->expires_at_ms += shift_ms;
        for (size_t i = 0; i < manifest->dispatchers.n; i++)
                manifest->dispatchers.items[i].not_after_ms += shift_ms;
        for (size_t i = 0; i < manifest->attesters.n; i++)
                manifest->attesters.items[i].not_after_ms += shift_ms;
        manifest->issued_at_ms = defaults->issued_at_ms;
        manifest->epoch = defaults->epoch;
        manifest->version = defaults->version;
        manifest->previous = defaults->previous;
        *ret_manifest = TAKE_PTR(kept.manifest);
        return 0;
}

/* As devboxctl manifest sign does. */
static int reject_risks(const HubSession *session, const DeviceManifest *wanted, const Manifest *manifest)
{
        _cleanup_(lint_report_done) LintReport report = LINT_REPORT_NULL;

        int r = manifest_lint(manifest, NULL, (uint64_t) manifest->issued_at_ms, &report);
        for (size_t i = 0; i < report.n && r == 0; i++)
                if (report.findings[i].rejected)
                        r = problem_set(&session->ctl->problem, DEVBOX_ERROR_BAD_REQUEST,
                                        "%s: %s%s%s; this is not signed, see: devboxctl manifest lint %s",
                                        wanted->path, report.findings[i].subject,
                                        *report.findings[i].subject ? ": " : "", report.findings[i].advice,
                                        wanted->path);
        return r;
}

int device_manifest_make(HubSession *session, const DeviceManifest *wanted, Manifest **ret_manifest)
{
        const ManifestDefaults defaults = defaults_of(session, wanted->next);
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_(freep) char *stored = NULL;
        DeviceManifest found = *wanted;

        int r = wanted->path ? 0 : template_store_find(session->source->dir, wanted->device, &stored);
        if (r < 0)
                return r;
        if (stored)
                found.path = stored;

        r = found.path ? read_file(session, &found, &defaults, &manifest)
                       : renew(session, wanted->device, &defaults, &manifest);
        if (r == 0 && wanted->key)
                manifest->device_key = *wanted->key;
        if (r == 0 && found.path)
                r = reject_risks(session, &found, manifest);
        if (r == 0)
                *ret_manifest = TAKE_PTR(manifest);
        return r;
}

int device_manifest_keep(HubSession *session, const DeviceManifest *wanted)
{
        return wanted->path ? template_store_keep(session->source->dir, wanted->device, wanted->path,
                                                  &session->ctl->problem)
                            : 0;
}
