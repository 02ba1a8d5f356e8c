/* SPDX-License-Identifier: MIT */
#pragma once

/* Whether a peer is there, judged by its handshakes, and what it sent and received.
 *
 * WireGuard reports the time of the last handshake by the wall clock. Its age is kept by CLOCK_BOOTTIME from
 * the moment it was first seen here, so that a step of the wall clock makes no device stale. */

#include "netlink/wireguard.h"

#define PRESENCE_ONLINE_USEC (180 * USEC_PER_SEC) /* REJECT_AFTER_TIME of WireGuard */
#define PRESENCE_STALE_USEC  (24 * 3600 * USEC_PER_SEC)

typedef enum Presence {
        PRESENCE_NEVER, /* no handshake since the link was made */
        PRESENCE_ONLINE,
        PRESENCE_OFFLINE,
        PRESENCE_STALE,
        _PRESENCE_MAX,
} Presence;

const char *presence_to_string(Presence presence);

typedef struct Sighting {
        Presence presence;
        usec_t handshake_at_usec; /* CLOCK_REALTIME, as WireGuard says; 0: never */
        usec_t seen_at_usec;      /* the same by CLOCK_BOOTTIME */
        uint64_t rx_bytes, tx_bytes;
        WireguardEndpoint endpoint;
        bool silent;   /* it is loaded with an endpoint, and had no handshake since */
        uint8_t woken; /* packets that it was sent meanwhile (endpoints.c) */
} Sighting;

/* Takes what was read. `peer` of NULL: it is not loaded. */
void sighting_update(Sighting *sighting, const WireguardPeer *peer, usec_t realtime_usec,
                     usec_t boottime_usec);
