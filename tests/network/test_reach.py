# SPDX-License-Identifier: MIT
"""What a device that tries everything can reach: two paths of the hub."""

from network import HUB, SECOND, UNDERLAY
from world import each, equal

# Prints the TCP ports up to $2 of the address $1 that accept a connection.
SCAN = """
import asyncio, sys
address, last = sys.argv[1], int(sys.argv[2])
room = asyncio.Semaphore(2000)
async def attempt(port):
    async with room:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 1.5)
        except (OSError, TimeoutError, asyncio.TimeoutError):
            return None
        writer.close()
        return port
async def main():
    found = await asyncio.gather(*map(attempt, range(1, last + 1)))
    print(*[port for port in found if port])
asyncio.run(main())
"""


def open_ports(node, address, last=10000):
    script = f"ulimit -n 8192; exec python3 - {address} {last} <<'END'\n{SCAN}\nEND"
    return node.shell(script, seconds=300).stdout.split()


def test_every_port_of_the_hub(network):
    equal(open_ports(network.home, HUB, 65535), ["8080"], f"open TCP ports at {HUB}")


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
    ping = network.home.run("ping", "-c", "2", "-W", "2", SECOND, check=False)
    equal(ping.returncode, 1, f"ping {SECOND}")
    equal(open_ports(network.home, SECOND), [], f"open TCP ports at {SECOND}")


def test_another_source(network):
    """The hub drops what comes with the address of another, existing or not."""
    for address in (SECOND, "10.42.0.99", "169.254.70.1"):
        network.home.run("ip", "address", "add", f"{address}/32", "dev", "lo")
        try:
            got, _ = network.home.answers(f"http://{HUB}:8080/health", "--interface", address, seconds=3)
        finally:
            network.home.run("ip", "address", "delete", f"{address}/32", "dev", "lo")
        equal(got, 0, f"the status from {address}")


def test_the_mesh_address_beside_the_tunnel(network):
    """A machine that is no device, beside the hub on its network, sends to the address inside."""
    via = UNDERLAY["hub"]
    for address, port in ((HUB, 8080), ("169.254.42.1", 51821)):
        network.pc.run("ip", "route", "add", f"{address}/32", "via", via, "dev", "host0")
        try:
            got, _ = network.pc.answers(f"http://{address}:{port}/health", seconds=3)
        finally:
            network.pc.run("ip", "route", "delete", f"{address}/32", "via", via, "dev", "host0")
        equal(got, 0, f"the status from {address} beside the tunnel")


def test_the_bootstrap_address(network):
    """It is gone for a device that has joined."""
    network.home.run("ip", "route", "add", "169.254.42.1/32", "dev", "wg0")
    try:
        got, _ = network.home.answers("http://169.254.42.1:51821/enroll", seconds=3)
    finally:
        network.home.run("ip", "route", "delete", "169.254.42.1/32", "dev", "wg0", check=False)
    equal(got, 0, "the status of the enrolment port")
