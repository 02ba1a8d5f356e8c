/* SPDX-License-Identifier: MIT */
/* Calls to a wireguard-go that is played here, on the same loop, well and badly. */
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/text.h"
#include "netlink/wireguard-backend.h"
#include "test.h"
#include "world.h"

#define KEY "0111111111111111111111111111111111111111111111111111111111111111"

typedef enum Manner {
        MANNER_WHOLE, /* the reply when the request has ended */
        MANNER_BYTES, /* so, byte by byte */
        MANNER_EARLY, /* the reply after the first bytes of the request */
        MANNER_STALL, /* none; the connection stays */
        MANNER_CLOSE, /* the connection is closed immediately */
        MANNER_DEAF,  /* nothing is read; the connection stays */
} Manner;

static struct World {
        char folder[32], path[64];
        sd_event *event;
        WireguardBackend *backend;
        int listen_fd, fd;
        sd_event_source *listen_source, *source;
        Manner manner;
        const char *reply;
        Text request;
        unsigned n_connections;

        WireguardCall *call;
        char *description; /* of what was read last */
} world;

static void hang_up(void)
{
        world.source = sd_event_source_disable_unref(world.source);
        world.fd = fd_close(world.fd);
}

static void send_reply(void)
{
        size_t size = strlen(world.reply), step = world.manner == MANNER_BYTES ? 1 : size;

        for (size_t i = 0; i < size; i += step)
                assert_int_equal(send(world.fd, world.reply + i, step, MSG_NOSIGNAL), step);
}

static int on_request(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        char bytes[4096];
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);

        if (n <= 0) {
                hang_up();
                return 0;
        }
        text_append_bytes(&world.request, bytes, (size_t) n);
        if (world.manner == MANNER_STALL)
                return 0;
        if (world.manner == MANNER_EARLY ||
            (world.request.size > 2 && endswith(world.request.data, "\n\n"))) {
                send_reply();
                hang_up();
        }
        return 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        hang_up();
        world.n_connections++;
        text_reset(&world.request);
        world.fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        assert_true(world.fd >= 0);
        if (world.manner == MANNER_CLOSE)
                world.fd = fd_close(world.fd);
        else if (world.manner != MANNER_DEAF)
                assert_ok(sd_event_add_io(world.event, &world.source, world.fd, EPOLLIN, on_request, NULL));
        return 0;
}

static int setup(void **state)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        world = (struct World){ .folder = "/tmp/devbox-uapi-XXXXXX", .fd = -EBADF };
        assert_non_null(mkdtemp(world.folder));
        (void) snprintf(world.path, sizeof world.path, "%s/wg0.sock", world.folder);
        memcpy(address.sun_path, world.path, strlen(world.path));

        assert_ok(sd_event_new(&world.event));
        world.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(world.listen_fd, (struct sockaddr *) &address, sizeof address), 0);
        assert_int_equal(listen(world.listen_fd, 8), 0);
        assert_ok(sd_event_add_io(world.event, &world.listen_source, world.listen_fd, EPOLLIN, on_connection,
                                  NULL));
        assert_ok(wireguard_backend_new_uapi(world.event, world.path, 30 * USEC_PER_SEC, &world.backend));
        return 0;
}

static int teardown(void **state)
{
        world.call = wireguard_call_free(world.call);
        world.backend = wireguard_backend_free(world.backend);
        hang_up();
        sd_event_source_disable_unref(world.listen_source);
        (void) fd_close(world.listen_fd);
        sd_event_unref(world.event);
        (void) unlink(world.path);
        (void) rmdir(world.folder);
        text_done(&world.request);
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

static int apply_peers(unsigned n_peers)
{
        WireguardDevice changes = WIREGUARD_DEVICE_NULL;

        for (unsigned i = 0; i < n_peers; i++)
                world_add_peer(&changes, (uint8_t) i, "");
        return world_apply(world.event, world.backend, &changes);
}

static void test_read(void **state)
{
        static const struct {
                Manner manner;
                const char *reply;
                int error;
        } rows[] = {
                { MANNER_WHOLE, "listen_port=9\npublic_key=" KEY "\nerrno=0\n\n", 0 },
                { MANNER_BYTES, "listen_port=9\npublic_key=" KEY "\nerrno=0\n\n", 0 },
                { MANNER_WHOLE, "errno=-5\n\n", -EIO },
                { MANNER_WHOLE, "listen_port=9\npublic_key=" KEY "\n", -ECONNRESET },
                { MANNER_WHOLE, "errno=0\n", -ECONNRESET },
                { MANNER_WHOLE, "listen_port=99999\nerrno=0\n\n", -EBADMSG },
                { MANNER_WHOLE, "errno=0\n\nerrno=0\n\n", -EBADMSG },
                { MANNER_WHOLE, "public_key=" KEY "\npublic_key=" KEY "\nerrno=0\n\n", -EPROTO },
                { MANNER_CLOSE, "", -ECONNRESET },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                world.manner = rows[i].manner;
                world.reply = rows[i].reply;
                assert_err(read_device(), rows[i].error);
                if (rows[i].error == 0) {
                        assert_string_equal(world.description, "port=9\n01 psk=00 keepalive=0\n");
                        assert_string_equal(world.request.data, "get=1\n\n");
                }
                assert_int_equal(world.n_connections, i + 1); /* one each */
        }
}

static void test_apply(void **state)
{
        static const struct {
                Manner manner;
                unsigned n_peers;
                const char *reply;
                int error;
        } rows[] = {
                { MANNER_WHOLE, 0, "errno=0\n\n", 0 },
                { MANNER_WHOLE, 1, "errno=0\n\n", 0 },
                { MANNER_WHOLE, 200, "errno=0\n\n", 0 }, /* more than one buffer */
                { MANNER_WHOLE, 1, "errno=-22\n\n", -EINVAL },
                { MANNER_WHOLE, 1, "listen_port=9\nerrno=0\n\n", -EBADMSG },
                { MANNER_EARLY, 65536, "errno=-22\n\n", -EINVAL }, /* in the middle of the request */
                { MANNER_EARLY, 65536, "errno=0\n\n", -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                world.manner = rows[i].manner;
                world.reply = rows[i].reply;
                assert_err(apply_peers(rows[i].n_peers), rows[i].error);
        }
}

static void test_deadline(void **state)
{
        static const struct {
                Manner manner;
                unsigned n_peers;
        } rows[] = { { MANNER_STALL, 1 }, { MANNER_DEAF, 65536 } };

        wireguard_backend_free(world.backend);
        assert_ok(wireguard_backend_new_uapi(world.event, world.path, 1, &world.backend));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                world.manner = rows[i].manner;
                assert_err(apply_peers(rows[i].n_peers), -ETIMEDOUT);
        }
}

static void test_not_there(void **state)
{
        world.listen_source = sd_event_source_disable_unref(world.listen_source);
        world.listen_fd = fd_close(world.listen_fd);
        assert_err(read_device(), -ECONNREFUSED);
        assert_err(apply_peers(1), -ECONNREFUSED);
        assert_int_equal(unlink(world.path), 0);
        assert_err(read_device(), -ENOENT);
        assert_err(apply_peers(1), -ENOENT);
}

static void test_cancel(void **state)
{
        world.manner = MANNER_STALL;
        assert_ok(wireguard_read(world.backend, world_on_unexpected, NULL, &world.call));
        for (unsigned i = 0; i < 5; i++)
                assert_ok(sd_event_run(world.event, 0));
        assert_string_equal(world.request.data, "get=1\n\n");
        world.call = wireguard_call_free(world.call);
        for (unsigned i = 0; i < 5; i++)
                assert_ok(sd_event_run(world.event, 0));
        assert_int_equal(world.fd, -EBADF); /* the connection is closed */
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                ROW(test_read), ROW(test_apply), ROW(test_deadline), ROW(test_not_there), ROW(test_cancel),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
