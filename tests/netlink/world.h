/* SPDX-License-Identifier: MIT */
#pragma once

/* Devices and peers for tests, written short; and calls to a backend, run to their end. */

#include "netlink/wireguard-backend.h"

/* A key that begins with that byte, and is sorted by it. */
WireguardKey world_key(uint8_t byte);

/* Adds a peer with a preshared key, keepalive and these allowed IPs: "10.0.0.2 10.0.0.3/31". */
WireguardPeer *world_add_peer(WireguardDevice *device, uint8_t key, const char *allowed_ips);

/* One line a peer, "02 psk=f0 keepalive=25 endpoint=… +10.0.0.2/32", in the order of the device; the
 * operation first where it is a change. The caller frees it. */
char *world_describe(const WireguardDevice *device);

/* Both run the loop until the call has ended, which it must do exactly once. Return its error, or that of
 * starting it. */
int world_read(sd_event *event, WireguardBackend *backend, WireguardDevice *ret_device);
int world_apply(sd_event *event, WireguardBackend *backend, WireguardDevice *changes);

/* The handler of a call that must not end: fails the test. */
void world_on_unexpected(int error, WireguardDevice *device, void *owner);
