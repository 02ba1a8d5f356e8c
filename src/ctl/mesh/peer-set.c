/* SPDX-License-Identifier: MIT */
/* devboxctl peer set: changes how the hub reaches a device. */

#include "ctl/mesh/mesh-client.h"
#include "ctl/option-types.h"
#include "ctl/verbs.h"

static int run(Ctl *ctl, const void *options, char **args)
{
        const MeshPeerOptions *given = options;

        if (!given->address && given->keepalive_sec == UINT64_MAX)
                return ctl_usage(ctl, "peer set needs --keepalive or --address");

        int r = ctl_open_bus(ctl);
        return r != 0 ? r : mesh_client_set_peer(ctl->bus, args[0], given, &ctl->problem);
}

static const Option options[] = {
        { "keepalive", &option_keepalive, offsetof(MeshPeerOptions, keepalive_sec),
          "seconds between packets that keep NAT open; 0: none" },
        { "address", &option_name, offsetof(MeshPeerOptions, address),
          "its address, if it has not joined yet" },
        { 0 },
};

const Verb verb_peer_set = {
        .noun = "peer",
        .name = "set",
        .arguments = "NAME",
        .help = "change the keepalive or the address of a device",
        .example = "peer set home-wsl --keepalive 60",
        VERB_OPTIONS(MeshPeerOptions, options),
        .defaults = &(const MeshPeerOptions){ .keepalive_sec = UINT64_MAX },
        .remote = true,
        .run = run,
};
