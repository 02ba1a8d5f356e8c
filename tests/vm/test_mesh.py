# SPDX-License-Identifier: MIT
"""The real devbox-mesh with the kernel's WireGuard: a hub and devices as network namespaces. Where the
kernel has none it is wireguard-go, and what is about the kernel is skipped."""

import errno
import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import sys
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(TOP / "tests/mesh"), str(TOP / "tests/bench")]

import mesh as bench  # noqa: E402
import network  # noqa: E402
from network import Device, Hub, wait_until  # noqa: E402

DAEMONS = ["src/mesh/devbox-mesh", "src/api/devbox-api", "tests/mesh/mesh-fill"]
BUILD = pathlib.Path(os.environ.get("DEVBOX_BUILD", TOP / "build-vm"))
PORT = 8080  # http.port
SCANNED = (22, 53, 80, 443, 8081, 51820, 51821, 51822, 65535)  # the hub listens there, on all addresses
BOOTSTRAP = "169.254.42.1"  # the hub's, for machines that want to join
ELSEWHERE = "198.51.100.1"  # the hub's in another network
BATCH = 512  # ports that are tried at the same time
STRANGER = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="


def note(text):
    print(f"# mesh: {text}", flush=True)


def answers(ping):
    """The numbers and times of what is answered, until it ends."""
    for line in ping.stdout:
        if match := re.match(r"\[([\d.]+)\] .* icmp_seq=(\d+) ttl", line):
            yield int(match[2]), float(match[1])


class Mesh(unittest.TestCase):
    def setUp(self):
        self.hub = self.enterContext(Hub(BUILD))
        rows = self.hub.fill(3)
        self.hub.start_daemon()
        self.hub.wait_up()
        self.devices = []
        for number, row in enumerate(rows[:2], 1):
            device = self.enterContext(Device(self.hub, row, number))
            self.devices.append(device)
            device.join()
            wait_until(device.ping, device.device)
        self.keys = {device.public_key for device in self.devices}

    def wait_repaired(self):
        wait_until(lambda: len(self.hub.keys()) == 3 and self.hub.is_up(), "repaired")
        wait_until(self.devices[1].ping, "a ping")

    # ---- the kernel

    def test_kernel_is_chosen(self):
        if not self.hub.kernel:
            self.skipTest("no WireGuard in this kernel")
        self.assertEqual(self.hub.status()["backend"], "kernel")
        wait_until(lambda: self.hub.status()["online"] == 2, "both devices are seen")

    def test_module_is_reloaded(self):
        if not self.hub.kernel:
            self.skipTest("no WireGuard in this kernel")
        network.run("rmmod", "wireguard")
        network.run("modprobe", "wireguard")
        wait_until(self.hub.keys, "the link of the hub")
        self.devices[1].join()
        self.wait_repaired()
        self.assertIn("link-missing", self.hub.drift())

    def test_link_is_deleted(self):
        if not self.hub.kernel:
            self.skipTest("wireguard-go ends with its link")
        self.hub.run("ip", "link", "delete", "wg0")
        self.wait_repaired()
        self.assertIn("link-missing", self.hub.drift())
        self.assertNotIn("peer-missing", self.hub.drift())

    # ---- clocks

    def handshakes(self):
        return [line.split()[1] for line in self.hub.wg("show", "wg0", "latest-handshakes").splitlines()]

    def assert_undisturbed(self):
        time.sleep(2)  # two polls
        self.assertEqual(self.hub.status()["online"], 2)
        self.assertEqual(self.hub.drift(), [])

    def test_clock_steps(self):
        """By an hour, ahead and back, while packets flow: none is lost, and no device seems gone."""
        wait_until(lambda: self.hub.status()["online"] == 2, "both devices are seen")
        kept = self.devices[0].start("ping", "-q", "-c", "100", "-i", "0.1", "-W", "30",
                                     self.hub.address, stdout=subprocess.PIPE, text=True)
        for seconds in (3600, -7200, 3600):
            time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)
            self.assert_undisturbed()
        self.assertIn(" 0% packet loss", kept.communicate()[0])

    def test_suspend_and_resume(self):
        """The kernel forgets the keys of all sessions then."""
        if not (self.hub.kernel and "mem" in pathlib.Path("/sys/power/state").read_text()):
            self.skipTest("no suspend here")
        before = set(self.handshakes())
        slept = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
        network.run("rtcwake", "-m", "mem", "-s", "3")
        slept = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic() - slept
        for device in self.devices:
            wait_until(device.ping, f"a ping of {device.device}")
        self.assertGreater(slept, 1)
        self.assertFalse(before & set(self.handshakes()) - {"0"})
        self.assert_undisturbed()
        note(f"slept {slept:.1f} s")

    # ---- drift

    def test_drift_is_repaired(self):
        rows = {
            "peer-missing": ["wg", "set", "wg0", "peer", self.devices[0].public_key, "remove"],
            "peer-extra": ["wg", "set", "wg0", "peer", STRANGER, "allowed-ips", "10.42.0.99/32"],
            "mtu": ["ip", "link", "set", "wg0", "mtu", "1280"],
            "address": ["ip", "address", "add", "10.99.0.1/24", "dev", "wg0"],
            "link-down": ["ip", "link", "set", "wg0", "down"],
            "firewall": ["nft", "delete", "table", "inet", "devbox"],
        }
        for kind, command in rows.items():
            with self.subTest(kind):
                self.hub.run(*command)
                began = time.monotonic()
                wait_until(lambda: kind in self.hub.drift(), kind)
                note(f"drift {kind}: found after {time.monotonic() - began:.1f} s")
                self.wait_repaired()

    def test_roaming_is_no_drift(self):
        """As behind a NAT that gives it another port."""
        device = self.devices[0]
        before = self.hub.dictionary("GetPeer", "s", device.device)["endpoint"]
        device.run("wg", "set", device.link, "listen-port", "40404")
        self.assertTrue(device.ping(5))
        wait_until(lambda: self.hub.dictionary("GetPeer", "s", device.device)["endpoint"] != before)
        self.assertIn(":40404", self.hub.wg("show", "wg0", "endpoints"))
        time.sleep(2)  # two polls
        self.assertEqual(self.hub.drift(), [])
        self.assertIn(":40404", self.hub.wg("show", "wg0", "endpoints"))

    # ---- revocations

    def test_revocation_cuts_one(self):
        revoked, other = self.devices
        pings = [each.start("ping", "-D", "-n", "-i", "0.1", self.hub.address, stdout=subprocess.PIPE,
                            text=True) for each in (other, revoked)]
        kept, lost = map(answers, pings)
        seen, replies = [next(kept)], [next(lost)]
        began = time.time()
        elapsed_usec = self.hub.revoke(revoked.device)
        self.assertNotIn(revoked.public_key, self.hub.keys())
        self.assertFalse(revoked.ping(2, timeout=1))

        ended = time.time()
        while seen[-1][1] < ended:
            seen.append(next(kept))
        pings[1].send_signal(signal.SIGINT)
        replies += lost
        self.assertEqual([number for number, _ in seen], list(range(1, len(seen) + 1)))
        self.assertLess(replies[-1][0], seen[-1][0])
        note(f"revoked and read back in {elapsed_usec / 1000:.1f} ms; its last packet after "
             f"{(replies[-1][1] - began) * 1000:.0f} ms of the call")

    def test_journal_is_applied_first(self):
        """Killed before the database has it, started without a link: the key never appears."""
        revoked = self.devices[0]
        lock = self.hub.database()
        lock.execute("BEGIN IMMEDIATE")
        self.hub.revoke(revoked.device)
        self.hub.stop(signal.SIGKILL)
        lock.execute("ROLLBACK")
        lock.close()
        self.hub.renew()

        seen, began = set(), time.monotonic()
        self.hub.begin()
        while len(seen) < 2:
            seen |= self.hub.keys()
            self.assertLess(time.monotonic() - began, network.DEADLINE_SEC)
        self.hub.wait_up()
        self.assertNotIn(revoked.public_key, seen | self.hub.keys())
        self.assertEqual(len(self.hub.keys()), 2)
        self.assertFalse(revoked.ping(2, timeout=1))

    # ---- what a device reaches

    def listen(self):
        """All these ports of the hub, TCP and UDP, and devbox-api on its own."""
        sockets = []
        with self.hub.inside():
            for port in (*SCANNED, PORT):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    if (port, kind) in ((51820, socket.SOCK_DGRAM), (PORT, socket.SOCK_DGRAM)):
                        continue
                    each = socket.socket(socket.AF_INET, kind)
                    each.bind((self.hub.address if port == PORT else "0.0.0.0", port))
                    if kind == socket.SOCK_STREAM:
                        each.listen(64)
                    each.setblocking(False)
                    self.addCleanup(each.close)
                    sockets.append(each)
        api = sockets.pop()
        self.hub.start("bash", "-c", f"LISTEN_PID=$$ exec {BUILD}/src/api/devbox-api 3<&{api.fileno()}",
                       pass_fds=[api.fileno()], stderr=subprocess.DEVNULL,
                       env={**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "mesh=10.42.0.0/24",
                            "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.hub.folder}/bus",
                            "DEVBOX_CONFIG": f"{self.hub.folder}/config.yaml"})
        return [each for each in sockets if each.type == socket.SOCK_DGRAM]

    def scan(self, device, address, ports):
        """The ports that accept a connection, and those that refuse one, before a later ping is answered."""
        poller, pending, found = select.epoll(), {}, {0: set(), errno.ECONNREFUSED: set()}
        with device.inside():
            for port in ports:
                each = socket.socket()
                each.setblocking(False)
                self.assertEqual(each.connect_ex((address, port)), errno.EINPROGRESS)
                pending[each.fileno()] = (port, each)
                poller.register(each, select.EPOLLOUT)
        self.assertTrue(device.ping(3))
        for fd, _ in poller.poll(0):
            port, each = pending[fd]
            found.setdefault(each.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), set()).add(port)
        for _, each in pending.values():
            each.close()
        return found[0], found[errno.ECONNREFUSED]

    def status_of(self, device, path):
        url = f"http://{self.hub.address}:{PORT}{path}"
        return device.run("curl", "-s", "-m", "60", "-o", "/dev/null", "-w", "%{http_code}", url)

    def test_a_device_reaches_only_health(self):
        """Of all ports; emulated, of the first thousand and those where the hub listens."""
        device, other = self.devices
        datagrams = self.listen()
        tried = [*range(1, 1025), *SCANNED, PORT] if self.hub.kernel else range(1, 65536)
        open_ports, refused = set(), set()
        for first in range(0, len(tried), BATCH):
            accepted, rejected = self.scan(device, self.hub.address, tried[first:first + BATCH])
            open_ports |= accepted
            refused |= rejected
        self.assertEqual((open_ports, refused), ({PORT}, set()))

        with device.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for port in SCANNED:
                sender.sendto(b"x", (self.hub.address, port))
        self.assertTrue(device.ping())  # whatever was sent before it has arrived
        for each in datagrams:
            self.assertRaises(BlockingIOError, each.recv, 1)

        self.hub.run("ip", "address", "add", f"{ELSEWHERE}/32", "dev", "lo")
        for address in (ELSEWHERE, BOOTSTRAP):
            device.run("ip", "route", "add", address, "dev", device.link)
        with other.inside(), socket.create_server((other.address, SCANNED[0])):
            for address in (other.address, ELSEWHERE, BOOTSTRAP):
                self.assertEqual(self.scan(device, address, SCANNED), (set(), set()), address)

        wait_until(lambda: self.status_of(device, "/health") == "200", "/health")
        for path in ("/", "/system", "/services", "/metrics", "/mesh", "/openapi.json", "/enroll"):
            self.assertEqual(self.status_of(device, path), "404", path)


class Figures(unittest.TestCase):
    def test_figures(self):
        """Those of scripts/bench with the kernel's WireGuard: printed, not judged. Emulated, thousands of
        peers would take most of the ring's time."""
        bench.figures(lambda **row: note(json.dumps(row)), BUILD, (bench.FEW, bench.ALL), 5)
