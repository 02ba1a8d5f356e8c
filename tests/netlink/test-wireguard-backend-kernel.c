/* SPDX-License-Identifier: MIT */
/* Calls to the kernel's WireGuard, which is the model here: the backend gets one end of a socket pair for
 * its netlink socket. */
#include <sys/epoll.h>
#include <sys/socket.h>

#include "basic/fd.h"
#include "fake-kernel.h"
#include "netlink/wireguard-backend-internal.h"
#include "test.h"
#include "world.h"

typedef enum Fault {
        FAULT_NONE,
        FAULT_SILENT, /* no reply */
        FAULT_SHORT,  /* datagrams end in the middle of a message */
        FAULT_STALE,  /* replies to other requests come first */
        FAULT_RELOAD, /* the family has a new id, and the first request comes too late for the old one */
        FAULT_CLOSED, /* end of file, which a netlink socket never has */
} Fault;

static struct World {
        sd_event *event;
        WireguardBackend *backend;
        WireguardBackendOps ops;
        FakeKernel kernel;
        Fault fault;
        int fd;
        sd_event_source *source;

        WireguardCall *call;
        char *description; /* of what was read last */
} world;

static void send_datagram(Bytes datagram, void *userdata)
{
        uint8_t copy[NETLINK_DATAGRAM_MAX];
        size_t size = datagram.size;

        memcpy(copy, datagram.data, size);
        if (world.fault == FAULT_SHORT)
                size -= 4;
        if (world.fault == FAULT_STALE) {
                ((struct nlmsghdr *) copy)->nlmsg_seq--;
                assert_int_equal(send(world.fd, copy, size, 0), size);
                ((struct nlmsghdr *) copy)->nlmsg_seq++;
        }
        assert_int_equal(send(world.fd, copy, size, 0), size);
}

static int on_request(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        uint8_t request[WIREGUARD_CALL_BUFFER];
        ssize_t n = recv(fd, request, sizeof request, 0);

        if (n <= 0)
                return sd_event_source_set_enabled(source, SD_EVENT_OFF);
        if (world.fault == FAULT_CLOSED) {
                assert_ok(shutdown(fd, SHUT_WR));
                return 0;
        }
        if (world.fault != FAULT_SILENT)
                fake_kernel_answer(&world.kernel, BYTES(request, (size_t) n), send_datagram, NULL);
        if (world.fault == FAULT_RELOAD)
                world.kernel.family = 34;
        return 0;
}

static int open_fake(WireguardBackend *backend)
{
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
                return -errno;

        world.source = sd_event_source_disable_unref(world.source);
        world.fd = fd_close(world.fd);
        world.fd = fds[1];
        assert_ok(sd_event_add_io(world.event, &world.source, world.fd, EPOLLIN, on_request, NULL));
        return fds[0];
}

static int setup(void **state)
{
        world = (struct World){ .kernel = FAKE_KERNEL_INIT, .fd = -EBADF };
        assert_ok(sd_event_new(&world.event));
        world.ops = wireguard_kernel_ops;
        world.ops.open = open_fake;
        assert_ok(wireguard_backend_new(&world.ops, world.event, "wg0", 30 * USEC_PER_SEC, &world.backend));
        return 0;
}

static int teardown(void **state)
{
        world.call = wireguard_call_free(world.call);
        world.backend = wireguard_backend_free(world.backend);
        sd_event_source_disable_unref(world.source);
        (void) fd_close(world.fd);
        sd_event_unref(world.event);
        fake_kernel_done(&world.kernel);
        free(world.description);
        return 0;
}

static int read_device(void)
{
        _cleanup_(wireguard_device_done) WireguardDevice device = WIREGUARD_DEVICE_NULL;

        int r = world_read(world.event, world.backend, &device);
        free(TAKE_PTR(world.description));
        if (r >= 0)
                world.description = world_describe(&device);
        return r;
}

static int apply(WireguardDevice *changes)
{
        return world_apply(world.event, world.backend, changes);
}

static void test_read(void **state)
{
        WireguardPeer *peer;

        world.kernel.device.listen_port = 51820;
        world_add_peer(&world.kernel.device, 3, "10.0.0.4 10.0.0.3 10.0.0.9 10.0.0.2 10.0.0.7 10.0.0.8");
        peer = world_add_peer(&world.kernel.device, 1, "");
        peer->endpoint.v4 = (struct sockaddr_in){ AF_INET, htons(9), { htonl(0xc0000201) } };
        peer = world_add_peer(&world.kernel.device, 2, "fd00::1 10.0.0.1");
        peer->endpoint.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_scope_id = 2 };
        assert_ok(read_device());
        assert_string_equal(world.description,
                            "port=51820\n"
                            "01 psk=f0 keepalive=25 endpoint=192.0.2.1:9\n"
                            "02 psk=f0 keepalive=25 +10.0.0.1/32 +fd00::1/128\n"
                            "03 psk=f0 keepalive=25 +10.0.0.2/32 +10.0.0.3/32 +10.0.0.4/32 +10.0.0.7/32 "
                            "+10.0.0.8/32 +10.0.0.9/32\n");
}

static void test_apply(void **state)
{
        WireguardDevice changes = WIREGUARD_DEVICE_NULL;

        changes.flags = WIREGUARD_DEVICE_HAS_LISTEN_PORT;
        changes.listen_port = 51820;
        for (uint8_t key = 1; key <= 200; key++) {
                const uint8_t address[] = { 10, 42, 0, key };
                WireguardPeer *peer = world_add_peer(&changes, key, "");
                IpPrefix prefix;

                assert_ok(ip_prefix_init(&prefix, AF_INET, address, 32));
                assert_ok(wireguard_peer_add_allowed_ip(peer, &prefix));
        }
        assert_ok(apply(&changes));
        assert_int_equal(world.kernel.device.n_peers, 200);
        assert_int_equal(world.kernel.device.listen_port, 51820);
        assert_in_range(world.kernel.n_sets, 3, 5); /* 200 peers of 120 bytes, 8 KiB a message */

        assert_ok(apply(&changes)); /* no change at all is a question whether the device is there */
}

/* One peer with more allowed IPs than fit into a message. */
static void test_apply_long_peer(void **state)
{
        WireguardDevice changes = WIREGUARD_DEVICE_NULL;
        WireguardPeer *peer = world_add_peer(&changes, 1, "");

        for (unsigned i = 0; i < 2000; i++) {
                const uint8_t address[] = { 10, 42, (uint8_t) (i >> 8), (uint8_t) i };
                IpPrefix prefix;

                assert_ok(ip_prefix_init(&prefix, AF_INET, address, 32));
                assert_ok(wireguard_peer_add_allowed_ip(peer, &prefix));
        }
        peer->flags |= WIREGUARD_PEER_REPLACE_ALLOWED_IPS;
        assert_ok(apply(&changes));
        assert_int_equal(world.kernel.device.n_peers, 1);
        assert_int_equal(world.kernel.device.peers[0].n_allowed_ips, 2000);
        assert_int_equal(world.kernel.n_sets, 7); /* 28 bytes an allowed IP */
}

/* It stops at the peer that is refused; what was read back tells how far it came. */
static void test_apply_refused(void **state)
{
        WireguardKey refused = world_key(2);
        WireguardDevice changes = WIREGUARD_DEVICE_NULL;

        world.kernel.refused = &refused;
        world_add_peer(&changes, 1, "10.0.0.1");
        world_add_peer(&changes, 2, "10.0.0.2");
        world_add_peer(&changes, 3, "10.0.0.3");
        assert_err(apply(&changes), -EINVAL);
        assert_ok(read_device());
        assert_string_equal(world.description, "port=0\n"
                                               "01 psk=f0 keepalive=25 +10.0.0.1/32\n"
                                               "02 psk=00 keepalive=0\n");
}

static void test_interrupted(void **state)
{
        static const struct {
                unsigned n_interrupted, n_dumps;
                int error;
        } rows[] = { { 0, 1, 0 }, { 1, 2, 0 }, { 7, 8, 0 }, { 8, 8, -EAGAIN }, { 100, 8, -EAGAIN } };

        world_add_peer(&world.kernel.device, 1, "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                world.kernel.n_interrupted = rows[i].n_interrupted;
                world.kernel.n_dumps = 0;
                assert_err(read_device(), rows[i].error);
                assert_int_equal(world.kernel.n_dumps, rows[i].n_dumps);
                if (rows[i].error == 0) /* nothing of the dumps that were cut short is left */
                        assert_string_equal(world.description, "port=0\n01 psk=f0 keepalive=25 +10.0.0.1/32 "
                                                               "+10.0.0.2/32 +10.0.0.3/32 +10.0.0.4/32\n");
        }
}

static void test_errors(void **state)
{
        WireguardDevice changes = WIREGUARD_DEVICE_NULL;

        world.kernel.has_link = false;
        assert_err(read_device(), -ENODEV);
        assert_err(apply(&changes), -ENODEV);

        world.kernel.has_link = true;
        world.kernel.dump_error = -EMSGSIZE; /* which libnl would not tell */
        assert_err(read_device(), -EMSGSIZE);
        world.kernel.dump_error = 0;

        world.kernel.family = 0;
        assert_err(read_device(), -ENOENT);
        assert_err(apply(&changes), -ENOENT);
        world.kernel.family = 35; /* loaded again: under another id */
        assert_ok(read_device());
        assert_ok(apply(&changes));
}

static void test_faults(void **state)
{
        static const struct {
                Fault fault;
                int error;
        } rows[] = {
                { FAULT_SHORT, -EBADMSG }, { FAULT_STALE, 0 },        { FAULT_RELOAD, -ENOENT },
                { FAULT_NONE, 0 },         { FAULT_CLOSED, -EPROTO },
        };

        world_add_peer(&world.kernel.device, 1, "10.0.0.1");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                world.fault = rows[i].fault;
                assert_err(read_device(), rows[i].error);
        }
}

static void test_deadline(void **state)
{
        world.backend->timeout_usec = 1;
        world.fault = FAULT_SILENT;
        assert_err(read_device(), -ETIMEDOUT);
}

static void test_cancel(void **state)
{
        assert_ok(wireguard_read(world.backend, world_on_unexpected, NULL, &world.call));
        assert_ok(sd_event_run(world.event, UINT64_MAX));
        world.call = wireguard_call_free(world.call);
        for (unsigned i = 0; i < 5; i++)
                assert_ok(sd_event_run(world.event, 0));
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                ROW(test_read),          ROW(test_apply),       ROW(test_apply_long_peer),
                ROW(test_apply_refused), ROW(test_interrupted), ROW(test_errors),
                ROW(test_faults),        ROW(test_deadline),    ROW(test_cancel),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
