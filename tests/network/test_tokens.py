# SPDX-License-Identifier: MIT
"""Invitations that are late, used, forged or foreign: the device is refused with the exact code, the hub's
chain has it, and no peer is left on either side. home-wsl leaves for it and comes back."""

from network import FIRST, SECOND
from world import equal, eventually, expect

from test_walkthrough import QUESTIONS, joined, reaches_hub, table


def invitation(network, name):
    with network.hub.terminal(
        "devboxctl", "invite", name, "--manifest", "/root/laptop.yaml", "--no-wait"
    ) as operator:
        token = operator.converse(QUESTIONS, r"devbox1:[A-Za-z0-9_-]+\s")[0].strip()
        operator.converse(QUESTIONS, r"Next: devboxctl pending")
        equal(operator.end(), 0, "invite --no-wait")
    return token


def enroll(node, token):
    return node.run("devboxctl", "enroll", "--yes", check=False, text=f"{token}\n")


def entries(network, text):
    """How many entries of the hub's chain have this text."""
    return network.hub.run("devboxctl", "audit", "show", "-n", "1000").stdout.count(text)


def recorded(network, text, before):
    eventually(f"{text!r} in the hub's chain", lambda: entries(network, text) > before)


def withdraw(network, name):
    network.hub.run("devboxctl", "pending", name, "--withdraw")


def test_leave(network):
    network.home.run("devboxctl", "leave")
    expect(not reaches_hub(network.home), "home-wsl still reaches the hub")
    eventually("wg0 has no peer", lambda: not network.home.run("wg", "show", "all", "peers").stdout)


def test_forged_claims(network):
    before = entries(network, "claim_rejected detail=unauthorized")
    for claim in ("x", "x" * 512):
        got, body = network.hub.answers("http://127.0.0.1:8080/enroll", "--data-binary", claim)
        equal((got, '"unauthorized"' in body), (401, True), f"a claim of {len(claim)} octets")
    recorded(network, "claim_rejected detail=unauthorized", before + 1)


def test_not_an_invitation(network):
    token = invitation(network, "home-wsl")
    for text in (token[:-5], "devbox1:", "devbox2:" + token[8:], "x"):
        done = enroll(network.home, text)
        expect(done.returncode and "no invitation" in done.stderr, f"{text[:20]}…: {done.stderr!r}")
    withdraw(network, "home-wsl")


def test_withdrawn(network):
    token = invitation(network, "home-wsl")
    withdraw(network, "home-wsl")
    expect(enroll(network.home, token).returncode, "a withdrawn invitation was accepted")
    network.home.run("devboxctl", "leave")


EXPIRE = """
import sqlite3
with sqlite3.connect("/var/lib/devbox/mesh/mesh.db") as database:
    database.execute("UPDATE token SET deadline_ms = 1, deadline_boottime_ms = 1 WHERE state = 'issued'")
"""


def test_expired(network):
    """Ten minutes are not waited for: they pass in the hub's database, while the hub is off."""
    token = invitation(network, "home-wsl")
    with network.hub.without("devbox-mesh"):
        network.hub.run("python3", "-c", EXPIRE)
    done = enroll(network.home, token)
    expect(done.returncode and "has expired" in done.stderr, f"it says {done.stderr!r}")
    network.home.run("devboxctl", "leave")


def test_thief(network):
    """Whoever else has the invitation is refused, and so is the device: the operator is told."""
    network.pc.run("devboxctl", "leave")
    network.pc.run("devboxctl", "device", "reset", "--yes")
    token, before = invitation(network, "home-wsl"), entries(network, "held home-wsl")
    with network.home.terminal("devboxctl", "enroll") as device:
        device.expect(r"Invitation.*: ")
        device.type(token)
        device.expect(r"\[y/N\]")
        device.type("y")
        device.expect(r"Both screens must show")
        done = enroll(network.pc, token)
        expect(done.returncode and "already used" in done.stderr, f"the thief is told {done.stderr!r}")
        recorded(network, "held home-wsl", before)
        pending = network.hub.run("devboxctl", "pending").stdout
        expect("held" in pending, f"pending: {pending!r}")
    withdraw(network, "home-wsl")
    for node in network.nodes[1:]:
        node.run("devboxctl", "leave")


def test_coming_back(network):
    """The same name, the same address; pc-aurgi with a new key, as after a reinstall."""
    for node, name, address in ((network.home, "home-wsl", FIRST), (network.pc, "pc-aurgi", SECOND)):
        joined(network, node, name)
        expect(address in table(network), f"peers: {table(network)!r}")
        eventually(f"{name} reaches the hub", lambda node=node: reaches_hub(node))
