# SPDX-License-Identifier: MIT
"""The end of all devices, while one runs a program and a request waits for the other; and their return."""

import json
import time

from network import FIRST, PASSPHRASE, together
from test_forgeries import BUILD
from test_run import CEILING, REJECTED, TEMPLATE, has_sleep, publish
from test_walkthrough import FOLDER, QUESTIONS, initialised, joined, reaches_hub
from world import equal, eventually, expect

CUT_OFF_SECONDS = 20  # scripts/bench measures it; by itself the agent would notice after 30 s


def requests(network):
    said = network.hub.run("devboxctl", "--json", "requests", "--lines", 2).stdout
    return {row["device"]: row for row in json.loads(said)["requests"]}


def n_started(node):
    return node.run("devboxctl", "audit", "show", "-n", 100000).stdout.count("req.started")


def test_40_revoke_all(network):
    devices = network.nodes[1:]
    for node in devices:
        publish(network, TEMPLATE, CEILING, node)
    network.pc.run("systemctl", "stop", "devbox-agent.socket", "devbox-agent.service")
    keys = [node.run("wg", "show", "wg0", "public-key").stdout.strip() for node in devices]
    running, queued = ["home-wsl", "sleep", "3600"], ["--queue", "pc-aurgi", "ls", "/home"]
    with network.hub.terminal("devboxctl", "run", *running) as one, network.hub.terminal(
        "devboxctl", "run", *queued
    ) as other:
        eventually("the program", lambda: has_sleep(network))
        eventually("the queue", lambda: "queued" in [row["state"] for row in requests(network).values()])
        began = time.monotonic()
        said = network.hub.run("devboxctl", "revoke", "--all").stdout
        eventually("the end of the program", lambda: not has_sleep(network), seconds=CUT_OFF_SECONDS)
        print(f"# nothing runs {time.monotonic() - began:.1f} s after the call", flush=True)
        equal(sorted(said.splitlines()), ["home-wsl is out", "pc-aurgi is out"], "revoke --all")
        peers = network.hub.run("wg", "show", "wg0", "peers").stdout
        expect(not any(key in peers for key in keys), f"peers: {peers}")
        equal([other.end(), one.end() != 0], [REJECTED, True], f"{one.screen} {other.screen}")
    ended = requests(network)
    equal([row["reason"] for row in ended.values()], ["peer_revoked"] * 2, f"{ended}")
    together(lambda node: expect(not reaches_hub(node), f"{node.name} reaches the hub"), devices)


def test_a_new_operator_key(network):
    """While they are out: no device has seen the root that names it."""
    with network.hub.terminal("devboxctl", "operator", "rotate") as operator:
        operator.converse(QUESTIONS, r"All manifests of epoch \d+ are void")
        equal(operator.end(), 0, "operator rotate")
    initialised(network.hub, "--key-here")


def test_40_they_come_back(network):
    """The queue does not, and the history of before and after is one."""
    sizes = {name: chain["size"] for name, chain in network.chains().items()}
    ran = n_started(network.pc)
    network.pc.run("systemctl", "start", "devbox-agent.socket")
    for node in network.nodes[1:]:
        node.run("devboxctl", "leave")
        joined(network, node, node.name)
        eventually(f"{node.name} reaches the hub", lambda node=node: reaches_hub(node))
        publish(network, TEMPLATE, CEILING, node)
        equal(network.hub.run("devboxctl", "run", node.name, "ls", "/home").returncode, 0, "run")

    def proven():
        chains = network.chains()
        return all(
            chains[name]["outcome"] == "OK"
            and chains[name]["unproven"] == 0
            and chains[name]["size"] > sizes.get(name, 0)
            for name in ("hub", "home-wsl", "pc-aurgi")
        )

    eventually("all chains are OK, longer and proven", proven)
    equal(n_started(network.pc), ran + 1, "what ran on pc-aurgi")


def test_16_the_key_that_was_replaced(network):
    """It is in the root before, and signs what the new one may."""
    network.hub.run("ninja", "-C", BUILD, "tests/network/attacker")
    key = network.hub.shell(f"ls {FOLDER}/*.operator.key | sort -V | tail -n 1").stdout.strip()
    attack = [f"{BUILD}/tests/network/attacker", "home-wsl", f"{FIRST}:51822", "16 replaced"]
    done = network.hub.run("env", f"OPERATOR_KEY={key}", *attack, check=False, text=PASSPHRASE)
    equal((done.returncode, done.stdout), (0, "counted manifest_invalid_signature\n"), done.stderr)
    equal(network.hub.run("devboxctl", "run", "home-wsl", "ls", "/home").returncode, 0, "run afterwards")
