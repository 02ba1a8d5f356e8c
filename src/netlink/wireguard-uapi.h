/* SPDX-License-Identifier: MIT */
#pragma once

/* The text protocol by which a WireGuard in userspace is configured, without I/O: "get=1" or "set=1", then
 * lines key=value, then an empty line; the reply ends with "errno=N" and an empty line. Source:
 * wireguard.com/xplatform, wireguard-go device/uapi.go. */

#include "basic/bytes.h"
#include "netlink/wireguard.h"

#define WIREGUARD_UAPI_GET      "get=1\n\n"
#define WIREGUARD_UAPI_UNIT_MAX 512 /* bytes of the longest piece that is written whole */

/* Writes as much of the changes as fits into `size` bytes, at least WIREGUARD_UAPI_UNIT_MAX. Returns the
 * number of bytes; 0 if all was written before. */
size_t wireguard_uapi_write_set(const WireguardDevice *changes, WireguardCursor *cursor, char *buffer,
                                size_t size);

/* A reply, read as it is received. */
typedef struct WireguardUapiReader {
        WireguardDevice *device; /* filled by the reply to get=1; NULL: the reply is one to set=1 */
        char line[256];          /* no line that we know is half as long */
        size_t n_line;
        bool has_errno;
        int error; /* from the reply: 0 or a negative errno */
} WireguardUapiReader;

/* Wipes it; what was read stays in the device. */
void wireguard_uapi_reader_done(WireguardUapiReader *reader);

/* Returns 0 if more must follow, 1 at the end of the reply. Errors: the one in the reply; -EBADMSG
 * malformed, or data behind its end; -E2BIG, -ENOMEM. */
int wireguard_uapi_read(WireguardUapiReader *reader, Bytes bytes);
