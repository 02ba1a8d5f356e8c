# SPDX-License-Identifier: MIT
"""From a message in a room to a sandbox on a device and back, as people with a Matrix client see it, and
then as an auditor does. Ana is an operator of both devices; ben approves, and may ask for nothing."""

import time

from matrix import SERVER, URL, Matrix
from test_run import CEILING
from test_walkthrough import QUESTIONS, table
from world import equal, eventually, expect

TEMPLATE = """\
operators: [ana]
approvers: [ana, ben]
roots: {home: /home, inbox: /srv/inbox, tmp: /tmp}
capabilities:
  - run: ls [-l|-la] DIR in home
  - run: hostname
  - list: home
  - write: "inbox, ask(reaction)"
  - write: tmp, ask
"""
PROGRAMS = "programs: [/usr/bin/hostname, "
HOME, PC, APPROVALS = "dev-home-wsl", "dev-pc-aurgi", "operator-approvals"
SECONDS = 3  # from a command to its output
WAITING = r".*waits for an approval \((?P<id>\w+)"


def ana(network):
    return network.matrix.person("ana")


def ben(network):
    return network.matrix.person("ben")


def exists(network, path):
    return network.home.run("test", "-e", path, check=False).returncode == 0


def recorded(network, device, *words):
    """The hub's copy of the device's chain has an entry with all of the words."""
    shown = network.hub.run("devboxctl", "audit", "show", "--device", device, "-n", 1000, check=False).stdout
    return any(all(word in line for word in words) for line in shown.splitlines())


def test_a_homeserver(network):
    network.matrix = Matrix(network, "devbox", "ana", "ben")


def test_login(network):
    command = ["devboxctl", "matrix", "login", "--server", URL, f"@devbox:{SERVER}"]
    with network.hub.terminal(*command) as person:
        person.expect(r"[Pp]assword.*: ")
        person.type(network.matrix.password_file.read_text())
        equal(person.end(), 0, f"matrix login: {person.screen!r}")


def test_people_and_manifests(network):
    for node in network.nodes[1:]:
        node.put("/etc/devbox/ceiling.yaml", CEILING.replace("programs: [", PROGRAMS))
        node.shell(
            "install -d -m 755 /home/lucas/projects && install -d /srv/inbox &&"
            " devboxctl device grant --write /srv/inbox &&"
            " sed -i 's/trust_clock: .*/trust_clock: true/' /etc/devbox/config.yaml &&"
            " systemctl daemon-reload && systemctl reload devbox-ledger"
        )
    for name in ("ana", "ben"):
        key = network.matrix.identity(name)
        network.hub.run("devboxctl", "person", "add", name, "--mxid", f"@{name}:{SERVER}", "--msk", key)
    network.hub.put("/root/chat.yaml", TEMPLATE)
    for name in ("home-wsl", "pc-aurgi"):
        command = f"devboxctl manifest publish --yes --template /root/chat.yaml {name}"
        with network.hub.terminal(*command.split()) as operator:
            operator.converse(QUESTIONS, rf"{name}: version \d+ is signed")
            equal(operator.end(), 0, "manifest publish")


def test_rooms(network):
    for room in (HOME, PC, APPROVALS):
        ana(network).enter(room)
    ben(network).enter(APPROVALS)


def test_help(network):
    ana(network).says(HOME, "!help")
    ana(network).hears(r"home-wsl can:")


def test_golden(network):
    ana(network).says(HOME, "!exec ls /home/lucas")
    started = time.monotonic()
    ana(network).hears(r".*exit 0.*\n +projects")
    expect(time.monotonic() - started < SECONDS, f"it took {time.monotonic() - started:.1f} s")


def test_not_whitelisted(network):
    ana(network).says(HOME, "!exec rm -rf /")
    ana(network).hears(r"capability rejected: shell\.exec\.rm not in manifest")
    eventually("the rejection is in the chain", lambda: recorded(network, "home-wsl", "rejected_capability"))


def test_outside_the_manifest(network):
    ana(network).says(HOME, "!camera.snapshot /dev/video0")
    ana(network).hears(r"capability not in manifest")
    ben(network).hears(r".*home-wsl.*camera\.snapshot")
    eventually("the rejection is in the chain", lambda: recorded(network, "home-wsl", "camera.snapshot"))


def test_approval_honoured(network):
    ana(network).says(HOME, "!fs.write /srv/inbox/x hello")
    name = ana(network).hears(WAITING)["id"]
    ben(network).hears(rf"{name}: ")
    expect(not exists(network, "/srv/inbox/x"), "it is written before its approval")
    ben(network).says(APPROVALS, "/react \N{THUMBS UP SIGN}")
    ben(network).hears(rf"{name} approved by @ben:{SERVER}, done")
    equal(network.home.run("cat", "/srv/inbox/x").stdout, "hello", "the file")


def test_approval_not_skipped(network):
    """Not by who asked, not by a reaction where a message is needed, not after a denial."""
    ana(network).says(HOME, "!fs.write /tmp/y hello")
    name = ana(network).hears(WAITING)["id"]
    ben(network).hears(rf"{name}: ")
    ben(network).says(APPROVALS, "/react \N{THUMBS UP SIGN}")
    ben(network).see(rf"ben +\N{{THUMBS UP SIGN}} on: {name}")
    ana(network).says(APPROVALS, f"!approve {name}")
    ana(network).hears(r".*whoever asked for it may not approve it")
    expect(not exists(network, "/tmp/y"), "it is written")
    ben(network).says(APPROVALS, f"!deny {name}")
    ana(network).hears(rf".*denied by @ben:{SERVER}")
    expect(not exists(network, "/tmp/y"), "it is written after its denial")


def test_mesh_down(network):
    """The command waits, and runs when the device is back."""
    network.home.run("ip", "link", "set", "host0", "down")
    ana(network).says(HOME, "!exec ls /home/lucas")
    ana(network).hears(r"waits for the device, which is away")
    network.home.run("ip", "link", "set", "host0", "up")
    ana(network).hears(r".*exit 0.*\n +projects", seconds=90)


def test_two_devices(network):
    """At the same time; each answers in its own room, from its own machine."""
    for room in (HOME, PC):
        ana(network).says(room, "!exec hostname")
    ana(network).expect(r"(?m)^#dev-home-wsl.*\n(?:.*\n)*? +home-wsl$")
    ana(network).expect(r"(?m)^#dev-pc-aurgi.*\n(?:.*\n)*? +pc-aurgi$")


def test_revoke(network):
    """Its room says so, and takes no command any more."""
    ana(network).enter(PC)
    network.hub.run("devboxctl", "revoke", "pc-aurgi")
    eventually("pc-aurgi is out", lambda: "pc-aurgi" not in table(network), seconds=5)
    ana(network).hears(r"revoked at .*: nothing runs on this device any more")


def test_audit(network):
    """Every request that a device accepted is proven by signed documents."""

    def proven():
        chains = network.chains()
        outcomes = [chains[name]["outcome"] for name in ("hub", "home-wsl", "pc-aurgi")]
        accepted = all(chains[name]["accepted"] > 0 for name in ("home-wsl", "pc-aurgi"))
        return outcomes == ["OK"] * 3 and accepted and not any(c["unproven"] for c in chains.values())

    # Witnesses sign after the fact.
    eventually("all chains are OK, and proven", proven, seconds=90)
