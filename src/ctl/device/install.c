/* SPDX-License-Identifier: MIT */
/* devboxctl device install: gives this machine roots and manifests, in the order of the arguments. */

#include <inttypes.h>
#include <stdio.h>

#include "ctl/device/ledger-client.h"
#include "ctl/input.h"
#include "ctl/operator/root-chain.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/verbs.h"
#include "trust/envelope.h"

typedef struct Installation {
        Ctl *ctl;
        const char *path;
        Json *json; /* an array of what was installed */
} Installation;

/* The path before what the ledger answered, and how to widen a ceiling. */
static int explain(const Installation *installation, int error)
{
        _cleanup_(freep) char *detail = TAKE_PTR(installation->ctl->problem);
        const char *hint =
                error == DEVBOX_ERROR_MANIFEST_CEILING
                        ? "; devboxctl manifest ceiling --print shows what it needs, and after a change of "
                          "/etc/devbox/ceiling.yaml run: devboxctl device reload"
                        : "";

        if (error < 0)
                return error;
        return problem_set(&installation->ctl->problem, (DevboxError) error, "%s: %s%s", installation->path,
                           detail ? detail : devbox_error_sentence((DevboxError) error), hint);
}

static int install_root(const Installation *installation, const char *envelope, const Root *root)
{
        int r = ledger_client_install_root(installation->ctl->bus, envelope, &installation->ctl->problem);

        if (r != 0)
                return explain(installation, r);
        if (!installation->ctl->json)
                return print_line(stdout, "%s: root %" PRIi64 " is in force", installation->path,
                                  root->version);

        json_open_object(installation->json, NULL);
        json_add_string(installation->json, "file", installation->path);
        json_add_string(installation->json, "type", "root");
        json_add_u64(installation->json, "version", (uint64_t) root->version);
        json_close_object(installation->json);
        return 0;
}

/* Those that the device has passed are skipped: a file of all roots is fine. */
static int install_roots(const Installation *installation)
{
        _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;
        _cleanup_(device_status_done) DeviceStatus status = DEVICE_STATUS_NULL;
        Ctl *ctl = installation->ctl;

        int r = root_chain_read(installation->path, &chain, &ctl->problem);
        if (r == 0)
                r = ledger_client_get_status(installation->ctl->bus, &status, &ctl->problem);
        for (size_t i = 0; i < chain.n_steps && r == 0; i++)
                if (i + 1 == chain.n_steps || (uint64_t) chain.steps[i].root->version > status.root_version)
                        r = install_root(installation, chain.steps[i].text, chain.steps[i].root);

        return r;
}

static void add_manifest(const Installation *installation, const ManifestInstallation *installed)
{
        Json *json = installation->json;

        json_open_object(json, NULL);
        json_add_string(json, "file", installation->path);
        json_add_string(json, "type", "manifest");
        json_add_u64(json, "epoch", installed->epoch);
        json_add_u64(json, "version", installed->version);
        json_add_bool(json, "unchanged", installed->unchanged);
        json_add_bool(json, "gap", installed->gap);
        json_close_object(json);
}

static int install_manifest(const Installation *installation, const char *envelope)
{
        ManifestInstallation installed = { 0 };
        Ctl *ctl = installation->ctl;

        int r = ledger_client_install_manifest(installation->ctl->bus, envelope, &installed, &ctl->problem);
        if (r != 0)
                return explain(installation, r);
        if (ctl->json) {
                add_manifest(installation, &installed);
                return 0;
        }

        return print_line(stdout, "%s: manifest version %" PRIu64 " of epoch %" PRIu64 " is %s%s",
                          installation->path, installed.version, installed.epoch,
                          installed.unchanged ? "confirmed" : "in force",
                          installed.gap ? "; some before it were never installed here" : "");
}

/* The type of the first envelope decides what the file is. */
static int install_file(const Installation *installation)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(freep) char *text = NULL;
        char **problem = &installation->ctl->problem;

        int r = input_read_text(installation->path, ROOT_CHAIN_MAX, &text, problem);
        if (r != 0)
                return r;
        r = envelope_parse((Bytes){ (const uint8_t *) text, strcspn(text, "\n") }, ENVELOPE_PAYLOAD_MAX,
                           &envelope);
        if (r > 0)
                return problem_set(problem, (DevboxError) r,
                                   "%s is not signed; a manifest in YAML is signed with: devboxctl manifest "
                                   "sign",
                                   installation->path);
        if (r < 0)
                return r;
        if (streq(envelope->type, ENVELOPE_ROOT))
                return install_roots(installation);
        if (streq(envelope->type, ENVELOPE_MANIFEST))
                return install_manifest(installation, text);

        return problem_set(problem, DEVBOX_ERROR_BAD_ENVELOPE, "%s is neither a root nor a manifest",
                           installation->path);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_open_array(&json, "installed");
        int r = 0;
        for (char **path = args; *path && r == 0; path++)
                r = install_file(&(Installation){ ctl, *path, &json });
        json_close_array(&json);
        json_close_object(&json);

        return r == 0 && ctl->json ? print_json(&json) : r;
}

const Verb verb_device_install = {
        .noun = "device",
        .name = "install",
        .arguments = "FILE...",
        .help = "install roots and manifests on this machine",
        .example = "device install root.json laptop.json",
        .remote = true,
        .bus = true,
        .run = run,
};
