/* SPDX-License-Identifier: MIT */
/* devboxctl doctor: each finding, with its cure. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "hub-world.h"
#include "netlink/link.h"
#include "netlink/namespace.h"

#define CONTROLLERS "/sys/fs/cgroup/cgroup.controllers"
#define CEILING     "/srv/ceiling.yaml"
#define IS_HUB      "FAKE_ROLE=hub"
#define IS_DEVICE   "FAKE_ROLE=device"

/* ---- this machine */

/* As it should be: all rows begin with that. */
static void set_mtu(uint32_t mtu)
{
        Link link;

        assert_ok(link_read("wg0", &link));
        assert_ok(link_set_mtu(link.index, mtu));
}

static void make_machine(void)
{
        set_mtu(1420);
        write_file(CONTROLLERS, "cpuset cpu io memory pids\n");
        write_file(CEILING, "v: 1\ncapabilities: [fs.read]\nread: [/srv]\n");
}

static void change_mtu(void)
{
        set_mtu(1280);
}

static void take_address(void)
{
        assert_true(namespace_add_tun("lan0", "10.42.0.77/24") >= 0);
}

static void free_address(void)
{
        Link link;

        assert_ok(link_read("lan0", &link));
        assert_ok(link_delete(link.index));
}

static void name_what_is_missing(void)
{
        write_file(CEILING, "v: 1\ncapabilities: [fs.read, fs.write]\nread: [/srv]\nwrite: [/srv/gone]\n");
}

static void break_ceiling(void)
{
        write_file(CEILING, "v: 1\nread: [relative]\n");
}

static void remove_ceiling(void)
{
        assert_ok(unlink(CEILING));
}

static void lose_controller(void)
{
        write_file(CONTROLLERS, "cpuset cpu io pids\n");
}

static const char *config;

static void distrust_clock(void)
{
        write_file(config, "ledger:\n  trust_clock: false\n");
}

static void trust_clock(void)
{
        write_file(config, "ledger:\n  trust_clock: true\n");
}

/* ---- the hub, at its address in the tunnel */

static struct {
        int fd;
        pthread_t thread;
} answering;

static void *answer(void *userdata)
{
        static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        char request[1024];
        int fd;

        while ((fd = accept4(answering.fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
                if (read(fd, request, sizeof request) > 0)
                        (void) !write(fd, response, sizeof response - 1);
                (void) close(fd);
        }
        return NULL;
}

static void answer_as_hub(void)
{
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(8080) };
        int one = 1;

        assert_int_equal(inet_pton(AF_INET, "10.42.0.1", &at.sin_addr), 1);
        answering.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(setsockopt(answering.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
        assert_int_equal(bind(answering.fd, (const struct sockaddr *) &at, sizeof at), 0);
        assert_int_equal(listen(answering.fd, 8), 0);
        assert_int_equal(pthread_create(&answering.thread, NULL, answer, NULL), 0);
}

static void hang_up(void)
{
        assert_int_equal(shutdown(answering.fd, SHUT_RDWR), 0);
        assert_int_equal(pthread_join(answering.thread, NULL), 0);
        assert_int_equal(close(answering.fd), 0);
}

/* ---- findings */

typedef struct FindingCase {
        const char *role, *fact; /* variables of the fake hub */
        void (*change)(void), (*undo)(void);
        const char *wanted;
} FindingCase;

static const FindingCase rows[] = {
        { NULL, NULL, NULL, NULL,
          "note mesh this machine is in no network; devboxctl enroll, or for a hub: devboxctl hub init\n" },
        { IS_HUB, NULL, NULL, NULL, "ok mesh hub of home is up\n" },
        { IS_DEVICE, NULL, NULL, NULL, "ok mesh device of home is up\n" },
        { IS_HUB, "FAKE_STATE=down", NULL, NULL,
          "bad mesh down: the UDP port; journalctl -u devbox-mesh\n" },
        { IS_HUB, NULL, NULL, NULL,
          "bad services devbox-hub.target is inactive; systemctl enable --now devbox-hub.target\n" },
        { IS_DEVICE, NULL, NULL, NULL,
          "bad services devbox-device.target is inactive; systemctl enable --now devbox-device.target\n" },
        { IS_HUB, NULL, NULL, NULL, "ok clock clock synchronised\n" },
        { IS_HUB, "FAKE_UNSYNCHRONISED=yes", distrust_clock, trust_clock,
          "bad clock the clock is not synchronised; timedatectl set-ntp true, or chronyc tracking " },
        { IS_HUB, "FAKE_UNSYNCHRONISED=yes", NULL, NULL,
          "note clock the clock is not synchronised, and trusted: ledger.trust_clock\n" },
        { IS_HUB, NULL, NULL, NULL,
          "note udp no device has reached port 51820 yet; open UDP 51820 at your provider; then: devboxctl "
          "invite NAME\n" },
        { IS_DEVICE, NULL, NULL, NULL,
          "bad udp the hub has never answered: packets leave, none return; closed at the hub's provider, "
          "another address now, blocked here, or this device was revoked: on the hub run devboxctl "
          "doctor, " },
        { IS_DEVICE, "FAKE_HANDSHAKE=7300", NULL, NULL,
          "bad udp the hub does not answer, the last handshake was 2 h 1 min ago; closed at the hub's " },
        /* WireGuard calls it online for 180 s after the network is gone. */
        { IS_DEVICE, "FAKE_HANDSHAKE=100", NULL, NULL,
          "bad udp the hub does not answer, the last handshake was " },
        { IS_DEVICE, "FAKE_HANDSHAKE=100", answer_as_hub, hang_up, "ok udp the hub answers in " },
        { IS_DEVICE, "FAKE_HANDSHAKE=7200", answer_as_hub, hang_up, "ok udp the hub answers in " },
        { IS_DEVICE, "FAKE_HANDSHAKE=-3600", NULL, NULL,
          "bad udp the clock was set back since the last handshake; WireGuard waits until it has caught up, "
          "see devbox-mesh(8); or: devboxctl leave, and enroll with a new invitation\n" },
        { IS_HUB, NULL, NULL, NULL, "ok wireguard kernel\n" },
        { IS_HUB, "FAKE_BACKEND=userspace", NULL, NULL,
          "note wireguard the kernel has no WireGuard: wireguard-go is used, slower; modprobe wireguard, " },
        { IS_HUB, NULL, NULL, NULL, "ok mtu 1420\n" },
        { IS_HUB, NULL, change_mtu, NULL,
          "bad mtu 1280; something else sets it, 1420 is right; see: devboxctl drift\n" },
        { IS_HUB, NULL, NULL, NULL, "ok addresses no other network here is 10.42.0.0/24\n" },
        { IS_HUB, NULL, take_address, free_address,
          "bad addresses lan0 has an address in 10.42.0.0/24, too; give that network other addresses; " },
        { IS_DEVICE, NULL, NULL, NULL, "ok roots all that the ceiling names is there\n" },
        { IS_DEVICE, NULL, name_what_is_missing, NULL,
          "bad roots /srv/gone, which the ceiling names, cannot be reached: No such file or directory; make "
          "it, or remove it from " CEILING "\n" },
        { IS_DEVICE, NULL, break_ceiling, NULL,
          "bad roots " CEILING
          ":2: read[0] must be an absolute path without '.', '..', '//' and a slash at its end; "
          "correct it, then: devboxctl device reload\n" },
        { IS_DEVICE, NULL, remove_ceiling, NULL, "ok roots there is no ceiling: nothing is allowed\n" },
        { IS_DEVICE, NULL, NULL, NULL, "ok controllers cpu, memory, pids\n" },
        { IS_DEVICE, NULL, lose_controller, NULL,
          "bad controllers the cgroup controller memory is missing; boot with " },
};

static void restart_hub(HubWorld *world, const FindingCase *row)
{
        const char *const environment[] = { row->role, row->fact, NULL };

        test_daemon_free(world->hub);
        test_bus_wait_owner(world->ledger->bus, HUB, false);
        world->hub = test_daemon_start_full(
                world->ledger->bus,
                &(TestDaemonOptions){ .program = HUB_PROGRAM, .name = HUB, .environment = environment });
}

/* The status is that of the worst: bad, of which each has a cure. */
static void assert_cures(const HubWorld *world, bool bad)
{
        _cleanup_(run_done) Run json = run_words(world, "--json", "doctor");

        assert_null(strstr(json.output, "\"state\":\"bad\",\"text\":\"\""));
        for (const char *at = json.output; (at = strstr(at, "\"state\":\"bad\"")); at++) {
                const char *end = strchr(at, '}'), *cure = strstr(at, "\"cure\":");

                if (!end || !cure || cure > end || startswith(cure, "\"cure\":null"))
                        fail_msg("no cure: %.*s", (int) strcspn(at, "}"), at);
        }
        assert_int_equal(json.status == 1, bad);
}

static void test_findings(void **state)
{
        HubWorld *world = *state;

        config = world->ledger->bus->config_path;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                make_machine();
                restart_hub(world, &rows[i]);
                if (rows[i].change)
                        rows[i].change();
                _cleanup_(run_done) Run run = run_words(world, "doctor");
                assert_has(run.output, rows[i].wanted);
                assert_int_equal(run.status, strstr(run.output, "bad ") ? 1 : 0);
                assert_cures(world, run.status == 1);
                if (rows[i].undo)
                        rows[i].undo();
        }
}

/* The link of the mesh, an empty /srv, and control groups of its own. */
static bool make_world(void)
{
        if (!namespace_enter() || unshare(CLONE_NEWNS) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", "/srv", "tmpfs", 0, NULL) < 0 ||
            mount("tmpfs", "/sys/fs/cgroup", "tmpfs", 0, NULL) < 0)
                return false;

        return setenv("DEVBOX_CEILING", CEILING, 1) == 0 && namespace_add_tun("wg0", "10.42.0.1/24") >= 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = { hub_test_empty(test_findings) };

        return make_world() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
