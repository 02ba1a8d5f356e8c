/* SPDX-License-Identifier: MIT */
/* devboxctl revoke: removes a device from the network for good. The removal never waits for the operator's
 * key; with --tombstone that is opened afterwards and signs the device's end, for when the device is reached
 * by other ways. */

#include <stdio.h>

#include "ctl/hub/session.h"
#include "ctl/operator/options.h"
#include "ctl/print.h"
#include "ctl/verbs.h"

#define YEAR_MS INT64_C(31536000000)

typedef struct RevokeOptions {
        KeySource key;
        bool all, tombstone;
} RevokeOptions;

/* The last manifest of a device for this epoch, which allows nothing. */
static int publish_tombstone(HubSession *session, const MeshPeer *peer)
{
        int64_t issued_at_ms = (int64_t) hub_session_now_ms(session);
        const Root *root = session->chain.root;
        _cleanup_(freep) char *envelope = NULL, *name = strdup(peer->name);
        const Manifest manifest = { .device = name,
                                    .device_key = peer->device_key,
                                    .epoch = root->epoch,
                                    .version = MANIFEST_TOMBSTONE,
                                    .issued_at_ms = issued_at_ms,
                                    .expires_at_ms = MIN(root->expires_at_ms, issued_at_ms + YEAR_MS),
                                    .limits = { .skew_s = 30, .stale_max_s = 86400 } };

        if (!name)
                return -ENOMEM;

        int r = hub_session_sign_manifest(session, &manifest, &envelope);
        return r != 0 ? r
                      : mesh_client_send_text(session->bus, "PublishManifest", envelope,
                                              &session->ctl->problem);
}

static int bury(Ctl *ctl, const RevokeOptions *options, const MeshPeer *peer)
{
        _cleanup_(hub_session_done) HubSession session = { 0 };

        int r = hub_session_open(ctl, &options->key, &session);
        if (r == 0)
                r = publish_tombstone(&session, peer);

        return r != 0 || ctl->json ? r : print_line(stdout, "Its end is signed: no manifest can follow.");
}

static int report(const Ctl *ctl, const char *name, uint64_t elapsed_usec)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        if (!ctl->json && elapsed_usec == 0)
                return print_line(stdout, "%s is out already; its key can never return. Its history stays.",
                                  name);
        if (!ctl->json)
                return print_line(
                        stdout,
                        "%s is out: removed and read back in %.1f ms; its key can never return. Its "
                        "history stays.",
                        name, (double) elapsed_usec / 1000);

        json_open_object(&json, NULL);
        json_add_string(&json, "name", name);
        json_add_u64(&json, "elapsed_usec", elapsed_usec);
        json_close_object(&json);
        return print_json(&json);
}

static int revoke_one(Ctl *ctl, const RevokeOptions *options, const char *name)
{
        _cleanup_(client_rows_done) ClientRows row = { 0 };
        uint64_t elapsed_usec;

        int r = options->tombstone ? mesh_client_get_peer(ctl->bus, name, &row, &ctl->problem) : 0;
        if (r == 0)
                r = mesh_client_revoke(ctl->bus, name, &elapsed_usec, &ctl->problem);
        if (r == 0)
                r = report(ctl, name, elapsed_usec);

        return r == 0 && options->tombstone ? bury(ctl, options, row.items) : r;
}

static int revoke_all(Ctl *ctl)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(json_done) Json json = JSON_NULL;
        const char *name;

        int r = mesh_client_revoke_all(ctl->bus, &reply, &ctl->problem);
        if (r == 0)
                r = client_read(&mesh_daemon, sd_bus_message_enter_container(reply, 'a', "s"),
                                &ctl->problem);
        if (r != 0)
                return r;

        json_open_object(&json, NULL);
        json_open_array(&json, "revoked");
        while ((r = sd_bus_message_read_basic(reply, 's', &name)) > 0) {
                json_add_string(&json, NULL, name);
                if (!ctl->json)
                        r = print_line(stdout, "%s is out", name);
                if (r < 0)
                        return r;
        }
        json_close_array(&json);
        json_close_object(&json);
        return ctl->json ? print_json(&json) : 0;
}

static int run(Ctl *ctl, const void *options, char **args)
{
        const RevokeOptions *given = options;

        if (given->all == (args[0] != NULL))
                return ctl_usage(ctl, "revoke needs the name of a device, or --all");
        if (given->all && given->tombstone)
                return ctl_usage(ctl,
                                 "--tombstone is for one device; a new epoch ends all: devboxctl operator "
                                 "rotate");

        int r = ctl_open_bus(ctl);
        return r != 0 ? r : given->all ? revoke_all(ctl) : revoke_one(ctl, given, args[0]);
}

static const Option options[] = {
        { "all", &option_switch, offsetof(RevokeOptions, all), "every device of the network" },
        { "tombstone", &option_switch, offsetof(RevokeOptions, tombstone),
          "also sign that the device has ended, with the operator's key" },
        KEY_OPTIONS(RevokeOptions),
        { 0 },
};

const Verb verb_revoke = {
        .name = "revoke",
        .arguments = "[NAME]",
        .help = "remove a device from the network for good",
        .example = "revoke home-wsl",
        VERB_OPTIONS(RevokeOptions, options),
        .defaults = &(const RevokeOptions){ .key = KEY_SOURCE_INIT },
        .remote = true,
        .run = run,
};
