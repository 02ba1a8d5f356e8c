/* SPDX-License-Identifier: MIT */
/* Whether a peer is there, judged by its handshakes. */

#include "mesh/presence.h"

static const char *const names[_PRESENCE_MAX] = {
        [PRESENCE_NEVER] = "never",
        [PRESENCE_ONLINE] = "online",
        [PRESENCE_OFFLINE] = "offline",
        [PRESENCE_STALE] = "stale",
};

const char *presence_to_string(Presence presence)
{
        return names[presence];
}

static Presence judge(const Sighting *sighting, usec_t boottime_usec)
{
        if (sighting->handshake_at_usec == 0)
                return PRESENCE_NEVER;

        usec_t age = boottime_usec - MIN(sighting->seen_at_usec, boottime_usec);
        return age <= PRESENCE_ONLINE_USEC  ? PRESENCE_ONLINE
               : age <= PRESENCE_STALE_USEC ? PRESENCE_OFFLINE
                                            : PRESENCE_STALE;
}

/* A new handshake is at most one poll old; one that was there before us has its age by the wall clock. */
static void take_handshake(Sighting *sighting, usec_t handshake_at, usec_t realtime_usec,
                           usec_t boottime_usec)
{
        bool first = sighting->handshake_at_usec == 0;
        usec_t age = realtime_usec - MIN(handshake_at, realtime_usec);

        sighting->seen_at_usec = boottime_usec - (first ? MIN(age, boottime_usec) : 0);
        sighting->handshake_at_usec = handshake_at;
}

void sighting_update(Sighting *sighting, const WireguardPeer *peer, usec_t realtime_usec,
                     usec_t boottime_usec)
{
        if (peer && peer->last_handshake_at_usec != 0 &&
            peer->last_handshake_at_usec != sighting->handshake_at_usec)
                take_handshake(sighting, peer->last_handshake_at_usec, realtime_usec, boottime_usec);
        if (peer) {
                sighting->rx_bytes = peer->rx_bytes;
                sighting->tx_bytes = peer->tx_bytes;
                sighting->endpoint = peer->endpoint;
        }

        sighting->silent =
                peer && peer->last_handshake_at_usec == 0 && wireguard_endpoint_is_known(&peer->endpoint);
        if (!sighting->silent)
                sighting->woken = 0;
        sighting->presence = judge(sighting, boottime_usec);
}
