# SPDX-License-Identifier: MIT
"""The end of one device, while the other loses no packet."""

import re

from network import HUB, REMOTE
from world import equal, eventually, expect

from test_walkthrough import reaches_hub, table


def test_revoke(network):
    with network.pc.terminal("ping", "-i", "0.2", "-w", "12", HUB) as pings:
        pings.expect(r"icmp_seq=5")
        with network.login():
            said = network.pc.run("devboxctl", *REMOTE, "revoke", "home-wsl").stdout
        expect("home-wsl is out" in said, f"revoke: {said!r}")
        eventually("home-wsl is cut", lambda: not reaches_hub(network.home))
        pings.expect(r", 0% packet loss")
    equal(network.home.run("ping", "-c", "2", "-W", "1", HUB, check=False).returncode, 1, "ping")
    expect("home-wsl" not in table(network) and "pc-aurgi" in table(network), f"peers: {table(network)!r}")


def test_it_stays_out(network):
    """After a reboot of the hub and of the device as well."""
    network.hub.reboot()
    network.home.reboot()
    eventually("pc-aurgi reaches the hub", lambda: reaches_hub(network.pc), seconds=90)
    expect(not reaches_hub(network.home), "home-wsl reaches the hub again")


def test_audit(network):
    chains = network.chains()
    equal(chains["hub"]["outcome"], "OK", "the outcome of the hub's chain")
    expect(all(c["outcome"] != "BROKEN" and c["unproven"] == 0 for c in chains.values()), f"{chains!r}")

    def missing():
        shown = network.hub.run("devboxctl", "audit", "show", "-n", "1000").stdout
        kinds = ("invited", "claimed", "admitted", "active", "revoked")
        return [kind for kind in kinds if not re.search(rf"event +{kind} home-wsl", shown)]

    # devbox-mesh acts first; its journal reaches the ledger when that answers.
    eventually("the hub's chain has all events of home-wsl", lambda: not missing(), seconds=90)
