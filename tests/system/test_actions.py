# SPDX-License-Identifier: MIT
"""The two actions: restart, run the self-test."""

import pathlib
import re
import threading
import time

import wire
import world
from world import API, SELFTEST, each, equal, eventually, expect, run, show


class Loop(threading.Thread):
    """Requests /health repeatedly, each time on a new connection, and records every failure."""

    def __init__(self, path="/health"):
        super().__init__(daemon=True)
        self.path, self.stopped = path, threading.Event()
        self.answered, self.troubles, self.gap, self.last = 0, [], 0, time.monotonic()

    def run(self):
        while not self.stopped.is_set():
            try:
                status = wire.get(self.path).status
                if status != 200:
                    self.troubles.append(f"status {status}")
            except (OSError, wire.Closed) as error:
                self.troubles.append(f"{type(error).__name__} {error}")
            now = time.monotonic()
            self.answered, self.gap, self.last = self.answered + 1, max(self.gap, now - self.last), now

    def __enter__(self):
        self.start()
        eventually("the loop of requests runs", lambda: self.answered > 10)
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.join()


def restart():
    """Restarts through the API; the seconds until a new process has answered."""
    pid, started = world.running(API), time.monotonic()
    answer = wire.post("/actions/restart", token=world.token())
    equal((answer.status, answer.body), (202, b'{"status":"restarting"}'), "POST /actions/restart")
    eventually("there is a new process", lambda: world.main_pid(API) not in (0, pid))
    equal(wire.get("/health").status, 200, "GET /health after the restart")
    return time.monotonic() - started


def test_restart_under_load():
    world.awake()
    took = []
    with Loop() as health, Loop("/system") as system:
        while len(took) < 20 and min(took, default=9) >= 1:
            took.append(restart())
    equal(health.troubles + system.troubles, [], "what clients met while the API restarted")
    expect(min(took) < 1, f"healthy again after {min(took):.2f} s at best, of {len(took)} restarts")


def test_restart_again_and_again():
    """Requested restarts are not crashes: systemd counts both, so no unit has a start limit."""
    world.awake()
    crashes = world.show(API, "NRestarts")
    for _ in range(40):
        restart()
    equal(world.state(API), "active", API)
    equal(world.state(world.SOCKET), "active", world.SOCKET)
    for unit in (API, world.COLLECTOR, "devbox-ledger.service", world.SOCKET):
        equal(world.show(unit, "StartLimitIntervalUSec"), "0", f"StartLimitIntervalSec= of {unit}")
    equal(world.show(API, "NRestarts"), crashes, "restarts of the API by systemd, which are for crashes")


def test_restart_keeps_an_answer_under_way():
    world.awake()
    with wire.Connection() as slow:
        slow.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        equal(wire.post("/actions/restart", token=world.token()).status, 202, "POST /actions/restart")
        try:
            equal(slow.send(b"\r\n").response().status, 200, "the answer to a request that was half sent")
        except (wire.Closed, OSError) as error:
            raise world.Failure(f"a request that was half sent got no answer: {error}") from error
    eventually("the API answers", lambda: world.probe() == 200)


def test_restart_over_the_bus():
    world.awake(), world.collector_awake()

    def check(component, unit):
        pid = world.main_pid(unit)
        world.bus_call(component, "org.devbox.Component1", "Restart")
        eventually(f"{unit} has a new process", lambda: world.main_pid(unit) not in (0, pid))

    each([("Api1", API), ("Collector1", world.COLLECTOR)], check)
    eventually("all answers", lambda: world.probe("/services") == 200)


# ---- run-tests


def start_run():
    answer = wire.post("/actions/run-tests", token=world.token())
    equal(answer.status, 202, f"POST /actions/run-tests ({answer})")
    expect(re.fullmatch("[0-9a-f]{32}", answer.json["id"]), f"the id of the run is {answer.json['id']!r}")
    return answer.json["id"]


def outcome(run_id):
    answer = wire.get(f"/actions/run-tests/{run_id}")
    equal(answer.status, 200, f"GET /actions/run-tests/{run_id} ({answer})")
    equal(answer.json["id"], run_id, "the id in the answer")
    return answer.json


def finished(run_id):
    return eventually("the run ends", lambda: (now := outcome(run_id))["status"] != "running" and now)


def test_selftest_passes():
    run_id = start_run()
    outcome = finished(run_id)
    log = (
        run("journalctl", "--sync")
        and run("journalctl", "-q", "-o", "cat", f"_SYSTEMD_INVOCATION_ID={run_id}").stdout.splitlines()
    )
    equal(
        (outcome["status"], outcome["result"], outcome["exit_code"]),
        ("passed", "success", 0),
        f"the outcome, after {[line for line in log if line.startswith('not ok')]},",
    )
    expect(any(line.startswith("ok ") for line in log), f"the run's journal has no 'ok' line: {log[:5]}")
    expect(outcome["started_at"] and outcome["finished_at"], f"the times are missing: {outcome}")


def test_outcome_survives_a_restart_of_the_api():
    run_id = start_run()
    finished(run_id)
    restart()
    equal(outcome(run_id)["status"], "passed", "the outcome after a restart of the API")


def test_second_run_joins_the_first():
    gate = pathlib.Path("/run/ring-gate")  # is not there yet
    wait = f"+/bin/sh -c 'until test -e {gate}; do sleep 0.1; done'"
    with world.drop_in(SELFTEST, f"[Service]\nExecStartPre={wait}\n"):
        try:
            first = start_run()
            equal(outcome(first)["status"], "running", "the status of a run under way")
            equal(start_run(), first, "the id of a second run while the first is under way")
        finally:
            gate.touch()
        equal(finished(first)["status"], "passed", "the outcome")
    gate.unlink()


def test_one_wish_is_one_run():
    """What systemd never accepts is swept away with the run, and starts no further one."""
    run_id = start_run()
    finished(run_id)
    for _ in range(50):
        equal(show(SELFTEST, "InvocationID"), run_id, "the last run, after a while")
    equal(world.state(world.SELFTEST_SOCKET), "active", world.SELFTEST_SOCKET)


# A wish, then the next when systemd has closed its connection, which it does when the run has ended; not at
# once, or it is closed together with that.
WISHES = """
import socket, time
for _ in range(60):
    wish = socket.socket(socket.AF_UNIX)
    wish.connect("/run/devbox/selftest.sock")
    wish.recv(1)
    time.sleep(0.005)
"""


def test_runs_as_fast_as_can_be():
    """Faster than systemd's trigger limit, which would leave a failed socket behind."""
    world.awake()
    with world.drop_in(SELFTEST, "[Service]\nExecStart=\nExecStart=/bin/true\n"):
        run("python3", "-c", WISHES, user="devbox")
        equal(world.state(world.SELFTEST_SOCKET), "active", world.SELFTEST_SOCKET)
        equal(finished(start_run())["status"], "passed", "the outcome of one more run")


def test_masked_selftest_is_told_and_comes_back():
    world.awake()
    world.systemctl("mask", "--runtime", SELFTEST)
    try:
        answer = wire.post("/actions/run-tests", token=world.token())
        equal(answer.status, 500, f"POST /actions/run-tests while it is masked ({answer})")
        expect("systemctl status devbox-selftest.socket" in answer.json["error"]["message"], str(answer))
    finally:
        world.systemctl("unmask", "--runtime", SELFTEST)
        world.systemctl("stop", API)
    world.awake()
    equal(finished(start_run())["status"], "passed", "the outcome, once it is not masked any more")


def test_failed_run_says_so():
    with world.drop_in(SELFTEST, "[Service]\nExecStart=\nExecStart=/bin/false\n"):
        run_id = start_run()
        outcome = finished(run_id)
    equal(
        (outcome["status"], outcome["result"], outcome["exit_code"]),
        ("failed", "exit-code", 1),
        "the outcome",
    )
    world.systemctl("reset-failed", SELFTEST)


def test_unknown_runs():
    def check(run_id, code):
        answer = wire.get(f"/actions/run-tests/{run_id}")
        equal((answer.status, answer.code), (404, code), f"GET /actions/run-tests/{run_id[:40]}")

    start_run()
    each(
        [
            ("0" * 32, "job_not_found"),
            ("f" * 32, "job_not_found"),
            ("nonsense", "job_not_found"),
            ("A" * 500, "not_found"),
            ("%00", "job_not_found"),
        ],
        check,
    )
    eventually(f"{SELFTEST} ends", lambda: show(SELFTEST, "ActiveState") in ("inactive", "failed"))


# ---- who may


def rejection(path, token=None, headers=(), host="localhost"):
    answer = wire.post(path, token, headers, host=host)
    return answer.status, answer.code


def test_actions_need_the_token():
    pid, token = world.awake(), world.token()

    def check(wrong, wanted):
        for path in ("/actions/restart", "/actions/run-tests"):
            equal(rejection(path, wrong), wanted, f"POST {path} with token {wrong and wrong[:8]!r}")

    each(
        [
            (None, (401, "token_required")),
            ("", (401, "token_invalid")),
            ("wrong", (401, "token_invalid")),
            (token[:-1], (401, "token_invalid")),
            (token + "x", (401, "token_invalid")),
            (token.upper() + "A", (401, "token_invalid")),
            ("é" * 20, (401, "token_invalid")),
        ],
        check,
    )
    equal(world.main_pid(API), pid, "the process after rejected restarts")


def test_token_counts_once():
    token = world.token()
    answer = wire.request(
        "POST", "/actions/run-tests", [("X-Devbox-Token", "wrong"), ("X-Devbox-Token", token)]
    )
    expect(answer.status in (400, 401), f"the answer to a wrong token followed by the right one: {answer}")


def test_placeholder_never_works():
    def check(placeholder):
        token = world.token()
        with world.config(world.CONFIG.read_text().replace(token, placeholder), apply=True):
            equal(
                rejection("/actions/restart", placeholder),
                (403, "token_placeholder"),
                f"token {placeholder!r}",
            )

    each([("CAMBIAR_ESTE_TOKEN",), ("CHANGE_ME_PLEASE",)], check)


def test_web_pages_cannot_act():
    pid, token = world.awake(), world.token()

    def check(name, value):
        equal(
            rejection("/actions/restart", token, [(name, value)]),
            (403, "origin_not_allowed"),
            f"{name}: {value}",
        )

    each(
        [
            ("Origin", "https://example.org"),
            ("Origin", "null"),
            ("Origin", "http://localhost.example.org:8080"),
            ("Origin", "http://localhost:8080.example.org"),
            ("Origin", "http://localhost@example.org"),
            ("Origin", "file://"),
            ("Origin", "http://localhost:1"),
            ("Sec-Fetch-Site", "cross-site"),
        ],
        check,
    )
    equal(world.main_pid(API), pid, "the process after rejected restarts")


def test_own_pages_may_act():
    def check(host):
        status, _ = rejection("/actions/run-tests", world.token(), [("Origin", f"http://{host}")], host=host)
        equal(status, 202, f"POST with Origin and Host {host}")

    each([("localhost:8080",), ("127.0.0.1:8080",), ("[::1]:8080",)], check)


def test_actions_are_not_for_get():
    for path in ("/actions/restart", "/actions/run-tests"):
        answer = wire.request("GET", path, [("X-Devbox-Token", world.token())])
        equal((answer.status, answer.header("Allow")), (405, "POST"), f"GET {path}")
