/* SPDX-License-Identifier: MIT */
#pragma once

/* The messages of the kernel's generic netlink family "wireguard", without I/O. Source:
 * <linux/wireguard.h>, drivers/net/wireguard/netlink.c. */

#include "netlink/netlink-socket.h"
#include "netlink/wireguard.h"

/* As wg(8) has it: larger ones are not faster, and each is worked on under the device's lock. */
#define WIREGUARD_GENL_MESSAGE_MAX 8192

/* The request for the id of the family. NULL: no memory. */
struct nl_msg *wireguard_genl_new_resolve(void);

/* Reads the id of the family from a reply. Errors: -EBADMSG. */
int wireguard_genl_read_family(const struct nlmsghdr *header, uint16_t *ret_family);

/* The request for all of a device. NULL: no memory. */
struct nl_msg *wireguard_genl_new_get(uint16_t family, const char *name);

/* The next message that applies changes, with as much as fits. A peer whose allowed IPs do not fit is
 * continued in the next message, which then only updates: it never creates a peer without its preshared key.
 * Errors: -EMSGSIZE not even one more peer or allowed IP fits; -ENOMEM. */
int wireguard_genl_new_set(uint16_t family, const char *name, const WireguardDevice *changes,
                           WireguardCursor *cursor, struct nl_msg **ret_message);

/* Adds one message of a dump to the device. Each message may repeat the fields of the device, and a peer may
 * continue in the next message. Errors: -EBADMSG; -E2BIG; -ENOMEM. */
int wireguard_genl_read_device(const struct nlmsghdr *header, WireguardDevice *device);
