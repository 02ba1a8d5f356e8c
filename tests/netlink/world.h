/* SPDX-License-Identifier: MIT */
#pragma once

/* Devices and peers for tests, written short. */

#include "netlink/wireguard.h"

/* A key that begins with that byte, and is sorted by it. */
WireguardKey world_key(uint8_t byte);

/* Adds a peer with a preshared key, keepalive and these allowed IPs: "10.0.0.2 10.0.0.3/31". */
WireguardPeer *world_add_peer(WireguardDevice *device, uint8_t key, const char *allowed_ips);

/* One line a peer, "02 psk=f0 keepalive=25 endpoint=… +10.0.0.2/32", in the order of the device; the
 * operation first where it is a change. The caller frees it. */
char *world_describe(const WireguardDevice *device);
