/* SPDX-License-Identifier: MIT */
/* Both backends with what they are for: the kernel's WireGuard, and wireguard-go, in a network namespace.
 * The same tests for both; what a machine does not have is skipped. */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd.h"
#include "namespace.h"
#include "netlink/link.h"
#include "netlink/wireguard-backend.h"
#include "test.h"
#include "world.h"

#define SOCKET_PATH "/run/wireguard/wg0.sock"
#define MANY        10000
#define TIMEOUT     (300 * USEC_PER_SEC) /* far more than an emulated machine needs */

static bool ready;

static struct World {
        const char *backend_name;
        sd_event *event;
        WireguardBackend *backend;
        unsigned index;
        pid_t pid; /* of wireguard-go */

        WireguardDevice device; /* what was read last */
} world;

/* ---- the two */

/* wireguard-go has its socket in /run/wireguard: that folder is ours alone. */
static int group_setup(void **state)
{
        ready = namespace_enter();
        if (ready && (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                      mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0)) {
                print_message("no mount namespace: %s\n", strerror(errno));
                ready = false;
        }
        return 0;
}

static int start(const char *name)
{
        Link link;

        world.backend_name = name;
        assert_ok(sd_event_new(&world.event));
        assert_ok(link_read("wg0", &link));
        world.index = link.index;
        return 0;
}

static int setup_kernel(void **state)
{
        world = (struct World){ 0 };
        int r = ready ? link_create("wg0", "wireguard") : -EPERM;
        if (r < 0) {
                print_message("no WireGuard in this kernel: %s\n", strerror(-r));
                return 0;
        }
        start("kernel");
        assert_ok(wireguard_backend_new_kernel(world.event, "wg0", TIMEOUT, &world.backend));
        return 0;
}

static pid_t spawn_wireguard_go(void)
{
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void) dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO); /* for its banner */
                (void) dup2(STDERR_FILENO, STDOUT_FILENO);
                (void) execlp("wireguard-go", "wireguard-go", "--foreground", "wg0", (char *) NULL);
                _exit(127);
        }
        return pid;
}

static bool socket_answers(void)
{
        _cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        return fd_connect_unix(fd, SOCKET_PATH) >= 0;
}

static int setup_wireguard_go(void **state)
{
        world = (struct World){ 0 };
        if (!ready)
                return 0;

        world.pid = spawn_wireguard_go();
        while (!socket_answers()) {
                if (waitpid(world.pid, NULL, WNOHANG) == world.pid) {
                        print_message("wireguard-go does not start\n");
                        world.pid = 0;
                        return 0;
                }
                (void) poll(NULL, 0, 5);
        }
        start("wireguard-go");
        assert_ok(wireguard_backend_new_uapi(world.event, SOCKET_PATH, TIMEOUT, &world.backend));
        return 0;
}

static int teardown(void **state)
{
        world.backend = wireguard_backend_free(world.backend);
        sd_event_unref(world.event);
        wireguard_device_done(&world.device);
        if (world.index > 0)
                (void) link_delete(world.index);
        if (world.pid > 0) {
                (void) kill(world.pid, SIGTERM);
                (void) waitpid(world.pid, NULL, 0);
                (void) unlink(SOCKET_PATH);
        }
        return 0;
}

static void need_backend(void)
{
        if (!world.backend)
                skip();
}

/* ---- calls */

static int read_device(void)
{
        wireguard_device_done(&world.device);
        return world_read(world.event, world.backend, &world.device);
}

static int apply(WireguardDevice *changes)
{
        return world_apply(world.event, world.backend, changes);
}

/* One round. Returns how many peers it changed. */
static size_t converge(const WireguardDevice *wanted)
{
        _cleanup_(wireguard_device_done) WireguardDevice changes = WIREGUARD_DEVICE_NULL;

        assert_ok(read_device());
        assert_ok(wireguard_device_diff(wanted, &world.device, &changes));
        size_t n_peers = changes.n_peers;
        assert_ok(apply(&changes));
        assert_ok(read_device());
        assert_ok(wireguard_device_diff(wanted, &world.device, &changes));
        assert_true(wireguard_changes_empty(&changes));
        return n_peers;
}

static WireguardPeer *add_peer(WireguardDevice *device, unsigned number)
{
        const uint8_t address[] = { 10, 42, (uint8_t) (number >> 8), (uint8_t) number };
        WireguardPeer *peer = world_add_peer(device, (uint8_t) number, "");
        IpPrefix prefix;

        peer->public_key.bytes[1] = (uint8_t) (number >> 8);
        assert_ok(ip_prefix_init(&prefix, AF_INET, address, 32));
        assert_ok(wireguard_peer_add_allowed_ip(peer, &prefix));
        return peer;
}

static void want(WireguardDevice *ret_wanted, size_t n_peers)
{
        *ret_wanted =
                (WireguardDevice){ .flags = WIREGUARD_DEVICE_HAS_PRIVATE_KEY |
                                            WIREGUARD_DEVICE_HAS_LISTEN_PORT | WIREGUARD_DEVICE_HAS_FWMARK,
                                   .private_key = world_key(0x70),
                                   .listen_port = 51820 };
        for (unsigned i = 1; i <= n_peers; i++)
                add_peer(ret_wanted, i);
        assert_ok(wireguard_device_normalise(ret_wanted));
}

static bool is_one_of(int error, int first, int second)
{
        return error == first || error == second;
}

/* ---- the tests */

static void test_converge(void **state)
{
        _cleanup_(wireguard_device_done) WireguardDevice wanted = WIREGUARD_DEVICE_NULL;

        need_backend();
        assert_ok(read_device());
        assert_int_equal(world.device.n_peers, 0);

        want(&wanted, 253);
        wanted.peers[7].endpoint.v4 = (struct sockaddr_in){ AF_INET, htons(9), { htonl(0xc0000201) } };
        assert_int_equal(converge(&wanted), 253);
        assert_int_equal(world.device.listen_port, 51820);
        assert_memory_equal(&world.device.public_key, &wanted.public_key, sizeof wanted.public_key);
        assert_memory_equal(&world.device.peers[7].endpoint, &wanted.peers[7].endpoint,
                            sizeof wanted.peers[7].endpoint);
        assert_int_equal(converge(&wanted), 0);

        wanted.peers[9].keepalive_seconds = 0;
        wanted.peers[10].preshared_key = world_key(0xaa);
        wanted.peers[11].allowed_ips[0].length = 31;
        wanted.peers[12].n_allowed_ips = 0;
        wanted.peers[13].public_key.bytes[5] = 0x99;
        assert_int_equal(wireguard_device_normalise(&wanted), 0);
        assert_int_equal(converge(&wanted), 6); /* the last is one to remove and one to add */
}

static void test_revoke(void **state)
{
        _cleanup_(wireguard_device_done) WireguardDevice wanted = WIREGUARD_DEVICE_NULL;
        WireguardDevice changes = WIREGUARD_DEVICE_NULL;

        need_backend();
        want(&wanted, 3);
        (void) converge(&wanted);
        WireguardKey key = wanted.peers[1].public_key;

        add_peer(&changes, 2)->flags = WIREGUARD_PEER_REMOVE;
        changes.peers[0].public_key = key;
        changes.peers[0].n_allowed_ips = 0;
        assert_ok(apply(&changes));
        assert_ok(read_device());
        assert_int_equal(world.device.n_peers, 2);
        assert_null(wireguard_device_find_peer(&world.device, &key));

        /* Again: it is gone already, which is no error; nor is an update then, which does not bring it back.
         */
        WireguardPeer *peer = add_peer(&changes, 2);
        peer->flags = WIREGUARD_PEER_REMOVE;
        peer->n_allowed_ips = 0;
        assert_ok(apply(&changes));
        add_peer(&changes, 2)->flags |= WIREGUARD_PEER_UPDATE_ONLY;
        assert_ok(apply(&changes));
        assert_ok(read_device());
        assert_int_equal(world.device.n_peers, 2);
}

/* What normalise refuses, and why. */
static void test_silent_rules(void **state)
{
        _cleanup_(wireguard_device_done) WireguardDevice wanted = WIREGUARD_DEVICE_NULL;
        WireguardDevice changes = WIREGUARD_DEVICE_NULL;

        need_backend();
        want(&wanted, 2);
        (void) converge(&wanted);

        add_peer(&changes, 9)->public_key = wanted.public_key; /* our own key: ignored */
        assert_ok(apply(&changes));
        assert_ok(read_device());
        assert_int_equal(world.device.n_peers, 2);

        add_peer(&changes, 1)->public_key = world_key(9); /* the allowed IP of another: it moves */
        assert_ok(apply(&changes));
        assert_ok(read_device());
        assert_int_equal(world.device.n_peers, 3);
        assert_int_equal(world.device.peers[0].n_allowed_ips, 0);
        assert_int_equal(converge(&wanted), 2); /* one round takes it back */
}

/* No transaction: what came before the error stays. */
static void test_rejected(void **state)
{
        _cleanup_(wireguard_device_done) WireguardDevice wanted = WIREGUARD_DEVICE_NULL;
        WireguardDevice changes = WIREGUARD_DEVICE_NULL;

        need_backend();
        want(&wanted, 3);
        (void) add_peer(&changes, 1);
        add_peer(&changes, 2)->allowed_ips[0].length = 33;
        (void) add_peer(&changes, 3);
        assert_err(apply(&changes), -EINVAL);
        assert_ok(read_device());
        assert_int_equal(world.device.n_peers, 2);
        (void) converge(&wanted);
}

static void test_long_peer(void **state)
{
        _cleanup_(wireguard_device_done) WireguardDevice wanted = WIREGUARD_DEVICE_NULL;

        need_backend();
        want(&wanted, 2);
        for (unsigned i = 256; i < 256 + 2000; i++) {
                const uint8_t address[] = { 10, 43, (uint8_t) (i >> 8), (uint8_t) i };
                IpPrefix prefix;

                assert_ok(ip_prefix_init(&prefix, AF_INET, address, 32));
                assert_ok(wireguard_peer_add_allowed_ip(&wanted.peers[0], &prefix));
        }
        assert_int_equal(converge(&wanted), 2);
        assert_int_equal(world.device.peers[0].n_allowed_ips, 2001);
}

static void print_elapsed(const char *what, usec_t since_usec)
{
        print_message("%s, %zu peers: %s %.1f ms\n", world.backend_name, world.device.n_peers, what,
                      (double) (time_now(CLOCK_MONOTONIC) - since_usec) / 1000);
}

/* How long it takes is printed, not judged. */
static void test_many(void **state)
{
        _cleanup_(wireguard_device_done) WireguardDevice wanted = WIREGUARD_DEVICE_NULL;
        WireguardDevice changes = WIREGUARD_DEVICE_NULL;

        need_backend();
        want(&wanted, MANY);
        usec_t since_usec = time_now(CLOCK_MONOTONIC);
        assert_int_equal(converge(&wanted), MANY);
        print_elapsed("nothing to in sync", since_usec);

        since_usec = time_now(CLOCK_MONOTONIC);
        assert_ok(read_device());
        assert_ok(wireguard_device_diff(&wanted, &world.device, &changes));
        assert_true(wireguard_changes_empty(&changes));
        print_elapsed("read and difference", since_usec);

        WireguardKey key = wanted.peers[77].public_key;
        WireguardPeer *peer;
        assert_ok(wireguard_device_add_peer(&changes, &key, &peer));
        peer->flags = WIREGUARD_PEER_REMOVE;
        since_usec = time_now(CLOCK_MONOTONIC);
        assert_ok(apply(&changes));
        assert_ok(read_device());
        assert_null(wireguard_device_find_peer(&world.device, &key));
        print_elapsed("revoke and read back", since_usec);

        /* Deleting the link would take the kernel minutes: it waits for each peer on its own. */
        since_usec = time_now(CLOCK_MONOTONIC);
        assert_int_equal(converge(&(WireguardDevice){ 0 }), MANY - 1);
        print_elapsed("revoke all", since_usec);
}

static int bind_port(uint16_t port)
{
        const struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (const struct sockaddr *) &address, sizeof address), 0);
        return fd;
}

static bool in_use(int error)
{
        assert_true(is_one_of(error, 0, -EADDRINUSE));
        return error < 0;
}

/* The kernel takes any port while the link is down, and fails when it comes up. */
static void test_port_in_use(void **state)
{
        WireguardDevice changes = { .flags = WIREGUARD_DEVICE_HAS_LISTEN_PORT, .listen_port = 51999 };
        _cleanup_(fd_closep) int fd = -EBADF;
        Link link;

        need_backend();
        fd = bind_port(51999);
        if (world.pid > 0) {
                assert_ok(link_set_up(world.index, true));
                while (!in_use(apply(&(WireguardDevice){ .flags = changes.flags, .listen_port = 51999 })))
                        (void) poll(NULL, 0, 5); /* it is notified of the link's state a little later */
                return;
        }

        assert_ok(apply(&changes));
        assert_err(link_set_up(world.index, true), -EADDRINUSE);
        fd = fd_close(fd);
        assert_ok(link_set_up(world.index, true));
        assert_ok(link_read("wg0", &link));
        assert_true(link.up);
        assert_string_equal(link.kind, "wireguard");
}

static void test_gone(void **state)
{
        WireguardDevice changes = WIREGUARD_DEVICE_NULL;

        need_backend();
        assert_ok(link_delete(world.index));
        world.index = 0;
        if (world.pid > 0) { /* it ends with its link */
                assert_int_equal(waitpid(world.pid, NULL, 0), world.pid);
                world.pid = 0;
                assert_true(is_one_of(read_device(), -ENOENT, -ECONNREFUSED));
                return;
        }

        assert_err(read_device(), -ENODEV);
        assert_err(apply(&changes), -ENODEV);

        (void) fd_close(namespace_add_tun("tun0", "10.9.0.1/24"));
        int fd = namespace_add_tun("wg0", "10.9.1.1/24"); /* a link of that name, and of another kind */
        assert_err(read_device(), -EOPNOTSUPP);
        assert_err(apply(&changes), -EOPNOTSUPP);
        (void) fd_close(fd);
}

/* The module is unloaded and loaded again under an open backend, as an upgrade of the kernel's package does.
 */
static void test_reloaded(void **state)
{
        _cleanup_(wireguard_device_done) WireguardDevice wanted = WIREGUARD_DEVICE_NULL;
        Link link;

        need_backend();
        assert_ok(read_device());
        assert_ok(link_delete(world.index));
        while (syscall(SYS_delete_module, "wireguard", O_NONBLOCK) < 0) {
                assert_int_equal(errno, EAGAIN);
                (void) poll(NULL, 0, 20);
        }
        assert_true(is_one_of(read_device(), -ENOENT, -ENODEV)); /* the second if that loads it again */

        assert_ok(link_create("wg0", "wireguard"));
        assert_ok(link_read("wg0", &link));
        world.index = link.index;
        want(&wanted, 3);
        assert_int_equal(converge(&wanted), 3);
}

#define ROW(backend, test)                                                                                  \
        {                                                                                                   \
#backend "_" #test, test_##test, setup_##backend, teardown, NULL                            \
        }
#define ROWS(backend)                                                                                       \
        ROW(backend, converge), ROW(backend, revoke), ROW(backend, silent_rules), ROW(backend, rejected),   \
                ROW(backend, long_peer), ROW(backend, many), ROW(backend, port_in_use), ROW(backend, gone)

/* With the argument "vm" the machine is ours, so that modules may be unloaded, and emulated, which is too
 * slow for wireguard-go. */
int main(int argc, char *argv[])
{
        const struct CMUnitTest machine[] = { ROWS(kernel), ROW(kernel, reloaded) };
        const struct CMUnitTest both[] = { ROWS(kernel), ROWS(wireguard_go) };

        if (argc > 1 && streq(argv[1], "vm"))
                return cmocka_run_group_tests(machine, group_setup, NULL);
        return cmocka_run_group_tests(both, group_setup, NULL);
}
