# SPDX-License-Identifier: MIT
"""Daemons crash, freeze and disappear; the machine goes on."""

import contextlib
import os
import signal
import time

import prom
import wire
import world
from world import API, COLLECTOR, each, equal, eventually, expect, systemctl


@contextlib.contextmanager
def collector_masked():
    """No collector, and no way to start one."""
    systemctl("mask", "--runtime", COLLECTOR)
    systemctl("stop", COLLECTOR)
    try:
        yield
    finally:
        systemctl("unmask", "--runtime", COLLECTOR)


@contextlib.contextmanager
def frozen(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def fresh(path="/system"):
    """An answer that is not from before: the cache's TTL is 1 s."""
    return eventually("the cache has what is true now",
                      lambda: (answer := wire.get(path)).status == 200 and answer)


def kill(unit, number):
    pid = world.running(unit)
    os.kill(pid, number)
    eventually(
        f"{unit} has another process after signal {number}", lambda: world.main_pid(unit) not in (0, pid)
    )


DEATHS = [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT]


def test_api_comes_back():
    def check(number):
        world.awake()
        kill(API, number)
        equal(wire.get("/health").status, 200, f"GET /health after signal {number}")

    each([(number,) for number in DEATHS * 2], check)


def test_collector_comes_back():
    def check(number):
        world.collector_awake()
        kill(COLLECTOR, number)
        fresh("/services")

    each([(number,) for number in DEATHS * 2], check)


def test_socket_outlives_the_api():
    """Connections during a crash of the API wait in the socket: none is refused."""

    def check(number):
        world.awake()
        os.kill(world.main_pid(API), number)
        for _ in range(20):
            equal(wire.get("/health").status, 200, f"GET /health right after signal {number}")

    world.awake()
    each([(number,) for number in DEATHS], check_unless_in_flight(check))


def check_unless_in_flight(check):
    """A request that reaches the dying process itself may be reset; the one after it may not."""

    def checked(*row):
        try:
            check(*row)
        except (OSError, wire.Closed):
            equal(wire.get("/health").status, 200, "GET /health, the second time")

    return checked


def test_api_terminated_by_hand_sleeps():
    """SIGTERM is a wish, no crash: the next request wakes it."""
    os.kill(world.awake(), signal.SIGTERM)
    eventually("the API ends", lambda: world.state(API) == "inactive")
    equal(world.show(API, "Result"), "success", "the result")
    equal(wire.get("/health").status, 200, "GET /health")


def test_collector_killed_while_a_request_waits():
    world.awake()

    def check():
        """Within the 2 s after which the collector is late."""
        pid = world.collector_awake()
        uncached()
        with wire.Connection() as waiting, frozen(pid):
            waiting.send(wire.text("GET", "/system"))
            world.probe("/health")  # by now the API has read the request before it
            os.kill(pid, signal.SIGKILL)
            answer = waiting.response()
            equal((answer.status, answer.code), (503, "collector_unavailable"), "the answer to who waited")

    world.attempts(check)
    fresh()


def uncached():
    """The next request has to ask the collector: 1 s without a request."""
    time.sleep(1.2)


def test_frozen_collector_times_out():
    world.awake()
    with frozen(world.collector_awake()):
        uncached()
        answer = wire.request("GET", "/system")
        equal((answer.status, answer.code), (503, "collector_timeout"), "GET /system")
        equal(wire.get("/health").status, 200, "GET /health")
    fresh()


def test_no_collector_at_all():
    world.awake()
    with collector_masked():
        eventually("the cache is empty", lambda: world.probe("/system") == 503)
        for path in ("/system", "/services"):
            eventually(f"{path} fails", lambda: world.probe(path) == 503)
            equal(wire.get(path).code, "collector_unavailable", f"the code of {path}")
        equal(wire.get("/health").status, 200, "GET /health")
        families = prom.parse(wire.get("/metrics").body.decode())
        equal(prom.value(families, "devbox_collector_up"), 0, "devbox_collector_up")
        absent = [
            name for name in families if name.startswith(("devbox_memory", "devbox_cpu", "devbox_unit"))
        ]
        equal(absent, [], "families that only the collector can fill")
        equal(wire.get("/openapi.json").status, 200, "GET /openapi.json")
    fresh(), fresh("/services")


def test_api_starts_without_a_collector():
    with collector_masked():
        systemctl("stop", API)
        equal(wire.get("/system").code, "collector_unavailable", "GET /system")
        equal(wire.get("/health").status, 200, "GET /health")
    fresh()


def test_bus_restart():
    """dbus-daemon goes and takes every connection with it."""
    world.awake(), world.collector_awake()
    systemctl("restart", "dbus.service")
    equal(wire.get("/health").status, 200, "GET /health")
    eventually("the API and the collector are back on the bus", lambda: world.probe("/services") == 200)
    eventually(
        "Component1 answers",
        lambda: not world.bus_call("Api1", "org.devbox.Component1", "GetMetrics", check=False).returncode,
    )


def test_systemd_reexecution():
    """systemctl daemon-reexec, as on an upgrade of systemd."""
    pid = world.awake()
    world.collector_awake()
    systemctl("daemon-reexec")
    eventually("/services answers", lambda: world.probe("/services") == 200)
    equal(world.main_pid(API), pid, "the API's process")
    rows = {row["name"]: row["state"] for row in fresh("/services").json["services"]}
    equal(rows["docker"], "not-found", "the state of docker")


def test_failed_starts_do_not_lock_the_socket():
    """Even a program that cannot start leaves a socket that works once it can."""
    with world.drop_in(API, "[Service]\nExecStart=\nExecStart=/bin/false\n"):
        systemctl("stop", API)
        with contextlib.suppress(OSError, wire.Closed):
            with wire.Connection(timeout=2) as connection:
                connection.send(wire.text("GET", "/health")).response()
    systemctl("reset-failed", API, check=False)
    systemctl("stop", API)
    equal(world.state(world.SOCKET), "active", world.SOCKET)
    equal(wire.get("/health").status, 200, "GET /health once the program starts again")
