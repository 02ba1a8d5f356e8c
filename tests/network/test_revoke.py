# SPDX-License-Identifier: MIT
"""The end of one device, while the other loses no packet."""

import re

from network import HUB, REMOTE, Node, together
from world import equal, eventually, expect

from test_walkthrough import reaches_hub, table


def test_revoke(network):
    with network.pc.terminal("ping", "-i", "0.2", HUB) as pings:
        pings.expect(r"icmp_seq=5 ")
        with network.login():
            said = network.pc.run("devboxctl", *REMOTE, "revoke", "home-wsl").stdout
        expect("home-wsl is out" in said, f"revoke: {said!r}")
        eventually("home-wsl is cut", lambda: not reaches_hub(network.home))
        last = int(pings.latest(r"icmp_seq=(\d+) ")[1]) + 5
        pings.expect(rf"icmp_seq={last} ")
    answered = {int(number) for number in re.findall(r"icmp_seq=(\d+) ttl", pings.screen)}
    equal(set(range(1, last)) - answered, set(), "the pings without an answer")
    equal(network.home.run("ping", "-c", "2", "-W", "1", HUB, check=False).returncode, 1, "ping")
    expect("home-wsl" not in table(network) and "pc-aurgi" in table(network), f"peers: {table(network)!r}")


def test_it_stays_out(network):
    """After a reboot of the hub and of the device as well."""
    together(Node.reboot, [network.hub, network.home])
    eventually("pc-aurgi reaches the hub", lambda: reaches_hub(network.pc))
    expect(not reaches_hub(network.home), "home-wsl reaches the hub again")


def test_audit(network):
    def proven():
        chains = network.chains()
        whole = all(c["outcome"] != "BROKEN" and c["unproven"] == 0 for c in chains.values())
        return whole and chains["hub"]["outcome"] == "OK"

    eventually("all chains are whole and proven, and the hub's is OK", proven)

    def missing():
        shown = network.hub.run("devboxctl", "audit", "show", "-n", "1000").stdout
        kinds = ("invited", "claimed", "admitted", "active", "revoked")
        return [kind for kind in kinds if not re.search(rf"event +{kind} home-wsl", shown)]

    # devbox-mesh acts first; its journal reaches the ledger when that answers.
    eventually("the hub's chain has all events of home-wsl", lambda: not missing())
