/* SPDX-License-Identifier: MIT */
/* Replies of a WireGuard in userspace.
 *
 * Lines are kept in a buffer of fixed size until they are whole. A key that is not in the table is skipped,
 * as the protocol asks for. */

#include "netlink/wireguard-uapi.h"

#include <sodium.h>

#include "basic/parse.h"

#define ERRNO_MAX 4095

typedef int (*line_handler_t)(WireguardUapiReader *reader, const char *value);

static WireguardPeer *current_peer(const WireguardUapiReader *reader)
{
        const WireguardDevice *device = reader->device;

        return device->n_peers > 0 ? &device->peers[device->n_peers - 1] : NULL;
}

/* In constant time, but for the length. */
static int parse_key(const char *value, WireguardKey *ret_key)
{
        WireguardKey key;
        size_t n;

        if (strlen(value) != sizeof key.bytes * 2 ||
            sodium_hex2bin(key.bytes, sizeof key.bytes, value, sizeof key.bytes * 2, NULL, &n, NULL) < 0 ||
            n != sizeof key.bytes)
                return -EBADMSG;

        *ret_key = key;
        sodium_memzero(&key, sizeof key);
        return 0;
}

static int parse_number(const char *value, uint64_t max, uint64_t *ret_number)
{
        return parse_u64(value, 0, max, ret_number) < 0 ? -EBADMSG : 0;
}

static int read_private_key(WireguardUapiReader *reader, const char *value)
{
        return parse_key(value, &reader->device->private_key);
}

static int read_listen_port(WireguardUapiReader *reader, const char *value)
{
        uint64_t port;

        int r = parse_number(value, UINT16_MAX, &port);
        if (r < 0)
                return r;

        reader->device->listen_port = (uint16_t) port;
        return 0;
}

static int read_fwmark(WireguardUapiReader *reader, const char *value)
{
        uint64_t fwmark;

        int r = parse_number(value, UINT32_MAX, &fwmark);
        if (r < 0)
                return r;

        reader->device->fwmark = (uint32_t) fwmark;
        return 0;
}

static int read_public_key(WireguardUapiReader *reader, const char *value)
{
        WireguardPeer *peer;
        WireguardKey key;

        int r = parse_key(value, &key);
        if (r < 0)
                return r;

        r = wireguard_device_add_peer(reader->device, &key, &peer);
        if (r < 0)
                return r;

        peer->flags = WIREGUARD_PEER_HAS_PRESHARED_KEY | WIREGUARD_PEER_HAS_KEEPALIVE;
        return 0;
}

static int read_preshared_key(WireguardUapiReader *reader, const char *value)
{
        return parse_key(value, &current_peer(reader)->preshared_key);
}

/* An address with a zone, as link-local ones have, is an endpoint that is not known. */
static int read_endpoint(WireguardUapiReader *reader, const char *value)
{
        (void) wireguard_endpoint_parse(value, &current_peer(reader)->endpoint);
        return 0;
}

static int read_handshake_sec(WireguardUapiReader *reader, const char *value)
{
        uint64_t seconds;

        int r = parse_number(value, INT64_MAX / USEC_PER_SEC, &seconds);
        if (r < 0)
                return r;

        current_peer(reader)->last_handshake_at_usec = seconds * USEC_PER_SEC;
        return 0;
}

static int read_handshake_nsec(WireguardUapiReader *reader, const char *value)
{
        uint64_t nanoseconds;

        int r = parse_number(value, 999999999, &nanoseconds);
        if (r < 0)
                return r;

        current_peer(reader)->last_handshake_at_usec += nanoseconds / 1000;
        return 0;
}

static int read_rx_bytes(WireguardUapiReader *reader, const char *value)
{
        return parse_number(value, UINT64_MAX, &current_peer(reader)->rx_bytes);
}

static int read_tx_bytes(WireguardUapiReader *reader, const char *value)
{
        return parse_number(value, UINT64_MAX, &current_peer(reader)->tx_bytes);
}

static int read_keepalive(WireguardUapiReader *reader, const char *value)
{
        uint64_t seconds;

        int r = parse_number(value, UINT16_MAX, &seconds);
        if (r < 0)
                return r;

        current_peer(reader)->keepalive_seconds = (uint16_t) seconds;
        return 0;
}

static int read_allowed_ip(WireguardUapiReader *reader, const char *value)
{
        IpPrefix prefix;

        if (ip_prefix_parse(value, &prefix) < 0)
                return -EBADMSG;
        return wireguard_peer_add_allowed_ip(current_peer(reader), &prefix);
}

/* wireguard-go sends -22 where the protocol has 22. */
static int read_errno(WireguardUapiReader *reader, const char *value)
{
        uint64_t number;

        int r = parse_number(value + (value[0] == '-'), ERRNO_MAX, &number);
        if (r < 0)
                return r;

        reader->has_errno = true;
        reader->error = -(int) number;
        return 0;
}

typedef enum LineScope {
        SCOPE_ANY,
        SCOPE_DEVICE, /* in a reply to get=1 */
        SCOPE_PEER,   /* behind a public_key= there */
} LineScope;

static const struct {
        const char *key;
        LineScope scope;
        line_handler_t read;
} lines[] = {
        { "private_key", SCOPE_DEVICE, read_private_key },
        { "listen_port", SCOPE_DEVICE, read_listen_port },
        { "fwmark", SCOPE_DEVICE, read_fwmark },
        { "public_key", SCOPE_DEVICE, read_public_key },
        { "preshared_key", SCOPE_PEER, read_preshared_key },
        { "endpoint", SCOPE_PEER, read_endpoint },
        { "last_handshake_time_sec", SCOPE_PEER, read_handshake_sec },
        { "last_handshake_time_nsec", SCOPE_PEER, read_handshake_nsec },
        { "rx_bytes", SCOPE_PEER, read_rx_bytes },
        { "tx_bytes", SCOPE_PEER, read_tx_bytes },
        { "persistent_keepalive_interval", SCOPE_PEER, read_keepalive },
        { "allowed_ip", SCOPE_PEER, read_allowed_ip },
        { "errno", SCOPE_ANY, read_errno },
};

static bool scope_is_open(const WireguardUapiReader *reader, LineScope scope)
{
        return scope == SCOPE_ANY || (reader->device && (scope == SCOPE_DEVICE || current_peer(reader)));
}

static int read_line(WireguardUapiReader *reader, char *line)
{
        char *equals = strchr(line, '=');

        if (!equals || reader->has_errno)
                return -EBADMSG;
        *equals = '\0';

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                if (streq(line, lines[i].key))
                        return scope_is_open(reader, lines[i].scope) ? lines[i].read(reader, equals + 1)
                                                                     : -EBADMSG;

        return 0;
}

int wireguard_uapi_read(WireguardUapiReader *reader, Bytes bytes)
{
        if (reader->device)
                reader->device->flags = WIREGUARD_DEVICE_HAS_PRIVATE_KEY | WIREGUARD_DEVICE_HAS_LISTEN_PORT |
                                        WIREGUARD_DEVICE_HAS_FWMARK;

        for (size_t i = 0; i < bytes.size; i++) {
                char c = (char) bytes.data[i];

                if (c == '\0' || reader->n_line == sizeof reader->line - 1)
                        return -EBADMSG;
                if (c != '\n') {
                        reader->line[reader->n_line++] = c;
                        continue;
                }
                if (reader->n_line == 0) {
                        if (!reader->has_errno || i + 1 < bytes.size)
                                return -EBADMSG;
                        return reader->error < 0 ? reader->error : 1;
                }

                reader->line[reader->n_line] = '\0';
                reader->n_line = 0;
                int r = read_line(reader, reader->line);
                if (r < 0)
                        return r;
        }

        return 0;
}

void wireguard_uapi_reader_done(WireguardUapiReader *reader)
{
        sodium_memzero(reader, sizeof *reader);
}
