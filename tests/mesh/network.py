# SPDX-License-Identifier: MIT
"""A hub and devices as network namespaces of one machine: the hub is a real devbox-mesh on a bus of its own,
with a state folder of its own, the devices are what wg(8) makes. They reach each other over a bridge of the
hub with documentation addresses. WireGuard is the kernel's where it can make the link, else wireguard-go."""

import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time

CLONE_NEWNET = 0x40000000
UAPI = pathlib.Path("/run/wireguard/wg0.sock")
NAME = "org.devbox.Mesh1"
DEADLINE_SEC = 240  # far more than an emulated machine needs
OUTSIDE = "192.0.2.1"  # the hub's, on the bridge
BUS = """<busconfig><listen>unix:path={}</listen><auth>EXTERNAL</auth><policy context="default">
<allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
</policy></busconfig>"""

SILENT = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
ENGINE = {**os.environ, "LOG_LEVEL": "error"}  # of wireguard-go

libc = ctypes.CDLL(None, use_errno=True)


def run(*command, **options):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.returncode}")
    return done.stdout.strip()


def wait_until(condition, what="it"):
    deadline = time.monotonic() + DEADLINE_SEC
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {DEADLINE_SEC} s")
        time.sleep(0.005)
    return result


def kernel_has_wireguard():
    try:
        run("ip", "link", "add", "wg-probe", "type", "wireguard")
    except RuntimeError:
        return False
    run("ip", "link", "delete", "wg-probe")
    return True


class Namespace:
    """For the length of a with block."""

    def __init__(self, name):
        self.name = f"devbox-{name}"
        self.processes = []

    def __enter__(self):
        run("ip", "netns", "add", self.name)
        try:
            self.run("ip", "link", "set", "lo", "up")
            self.set_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
        run("ip", "netns", "delete", self.name)

    @contextlib.contextmanager
    def inside(self):
        """This thread, and the processes that it starts meanwhile, are in the namespace."""
        with open("/proc/thread-self/ns/net") as before, open(f"/run/netns/{self.name}") as namespace:
            if libc.setns(namespace.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                libc.setns(before.fileno(), CLONE_NEWNET)

    def run(self, *command, **options):
        with self.inside():
            return run(*command, **options)

    def start(self, *command, **options):
        with self.inside():
            process = subprocess.Popen([*map(str, command)], **options)
        self.processes.append(process)
        return process


class Hub(Namespace):
    def __init__(self, build, prefix="10.42.0.0/24"):
        super().__init__("hub")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="devbox-mesh."))
        self.state = self.folder / "state"
        self.build, self.prefix, self.daemon, self.kernel = pathlib.Path(build), prefix, None, True
        self.address = prefix.rsplit(".", 1)[0] + ".1"

    def set_up(self):
        self.state.mkdir(mode=0o700)
        (self.folder / "config.yaml").write_text("services: [ssh]\n")
        self.run("ip", "link", "add", "bridge", "type", "bridge")
        self.run("ip", "address", "add", f"{OUTSIDE}/24", "dev", "bridge")
        self.run("ip", "link", "set", "bridge", "up")
        (self.folder / "bus.xml").write_text(BUS.format(self.folder / "bus"))
        self.start("dbus-daemon", "--nofork", f"--config-file={self.folder}/bus.xml", **SILENT)
        wait_until((self.folder / "bus").exists, "the bus")
        if not kernel_has_wireguard():
            self.start_engine()

    def __exit__(self, *_):
        self.stop()
        super().__exit__()
        shutil.rmtree(self.folder)

    # ---- the daemon

    def begin(self):
        """Starts the daemon, and does not wait for it."""
        environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.folder}/bus",
                       "STATE_DIRECTORY": str(self.state), "DEVBOX_CONFIG": f"{self.folder}/config.yaml"}
        program = self.build / "src/mesh/devbox-mesh"
        with open(self.folder / "log", "ab") as log, self.inside():
            self.daemon = subprocess.Popen([program], env=environment, stderr=log)

    def start_daemon(self):
        self.begin()
        wait_until(lambda: self.status_or_none() is not None, "devbox-mesh")

    def stop(self, number=signal.SIGTERM):
        if self.daemon:
            self.daemon.send_signal(number)
            self.daemon.wait()
            self.daemon = None

    def call(self, member, *arguments):
        output = run("busctl", f"--address=unix:path={self.folder}/bus", f"--timeout={DEADLINE_SEC}",
                     "--json=short", "call", NAME, "/org/devbox/Mesh1", NAME, member, *arguments)
        return json.loads(output)["data"][0] if output else None

    def dictionary(self, member, *arguments):
        return {key: value["data"] for key, value in self.call(member, *arguments).items()}

    def status(self):
        return self.dictionary("GetStatus")

    def status_or_none(self):
        with contextlib.suppress(RuntimeError):
            return self.status()

    def revoke(self, name):
        """Microseconds from the call to the read-back."""
        return self.dictionary("Revoke", "s", name)["elapsed_usec"]

    def drift(self):
        return [row["kind"]["data"] for row in self.call("GetDrift")]

    def is_up(self):
        status = self.status_or_none()
        return status and status["state"] == "up"

    def wait_up(self):
        wait_until(self.is_up, "the hub is up")

    def configure(self):
        self.call("ConfigureHub", "a{sv}", 3, "network", "s", "home", "prefix", "s", self.prefix,
                  "endpoints", "as", 1, OUTSIDE)

    def database(self):
        return sqlite3.connect(self.state / "mesh.db", isolation_level=None)

    # ---- WireGuard

    def start_engine(self):
        """wireguard-go with a socket that exists before it, as systemd has it."""
        self.kernel = False
        UAPI.parent.mkdir(exist_ok=True)
        UAPI.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(UAPI))
            listener.listen(64)
            os.set_inheritable(listener.fileno(), True)
            self.engine = self.start(
                "wireguard-go", "--foreground", "wg0", pass_fds=[listener.fileno()], **SILENT,
                env={**ENGINE, "WG_UAPI_FD": str(listener.fileno())})

    def renew(self):
        """Without the link, while the daemon is stopped."""
        if self.kernel:
            self.run("ip", "link", "delete", "wg0")
            return
        self.engine.kill()
        self.engine.wait()
        self.start_engine()

    def wg(self, *arguments, **options):
        return self.run("wg", *arguments, **options)

    def public_key(self):
        return self.wg("show", "wg0", "public-key")

    def keys(self):
        """Public keys of the peers that WireGuard has now; none without the link."""
        with contextlib.suppress(RuntimeError):
            return set(self.wg("show", "wg0", "peers").split())
        return set()

    # ---- devices

    def fill(self, number):
        """Makes it the hub of a network with so many devices, which start_daemon() loads. A row for each:
        name, address, private and preshared key."""
        self.start_daemon()
        self.configure()
        self.wait_up()
        self.stop()
        rows = run(self.build / "tests/mesh/mesh-fill", self.state, number).splitlines()
        return [row.split() for row in rows]


class Device(Namespace):
    """The n-th device of the hub, by its row of Hub.fill()."""

    def __init__(self, hub, row, number):
        self.device, self.address, self.private_key, self.preshared_key = row
        super().__init__(self.device)
        self.hub, self.link, self.number = hub, f"wg{number}", number
        self.public_key = run("wg", "pubkey", input=self.private_key)

    def set_up(self):
        port = f"port{self.number}"
        run("ip", "link", "add", port, "netns", self.hub.name, "type", "veth", "peer", "out", "netns",
            self.name)
        self.hub.run("ip", "link", "set", port, "master", "bridge", "up")
        self.run("ip", "address", "add", f"192.0.2.{self.number + 1}/24", "dev", "out")
        self.run("ip", "link", "set", "out", "up")

    def make_link(self):
        if self.hub.kernel:
            self.run("ip", "link", "add", self.link, "type", "wireguard")
        else:
            path = UAPI.with_name(f"{self.link}.sock")
            path.unlink(missing_ok=True)
            self.start("wireguard-go", "--foreground", self.link, **SILENT, env=ENGINE)
            wait_until(path.exists, self.link)

    def join(self):
        """Makes the tunnel. Which addresses it sends from is the hub's to judge."""
        self.make_link()
        private_key, preshared_key = self.hub.folder / "private", self.hub.folder / "preshared"
        private_key.write_text(self.private_key)
        preshared_key.write_text(self.preshared_key)
        self.run("wg", "set", self.link, "private-key", private_key, "peer", self.hub.public_key(),
                 "preshared-key", preshared_key, "endpoint", f"{OUTSIDE}:51820", "allowed-ips", "0.0.0.0/0",
                 "persistent-keepalive", 25)
        length = self.hub.prefix.split("/")[1]
        self.run("ip", "address", "add", f"{self.address}/{length}", "dev", self.link)
        self.run("ip", "link", "set", self.link, "mtu", 1420, "up")

    def ping(self, count=1, timeout=5):
        """Whether the hub answered each of them."""
        command = ["ping", "-q", "-c", str(count), "-i", "0.1", "-W", str(timeout), self.hub.address]
        with self.inside():
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
