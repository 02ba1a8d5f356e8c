/* SPDX-License-Identifier: MIT */
/* The rules in the kernel, in a network namespace: how they are listed, and what they let through. A packet
 * is written into the other end of the link as a peer would send it; behind each goes an echo request that
 * is always answered, so that what was not answered before it never will be. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <unistd.h>

#include "basic/fd.h"
#include "namespace.h"
#include "netlink/firewall.h"
#include "netlink/link.h"
#include "test.h"

#define HUB       "10.42.0.1"
#define BOOTSTRAP "10.42.0.2"
#define PEER      "10.42.0.10"
#define NEWCOMER  "10.42.255.7"
#define OUTSIDE   "192.0.2.7"

static bool ready;
static int wg_fd = -EBADF, lan_fd = -EBADF;
static char *ruleset;

static IpPrefix prefix(const char *text)
{
        IpPrefix parsed;

        assert_ok(ip_prefix_parse(text, &parsed));
        return parsed;
}

static int setup(void **state)
{
        const FirewallRule rules[] = {
                { .from = prefix("10.42.255.0/24"), .to = prefix(BOOTSTRAP), .tcp_ports = { 1, { 8081 } } },
                { .from = prefix("10.42.0.0/24"),
                  .to = prefix(HUB),
                  .ping = true,
                  .tcp_ports = { 2, { 22, 8080 } },
                  .udp_ports = { 1, { 8080 } } },
        };

        ready = namespace_enter();
        if (!ready)
                return 0;

        wg_fd = namespace_add_tun("wg0", HUB "/16");
        lan_fd = namespace_add_tun("eth0", "192.0.2.1/24");
        Link link;
        assert_ok(link_read("wg0", &link));
        IpPrefix bootstrap = prefix(BOOTSTRAP);
        assert_ok(link_add_address(link.index, &bootstrap));

        _cleanup_(fd_closep) int fd = open("/proc/sys/net/ipv4/ip_forward", O_WRONLY | O_CLOEXEC);
        assert_int_equal(write(fd, "1", 1), 1);

        assert_ok(firewall_render(&(Firewall){ "wg0", rules, ELEMENTSOF(rules) }, &ruleset));
        return 0;
}

static int teardown(void **state)
{
        free(ruleset);
        (void) fd_close(wg_fd);
        (void) fd_close(lan_fd);
        return 0;
}

/* ---- the table */

static void test_list(void **state)
{
        _cleanup_(freep) char *none = NULL, *first = NULL, *again = NULL;

        if (!ready)
                skip();
        assert_ok(nftables_run("table inet devbox_other"));
        assert_ok(nftables_list(&none));
        assert_string_equal(none, "");

        assert_ok(nftables_run(ruleset));
        assert_ok(nftables_list(&first));
        assert_string_equal(first, strstr(ruleset, "table inet " FIREWALL_TABLE " {"));

        /* Replacing it changes nothing. */
        assert_ok(nftables_run(ruleset));
        assert_ok(nftables_list(&again));
        assert_string_equal(again, first);
}

static void test_changes_by_hand(void **state)
{
        static const char *const rows[] = {
                "flush chain inet devbox input",
                "insert rule inet devbox peer1 accept",
                "add rule inet devbox forward tcp dport 1 drop",
                "add chain inet devbox mine",
                "delete table inet devbox",
        };
        _cleanup_(freep) char *before = NULL;

        if (!ready)
                skip();
        assert_ok(nftables_run(ruleset));
        assert_ok(nftables_list(&before));

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *changed = NULL, *repaired = NULL;

                assert_ok(nftables_run(rows[i]));
                assert_ok(nftables_list(&changed));
                assert_string_not_equal(changed, before);
                assert_ok(nftables_run(ruleset));
                assert_ok(nftables_list(&repaired));
                assert_string_equal(repaired, before);
        }
}

/* A transaction that fails leaves the table as it was. */
static void test_refused(void **state)
{
        _cleanup_(freep) char *before = NULL, *after = NULL;

        if (!ready)
                skip();
        assert_ok(nftables_run(ruleset));
        assert_ok(nftables_list(&before));
        assert_err(nftables_run("delete table inet devbox\nadd rule inet devbox nowhere accept"), -EIO);
        assert_err(nftables_run("nonsense"), -EIO);
        assert_ok(nftables_list(&after));
        assert_string_equal(after, before);
}

/* ---- packets */

typedef struct Packet {
        struct iphdr ip;
        union {
                struct icmphdr icmp;
                struct tcphdr tcp;
                struct udphdr udp;
        };
} Packet;

/* RFC 1071. */
static uint32_t add_words(uint32_t sum, const void *bytes, size_t size)
{
        const uint8_t *at = bytes;

        for (size_t i = 0; i < size; i += 2)
                sum += (uint32_t) (at[i] << 8 | at[i + 1]);
        return sum;
}

static uint16_t checksum(uint32_t sum)
{
        sum = (sum & 0xffff) + (sum >> 16);
        return htons((uint16_t) ~(sum + (sum >> 16)));
}

static void send_packet(int fd, int protocol, const char *from, const char *to, uint16_t port)
{
        size_t size = protocol == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr);
        Packet packet = { .ip = { .ihl = 5,
                                  .version = 4,
                                  .tot_len = htons((uint16_t) (sizeof(struct iphdr) + size)),
                                  .ttl = 64,
                                  .protocol = (uint8_t) protocol,
                                  .saddr = inet_addr(from),
                                  .daddr = inet_addr(to) } };

        packet.ip.check = checksum(add_words(0, &packet.ip, sizeof packet.ip));
        switch (protocol) {
        case IPPROTO_ICMP:
                packet.icmp.type = ICMP_ECHO;
                packet.icmp.un.echo.id = htons(port);
                packet.icmp.checksum = checksum(add_words(0, &packet.icmp, size));
                break;
        case IPPROTO_UDP:
                packet.udp = (struct udphdr){ .source = htons(4000), .dest = htons(port), .len = htons(8) };
                break;
        default:
                packet.tcp =
                        (struct tcphdr){ .source = htons(4000), .dest = htons(port), .doff = 5, .syn = 1 };
                uint32_t sum = add_words(IPPROTO_TCP + (uint32_t) size, &packet.ip.saddr, 8);
                packet.tcp.check = checksum(add_words(sum, &packet.tcp, size));
        }
        assert_int_equal(write(fd, &packet, sizeof packet.ip + size), sizeof packet.ip + size);
}

/* What the kernel itself sends: IPv6 and multicast reports on a link that came up, and redirects to a peer
 * whose packet would leave by the link on which it arrived, before the packet meets the table. */
static bool is_noise(const uint8_t *bytes)
{
        const uint8_t *protocol = bytes + offsetof(struct iphdr, protocol);

        return bytes[0] >> 4 != 4 || *protocol == IPPROTO_IGMP ||
               (*protocol == IPPROTO_ICMP && bytes[sizeof(struct iphdr)] == ICMP_REDIRECT);
}

/* Reads until the sentinel is answered; counts what comes before. */
static unsigned count_replies(void)
{
        static uint16_t sentinel = 0xff00;
        unsigned n = 0;

        send_packet(wg_fd, IPPROTO_ICMP, PEER, HUB, ++sentinel);
        for (;;) {
                struct pollfd pollfd = { .fd = wg_fd, .events = POLLIN };
                uint8_t bytes[2048];
                Packet packet;

                assert_int_equal(poll(&pollfd, 1, 60000), 1);
                ssize_t size = read(wg_fd, bytes, sizeof bytes);
                assert_true(size > 0);
                if (is_noise(bytes))
                        continue;
                memcpy(&packet, bytes, MIN((size_t) size, sizeof packet));
                if (packet.ip.protocol == IPPROTO_ICMP && packet.icmp.type == ICMP_ECHOREPLY &&
                    packet.icmp.un.echo.id == htons(sentinel))
                        return n;
                n++;
        }
}

static bool lan_has_packet(void)
{
        uint8_t bytes[2048];
        bool has = false;

        while (read(lan_fd, bytes, sizeof bytes) > 0)
                has |= !is_noise(bytes);
        return has;
}

static void apply(void)
{
        assert_ok(nftables_run(ruleset));
}

/* A closed port answers, too: with a reset, or by ICMP. */
static void test_reach(void **state)
{
        static const struct {
                int protocol;
                const char *from, *to;
                uint16_t port;
                bool reached;
        } rows[] = {
                { IPPROTO_TCP, PEER, HUB, 8080, true },
                { IPPROTO_TCP, PEER, HUB, 22, true },
                { IPPROTO_UDP, PEER, HUB, 8080, true },
                { IPPROTO_ICMP, PEER, HUB, 1, true },
                { IPPROTO_UDP, PEER, HUB, 22, false },
                { IPPROTO_TCP, PEER, HUB, 8081, false }, /* enrolment is not for devices */
                { IPPROTO_TCP, PEER, BOOTSTRAP, 8081, false },
                { IPPROTO_TCP, PEER, "192.0.2.1", 8080, false }, /* another address of the hub */
                { IPPROTO_TCP, PEER, "127.0.0.1", 8080, false },
                { IPPROTO_TCP, "10.42.1.9", HUB, 8080, false }, /* no network of ours */
                { IPPROTO_TCP, OUTSIDE, HUB, 8080, false },
                { IPPROTO_ICMP, OUTSIDE, HUB, 1, false },
                { IPPROTO_TCP, NEWCOMER, BOOTSTRAP, 8081, true },
                { IPPROTO_TCP, NEWCOMER, BOOTSTRAP, 8080, false },
                { IPPROTO_TCP, NEWCOMER, HUB, 8081, false },
                { IPPROTO_TCP, NEWCOMER, HUB, 8080, false },
                { IPPROTO_ICMP, NEWCOMER, BOOTSTRAP, 1, false },
                { IPPROTO_ICMP, NEWCOMER, HUB, 1, false },
        };

        if (!ready)
                skip();
        apply();
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                send_packet(wg_fd, rows[i].protocol, rows[i].from, rows[i].to, rows[i].port);
                if (!!count_replies() != rows[i].reached)
                        fail_msg("row %zu: %s to %s port %u", i, rows[i].from, rows[i].to, rows[i].port);
        }
}

static void test_every_port(void **state)
{
        unsigned n_reached = 0;

        if (!ready)
                skip();
        apply();
        for (uint32_t port = 1; port <= UINT16_MAX; port++) {
                send_packet(wg_fd, IPPROTO_TCP, PEER, HUB, (uint16_t) port);
                if (port % 64 == 63)
                        n_reached += count_replies();
        }
        assert_int_equal(n_reached, 2);
}

/* Without the table, the kernel would forward each of these: the first part of the test says so. */
static void test_forward(void **state)
{
        if (!ready)
                skip();
        for (unsigned with_table = 0; with_table <= 1; with_table++) {
                assert_ok(
                        nftables_run(with_table ? ruleset : "table inet devbox\ndelete table inet devbox"));
                send_packet(wg_fd, IPPROTO_UDP, PEER, OUTSIDE, 53);
                assert_int_equal(count_replies(), 0);
                assert_int_equal(lan_has_packet(), !with_table);

                send_packet(lan_fd, IPPROTO_UDP, OUTSIDE, PEER, 53);
                assert_int_equal(count_replies(), !with_table); /* it comes out of wg0 */

                send_packet(wg_fd, IPPROTO_UDP, PEER, "10.42.0.11", 53); /* from peer to peer */
                assert_int_equal(count_replies(), !with_table);
        }
}

/* The addresses of the mesh are reachable through its link only. */
static void test_other_links(void **state)
{
        if (!ready)
                skip();
        apply();
        (void) lan_has_packet();
        send_packet(lan_fd, IPPROTO_TCP, OUTSIDE, HUB, 8080);
        (void) count_replies();
        assert_false(lan_has_packet());
        send_packet(lan_fd, IPPROTO_TCP, OUTSIDE, "192.0.2.1", 8080);
        (void) count_replies();
        assert_true(lan_has_packet());
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_list),        cmocka_unit_test(test_changes_by_hand),
                cmocka_unit_test(test_refused),     cmocka_unit_test(test_reach),
                cmocka_unit_test(test_every_port),  cmocka_unit_test(test_forward),
                cmocka_unit_test(test_other_links),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
