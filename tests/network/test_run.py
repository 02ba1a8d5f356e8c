# SPDX-License-Identifier: MIT
"""Commands on a device: from the hub's command line to a sandbox on home-wsl, and back."""

import json
import os
import time

from test_walkthrough import QUESTIONS
from world import each, equal, eventually, expect

TEMPLATE = """\
operators: ["local:root"]
approvers: ["local:root"]
approval_self: true
roots: {home: /home, inbox: /srv/inbox, tmp: /tmp}
capabilities:
  - run: ls [-l|-la] DIR in home
  - {run: "sleep 1..3600", timeout_s: 3600}
  - list: home
  - read: home
  - write: inbox, tmp, ask
  - docker: list
"""
TEMPLATE_OF_HUB = """\
operators: ["local:root"]
approvers: []
roots: {home: /home}
capabilities:
  - run: ls DIR in home
"""
CEILING = """\
v: 1
capabilities: [shell.exec, fs.list, fs.read, fs.write, docker.list]
programs: [/usr/bin/df, /usr/bin/ls, /usr/bin/sleep]
read: [/home, /var/log]
write: [/srv/inbox, /tmp]
"""
REJECTED, UNREACHABLE, INTERRUPTED = 77, 69, 70


def run(network, *words, text=None):
    return network.hub.run("devboxctl", "run", "home-wsl", *words, check=False, text=text)


def newest(network):
    said = network.hub.run("devboxctl", "--json", "requests", "--lines", 1).stdout
    return json.loads(said)["requests"][0]


def ends_as(network, state):
    eventually(f"a request that is {state}", lambda: newest(network)["state"] == state)


def has_sleep(network):
    return network.home.run("pgrep", "-x", "sleep", check=False).returncode == 0


def trust_clock(node):
    node.shell(
        "sed -i 's/trust_clock: .*/trust_clock: true/' /etc/devbox/config.yaml &&"
        " systemctl daemon-reload && systemctl reload devbox-ledger"
    )


def publish(network, template, ceiling, node=None):
    """To home-wsl or another, which takes it with the next request."""
    node = node or network.home
    node.put("/etc/devbox/ceiling.yaml", ceiling)
    trust_clock(node)
    network.hub.put("/root/template.yaml", template)
    with network.hub.terminal(
        *"devboxctl manifest publish --yes --template /root/template.yaml".split(), node.name
    ) as operator:
        operator.converse(QUESTIONS, r"version \d+ is signed")
        equal(operator.end(), 0, "manifest publish")


def test_a_manifest_for_it(network):
    network.home.shell(
        "install -d -m 700 /home/ana && install -d /srv/inbox && devboxctl device grant --write /srv/inbox"
    )
    publish(network, TEMPLATE, CEILING)


def test_ls(network):
    done = run(network, "ls", "/home")
    equal((done.returncode, done.stdout), (0, "ana\n"), f"run ls /home: {done.stderr!r}")


def test_a_home_stays_closed(network):
    done = run(network, "ls", "/home/ana")
    equal(done.returncode, 2, "the exit status of ls")
    expect("Permission denied" in done.stderr, done.stderr)


def test_list(network):
    done = run(network, "--list", "/home")
    equal((done.returncode, done.stdout), (0, "ana/\n"), f"run --list /home: {done.stderr!r}")


def test_rm(network):
    done = run(network, "rm", "-rf", "/")
    equal(done.returncode, REJECTED, "the exit status")
    equal(done.stderr, "devboxctl: capability rejected: shell.exec.rm not in manifest\n", "the sentence")


def test_write_waits_for_an_approval(network):
    """Also below /tmp, of which each service has its own: the person means the machine's."""

    def check(path):
        command = f"echo hello | devboxctl run home-wsl --write {path}"
        with network.hub.terminal("bash", "-c", command) as person:
            name = person.expect(r"devboxctl approve (\w+)\s+expires in (?:4 min|5 min)")[1]
            exists = network.home.run("test", "-e", path, check=False).returncode == 0
            expect(not exists, "it is written before its approval")
            network.hub.run("devboxctl", "approve", name)
            person.expect(r"6 bytes, sha256 5891b5b5")
            equal(person.end(), 0, "run --write")
        equal(network.home.run("cat", path).stdout, "hello\n", "the file")

    each([("/srv/inbox/note",), ("/tmp/x",)], check)


def test_decisions_are_in_the_chain_of_the_hub(network):
    def recorded():
        shown = network.hub.run("devboxctl", "audit", "show").stdout
        return all(f"{kind} home-wsl" in shown for kind in ("approval_requested", "approved"))

    eventually("the hub's chain has the approval", recorded)


def test_ctrl_c_cancels_on_the_device(network):
    with network.hub.terminal("devboxctl", "run", "home-wsl", "sleep", "3600") as person:
        eventually("the program", lambda: has_sleep(network))
        os.write(person.fd, b"\x03")
        person.end()
    eventually("the end of the program", lambda: not has_sleep(network))
    ends_as(network, "cancelled")


def test_a_stopped_socket_turns_a_capability_off(network):
    network.home.run("systemctl", "stop", "devbox-worker-exec.socket")
    done = run(network, "ls", "/home")
    network.home.run("systemctl", "start", "devbox-worker-exec.socket")
    equal((done.returncode, newest(network)["reason"]), (REJECTED, "capability_unavailable"), done.stderr)
    equal(run(network, "ls", "/home").returncode, 0, "ls, with its socket")


def test_required_limits(network):
    """Where systemd cannot limit memory and tasks, nothing runs if the configuration says so."""

    def require(value):
        network.home.shell(
            f"sed -i 's/require_limits: .*/require_limits: {value}/' /etc/devbox/config.yaml"
            " && systemctl daemon-reload"
        )

    condition = ("systemd-analyze", "condition", "ConditionControlGroupController=memory pids")
    limited = network.home.run(*condition, check=False).returncode == 0
    require("true")
    done = run(network, "ls", "/home")
    require("false")
    equal(done.returncode, 0 if limited else REJECTED, f"limits: {limited}, {done.stderr}")
    if not limited:
        equal(newest(network)["reason"], "capability_unavailable", "the reason")
    equal(run(network, "ls", "/home").returncode, 0, "ls, without the requirement")


def test_a_device_without_a_container_engine(network):
    done = run(network, "docker.list")
    equal((done.returncode, newest(network)["reason"]), (REJECTED, "capability_unavailable"), done.stderr)
    expect("no container engine can be reached" in done.stderr, done.stderr)


def test_an_agent_that_dies(network):
    with network.hub.terminal("devboxctl", "run", "home-wsl", "sleep", "3600") as person:
        eventually("the program", lambda: has_sleep(network))
        network.home.run("systemctl", "kill", "-s", "KILL", "devbox-agent.service")
        equal(person.end(), INTERRUPTED, "run")
    equal(newest(network)["state"], "interrupted_unknown", "the state")
    eventually("the end of the program", lambda: not has_sleep(network))


def test_a_device_that_is_away(network):
    with network.home.unplugged():
        started = time.monotonic()
        equal(run(network, "ls", "/home").returncode, UNREACHABLE, "run, without a network")
        expect(time.monotonic() - started < 100, f"it took {time.monotonic() - started:.0f} s")
        person = network.hub.terminal("devboxctl", "run", "--queue", "home-wsl", "ls", "/home")
        ends_as(network, "queued")
    with person:
        person.expect("ana")
        equal(person.end(), 0, "run --queue")


def test_a_replay_is_blocked(network):
    run(network, "ls", "/home")
    said = network.hub.run("devboxctl", "--json", "request", "show", newest(network)["id"]).stdout
    network.hub.put("/root/used.json", json.loads(said)["request"])
    done = network.hub.run("devboxctl", "replay-test", "/root/used.json", check=False)
    equal(done.returncode, 0, f"replay-test: {done.stderr!r}")
    expect("nonce_replay, entry " in done.stdout, done.stdout)
    tail = network.home.run("devboxctl", "audit", "tail").stdout
    expect(" rejected_nonce nonce_replay " in tail, tail)


def test_the_hub_as_a_device(network):
    """Within the ceiling that was installed, and in the hub's own chain."""
    trust_clock(network.hub)
    network.hub.put("/root/hub.yaml", TEMPLATE_OF_HUB)
    invite = "devboxctl invite hub --self --manifest /root/hub.yaml"
    with network.hub.terminal(*invite.split()) as operator:
        operator.converse(QUESTIONS, r"hub obeys version \d+ of its manifest")
        equal(operator.end(), 0, "invite hub --self")
    network.hub.run("mkdir", "-p", "/home/eve")
    rows = [(["ls", "/home"], 0, "eve\n"), (["rm", "-rf", "/"], REJECTED, "")]
    for words, status, out in rows:
        done = network.hub.run("devboxctl", "run", "hub", *words, check=False)
        equal((done.returncode, done.stdout), (status, out), f"run hub {words}: {done.stderr}")
    shown = network.hub.run("devboxctl", "audit", "show").stdout
    expect("req.finished finished exit 0" in shown, "the hub's chain does not have it")


def test_fleet(network):
    def home():
        devices = json.loads(network.hub.run("devboxctl", "--json", "fleet").stdout)["devices"]
        return next(device for device in devices if device["name"] == "home-wsl")

    equal((home()["presence"], home()["approving"], home()["queued"]), ("online", 0, 0), "the device")
    # The hub signs after the fact.
    eventually("all is witnessed", lambda: 0 < home()["audit_entries"] <= home()["witnessed_entries"])


def test_the_hub_over_http(network):
    def get(path):
        curl = ["curl", "-sS", "--unix-socket", "/run/devbox/api.sock", f"http://localhost{path}"]
        return network.hub.run(*curl).stdout

    device = json.loads(get("/devices/home-wsl"))
    equal((device["presence"], device["running"]), ("online", 0), "/devices/home-wsl")
    equal(json.loads(get("/requests"))["requests"][0]["id"], newest(network)["id"], "/requests")
    equal(json.loads(get("/approvals")), {"requests": []}, "/approvals")
    first = json.loads(get("/audit?device=home-wsl"))["entries"][0]
    equal((first["seq"], first["name"]), (0, "genesis"), "/audit")
    metrics = get("/metrics")
    for name in (
        'devbox_dispatch_requests_total{capability="shell.exec",outcome="finished"}',
        'devbox_dispatch_device_witness_lag_entries{device="home-wsl"}',
        "devbox_ledger_chain_entries",
    ):
        expect(f"\n{name} " in metrics, f"no {name} in /metrics")


def test_every_acceptance_is_proven(network):
    """By the signed documents that the hub keeps; of the third machine no entry has arrived."""

    def proven():
        chains = network.chains()
        both = [chains[name] for name in ("hub", "home-wsl")]
        return all(
            chain["outcome"] == "OK" and chain["accepted"] > 0 and chain["unproven"] == 0 for chain in both
        )

    # Witnesses sign after the fact.
    eventually("both chains are OK, and proven", proven)
