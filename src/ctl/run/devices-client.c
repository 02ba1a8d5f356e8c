/* SPDX-License-Identifier: MIT */
/* Calls of org.devbox.Dispatch1 about devices. */

#include "ctl/run/devices-client.h"

#include "ctl/problem.h"
#include "ctl/run/requests-client.h"

static const BusField fields[] = {
        BUS_FIELD("name", BUS_TEXT, FleetDevice, peer.name, BUS_REQUIRED),
        BUS_FIELD("address", BUS_TEXT, FleetDevice, peer.address),
        BUS_FIELD("state", BUS_TEXT, FleetDevice, peer.state, BUS_REQUIRED),
        BUS_FIELD("presence", BUS_TEXT, FleetDevice, peer.presence),
        BUS_FIELD("last_handshake_ms", BUS_UINT64, FleetDevice, peer.last_handshake_ms),
        BUS_FIELD("manifest_epoch", BUS_UINT64, FleetDevice, peer.manifest_epoch),
        BUS_FIELD("manifest_version", BUS_UINT64, FleetDevice, peer.manifest_version),
        BUS_FIELD("manifest_expires_at_ms", BUS_UINT64, FleetDevice, peer.manifest_expires_at_ms),
        BUS_FIELD("approving", BUS_UINT64, FleetDevice, approving),
        BUS_FIELD("queued", BUS_UINT64, FleetDevice, queued),
        BUS_FIELD("running", BUS_UINT64, FleetDevice, running),
        BUS_FIELD("audit_entries", BUS_UINT64, FleetDevice, audit_entries),
        BUS_FIELD("witnessed_entries", BUS_UINT64, FleetDevice, witnessed_entries),
        BUS_FIELD("quarantine", BUS_TEXT, FleetDevice, quarantine),
        BUS_FIELD("manifest_problem", BUS_TEXT, FleetDevice, manifest_problem),
};
static const BusDictionary dictionary = BUS_DICTIONARY(fields);

const ClientQuery dispatch_list_devices = { { &dispatch_daemon, "ListDevices", "" },
                                            { &dictionary, sizeof(FleetDevice), SIZE_MAX } };

int devices_client_get_manifest(sd_bus *bus, const char *device, Manifest **ret_manifest, char **ret_problem)
{
        _cleanup_(freep) char *text = NULL;

        int r = mesh_client_get_manifest(bus, device, &text, ret_problem);
        if (r != 0)
                return r;

        r = manifest_read(text, ret_manifest);
        return r > 0 ? problem_about(ret_problem, (DevboxError) r, device) : r;
}

int devices_client_get_keys(sd_bus *bus, DispatchKeys *ret_keys, char **ret_problem)
{
        static const ClientMethod method = { &dispatch_daemon, "GetKeys", "" };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        DispatchKeys keys;

        int r = client_call(bus, &method, &reply, ret_problem);
        if (r != 0)
                return r;

        r = bus_array_read(reply, keys.dispatcher.bytes, PUBLIC_KEY_SIZE);
        if (r >= 0)
                r = bus_array_read(reply, keys.attester.bytes, PUBLIC_KEY_SIZE);
        if (r >= 0)
                *ret_keys = keys;
        return client_read(&dispatch_daemon, r, ret_problem);
}
