# SPDX-License-Identifier: MIT
"""From three bare machines to a network, typed as a person would: at first on pc-aurgi, a machine of their
own that logs in to the hub by ssh, with the operator's key there; then, with that folder, on the hub."""

import re
import subprocess

from network import FIRST, HUB, HUB_NAME, PASSPHRASE, REMOTE, SECOND
from terminal import Closed
from world import equal, expect

TEMPLATE = """\
operators: []
approvers: []
roots: {home: /home}
capabilities:
  - run: ls [-l|-la] DIR in home
  - run: df -h
  - read: home, /var/log
"""
QUESTIONS = {r"Passphrase for the new key.*: ": PASSPHRASE, r"[Aa]gain.*: ": PASSPHRASE,
             r"Passphrase of the key.*: ": PASSPHRASE}
WORDS = r"[a-z]+(?:-[a-z]+){5}"
FOLDER = "/root/.config/devbox/operator"


def initialised(node, *options, host=()):
    """What `hub init` shows."""
    with node.terminal(
        "devboxctl", *host, "hub", "init", "--endpoint", HUB_NAME, *options
    ) as person:
        person.converse(QUESTIONS, r"Next: devboxctl (-H \S+ )?invite NAME")
        equal(person.end(), 0, "hub init")
    return person.screen


def has_key(node):
    return node.run("test", "-e", f"{FOLDER}/operator.key", check=False).returncode == 0


def test_hub_init(network):
    with network.login():
        screen = initialised(network.pc, host=REMOTE)
    expect("10.42.0.1" in screen, "hub init does not show the hub's address")
    expect(re.search(r"UDP port 51820", screen), "hub init does not show its port")
    equal([has_key(node) for node in (network.pc, network.hub)], [True, False], "where the key is")


def joined(network, node, name, at=None, host=()):
    """Invites it, on the hub or `at` a machine that logs in to that host, and lets it join, with both
    screens beside each other."""
    at = at or network.hub
    at.put("/root/laptop.yaml", TEMPLATE)
    with at.terminal(
        "devboxctl", *host, "invite", name, "--manifest", "/root/laptop.yaml"
    ) as operator, node.terminal("devboxctl", "enroll") as device:
        token = operator.converse(QUESTIONS, r"devbox1:[A-Za-z0-9_-]+\s")[0].strip()
        device.expect(r"Invitation.*: ")
        device.type(token)
        device.expect(rf"{WORDS}\s")
        device.expect(r"\[y/N\]")
        device.type("y")
        operator.expect(rf"joined from {re.escape(node.address)} \(")
        digits = device.expect(r"Both screens must show\s+(\d{3} \d{3})")[1]
        equal(operator.expect(r"Both screens must show\s+(\d{3} \d{3})")[1], digits, "the digits")
        operator.expect(r"\[y/N\]")
        operator.type("y")
        try:
            operator.converse(QUESTIONS, rf"{name} is 10\.42\.0\.\d+, handshake")
        except Closed as closed:
            raise Closed(f"{closed}; the device shows: {device.rest()[-300:]!r}") from closed
        device.converse({r"\[y/N\]": "n"}, r"devbox-device\.target is active")
        equal(device.end(), 0, "enroll")
        equal(operator.end(), 0, "invite")
    expect(token not in device.screen, "the invitation is on the screen of the device")


def reaches_hub(node):
    """Within 5 s: who is cut has no sign of it."""
    return node.answers(f"http://{HUB}:8080/healthz", seconds=5)[0] == 200


def test_home_wsl_joins(network):
    with network.login():
        joined(network, network.home, "home-wsl", network.pc, REMOTE)
        said = network.pc.run("devboxctl", *REMOTE, "peers").stdout
    expect(re.search(rf"^home-wsl\s+{FIRST}\s+online", said, re.MULTILINE), f"peers: {said!r}")
    equal([has_key(node) for node in (network.pc, network.hub)], [True, False], "where the key is")


def test_hub_init_again(network):
    """On the hub, with the operator's folder."""
    network.hub.run("mkdir", "-p", "-m", "700", FOLDER)
    before, now = (f"{node.path()}{FOLDER}" for node in (network.pc, network.hub))
    subprocess.run(["cp", "-a", f"{before}/.", now], check=True)
    network.pc.run("rm", "-r", FOLDER)
    expect("already" in initialised(network.hub, "--key-here"), "it does not say what is already so")


def test_pc_aurgi_joins(network):
    joined(network, network.pc, "pc-aurgi")


def test_devices_reach_the_hub(network):
    for node in network.nodes[1:]:
        node.run("ping", "-c", "3", "-i", "0.2", "-W", "60", HUB)
        status, body = node.answers(f"http://{HUB}:8080/healthz")
        equal((status, '"status":"ok"' in body), (200, True), f"/healthz from {node.name}")


def test_a_template_is_edited_and_published(network):
    network.hub.put("/root/.config/devbox/operator/templates/home-wsl.yaml", TEMPLATE + "  - run: uptime\n")
    with network.hub.terminal("devboxctl", "manifest", "publish", "home-wsl") as person:
        person.expect(r"home-wsl, version 2, until ")
        person.expect(r"\+ capabilities\[uptime\]: ")
        person.expect(r"\[y/N\]")
        person.type("y")
        person.converse(QUESTIONS, r"home-wsl: version 2 is signed")
        equal(person.end(), 0, "manifest publish")


def table(network):
    return network.hub.run("devboxctl", "peers").stdout


def test_peers(network):
    said = table(network)
    for name, address in (("home-wsl", FIRST), ("pc-aurgi", SECOND)):
        expect(re.search(rf"^{name}\s+{address}\s+online", said, re.MULTILINE), f"peers: {said!r}")
