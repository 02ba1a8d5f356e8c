# SPDX-License-Identifier: MIT
"""The network after what happens to machines: kills, reboots, hands in the wrong place, a bad line."""

import time

from network import FIRST, HUB
from world import each, equal, eventually, expect

from test_walkthrough import joined, reaches_hub, table


def both_reach(network):
    for node in network.nodes[1:]:
        eventually(f"{node.name} reaches the hub", lambda node=node: reaches_hub(node))


def test_kill_a_daemon(network):
    """Each is back, and the tunnels with it."""
    for node, unit in (
        (network.hub, "devbox-mesh"),
        (network.hub, "devbox-ledger"),
        (network.hub, "devbox-wireguard"),
        (network.home, "devbox-mesh"),
        (network.home, "devbox-wireguard"),
    ):
        node.run("systemctl", "kill", "--signal=KILL", unit)
        both_reach(network)
        expect(FIRST in table(network), f"after a kill of {unit} on {node.name}: {table(network)!r}")


def test_there_is_no_udev(network):
    """Nor does anything here need it: the links of all topics were made without."""
    for node in network.nodes:
        state = node.run("systemctl", "is-active", "systemd-udevd", check=False).stdout.strip()
        equal(state, "inactive", f"systemd-udevd of {node.name}")


def test_reboot_of_the_hub(network):
    """It speaks to its devices first: they would notice after up to 40 s."""
    network.hub.reboot()
    began = time.monotonic()
    both_reach(network)
    print(f"# both reach the hub {time.monotonic() - began:.1f} s after its boot", flush=True)


def test_reboot_of_a_device(network):
    network.home.reboot()
    both_reach(network)


def test_drift_is_repaired(network):
    """Changes by hand are undone and reported."""
    rows = [
        ("wg set wg0 peer $(wg show wg0 peers | head -1) remove", "peer"),
        ("wg set wg0 peer $(wg show wg0 peers | head -1) allowed-ips 0.0.0.0/0", "allowed-ips"),
        ("ip address delete 10.42.0.1/24 dev wg0", "address"),
        ("ip link set wg0 mtu 1280", "mtu"),
        ("ip link set wg0 down", "link"),
        ("nft delete table inet devbox", "firewall"),
        ("ip link delete wg0", "link"),
    ]

    def check(script, kind):
        before = network.hub.run("devboxctl", "drift").stdout
        network.hub.shell(script)
        both_reach(network)
        eventually(
            f"drift of {script!r} is reported",
            lambda: (text := network.hub.run("devboxctl", "drift").stdout) != before and kind in text,
        )

    each(rows, check)


def nat(node, port):
    """A NAT on the wire in front of it: what its WireGuard sends comes from that port."""
    inside = node.run("wg", "show", "wg0", "listen-port").stdout.strip()
    return (
        "table bridge nat { chain forward { type filter hook forward priority 0;\n"
        f"ip saddr {node.address} udp sport {inside} udp sport set {port}\n"
        f"ip daddr {node.address} udp dport {port} udp dport set {inside}\n}}\n}}\n"
    )


def test_a_nat_that_changes_the_source_port(network):
    """The hub follows the device to each port, and that is no drift."""
    before = network.hub.run("devboxctl", "drift").stdout
    for port in (40001, 40002):
        with network.rules(nat(network.home, port)):
            network.home.run("ping", "-c", "1", "-w", "60", HUB)  # until one is answered
            endpoints = network.hub.run("wg", "show", "wg0", "endpoints").stdout
            expect(f"{network.home.address}:{port}" in endpoints, f"endpoints: {endpoints!r}")
    equal(network.hub.run("devboxctl", "drift").stdout, before, "drift")


def test_a_bad_line(network):
    """A fifth of all packets is lost in both directions: the network works, and a device joins."""
    with network.loss(20):
        both_reach(network)
        network.pc.run("devboxctl", "leave")
        joined(network, network.pc, "pc-aurgi")
        both_reach(network)
    network.pc.run("ping", "-c", "2", "-i", "0.2", "-W", "60", HUB)
