# SPDX-License-Identifier: MIT
"""Clients that make devbox-api hold memory and never read, under MemoryMax= of its unit: the kernel's own
accounting decides. The attackers' memory is charged to this program, not to the service."""

import contextlib
import pathlib
import re
import resource
import socket
import subprocess
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
DAEMONS = ["src/api/devbox-api"]
UNIT = "devbox-memory.service"
LIMIT = re.search(r"^MemoryMax=(\w+)$", (TOP / "units/devbox-api.service").read_text(), re.MULTILINE)[1]
CONFIG = "/run/devbox-memory.yaml"
PORT = ("127.0.0.1", 8080)
SOCKET = "/run/devbox-memory.sock"

ASK = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
ASK_LAST = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def unit_property(name):
    show = ["systemctl", "show", "--value", "--property", name, UNIT]
    return subprocess.run(show, check=True, capture_output=True, text=True).stdout.strip()


def connect(address, receive_bytes):
    client = socket.socket(socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.settimeout(60)
    client.connect(address)
    client.setblocking(False)
    return client


def push(clients, data):
    """What the kernel takes of it."""
    for client in clients:
        try:
            client.send(data)
        except (BlockingIOError, ConnectionError):
            pass


def health(address):
    client = connect(address, 65536)
    client.settimeout(300)
    client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    text = b""
    while piece := client.recv(4096):
        text += piece
    return text


class Memory(unittest.TestCase):
    def setUp(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
        pathlib.Path(CONFIG).write_text("services: [ssh]\napi: { max_connections: 4096 }\n")
        build = TOP / "build-vm"
        command = ["systemd-run", "--quiet", f"--unit={UNIT}", "--service-type=notify"]
        command += ["--property=LimitNOFILE=8192", f"--property=MemoryMax={LIMIT}"]
        command += [f"--setenv=DEVBOX_CONFIG={CONFIG}", build / DAEMONS[0]]
        command += ["--listen", ":".join(map(str, PORT)), "--listen", SOCKET]
        subprocess.run(command, check=True)
        self.cgroup = pathlib.Path("/sys/fs/cgroup" + unit_property("ControlGroup"))
        self.pid = unit_property("MainPID")
        self.clients = []

    def tearDown(self):
        for client in self.clients:
            client.close()
        subprocess.run(["systemctl", "stop", UNIT], check=False)
        subprocess.run(["systemctl", "reset-failed", UNIT], check=False, stderr=subprocess.DEVNULL)

    def attack(self, address, count, receive_bytes=4096):
        added = []
        for _ in range(count):
            try:
                added.append(connect(address, receive_bytes))
            except OSError:  # the backlog is full
                break
        self.clients += added
        return added

    def settle(self):
        """Until the service's memory grows no more."""
        before, now = -1, 0
        while now > before:
            push(self.clients, ASK * 50)
            time.sleep(2)
            self.assertEqual(unit_property("Result"), "success")  # otherwise oom-kill
            before, now = now, int((self.cgroup / "memory.current").read_text()) >> 20

    def assert_survived(self):
        self.settle()
        peak = int((self.cgroup / "memory.peak").read_text())
        print(f"# {self.id()}: {len(self.clients)} clients, peak {peak >> 20} MiB of {LIMIT}", flush=True)
        events = dict(line.split() for line in (self.cgroup / "memory.events").read_text().splitlines())
        self.assertEqual(events["oom_kill"], "0")
        self.assertIn(b"200 OK", health(PORT))
        self.assertEqual(unit_property("MainPID"), self.pid)

    def test_pipelined(self):
        push(self.attack(PORT, 150), ASK * 220)
        self.assert_survived()

    def test_large_windows(self):
        push(self.attack(PORT, 100, 2 * 1024 * 1024), ASK * 400)
        self.assert_survived()

    def test_many_pipelined(self):
        push(self.attack(PORT, 700), ASK * 20)
        self.assert_survived()

    def test_half_closed(self):
        for _ in range(6):
            clients = self.attack(PORT, 150)
            push(clients, ASK * 220)
            for client in clients:
                with contextlib.suppress(OSError):  # it may have been reset
                    client.shutdown(socket.SHUT_WR)
            time.sleep(1)
        self.assert_survived()

    def test_last_response_unread(self):
        for _ in range(3):
            push(self.attack(PORT, 200), ASK_LAST)
            time.sleep(1)
        self.assert_survived()

    def test_unix_socket(self):
        for _ in range(6):
            push(self.attack(SOCKET, 200), ASK * 20 + ASK_LAST)
            time.sleep(1)
        self.assert_survived()  # and over TCP it responds: on the Unix socket, root has used up its share
