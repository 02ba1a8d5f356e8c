# SPDX-License-Identifier: MIT
"""Socket activation: nothing runs before the first request, and nothing stays when idle."""

import grp
import socket

import wire
import world
from world import (
    API,
    COLLECTOR,
    GUEST,
    MEMBER,
    SOCKET,
    equal,
    eventually,
    expect,
    run,
    show,
    state,
    systemctl,
)

CONNECT = f"import socket; socket.socket(socket.AF_UNIX).connect({wire.UNIX!r})"
FAST_EXIT = "\napi:\n  idle_exit_sec: 1\ncollector:\n  idle_exit_sec: 1\n"


def asleep(unit):
    return state(unit) == "inactive"


def test_a_request_wakes_both():
    systemctl("stop", API, COLLECTOR)
    equal((state(SOCKET), state(API)), ("active", "inactive"), "socket and service")
    equal(wire.get("/services").status, 200, "GET /services with both asleep")
    equal((state(API), state(COLLECTOR)), ("active", "active"), "API and collector after a request")


def test_the_unix_socket_wakes_too():
    systemctl("stop", API)
    equal(
        wire.get("/health", address=wire.UNIX).status,
        200,
        "GET /health on the Unix socket with the API asleep",
    )


def test_a_crowd_at_a_sleeping_socket_is_served():
    def check():
        systemctl("stop", API, COLLECTOR)
        crowd = [wire.Connection() for _ in range(64)]
        for connection in crowd:
            connection.send(wire.text("GET", "/system"))
        statuses = [connection.response().status for connection in crowd]
        for connection in crowd:
            connection.socket.close()
        equal(statuses, [200] * 64, "the answers to 64 concurrent requests")

    world.attempts(check)


def test_idle_services_exit_and_come_back():
    with world.config(world.CONFIG.read_text() + FAST_EXIT, apply=True):
        for _ in range(3):
            equal(wire.get("/services").status, 200, "GET /services")
            eventually("both exit when idle", lambda: asleep(API) and asleep(COLLECTOR))
            equal((show(API, "Result"), show(COLLECTOR, "Result")), ("success", "success"), "the results")
            equal(state(SOCKET), "active", SOCKET)


def test_an_open_connection_keeps_the_api_up():
    with world.config(world.CONFIG.read_text() + FAST_EXIT, apply=True):
        with wire.Connection() as connection:
            equal(connection.send(wire.text("GET", "/health")).response().status, 200, "GET /health")
            pid = world.running(API)
            eventually("the collector's turn passes", lambda: asleep(COLLECTOR))
            for _ in range(4):
                equal(connection.send(wire.text("GET", "/health")).response().status, 200, "GET /health")
                try:
                    connection.socket.settimeout(0.8)
                    connection.more()
                except (TimeoutError, socket.timeout):
                    connection.socket.settimeout(30)
            equal(world.main_pid(API), pid, "the process that holds an open connection")


def test_status_does_not_wake_a_sleeping_api():
    systemctl("stop", API)
    output = run("devboxctl", "status", check=False).stdout
    equal(state(API), "inactive", "the API after devboxctl status")
    expect("sleep" in output, f"devboxctl status does not show that the API sleeps: {output[:200]}")


def test_unix_socket_is_for_the_group():
    equal(world.owner(wire.UNIX), "0660 devbox:devbox-admin", wire.UNIX)
    expect(
        run("python3", "-c", CONNECT, user=GUEST, check=False).returncode,
        "a stranger reaches the Unix socket",
    )
    expect(MEMBER in grp.getgrnam("devbox-admin").gr_mem, f"{MEMBER} is no member")
    run("python3", "-c", CONNECT, user=MEMBER)


def test_stopping_the_socket_frees_the_port():
    systemctl("stop", SOCKET, API)
    try:
        expect(world.probe() == 0, "something answers though the socket is stopped")
    finally:
        systemctl("start", SOCKET)
    equal(wire.get("/health").status, 200, "GET /health after the socket was restored")
