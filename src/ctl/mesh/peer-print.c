/* SPDX-License-Identifier: MIT */
/* Peers for a person and as JSON. */

#include "ctl/mesh/peer-print.h"

#include <inttypes.h>
#include <stdio.h>

#include "codec/binary-text.h"
#include "trust/manifest.h"

#define DAY_MS UINT64_C(86400000)

const char *format_ago(char buffer[static FIGURE_MAX], uint64_t time_ms, uint64_t now_ms)
{
        char span[FIGURE_MAX];

        if (time_ms == 0)
                (void) snprintf(buffer, FIGURE_MAX, "never");
        else
                (void) snprintf(buffer, FIGURE_MAX, "%.40s ago",
                                format_span(span, (now_ms - MIN(now_ms, time_ms)) * USEC_PER_MSEC));
        return buffer;
}

const char *format_manifest(char buffer[static FIGURE_MAX], const MeshPeer *peer, uint64_t now_ms)
{
        uint64_t days = (peer->manifest_expires_at_ms - MIN(now_ms, peer->manifest_expires_at_ms)) / DAY_MS;

        if (peer->manifest_version == 0)
                (void) snprintf(buffer, FIGURE_MAX, "none");
        else if (peer->manifest_version == (uint64_t) MANIFEST_TOMBSTONE)
                (void) snprintf(buffer, FIGURE_MAX, "ended");
        else if (now_ms >= peer->manifest_expires_at_ms)
                (void) snprintf(buffer, FIGURE_MAX, "v%" PRIu64 ", expired", peer->manifest_version);
        else
                (void) snprintf(buffer, FIGURE_MAX, "v%" PRIu64 ", %" PRIu64 " day%s left",
                                peer->manifest_version, days, days == 1 ? "" : "s");
        return buffer;
}

Style manifest_style(const MeshPeer *peer, uint64_t now_ms)
{
        bool ends =
                peer->manifest_version > 0 && peer->manifest_expires_at_ms < now_ms + PEER_EXPIRY_WARNING_MS;

        return ends ? STYLE_BAD : STYLE_PLAIN;
}

const char *peer_state(const MeshPeer *peer)
{
        return streq(peer->state, "active") ? strempty(peer->presence) : peer->state;
}

Style peer_style(const MeshPeer *peer)
{
        static const struct {
                const char *state;
                Style style;
        } styles[] = {
                { "online", STYLE_GOOD },
                { "stale", STYLE_BAD },
                { "revoked", STYLE_BAD },
        };

        for (size_t i = 0; i < ELEMENTSOF(styles); i++)
                if (streq(styles[i].state, peer_state(peer)))
                        return styles[i].style;

        return STYLE_PLAIN;
}

/* 32 bytes; zero: there is no such key yet. */
static void add_key(Json *json, const char *name, const uint8_t key[static MESH_KEY_SIZE])
{
        static const uint8_t none[MESH_KEY_SIZE];
        char text[BASE64_SIZE(MESH_KEY_SIZE)];

        base64_format((Bytes){ key, MESH_KEY_SIZE }, text);
        json_add_string(json, name, memcmp(key, none, sizeof none) == 0 ? NULL : text);
}

void peer_add_presence(Json *json, const MeshPeer *peer)
{
        json_add_string(json, "name", peer->name);
        json_add_string(json, "address", peer->address);
        json_add_string(json, "state", peer->state);
        json_add_string(json, "presence", peer->presence);
        json_add_time(json, "last_handshake_at", peer->last_handshake_ms * USEC_PER_MSEC);
}

void peer_add_manifest(Json *json, const MeshPeer *peer)
{
        json_add_u64(json, "manifest_epoch", peer->manifest_epoch);
        json_add_u64(json, "manifest_version", peer->manifest_version);
        json_add_time(json, "manifest_expires_at", peer->manifest_expires_at_ms * USEC_PER_MSEC);
}

void peer_add_json(Json *json, const MeshPeer *peer)
{
        json_open_object(json, NULL);
        peer_add_presence(json, peer);
        json_add_u64(json, "rx_bytes", peer->rx_bytes);
        json_add_u64(json, "tx_bytes", peer->tx_bytes);
        json_add_string(json, "endpoint", peer->endpoint);
        json_add_u64(json, "keepalive_sec", peer->keepalive_sec);
        add_key(json, "wireguard_key", peer->wireguard_key);
        add_key(json, "device_key", peer->device_key.bytes);
        json_add_hex(json, "chain_id", BYTES_OF(peer->chain_id));
        peer_add_manifest(json, peer);
        json_add_time(json, "since", peer->since_ms * USEC_PER_MSEC);
        json_close_object(json);
}
