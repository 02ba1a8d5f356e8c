# SPDX-License-Identifier: MIT
"""What a device that tries everything can reach: two paths of the hub."""

import json

from network import HUB, SECOND, UNDERLAY, together
from world import each, equal, eventually

# Prints the TCP ports up to $2 of the address $1 that accept a connection; $3 are tried at a time. These are
# through when the hub has accepted a later connection, as no packet overtakes another on the way there, and
# $4 s have passed, for what is behind the hub.
SCAN = """
import select, socket, sys
address, (last, batch), seconds = sys.argv[1], map(int, sys.argv[2:4]), float(sys.argv[4])
for first in range(1, last + 1, batch):
    poller, tried = select.epoll(), {}
    for port in range(first, min(first + batch, last + 1)):
        attempt = socket.socket()
        attempt.setblocking(False)
        attempt.connect_ex((address, port))
        tried[attempt.fileno()] = port, attempt
    socket.create_connection((sys.argv[5], 8080)).close()
    select.select([], [], [], seconds)
    for fd in tried:
        poller.register(fd, select.EPOLLOUT)
    for fd, _ in poller.poll(0, len(tried)):
        if tried[fd][1].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            print(tried[fd][0])
    for _, attempt in tried.values():
        attempt.close()
"""
# Which ports the hub has seen.
SEEN = """
table inet seen {
    set ports { type inet_service; size 65535; flags dynamic; }
    chain arrivals {
        type filter hook prerouting priority -300;
        iifname "wg0" tcp flags & (syn | ack) == syn add @ports { tcp dport }
    }
}
"""


def open_ports(node, address, last=10000, batch=256, seconds=0):
    script = f"ulimit -n 12000; exec python3 - {address} {last} {batch} {seconds} {HUB} <<'END'\n{SCAN}\nEND"
    return node.shell(script).stdout.split()


def test_every_port_of_the_hub(network):
    found = set()

    def each_was_tried():
        found.update(open_ports(network.home, HUB, 65535))
        listed = json.loads(network.hub.run("nft", "-j", "list", "set", "inet", "seen", "ports").stdout)
        return len(listed["nftables"][1]["set"]["elem"]) == 65535 and "8080" in found

    network.hub.run("nft", "-f", "-", text=SEEN)
    try:
        # wireguard-go drops packets where it gets too little CPU
        eventually("each port of the hub is tried", each_was_tried, seconds=300)
    finally:
        network.hub.run("nft", "delete", "table", "inet", "seen")
    equal(found, {"8080"}, f"open TCP ports at {HUB}")


def test_the_ports_beside_the_tunnel(network):
    equal(open_ports(network.home, UNDERLAY["hub"]), [], f"open TCP ports at {UNDERLAY['hub']}")


def test_two_paths_and_no_more(network):
    rows = [
        ("GET", "/health", 200),
        ("GET", "/healthz", 200),
        ("GET", "/system", 404),
        ("GET", "/metrics", 404),
        ("GET", "/mesh", 404),
        ("GET", "/mesh/peers", 404),
        ("GET", "/devices", 404),
        ("GET", "/containers", 404),
        ("GET", "/requests", 404),
        ("GET", "/audit", 404),
        ("GET", "/openapi.json", 404),
        ("POST", "/enroll", 404),
        ("POST", "/mesh/peers/pc-aurgi/revoke", 404),
        ("POST", "/actions/restart", 404),
    ]

    def check(method, path, status):
        options = ["-X", method, "-H", "X-Devbox-Token: guess"]
        got, _ = network.home.answers(f"http://{HUB}:8080{path}", *options)
        equal(got, status, f"{method} {path}")

    each(rows, check)


def test_another_name_for_the_hub(network):
    got, body = network.home.answers(f"http://{HUB}:8080/health", "-H", "Host: localhost")
    equal((got, "host_not_allowed" in body), (421, True), "Host: localhost")


def test_the_other_device(network):
    ping = network.home.run("ping", "-c", "2", "-i", "0.2", "-W", "2", SECOND, check=False)
    equal(ping.returncode, 1, f"ping {SECOND}")
    found = open_ports(network.home, SECOND, batch=10000, seconds=2)
    equal(found, [], f"open TCP ports at {SECOND}")


def test_another_source(network):
    """The hub drops what comes with the address of another, existing or not."""

    def status(address):
        network.home.run("ip", "address", "add", f"{address}/32", "dev", "lo")
        try:
            return network.home.answers(f"http://{HUB}:8080/health", "--interface", address, seconds=3)[0]
        finally:
            network.home.run("ip", "address", "delete", f"{address}/32", "dev", "lo")

    equal(together(status, (SECOND, "10.42.0.99", "169.254.70.1")), [0, 0, 0], "the statuses")


def test_the_mesh_address_beside_the_tunnel(network):
    """A machine that is no device, beside the hub on its network, sends to the address inside."""

    def status(row):
        route = (f"{row[0]}/32", "via", UNDERLAY["hub"], "dev", "host0")
        network.pc.run("ip", "route", "add", *route)
        try:
            return network.pc.answers(f"http://{row[0]}:{row[1]}/health", seconds=3)[0]
        finally:
            network.pc.run("ip", "route", "delete", *route)

    equal(together(status, [(HUB, 8080), ("169.254.42.1", 51821)]), [0, 0], "the statuses")


def test_the_bootstrap_address(network):
    """It is gone for a device that has joined."""
    network.home.run("ip", "route", "add", "169.254.42.1/32", "dev", "wg0")
    try:
        got, _ = network.home.answers("http://169.254.42.1:51821/enroll", seconds=3)
    finally:
        network.home.run("ip", "route", "delete", "169.254.42.1/32", "dev", "wg0", check=False)
    equal(got, 0, "the status of the enrolment port")
