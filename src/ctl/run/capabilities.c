/* SPDX-License-Identifier: MIT */
/* devboxctl capabilities: what the manifest that the hub has for a device allows, with an example each. The
 * hub has verified it; the device decides by its own, which is the same once it was delivered. */

#include <inttypes.h>

#include "ctl/manifest/describe.h"
#include "ctl/manifest/example.h"
#include "ctl/manifest/manifest-print.h"
#include "ctl/mesh/mesh-client.h"
#include "ctl/print.h"
#include "ctl/run/devices-client.h"
#include "ctl/verbs.h"

static int add_capability(Json *json, const Manifest *manifest, const Capability *capability)
{
        _cleanup_(freep) char *line = NULL, *example = NULL;

        int r = manifest_describe_capability(capability, &line);
        if (r == 0)
                r = manifest_example(manifest, capability, &example);
        if (r < 0)
                return r;

        json_open_object(json, NULL);
        json_add_string(json, "id", capability->id);
        json_add_string(json, "capability", capability_kind_name((CapabilityKind) capability->kind));
        json_add_string(json, "approval", approval_tier_names[capability->approval]);
        json_add_u64(json, "approval_count",
                     capability->approval == APPROVAL_NONE ? 0 : (uint64_t) capability->approval_count);
        json_add_string(json, "allows", line);
        json_add_string(json, "example", example);
        json_close_object(json);
        return 0;
}

static int print_document(const Manifest *manifest)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_add_string(&json, "device", manifest->device);
        json_add_u64(&json, "epoch", (uint64_t) manifest->epoch);
        json_add_u64(&json, "version", (uint64_t) manifest->version);
        json_add_time(&json, "expires_at", (usec_t) manifest->expires_at_ms * USEC_PER_MSEC);
        json_open_array(&json, "capabilities");
        for (size_t i = 0; i < manifest->capabilities.n; i++) {
                int r = add_capability(&json, manifest, &manifest->capabilities.items[i]);
                if (r < 0)
                        return r;
        }
        json_close_array(&json);
        json_close_object(&json);
        return print_json(&json);
}

static int print_text(const Ctl *ctl, const Manifest *manifest)
{
        char moment[FIGURE_MAX];
        bool expired = (uint64_t) manifest->expires_at_ms <= ctl->now_ms;

        int r = print_line(stdout, "%s, version %" PRIi64 " of epoch %" PRIi64 ", %s %s", manifest->device,
                           manifest->version, manifest->epoch, expired ? "EXPIRED" : "until",
                           format_moment(moment, (uint64_t) manifest->expires_at_ms));
        if (r == 0 && manifest->capabilities.n == 0)
                r = print_line(stdout, "it allows nothing");

        return r < 0 ? r : manifest_print_capabilities(manifest, true, stdout, ctl->colour);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;

        int r = mesh_client_reject_revoked(ctl->bus, args[0], &ctl->problem);
        if (r == 0)
                r = devices_client_get_manifest(ctl->bus, args[0], &manifest, &ctl->problem);
        if (r != 0)
                return r;

        return ctl->json ? print_document(manifest) : print_text(ctl, manifest);
}

const Verb verb_capabilities = {
        .name = "capabilities",
        .arguments = "DEVICE",
        .help = "show what a device may do, with an example each",
        .example = "capabilities home-wsl",
        .remote = true,
        .bus = true,
        .run = run,
};
