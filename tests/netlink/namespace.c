/* SPDX-License-Identifier: MIT */
/* A network of its own for a test program. */
#include "namespace.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "basic/fd.h"
#include "netlink/link.h"
#include "test.h"

static bool write_text(const char *path, const char *text)
{
        _cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

        return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t) strlen(text);
}

static bool become_root(void)
{
        char map[64];
        uid_t uid = geteuid();

        if (uid == 0)
                return true;
        if (unshare(CLONE_NEWUSER) < 0)
                return false;
        (void) snprintf(map, sizeof map, "0 %u 1", uid);
        return write_text("/proc/self/uid_map", map);
}

bool namespace_enter(void)
{
        Link lo;

        if (!become_root() || unshare(CLONE_NEWNET) < 0) {
                print_message("no network namespace for this user: %s\n", strerror(errno));
                return false;
        }
        if (access("/dev/net/tun", R_OK | W_OK) < 0) {
                print_message("/dev/net/tun: %s\n", strerror(errno));
                return false;
        }

        assert_ok(link_read("lo", &lo));
        assert_ok(link_set_up(lo.index, true));
        return true;
}

int namespace_add_tun(const char *name, const char *address)
{
        struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
        IpPrefix prefix;
        Link link;

        int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
        assert_true(fd >= 0);
        (void) snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
        assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);

        assert_ok(link_read(name, &link));
        assert_ok(ip_prefix_parse(address, &prefix));
        assert_ok(link_add_address(link.index, &prefix));
        assert_ok(link_set_up(link.index, true));
        return fd;
}
