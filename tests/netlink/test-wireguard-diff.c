/* SPDX-License-Identifier: MIT */
#include "fake-kernel.h"
#include "netlink/wireguard-genl.h"
#include "test.h"
#include "world.h"

static void test_rows(void **state)
{
        static const struct {
                const char *what, *wanted, *running; /* allowed IPs of peer 02; NULL: no such peer */
                const char *changes;
        } rows[] = {
                { "the same", "10.0.0.2", "10.0.0.2", "" },
                { "missing", "10.0.0.2", NULL, "02 psk=f0 keepalive=25 replace +10.0.0.2/32\n" },
                { "extra", NULL, "10.0.0.2", "remove 02\n" },
                { "one more", "10.0.0.2 10.0.0.3", "10.0.0.2", "update 02 +10.0.0.3/32\n" },
                { "one less", "10.0.0.2", "10.0.0.2 10.0.0.3", "update 02 replace +10.0.0.2/32\n" },
                { "another", "10.0.0.3", "10.0.0.2", "update 02 replace +10.0.0.3/32\n" },
                { "none left", "", "10.0.0.2", "update 02 replace\n" },
                { "host bits", "10.0.0.2/24", "10.0.0.0/24", "" },
                { "neither", NULL, NULL, "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(wireguard_device_done) WireguardDevice wanted = WIREGUARD_DEVICE_NULL;
                _cleanup_(wireguard_device_done) WireguardDevice running = WIREGUARD_DEVICE_NULL;
                _cleanup_(wireguard_device_done) WireguardDevice changes = WIREGUARD_DEVICE_NULL;
                _cleanup_(freep) char *description = NULL;

                world_add_peer(&wanted, 3, "10.0.0.33"); /* an untouched neighbour on each side */
                world_add_peer(&running, 3, "10.0.0.33");
                world_add_peer(&wanted, 1, "10.0.0.11");
                world_add_peer(&running, 1, "10.0.0.11");
                if (rows[i].wanted)
                        world_add_peer(&wanted, 2, rows[i].wanted);
                if (rows[i].running)
                        world_add_peer(&running, 2, rows[i].running);
                assert_ok(wireguard_device_normalise(&wanted));
                assert_ok(wireguard_device_normalise(&running));

                assert_ok(wireguard_device_diff(&wanted, &running, &changes));
                description = world_describe(&changes);
                assert_string_equal(description, rows[i].changes);
                assert_int_equal(wireguard_changes_empty(&changes), rows[i].changes[0] == '\0');
        }
}

/* Fields of a peer and of the device, unset and zero. */
static void test_fields(void **state)
{
        _cleanup_(wireguard_device_done) WireguardDevice wanted = WIREGUARD_DEVICE_NULL;
        _cleanup_(wireguard_device_done) WireguardDevice running = WIREGUARD_DEVICE_NULL;
        _cleanup_(wireguard_device_done) WireguardDevice changes = WIREGUARD_DEVICE_NULL;
        _cleanup_(freep) char *description = NULL;

        wanted.flags = WIREGUARD_DEVICE_HAS_LISTEN_PORT;
        wanted.listen_port = 0;
        running.listen_port = 51820;
        running.fwmark = 7; /* not wanted, so not ours */

        world_add_peer(&running, 1, "");
        world_add_peer(&running, 2, "");
        world_add_peer(&running, 3, "");
        world_add_peer(&running, 4, "")->endpoint.v4 =
                (struct sockaddr_in){ AF_INET, htons(9), { htonl(0xc0000201) } };
        world_add_peer(&wanted, 1, "")->keepalive_seconds = 0;
        world_add_peer(&wanted, 2, "")->preshared_key = (WireguardKey){ 0 };
        world_add_peer(&wanted, 3, "")->flags = 0;
        WireguardEndpoint home = { .v4 = { AF_INET, htons(51820), { htonl(0xc0000202) } } };
        world_add_peer(&wanted, 4, "")->endpoint = home;
        world_add_peer(&wanted, 5, "")->endpoint = home;

        assert_ok(wireguard_device_diff(&wanted, &running, &changes));
        description = world_describe(&changes);
        assert_string_equal(description, "port=0\n"
                                         "update 01 keepalive=0\n"
                                         "update 02 psk=00\n"
                                         "05 psk=f0 keepalive=25 endpoint=192.0.2.2:51820 replace\n");
        assert_false(changes.flags & WIREGUARD_DEVICE_HAS_FWMARK);
}

/* ---- any world converges */

#define WORLDS     3000
#define KEYS       12
#define PREFIXES   40
#define ROUNDS_MAX 2

static uint64_t seed = 20261127;

static unsigned any(unsigned below)
{
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        return (unsigned) (seed >> 33) % below;
}

static WireguardPeer *add_any_peer(WireguardDevice *device, uint8_t key)
{
        WireguardPeer *peer = world_add_peer(device, key, "");

        peer->keepalive_seconds = (uint16_t) (any(2) * 25);
        peer->preshared_key = world_key((uint8_t) any(3));
        return peer;
}

/* Each prefix belongs to at most one peer, as in a kernel and in a database. */
static void fill(WireguardDevice *device)
{
        for (uint8_t key = 0; key < KEYS; key++)
                if (any(3) > 0)
                        (void) add_any_peer(device, key);
        for (uint8_t i = 0; i < PREFIXES && device->n_peers > 0; i++)
                if (any(4) > 0) {
                        const uint8_t address[] = { 10, 42, 0, i };
                        WireguardPeer *peer = &device->peers[any((unsigned) device->n_peers)];
                        IpPrefix prefix;

                        assert_ok(ip_prefix_init(&prefix, AF_INET, address, 32));
                        assert_ok(wireguard_peer_add_allowed_ip(peer, &prefix));
                }
        device->flags = WIREGUARD_DEVICE_HAS_LISTEN_PORT | WIREGUARD_DEVICE_HAS_FWMARK;
        device->listen_port = (uint16_t) any(2);
        assert_ok(wireguard_device_normalise(device));
}

static void copy(const WireguardDevice *from, WireguardDevice *ret_to)
{
        *ret_to = *from;
        ret_to->peers = NULL;
        ret_to->n_peers = ret_to->room_peers = 0;
        for (size_t i = 0; i < from->n_peers; i++) {
                WireguardPeer *peer;

                assert_ok(wireguard_device_add_peer(ret_to, &from->peers[i].public_key, &peer));
                *peer = from->peers[i];
                peer->allowed_ips = NULL;
                peer->n_allowed_ips = 0;
                for (size_t j = 0; j < from->peers[i].n_allowed_ips; j++)
                        assert_ok(wireguard_peer_add_allowed_ip(peer, &from->peers[i].allowed_ips[j]));
        }
}

typedef struct Reader {
        NetlinkReply reply;
        int result;
} Reader;

static void on_datagram(Bytes datagram, void *userdata)
{
        Reader *reader = userdata;

        assert_int_equal(reader->result, NETLINK_MORE);
        reader->result = netlink_reply_read(&reader->reply, datagram);
}

static int ask(FakeKernel *kernel, struct nl_msg *request, Reader *reader)
{
        struct nlmsghdr *header = nlmsg_hdr(request);

        header->nlmsg_seq = reader->reply.sequence;
        fake_kernel_answer(kernel, BYTES(header, header->nlmsg_len), on_datagram, reader);
        netlink_message_free(request);
        assert_int_not_equal(reader->result, NETLINK_MORE);
        return reader->result;
}

static int on_device_message(const struct nlmsghdr *header, void *userdata)
{
        return wireguard_genl_read_device(header, userdata);
}

static void read_back(FakeKernel *kernel, WireguardDevice *ret_device)
{
        Reader reader = { .reply = {
                                  .sequence = 5, .on_message = on_device_message, .userdata = ret_device } };

        assert_int_equal(ask(kernel, wireguard_genl_new_get(kernel->family, "wg0"), &reader),
                         NETLINK_COMPLETE);
        assert_ok(wireguard_device_normalise(ret_device));
}

static void apply(FakeKernel *kernel, const WireguardDevice *changes)
{
        WireguardCursor cursor = { 0 };
        int r = NETLINK_COMPLETE;

        while (r == NETLINK_COMPLETE && !wireguard_cursor_at_end(&cursor, changes)) {
                Reader reader = { .reply = { .sequence = 6 } };
                struct nl_msg *message;

                assert_ok(wireguard_genl_new_set(kernel->family, "wg0", changes, &cursor, &message));
                r = ask(kernel, message, &reader);
        }
}

/* What matched before was never named in a request. */
static void check_untouched(const FakeKernel *kernel, const WireguardDevice *wanted,
                            const WireguardDevice *before)
{
        for (size_t i = 0; i < kernel->touched.n_peers; i++) {
                const WireguardKey *key = &kernel->touched.peers[i].public_key;
                const WireguardPeer *peer = wireguard_device_find_peer(wanted, key);
                const WireguardPeer *was = wireguard_device_find_peer(before, key);

                if (!peer || !was)
                        continue;
                assert_false(
                        peer->n_allowed_ips == was->n_allowed_ips &&
                        peer->keepalive_seconds == was->keepalive_seconds &&
                        memcmp(&peer->preshared_key, &was->preshared_key, sizeof(WireguardKey)) == 0 &&
                        (peer->n_allowed_ips == 0 || memcmp(peer->allowed_ips, was->allowed_ips,
                                                            peer->n_allowed_ips * sizeof(IpPrefix)) == 0));
        }
}

/* A kernel that refuses a peer in the first round gets stuck half-way; the second round ends it. */
static void converge(FakeKernel *kernel, const WireguardDevice *wanted)
{
        for (unsigned round = 0;; round++) {
                _cleanup_(wireguard_device_done) WireguardDevice running = WIREGUARD_DEVICE_NULL;
                _cleanup_(wireguard_device_done) WireguardDevice changes = WIREGUARD_DEVICE_NULL;

                read_back(kernel, &running);
                assert_ok(wireguard_device_diff(wanted, &running, &changes));
                if (wireguard_changes_empty(&changes))
                        return;

                assert_true(round < ROUNDS_MAX);
                wireguard_device_done(&kernel->touched);
                apply(kernel, &changes);
                check_untouched(kernel, wanted, &running);
                kernel->refused = NULL;
        }
}

static void test_convergence(void **state)
{
        for (unsigned i = 0; i < WORLDS; i++) {
                FakeKernel kernel = FAKE_KERNEL_INIT;
                _cleanup_(wireguard_device_done) WireguardDevice wanted = WIREGUARD_DEVICE_NULL;
                WireguardKey refused = world_key((uint8_t) any(2 * KEYS));

                fill(&wanted);
                if (any(2))
                        fill(&kernel.device);
                else
                        copy(&wanted, &kernel.device); /* and then a few differences */
                for (unsigned n = any(3); n > 0 && kernel.device.n_peers > 0; n--)
                        kernel.device.peers[any((unsigned) kernel.device.n_peers)].keepalive_seconds ^= 25;
                kernel.ips_per_fragment = 1 + any(5);
                kernel.fragments_per_message = 1 + any(5);
                kernel.refused = any(2) ? &refused : NULL;

                converge(&kernel, &wanted);
                fake_kernel_done(&kernel);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_fields),
                cmocka_unit_test(test_convergence),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
