# SPDX-License-Identifier: MIT
"""Containers of a device: a real engine beside the machine, because none runs inside one, and its socket."""

import json

from engine import Engine, NoEngine
from test_run import CEILING, REJECTED, newest, publish, run
from world import Skip, each, equal, expect

TEMPLATE = """\
operators: ["local:root"]
approvers: ["local:root"]
capabilities:
  - docker: list, logs, exec ps in mycontainer
"""
CAPABILITIES = "docker.list, docker.logs, docker.exec]\ncontainers: [mycontainer]"
SOCKET = "/var/lib/engine.sock"  # seen from both sides


def need_engine(network):
    if not network.engine:
        raise Skip("no container engine")


def start_engine(network):
    """Here, until the network ends; in the machine, until that is off."""
    if not network.engine:
        engine = Engine("dockerd", network.home.path() / SOCKET.lstrip("/"))
        try:
            network.engine = network.stack.enter_context(engine)
        except NoEngine as reason:
            raise Skip(f"no container engine: {reason}") from reason
        for name in ("mycontainer", "other"):
            engine.start(name)
    network.home.shell(
        f"mountpoint -q /run/docker.sock || {{ chgrp docker {SOCKET} && : >/run/docker.sock &&"
        f" mount --bind {SOCKET} /run/docker.sock; }}"
    )


def test_an_engine(network):
    start_engine(network)


def test_a_manifest_for_them(network):
    need_engine(network)
    publish(network, TEMPLATE, CEILING.replace("docker.list]", CAPABILITIES))


def test_list(network):
    need_engine(network)
    done = run(network, "docker.list")
    equal((done.returncode, done.stdout.split()[:2]), (0, ["mycontainer", "running"]), done.stderr)
    expect("other" not in done.stdout, f"a container that is not in the manifest: {done.stdout!r}")


def test_containers(network):
    need_engine(network)
    shown = json.loads(network.hub.run("devboxctl", "--json", "containers").stdout)["containers"]
    rows = [[row[key] for key in ("device", "name", "state", "image")] for row in shown]
    equal(rows, [["home-wsl", "mycontainer", "running", "busybox"]], "containers")
    curl = ["curl", "-sS", "--unix-socket", "/run/devbox/api.sock", "http://localhost/containers"]
    device = json.loads(network.hub.run(*curl).stdout)["devices"][0]
    known = [[device["device"], row["name"], row["state"], row["image"]] for row in device["containers"]]
    equal(known, rows, "/containers")


def test_logs(network):
    need_engine(network)
    done = run(network, "docker", "logs", "mycontainer")
    lines = [stream.rpartition(" ")[2] for stream in (done.stdout, done.stderr)]  # after their time
    equal((done.returncode, lines), (0, ["started\n", "oops\n"]), "docker logs")


def test_ps(network):
    need_engine(network)
    done = run(network, "docker", "exec", "mycontainer", "ps")
    equal(done.returncode, 0, f"docker exec: {done.stderr!r}")
    expect("sleep 100000" in done.stdout, f"ps shows {done.stdout!r}")


def test_what_the_manifest_does_not_offer(network):
    need_engine(network)
    rows = [
        ("another program", ("mycontainer", "id"), "args_denied"),
        ("a shell", ("mycontainer", "sh", "-c", "ps"), "args_denied"),
        ("another container", ("other", "ps"), "binary_not_allowed"),
        ("arguments", ("mycontainer", "ps", "-o", "pid"), "args_denied"),
    ]

    def check(name, words, reason):
        done = run(network, "docker", "exec", *words)
        found = (done.returncode, done.stdout, newest(network)["reason"])
        equal(found, (REJECTED, "", reason), f"{name}: {done.stderr}")

    each(rows, check)
