# SPDX-License-Identifier: MIT
"""Three booted machines on a bridge of their own: a hub and two devices, each with its own systemd, as
people install them. Nothing here but the installer and devboxctl changes what devbox does."""

import concurrent.futures
import contextlib
import json
import pathlib
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "system"), str(TESTS / "worker")]

from machine import TOP, Machine  # noqa: E402
from world import Failure  # noqa: E402

from terminal import Terminal  # noqa: E402

MACHINES = {"bookworm": "", "trixie": "trixie-"}  # the beginning of their names: both may run at a time
HUB_NAME = "hub.example.net"  # what devices call it, in their /etc/hosts
UNDERLAY = {"hub": "198.51.100.1", "home-wsl": "198.51.100.10", "pc-aurgi": "198.51.100.11"}
REMOTE = ["-H", f"root@{HUB_NAME}"]  # of devboxctl, on pc-aurgi: see Network.login()
HUB, FIRST, SECOND = "10.42.0.1", "10.42.0.10", "10.42.0.11"
PASSPHRASE = "correct horse battery staple"
SOURCE = "/usr/src/devbox"
MACHINE = TOP / "scripts/machine"


class Node(Machine):
    """One of the machines."""

    def __init__(self, name, suite, keep):
        self.address = UNDERLAY[name]
        super().__init__(MACHINES[suite] + name, suite, keep, f"{suite},{self.address}/24")

    def run(self, *command, check=True, seconds=600, text=None):
        """Runs a command as root to its end."""
        done = subprocess.run(
            [MACHINE, "run", self.name, *map(str, command)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            **({"input": text} if text is not None else {"stdin": subprocess.DEVNULL}),
        )
        if check and done.returncode:
            said = " / ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-4:])
            raise Failure(f"{self.name}: {' '.join(map(str, command))}: exit {done.returncode}: {said}")
        return done

    def shell(self, script, **options):
        return self.run("bash", "-c", script, **options)

    def terminal(self, *command):
        """The command with a person in front of it."""
        return Terminal(MACHINE, "run", self.name, *command)

    def path(self):
        return pathlib.Path(subprocess.check_output([MACHINE, "path", self.name], text=True).strip())

    def put(self, path, text):
        target = self.path() / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def reboot(self):
        self.do("stop", self.name)
        self.boot()

    @contextlib.contextmanager
    def unplugged(self):
        """Without its network."""
        self.run("ip", "link", "set", "host0", "down")
        try:
            yield
        finally:
            self.run("ip", "link", "set", "host0", "up")

    @contextlib.contextmanager
    def without(self, unit):
        """While the unit is off: no call on the bus starts it."""
        self.run("systemctl", "mask", "-q", "--runtime", "--now", unit)
        try:
            yield
        finally:
            self.run("systemctl", "unmask", "-q", "--runtime", unit)
            self.run("systemctl", "start", unit)

    def answers(self, url, *options, seconds=60):
        """The status of an HTTP answer and its body; (0, "") for none in so many seconds."""
        done = self.run("curl", "-s", "-m", seconds, "-w", "\n%{http_code}", *options, url, check=False)
        body, _, status = done.stdout.rpartition("\n")
        return int(status or 0), body


def together(function, arguments):
    """What it returns for each of them, called at the same time; raises what one of the calls raised."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(function, arguments))


class Network:
    """The three nodes, installed: devbox is compiled once."""

    def __init__(self, suite, keep=False):
        self.suite = suite
        self.nodes = [Node(name, suite, keep) for name in UNDERLAY]
        self.hub, self.home, self.pc = self.nodes
        self.engine = None  # of containers, for home
        self.matrix = None  # a homeserver, for the hub
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            for node in self.nodes:
                stack.enter_context(node)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def install(self):
        def device(node):
            subprocess.run(
                ["cp", "-a", f"{self.hub.path()}{SOURCE}/build", f"{node.path()}{SOURCE}/"], check=True
            )
            node.run(f"{SOURCE}/scripts/install.sh", "--role", "device", seconds=1800)
            node.shell(f"echo {UNDERLAY['hub']} {HUB_NAME} >>/etc/hosts")

        self.hub.run(f"{SOURCE}/scripts/install.sh", "--role", "hub", seconds=1800)
        together(device, self.nodes[1:])
        for node in self.nodes:
            node.run("systemctl", "disable", "--now", "ssh")

    @contextlib.contextmanager
    def login(self):
        """root of pc-aurgi, as a person with a machine of their own, may log in to the hub by ssh."""
        key = "/root/.ssh/id_ed25519"
        self.pc.shell(f"test -e {key} || ssh-keygen -q -t ed25519 -N '' -f {key}")
        self.hub.put("/root/.ssh/authorized_keys", self.pc.run("cat", f"{key}.pub").stdout)
        host_key = self.hub.run("cat", "/etc/ssh/ssh_host_ed25519_key.pub").stdout
        self.pc.put("/root/.ssh/known_hosts", f"{HUB_NAME} {host_key}")
        self.hub.run("systemctl", "start", "ssh")
        try:
            yield
        finally:
            self.hub.run("systemctl", "stop", "ssh")

    def roots(self):
        """A file on the hub with all that there were."""
        self.hub.shell("cat /root/.config/devbox/operator/*root.json >/root/roots.json")
        return "/root/roots.json"

    def chains(self):
        """What an auditor on the hub finds of each chain there, by the name of its device."""
        verify = ["audit", "verify", "--all", "--root", self.roots()]
        said = self.hub.run("devboxctl", "--json", *verify, check=False).stdout
        return {chain["device"]: chain for chain in json.loads(said)["chains"]}

    @contextlib.contextmanager
    def rules(self, text):
        """An nftables ruleset on the bridge; none afterwards."""
        wire = [MACHINE, "wire", self.suite, "nft"]
        subprocess.run([*wire, "-f", "-"], input=text, text=True, check=True)
        try:
            yield
        finally:
            subprocess.run([*wire, "flush", "ruleset"], check=True)

    def loss(self, percent):
        """Drops so many packets in a hundred, in both directions."""
        return self.rules(
            "table bridge loss { chain forward { type filter hook forward priority 0; "
            f"numgen random mod 100 < {percent} drop\n}}\n}}\n"
        )
