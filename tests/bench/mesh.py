# SPDX-License-Identifier: MIT
"""Goal 12: the network. A hub in a network namespace, with a few peers and with thousands: what revoking one
takes beside wg(8), starting, and what it costs while nothing happens. kernel.py and tests/vm run the same
with the kernel's WireGuard; where that is missing it is wireguard-go.

  mesh.py BUILD     prints the figures with few and with many peers, a JSON object per line
"""
import contextlib
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import time

from measure import memory, ran_usec

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.append(str(TESTS / "mesh"))

import network

# Rows of [peers, network, how many are revoked]; a /24 has 253 devices.
FEW, ALL = (10, "10.42.0.0/24", 5), (253, "10.42.0.0/24", 100)
MANY = (10000, "10.42.0.0/16", 100)
TREE = "/var/cache/bench"  # the namespaces of tests/bus have a /run of their own
OTHERS = ("ledger", "dispatch", "collector", "api")  # of a hub
TARGETS = ("src/mesh/devbox-mesh", *(f"src/{name}/devbox-{name}" for name in OTHERS), "src/ctl/devboxctl",
           "tests/mesh/mesh-fill", "tests/bus/fake-services", "tests/bus/libkill-at.so",
           "tests/bus/libshift-clock.so",
           "tests/bus/test-bus-enrol", "tests/bus/test-bus-enrol-ctl")


def quantiles(usec):
    usec = sorted(usec)
    return {"p50_us": statistics.median(usec), "p99_us": usec[int(len(usec) * 0.99)], "n": len(usec)}


def timed(call, *arguments):
    began = time.monotonic()
    call(*arguments)
    return (time.monotonic() - began) * 1e6


def start(put, hub, n):
    """To all peers loaded, and in sync: the first time onto a new link, then onto the one that is there.
    Beside it, wg setconf with the same peers."""
    for link in ("new", "kept"):
        began = time.monotonic()
        hub.begin()
        hub.wait_up()
        put(kind="mesh-start", peers=n, link=link, us=(time.monotonic() - began) * 1e6)
        if len(hub.keys()) != n:
            raise SystemExit(f"{len(hub.keys())} peers are loaded instead of {n}")
        if link == "new":
            hub.stop()
            config = hub.folder / "wg0.conf"
            config.write_text(hub.wg("showconf", "wg0"))
            put(kind="mesh-setconf", peers=n, us=timed(hub.wg, "setconf", "wg0", config))


@contextlib.contextmanager
def others(hub):
    """The other daemons of a hub, on its bus; their process ids."""
    environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={hub.folder}/bus",
                   "DEVBOX_CONFIG": f"{hub.folder}/config.yaml"}
    processes = []
    try:
        for name in OTHERS:
            state = hub.folder / name
            state.mkdir(mode=0o700, exist_ok=True)
            command = [hub.build / f"src/{name}/devbox-{name}"]
            if name == "api":
                command.append(f"--listen={state}/api.sock")
            own = {**environment, "STATE_DIRECTORY": str(state)}
            with hub.inside():
                processes.append(subprocess.Popen(command, env=own, stderr=subprocess.DEVNULL))
        time.sleep(2)
        for name, process in zip(OTHERS, processes):
            if process.poll() is not None:
                raise SystemExit(f"devbox-{name} ended: {process.returncode}")
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.terminate()
            process.wait()


def rest(put, hub, n, seconds):
    """A poll each second: a dump, its difference to what should be, and the presence of each peer."""
    time.sleep(2)
    pid, began = hub.daemon.pid, time.monotonic()
    usec = ran_usec([pid])
    time.sleep(seconds)
    usec, took = ran_usec([pid]) - usec, time.monotonic() - began
    put(kind="mesh-dump", peers=n, us=timed(hub.wg, "show", "wg0", "dump"))
    put(kind="mesh-rest", peers=n, poll_us=usec / took, cpu_percent=usec / took / 1e4, **memory([pid]))


def whole(put, hub, n):
    """All daemons of a hub, each by its name."""
    with others(hub) as pids:
        for name, pid in zip(("mesh", *OTHERS), (hub.daemon.pid, *pids)):
            put(kind="mesh-hub", peers=n, service=name, **memory([pid]))


def revoke(put, hub, rows, turns):
    """`elapsed` is the daemon's own: from the call to the read-back; `call` has the client's process, as
    wg set and wg show beside it have."""
    elapsed, calls, beside = [], [], []
    for name, *_ in rows[:turns]:
        calls.append(timed(lambda: elapsed.append(hub.revoke(name))))
    keys = [network.run("wg", "pubkey", input=row[2]) for row in rows[turns:2 * turns]]
    hub.stop(signal.SIGKILL)  # it would repair that
    for key in keys:
        beside.append(timed(hub.wg, "set", "wg0", "peer", key, "remove")
                      + timed(hub.wg, "show", "wg0", "peers"))
    for kind, usec in (("elapsed", elapsed), ("call", calls), ("wg", beside)):
        put(kind="mesh-revoke", peers=len(rows), what=kind, **quantiles(usec))


def joining(put, build, claims):
    """What the bus ring plays with two namespaces: devices that claim one token all at once, of which one
    waits at most; and devboxctl enroll, from the invitation to the first answer inside the tunnel."""
    def play(name, pattern, **environment):
        output = network.run(build / f"tests/bus/test-bus-{name}", env={**os.environ, **environment})
        return [int(number) for number in re.search(pattern, output).groups()]

    pattern = r"(\d+) claims: (\d+) answered, (\d+) us"
    n, answered, usec = play("enrol", pattern, DEVBOX_CLAIMS=str(claims))
    put(kind="mesh-claims", n=n, answered=answered, us=usec / n)
    put(kind="mesh-join", us=play("enrol-ctl", r"joined: (\d+) us")[0])


def figures(put, build, rows, seconds, more=()):
    """`more`: what is measured besides, with all peers."""
    for n, prefix, turns in rows:
        with network.Hub(build, prefix) as hub:
            devices = hub.fill(n)
            hub.renew()
            start(put, hub, n)
            rest(put, hub, n, seconds)
            for measured in more:
                measured(put, hub, n)
            revoke(put, hub, devices, turns)


def measure(devbox, put, quick):
    again = ["--reconfigure"] if pathlib.Path(TREE, "build.ninja").exists() else []
    network.run("meson", "setup", TREE, TESTS.parent, "-Doptimization=3", *again)
    network.run("ninja", "-C", TREE, *TARGETS)
    figures(put, TREE, (FEW, ALL, MANY), 5 if quick else 20, (whole,))
    joining(put, pathlib.Path(TREE), 1000 if quick else 10000)


if __name__ == "__main__":
    figures(lambda **row: print(json.dumps(row), flush=True), sys.argv[1], (FEW, (*MANY[:2], 10)), 10)
