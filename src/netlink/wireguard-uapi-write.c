/* SPDX-License-Identifier: MIT */
/* Changes as text for a WireGuard in userspace.
 *
 * They are written in pieces into a buffer of fixed size: a growing text would free copies of keys without
 * wiping them, and 10 000 peers are 3 MB of text. */

#include "netlink/wireguard-uapi.h"

#include <sodium.h>
#include <stdio.h>

typedef struct Writer {
        char *at, *end;
} Writer;

static size_t writer_room(const Writer *writer)
{
        return (size_t) (writer->end - writer->at);
}

static void put_line(Writer *writer, const char *key, const char *value)
{
        int n = snprintf(writer->at, writer_room(writer), "%s=%s\n", key, value);

        assert(n > 0 && (size_t) n < writer_room(writer));
        writer->at += n;
}

static void put_number(Writer *writer, const char *key, uint32_t value)
{
        char text[sizeof "4294967295"];

        (void) snprintf(text, sizeof text, "%u", value);
        put_line(writer, key, text);
}

static void put_key(Writer *writer, const char *name, const WireguardKey *key)
{
        char hex[WIREGUARD_KEY_SIZE * 2 + 1];

        (void) sodium_bin2hex(hex, sizeof hex, key->bytes, sizeof key->bytes); /* in constant time */
        put_line(writer, name, hex);
        sodium_memzero(hex, sizeof hex);
}

static void put_endpoint(Writer *writer, const WireguardEndpoint *endpoint)
{
        _cleanup_(text_done) Text text = TEXT_NULL;

        wireguard_endpoint_append(endpoint, &text);
        if (text.size > 0)
                put_line(writer, "endpoint", text.data);
}

static void put_device(Writer *writer, const WireguardDevice *changes)
{
        put_line(writer, "set", "1");
        if (changes->flags & WIREGUARD_DEVICE_HAS_PRIVATE_KEY)
                put_key(writer, "private_key", &changes->private_key);
        if (changes->flags & WIREGUARD_DEVICE_HAS_LISTEN_PORT)
                put_number(writer, "listen_port", changes->listen_port);
        if (changes->flags & WIREGUARD_DEVICE_HAS_FWMARK)
                put_number(writer, "fwmark", changes->fwmark);
}

static void put_peer(Writer *writer, const WireguardPeer *peer)
{
        static const struct {
                uint32_t flag;
                const char *key;
        } switches[] = {
                { WIREGUARD_PEER_REMOVE, "remove" },
                { WIREGUARD_PEER_UPDATE_ONLY, "update_only" },
                { WIREGUARD_PEER_REPLACE_ALLOWED_IPS, "replace_allowed_ips" },
        };

        put_key(writer, "public_key", &peer->public_key);
        for (size_t i = 0; i < ELEMENTSOF(switches); i++)
                if (peer->flags & switches[i].flag)
                        put_line(writer, switches[i].key, "true");
        if (peer->flags & WIREGUARD_PEER_HAS_PRESHARED_KEY)
                put_key(writer, "preshared_key", &peer->preshared_key);
        if (peer->flags & WIREGUARD_PEER_HAS_KEEPALIVE)
                put_number(writer, "persistent_keepalive_interval", peer->keepalive_seconds);
        put_endpoint(writer, &peer->endpoint);
}

static void put_allowed_ip(Writer *writer, const IpPrefix *prefix)
{
        char text[IP_PREFIX_TEXT_SIZE];

        put_line(writer, "allowed_ip", ip_prefix_format(prefix, text));
}

static void put_next_of_peer(Writer *writer, const WireguardPeer *peer, WireguardCursor *cursor)
{
        if (!cursor->peer_begun)
                put_peer(writer, peer);
        else
                put_allowed_ip(writer, &peer->allowed_ips[cursor->allowed_ip++]);

        cursor->peer_begun = cursor->allowed_ip < peer->n_allowed_ips;
        if (!cursor->peer_begun) {
                cursor->peer++;
                cursor->allowed_ip = 0;
        }
}

/* One piece: the device, a peer, or one of its allowed IPs; and the empty line behind the last one. */
static void put_next(Writer *writer, const WireguardDevice *changes, WireguardCursor *cursor)
{
        if (cursor->begun)
                put_next_of_peer(writer, &changes->peers[cursor->peer], cursor);
        else
                put_device(writer, changes);

        cursor->begun = true;
        if (wireguard_cursor_at_end(cursor, changes))
                *writer->at++ = '\n';
}

size_t wireguard_uapi_write_set(const WireguardDevice *changes, WireguardCursor *cursor, char *buffer,
                                size_t size)
{
        Writer writer = { buffer, buffer + size };

        assert(size >= WIREGUARD_UAPI_UNIT_MAX);
        while (!wireguard_cursor_at_end(cursor, changes) && writer_room(&writer) >= WIREGUARD_UAPI_UNIT_MAX)
                put_next(&writer, changes, cursor);

        return (size_t) (writer.at - buffer);
}
