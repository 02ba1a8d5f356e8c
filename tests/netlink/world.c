/* SPDX-License-Identifier: MIT */
/* Devices and peers for tests, written short; and calls to a backend, run to their end. */
#include "world.h"

#include "basic/sockaddr.h"
#include "test.h"

WireguardKey world_key(uint8_t byte)
{
        WireguardKey key = { { byte } };

        memset(key.bytes + 1, 0x11, sizeof key.bytes - 1);
        return key;
}

WireguardPeer *world_add_peer(WireguardDevice *device, uint8_t key, const char *allowed_ips)
{
        _cleanup_(freep) char *copy = strdup(allowed_ips);
        WireguardKey public_key = world_key(key);
        WireguardPeer *peer;

        assert_ok(wireguard_device_add_peer(device, &public_key, &peer));
        peer->flags = WIREGUARD_PEER_HAS_PRESHARED_KEY | WIREGUARD_PEER_HAS_KEEPALIVE;
        peer->preshared_key = world_key(0xf0);
        peer->keepalive_seconds = 25;

        for (char *rest = copy, *word; (word = strsep(&rest, " "));) {
                IpPrefix prefix;

                if (word[0] == '\0')
                        continue;
                assert_ok(ip_prefix_parse(word, &prefix));
                assert_ok(wireguard_peer_add_allowed_ip(peer, &prefix));
        }
        return peer;
}

static void describe_peer(const WireguardPeer *peer, Text *text)
{
        char prefix[IP_PREFIX_TEXT_SIZE];

        if (peer->flags & WIREGUARD_PEER_REMOVE)
                text_append(text, "remove ");
        if (peer->flags & WIREGUARD_PEER_UPDATE_ONLY)
                text_append(text, "update ");
        text_appendf(text, "%02x", peer->public_key.bytes[0]);
        if (peer->flags & WIREGUARD_PEER_HAS_PRESHARED_KEY)
                text_appendf(text, " psk=%02x", peer->preshared_key.bytes[0]);
        if (peer->flags & WIREGUARD_PEER_HAS_KEEPALIVE)
                text_appendf(text, " keepalive=%u", peer->keepalive_seconds);
        if (wireguard_endpoint_is_known(&peer->endpoint)) {
                text_append(text, " endpoint=");
                wireguard_endpoint_append(&peer->endpoint, text);
        }
        if (peer->flags & WIREGUARD_PEER_REPLACE_ALLOWED_IPS)
                text_append(text, " replace");
        for (size_t i = 0; i < peer->n_allowed_ips; i++)
                text_appendf(text, " +%s", ip_prefix_format(&peer->allowed_ips[i], prefix));
        text_append(text, "\n");
}

char *world_describe(const WireguardDevice *device)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        char *description;

        if (device->flags & WIREGUARD_DEVICE_HAS_LISTEN_PORT)
                text_appendf(&text, "port=%u\n", device->listen_port);
        for (size_t i = 0; i < device->n_peers; i++)
                describe_peer(&device->peers[i], &text);
        assert_ok(text_take(&text, &description, NULL));
        return description;
}

typedef struct Completion {
        WireguardCall *call;
        unsigned n;
        int error;
        WireguardDevice device;
} Completion;

static void on_complete(int error, WireguardDevice *device, void *owner)
{
        Completion *completion = owner;

        completion->n++;
        completion->error = error;
        if (device)
                completion->device = TAKE(*device, WIREGUARD_DEVICE_NULL);
        completion->call = wireguard_call_free(completion->call); /* which a handler may */
}

static int finish(sd_event *event, Completion *completion)
{
        while (completion->n == 0)
                assert_ok(sd_event_run(event, UINT64_MAX));
        for (unsigned i = 0; i < 5; i++)
                assert_ok(sd_event_run(event, 0));
        assert_int_equal(completion->n, 1);
        return completion->error;
}

int world_read(sd_event *event, WireguardBackend *backend, WireguardDevice *ret_device)
{
        Completion completion = { 0 };

        int r = wireguard_read(backend, on_complete, &completion, &completion.call);
        if (r < 0)
                return r;

        assert_int_equal(completion.n, 0);
        r = finish(event, &completion);
        *ret_device = completion.device;
        return r;
}

int world_apply(sd_event *event, WireguardBackend *backend, WireguardDevice *changes)
{
        Completion completion = { 0 };

        int r = wireguard_apply(backend, changes, on_complete, &completion, &completion.call);
        assert_int_equal(changes->n_peers, 0); /* taken, whatever comes of it */
        if (r < 0)
                return r;

        assert_int_equal(completion.n, 0);
        r = finish(event, &completion);
        assert_null(completion.device.peers);
        return r;
}

void world_on_unexpected(int error, WireguardDevice *device, void *owner)
{
        fail_msg("a call that was cancelled has ended: %d", error);
}
