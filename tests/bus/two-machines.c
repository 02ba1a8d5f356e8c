/* SPDX-License-Identifier: MIT */
/* Two machines with a cable between them. */

#include "two-machines.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"
#include "netlink/link.h"
#include "netlink/netlink-socket.h"

#define CABLE        "veth0"
#define HUB_CABLE    "192.0.2.1/24"
#define DEVICE_CABLE "192.0.2.2/24"

Machine hub = { -EBADF, -EBADF, NULL }, device = { -EBADF, -EBADF, NULL };
static bool connected;

void machines_skip(void)
{
        if (!connected)
                skip();
}

void machine_enter(const Machine *machine)
{
        assert_int_equal(setns(machine->net, CLONE_NEWNET), 0);
        assert_int_equal(setns(machine->mounts, CLONE_NEWNS), 0);
}

static bool machine_new(Machine *machine)
{
        void *state = NULL;

        (void) mesh_world_enter(&state);
        machine->net = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        machine->mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
        return mesh_world_has_namespaces() && machine->net >= 0 && machine->mounts >= 0;
}

static int put_end(struct nl_msg *message, const char *name, int net)
{
        return nla_put_string(message, IFLA_IFNAME, name) < 0 ||
                               (net >= 0 && nla_put_u32(message, IFLA_NET_NS_FD, (uint32_t) net) < 0)
                       ? -EMSGSIZE
                       : 0;
}

/* A pair of links, one here and one there. */
static void connect_machines(const Machine *there)
{
        const struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
        _cleanup_(netlink_message_freep) struct nl_msg *message =
                netlink_message_new(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 512);
        struct nlattr *link_info, *data, *peer;

        assert_non_null(message);
        assert_ok(nlmsg_append(message, (void *) &info, sizeof info, NLMSG_ALIGNTO));
        assert_ok(put_end(message, CABLE, -EBADF));
        assert_non_null(link_info = nla_nest_start(message, IFLA_LINKINFO));
        assert_ok(nla_put_string(message, IFLA_INFO_KIND, "veth"));
        assert_non_null(data = nla_nest_start(message, IFLA_INFO_DATA));
        assert_non_null(peer = nla_nest_start(message, VETH_INFO_PEER));
        assert_ok(nlmsg_append(message, (void *) &info, sizeof info, NLMSG_ALIGNTO));
        assert_ok(put_end(message, CABLE, there->net));
        (void) nla_nest_end(message, peer);
        (void) nla_nest_end(message, data);
        (void) nla_nest_end(message, link_info);
        assert_ok(netlink_exchange(NETLINK_ROUTE, message, NULL, NULL));
}

static void set_address(const Machine *machine, const char *address)
{
        IpPrefix prefix;
        Link link;

        machine_enter(machine);
        assert_ok(link_read(CABLE, &link));
        assert_ok(link_set_up(link.index, true));
        assert_ok(ip_prefix_parse(address, &prefix));
        assert_ok(link_add_address(link.index, &prefix));
}

int machines_up(void **state)
{
        if (!machine_new(&hub) || !machine_new(&device))
                return 0;

        connect_machines(&hub);
        set_address(&hub, HUB_CABLE);
        set_address(&device, DEVICE_CABLE);
        connected = true;
        return 0;
}

int machines_start(void **state)
{
        if (!connected)
                return 0;
        machine_enter(&hub);
        assert_int_equal(mesh_world_up((void **) &hub.world), 0);
        machine_enter(&device);
        assert_int_equal(mesh_world_up((void **) &device.world), 0);
        return 0;
}

int machines_stop(void **state)
{
        if (!connected)
                return 0;
        assert_int_equal(mesh_world_down((void **) &device.world), 0);
        return mesh_world_down((void **) &hub.world);
}

/* ---- what reaches the hub */

int hub_listen(const char *address, uint16_t port)
{
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htobe16(port) };
        int one = 1;

        machine_enter(&hub);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(inet_pton(AF_INET, address, &at.sin_addr), 1);
        assert_int_equal(setsockopt(fd, SOL_IP, IP_FREEBIND, &one, sizeof one), 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
        assert_int_equal(bind(fd, (const struct sockaddr *) &at, sizeof at), 0);
        assert_int_equal(listen(fd, 8), 0);
        return fd;
}

bool device_reaches(const char *address, uint16_t port)
{
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htobe16(port) };
        struct timeval second = { .tv_sec = 1 };

        machine_enter(&device);
        _cleanup_(fd_closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second), 0);
        assert_int_equal(inet_pton(AF_INET, address, &to.sin_addr), 1);
        return TEMP_FAILURE_RETRY(connect(fd, (const struct sockaddr *) &to, sizeof to)) == 0;
}
