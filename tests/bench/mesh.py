# SPDX-License-Identifier: MIT
"""Goal 12: the network. A hub in a network namespace, with a few peers and with thousands: what revoking one
takes beside wg(8), starting, and what it costs while nothing happens. tests/vm runs the same with the
kernel's WireGuard; where that is missing it is wireguard-go."""
import pathlib
import signal
import statistics
import sys
import time

from measure import memory, ran_usec

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.append(str(TESTS / "mesh"))

import network

# Rows of [peers, network, how many are revoked]; a /24 has 253 devices.
FEW, ALL = (10, "10.42.0.0/24", 5), (253, "10.42.0.0/24", 100)
MANY = (10000, "10.42.0.0/16", 100)
TREE = "/run/bench/tree"
TARGETS = ("src/mesh/devbox-mesh", "tests/mesh/mesh-fill")


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


def rest(put, hub, n, seconds):
    """A poll each second: a dump, its difference to what should be, and the presence of each peer."""
    time.sleep(2)
    pid, began = hub.daemon.pid, time.monotonic()
    usec = ran_usec([pid])
    time.sleep(seconds)
    usec, took = ran_usec([pid]) - usec, time.monotonic() - began
    put(kind="mesh-dump", peers=n, us=timed(hub.wg, "show", "wg0", "dump"))
    put(kind="mesh-rest", peers=n, poll_us=usec / took, cpu_percent=usec / took / 1e4, **memory([pid]))


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


def figures(put, build, rows, seconds):
    for n, prefix, turns in rows:
        with network.Hub(build, prefix) as hub:
            devices = hub.fill(n)
            hub.renew()
            start(put, hub, n)
            rest(put, hub, n, seconds)
            revoke(put, hub, devices, turns)


def measure(devbox, put, quick):
    network.run("meson", "setup", TREE, TESTS.parent, "-Doptimization=3", "--reconfigure")
    network.run("ninja", "-C", TREE, *TARGETS)
    figures(put, TREE, (FEW, ALL, MANY), 5 if quick else 20)
