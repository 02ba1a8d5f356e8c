/* SPDX-License-Identifier: MIT */
/* A hub and two devices of the kernel's WireGuard, as three links of one network namespace that reach each
 * other over loopback. A device's packets are put into its link as they are; what arrives at the hub is read
 * from a socket there. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "basic/fd.h"
#include "namespace.h"
#include "netlink/link.h"
#include "test.h"
#include "world.h"

#define N_LINKS  3 /* the hub is the first */
#define HUB      "10.42.0.1"
#define HUB_PORT 51820
#define PORT     4000

static struct World {
        sd_event *event;
        struct Node {
                char name[IFNAMSIZ];
                unsigned index;
                WireguardBackend *backend;
                WireguardDevice keys; /* its own */
        } nodes[N_LINKS];
        int packet_fd, udp_fd;
} world;

static IpPrefix device_address(unsigned i)
{
        const uint8_t address[] = { 10, 42, 0, (uint8_t) (9 + i) };
        IpPrefix prefix;

        assert_ok(ip_prefix_init(&prefix, AF_INET, address, 32));
        return prefix;
}

static void add_node(unsigned i)
{
        struct Node *node = &world.nodes[i];
        Link link;

        (void) snprintf(node->name, sizeof node->name, "wg%u", i);
        assert_ok(link_create(node->name, "wireguard"));
        assert_ok(link_read(node->name, &link));
        node->index = link.index;
        assert_ok(wireguard_backend_new_kernel(world.event, node->name, 300 * USEC_PER_SEC, &node->backend));
        node->keys = (WireguardDevice){
                .flags = WIREGUARD_DEVICE_HAS_PRIVATE_KEY, .private_key = world_key((uint8_t) (i * 8))
        }; /* clamping clears three bits */
        assert_ok(wireguard_device_normalise(&node->keys));
}

static void add_peer(WireguardDevice *changes, const struct Node *node, IpPrefix allowed_ip)
{
        WireguardPeer *peer = world_add_peer(changes, 0, "");

        peer->public_key = node->keys.public_key;
        assert_ok(wireguard_peer_add_allowed_ip(peer, &allowed_ip));
}

static void configure(unsigned i)
{
        WireguardDevice changes = world.nodes[i].keys;
        IpPrefix network;

        changes.flags |= WIREGUARD_DEVICE_HAS_LISTEN_PORT;
        changes.listen_port = (uint16_t) (HUB_PORT + i);
        if (i == 0) {
                for (unsigned j = 1; j < N_LINKS; j++)
                        add_peer(&changes, &world.nodes[j], device_address(j));
        } else {
                assert_ok(ip_prefix_parse("10.42.0.0/24", &network));
                add_peer(&changes, &world.nodes[0], network);
                changes.peers[0].endpoint.v4 =
                        (struct sockaddr_in){ AF_INET, htons(HUB_PORT), { htonl(INADDR_LOOPBACK) } };
        }
        assert_ok(world_apply(world.event, world.nodes[i].backend, &changes));
        assert_ok(link_set_up(world.nodes[i].index, true));
}

static int setup(void **state)
{
        const struct sockaddr_in address = { AF_INET, htons(PORT), { inet_addr(HUB) } };
        IpPrefix hub;

        world = (struct World){ .packet_fd = -EBADF, .udp_fd = -EBADF };
        if (!namespace_enter())
                return 0;
        int r = link_create("wg-probe", "wireguard");
        if (r < 0) {
                print_message("no WireGuard in this kernel: %s\n", strerror(-r));
                return 0;
        }

        assert_ok(sd_event_new(&world.event));
        for (unsigned i = 0; i < N_LINKS; i++)
                add_node(i);
        for (unsigned i = 0; i < N_LINKS; i++)
                configure(i);
        assert_ok(ip_prefix_parse(HUB "/24", &hub));
        assert_ok(link_add_address(world.nodes[0].index, &hub));

        world.udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(world.udp_fd, (const struct sockaddr *) &address, sizeof address), 0);
        world.packet_fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_true(world.packet_fd >= 0);
        return 0;
}

static int teardown(void **state)
{
        for (unsigned i = 0; i < N_LINKS; i++) {
                wireguard_backend_free(world.nodes[i].backend);
                wireguard_device_done(&world.nodes[i].keys);
        }
        sd_event_unref(world.event);
        (void) fd_close(world.udp_fd);
        (void) fd_close(world.packet_fd);
        return 0;
}

/* RFC 1071. */
static uint16_t checksum(const void *bytes, size_t size)
{
        const uint8_t *at = bytes;
        uint32_t sum = 0;

        for (size_t i = 0; i < size; i += 2)
                sum += (uint32_t) (at[i] << 8 | at[i + 1]);
        sum = (sum & 0xffff) + (sum >> 16);
        return htons((uint16_t) ~(sum + (sum >> 16)));
}

/* A datagram to the hub out of the link of device `i`, with the address of device `as`. */
static void send_datagram(unsigned i, unsigned as)
{
        const struct sockaddr_ll link = { .sll_family = AF_PACKET,
                                          .sll_protocol = htons(ETH_P_IP),
                                          .sll_ifindex = (int) world.nodes[i].index };
        IpPrefix from = device_address(as);
        struct {
                struct iphdr ip;
                struct udphdr udp;
        } packet = { .ip = { .ihl = 5,
                             .version = 4,
                             .tot_len = htons(sizeof packet),
                             .ttl = 64,
                             .protocol = IPPROTO_UDP,
                             .daddr = inet_addr(HUB) },
                     .udp = {
                             .source = htons(PORT), .dest = htons(PORT), .len = htons(sizeof packet.udp) } };

        memcpy(&packet.ip.saddr, from.bytes, sizeof packet.ip.saddr);
        packet.ip.check = checksum(&packet.ip, sizeof packet.ip);
        assert_int_equal(sendto(world.packet_fd, &packet, sizeof packet, 0, (const struct sockaddr *) &link,
                                sizeof link),
                         sizeof packet);
}

/* The number of the device that the next datagram at the hub is from. */
static unsigned receive_datagram(void)
{
        struct pollfd pollfd = { .fd = world.udp_fd, .events = POLLIN };
        struct sockaddr_in from = { 0 };
        socklen_t size = sizeof from;

        assert_int_equal(poll(&pollfd, 1, 60000), 1);
        assert_int_equal(recvfrom(world.udp_fd, NULL, 0, 0, (struct sockaddr *) &from, &size), 0);
        return (ntohl(from.sin_addr.s_addr) & 0xff) - 9;
}

static void test_tunnel(void **state)
{
        if (!world.event)
                skip();
        for (unsigned n = 0; n < 3; n++)
                for (unsigned i = 1; i < N_LINKS; i++) {
                        send_datagram(i, i);
                        assert_int_equal(receive_datagram(), i);
                }

        send_datagram(1, 2); /* with the address of the other: dropped */
        send_datagram(2, 2);
        assert_int_equal(receive_datagram(), 2);
        send_datagram(1, 1);
        assert_int_equal(receive_datagram(), 1);
}

/* Nothing of the one arrives after the read-back, and all of the other. */
static void test_revoke(void **state)
{
        _cleanup_(wireguard_device_done) WireguardDevice running = WIREGUARD_DEVICE_NULL;
        WireguardDevice changes = WIREGUARD_DEVICE_NULL;
        WireguardPeer *peer;

        if (!world.event)
                skip();
        assert_ok(world_read(world.event, world.nodes[0].backend, &running));
        assert_int_equal(running.n_peers, 2);
        assert_true(running.peers[0].last_handshake_at_usec > 0);
        assert_true(running.peers[1].rx_bytes > 0);
        assert_int_equal(running.peers[0].endpoint.any.sa_family, AF_INET);
        wireguard_device_done(&running);

        assert_ok(wireguard_device_add_peer(&changes, &world.nodes[1].keys.public_key, &peer));
        peer->flags = WIREGUARD_PEER_REMOVE;
        assert_ok(world_apply(world.event, world.nodes[0].backend, &changes));
        assert_ok(world_read(world.event, world.nodes[0].backend, &running));
        assert_int_equal(running.n_peers, 1);
        assert_null(wireguard_device_find_peer(&running, &world.nodes[1].keys.public_key));

        for (unsigned n = 0; n < 100; n++) {
                send_datagram(1, 1);
                send_datagram(2, 2);
                assert_int_equal(receive_datagram(), 2);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tunnel),
                cmocka_unit_test(test_revoke),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
