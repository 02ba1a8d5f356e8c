/* SPDX-License-Identifier: MIT */
/* devboxctl invite: lets one machine join the network under a name. */

#include <stdio.h>

#include "ctl/device/ledger-client.h"
#include "ctl/hub/admission.h"
#include "ctl/hub/device-manifest.h"
#include "ctl/hub/invitation.h"
#include "ctl/hub/summary.h"
#include "ctl/operator/options.h"
#include "ctl/print.h"
#include "ctl/systemd-client.h"
#include "ctl/verbs.h"
#include "proto/id.h"

typedef struct InviteOptions {
        KeySource key;
        const char *manifest, *address;
        RootKeyList bound;
        uint64_t keepalive_sec;
        bool no_wait, yes, self;
} InviteOptions;

static int show(HubSession *session, const DeviceManifest *wanted)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        const Ctl *ctl = session->ctl;

        int r = device_manifest_make(session, wanted, &manifest);
        return r != 0 || ctl->json ? r : manifest_print_summary(manifest, ctl->now_ms, stdout);
}

/* ---- another machine */

/* The token is shown once; only the hub keeps it. */
static int make_invitation(const Admission *admission, const InviteOptions *options)
{
        const InvitationRequest request = { .name = admission->name,
                                            .bound = options->bound.n > 0 ? &options->bound.keys[0] : NULL,
                                            .peer = { options->address, options->keepalive_sec } };
        _cleanup_(mesh_invitation_done) MeshInvitation invitation = { 0 };
        _cleanup_(token_done) Token token = { 0 };
        const Ctl *ctl = admission->session->ctl;

        int r = invitation_make(admission->session, &request, &token, &invitation);
        if (r != 0)
                return r;
        if (ctl->json)
                return invitation_print_json(&token, &invitation);

        (void) printf("\nOn %s, within 10 minutes, once:\n\n", admission->name);
        return invitation_print(ctl, &token);
}

static int invite(const Admission *admission, const InviteOptions *options)
{
        _cleanup_(client_rows_done) ClientRows rows = { 0 };
        const Ctl *ctl = admission->session->ctl;
        const MeshPending *pending;

        int r = admission_find(admission, &rows, &pending);
        if (r != 0)
                return r;
        if (!pending || streq(pending->state, "issued")) {
                client_rows_done(&rows);
                r = make_invitation(admission, options);
                if (r != 0)
                        return r;
                if (ctl->json || options->no_wait)
                        return ctl->json ? 0
                                         : print_line(stdout, "Next: %s%s%s pending, then: %s%s%s admit %s",
                                                      CTL_COMMAND(ctl), CTL_COMMAND(ctl), admission->name);
                r = admission_wait(admission, &rows, &pending);
        }

        return r != 0 ? r : admission_complete(admission, pending);
}

/* ---- the hub itself */

/* The hub's own ledger needs no token: its root is there since the hub was made. */
static int invite_self(HubSession *session, const DeviceManifest *wanted)
{
        _cleanup_(device_status_done) DeviceStatus status = DEVICE_STATUS_NULL;
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_(freep) char *envelope = NULL;
        ManifestInstallation installed = { 0 };
        Ctl *ctl = session->ctl;

        int r = ledger_client_get_status(session->bus, &status, &ctl->problem);
        if (r != 0)
                return r;

        const MeshManifestNext next = { status.manifest_epoch, status.manifest_version + 1,
                                        status.manifest_sha256 };
        const DeviceManifest own = { wanted->device, wanted->path, &status.key, &next };
        r = device_manifest_make(session, &own, &manifest);
        if (r == 0)
                r = hub_session_sign_manifest(session, manifest, &envelope);
        if (r == 0)
                r = mesh_client_send_text(session->bus, "PublishManifest", envelope, &ctl->problem);
        if (r == 0)
                r = ledger_client_install_manifest(session->bus, envelope, &installed, &ctl->problem);
        if (r == 0)
                r = device_manifest_keep(session, &own);
        if (r == 0)
                r = systemd_client_enable(session->bus, DEVICE_TARGET, &ctl->problem);
        if (r != 0 || ctl->json)
                return r;

        return print_line(stdout,
                          "%s obeys version %" PRIu64 " of its manifest. See: devboxctl capabilities %s",
                          wanted->device, installed.version, wanted->device);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(hub_session_done) HubSession session = { 0 };
        const InviteOptions *given = options;
        const Progress progress = { ctl, 30 };
        const Admission admission = { &session, &progress, args[0], given->manifest, .yes = given->yes };
        const DeviceManifest wanted = { args[0], given->manifest, NULL, NULL };

        if (!device_name_valid(args[0]))
                return ctl_usage(ctl, "a device is named by a-z, 0-9 and inner hyphens, at most 63");
        if (given->yes && given->bound.n == 0)
                return ctl_usage(ctl,
                                 "--yes is for --bind: without the device's key, its digits are compared");
        if (given->self != streq(args[0], HUB_NAME))
                return ctl_usage(ctl, "the hub itself is invited with: devboxctl invite hub --self");

        int r = hub_session_open(ctl, &given->key, &session);
        if (r == 0)
                r = show(&session, &wanted);
        if (r != 0)
                return r;

        return given->self ? invite_self(&session, &wanted) : invite(&admission, given);
}

static const Option options[] = {
        { "manifest", &option_file, offsetof(InviteOptions, manifest),
          "what the device may do (as before, if it comes back)" },
        { "address", &option_name, offsetof(InviteOptions, address),
          "its address in the network (a free one)" },
        { "keepalive", &option_keepalive, offsetof(InviteOptions, keepalive_sec),
          "seconds between packets that keep NAT open; 0: none (25)" },
        { "bind", &option_root_key, offsetof(InviteOptions, bound),
          "only for the device with this key; then no digits are compared" },
        { "yes", &option_switch, offsetof(InviteOptions, yes), "with --bind: admit it without a question" },
        { "no-wait", &option_switch, offsetof(InviteOptions, no_wait),
          "print the invitation only; admit the device later" },
        { "self", &option_switch, offsetof(InviteOptions, self), "make the hub a device, too" },
        KEY_OPTIONS(InviteOptions),
        { 0 },
};

const Verb verb_invite = {
        .name = "invite",
        .arguments = "NAME",
        .help = "let a machine join the network under a name",
        .example = "invite home-wsl --manifest laptop.yaml",
        VERB_OPTIONS(InviteOptions, options),
        .defaults = &(const InviteOptions){ .key = KEY_SOURCE_INIT, .keepalive_sec = UINT64_MAX },
        .remote = true,
        .run = run,
};
