# SPDX-License-Identifier: MIT
"""Every endpoint: its shape, and that its figures are this machine's."""

import os
import pathlib
import subprocess

import wire
import world
from world import API, COLLECTOR, SERVICES, each, equal, eventually, expect, near, systemctl

# The members that GET /system has at least, with their types. None may be a bool.
SYSTEM = {
    "cpu_percent": float,
    "mem": dict,
    "disk": dict,
    "uptime_seconds": int,
    "mem.total": int,
    "mem.used": int,
    "mem.percent": float,
    "disk.path": str,
    "disk.total": int,
    "disk.used": int,
    "disk.percent": float,
}


def meminfo():
    rows = (line.split() for line in pathlib.Path("/proc/meminfo").read_text().splitlines())
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows}


def member(value, path):
    for key in path.split("."):
        expect(isinstance(value, dict) and key in value, f"{path} is missing")
        value = value[key]
    return value


def has_type(value, path, wanted):
    actual = member(value, path)
    kinds = (int, float) if wanted is float else wanted
    expect(
        isinstance(actual, kinds) and not isinstance(actual, bool),
        f"{path} is {actual!r}, no {wanted.__name__}",
    )


def system():
    answer = wire.get("/system")
    equal(answer.status, 200, f"GET /system ({answer})")
    return answer.json


def services():
    answer = wire.get("/services")
    equal(answer.status, 200, f"GET /services ({answer})")
    return {row["name"]: row for row in answer.json["services"]}


def test_health():
    answer = wire.get("/health")
    equal(
        (answer.status, answer.body),
        (200, b'{"status":"ok","service":"devbox","version":"0.1.0"}'),
        "/health",
    )


def test_headers():
    def check(path, content_type):
        answer = wire.get(path)
        equal(answer.header("Content-Type"), content_type, f"Content-Type of {path}")
        equal(answer.header("Cache-Control"), "no-store", f"Cache-Control of {path}")
        equal(answer.header("X-Content-Type-Options"), "nosniff", f"X-Content-Type-Options of {path}")

    each(
        [
            ("/health", "application/json"),
            ("/system", "application/json"),
            ("/services", "application/json"),
            ("/nowhere", "application/json"),
            ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
        ],
        check,
    )


def test_system_shape():
    answer = world.attempts(system_with_disk)
    each([(answer, path, wanted) for path, wanted in SYSTEM.items()], has_type)
    for path in ("cpu_percent", "mem.percent", "disk.percent"):
        figure = member(answer, path)
        expect(0 <= figure <= 100 and round(figure, 1) == figure, f"{path} is {figure}")


def test_memory_is_this_machines():
    def check():
        total, available = meminfo()["MemTotal"], meminfo()["MemAvailable"]
        mem = system()["mem"]
        equal(mem["total"], total, "mem.total")
        near(mem["used"], total - available, total // 10, "mem.used")
        near(mem["percent"], 100 * mem["used"] / total, 0.06, "mem.percent")

    world.attempts(check)  # others use memory, too


def system_with_disk():
    answer = system()
    expect(answer["disk"], "/system has no disk")
    return answer


def test_disk_is_this_machines():
    disk, root = world.attempts(system_with_disk)["disk"], os.statvfs("/")
    used, available = (root.f_blocks - root.f_bfree) * root.f_frsize, root.f_bavail * root.f_frsize
    equal((disk["path"], disk["total"]), ("/", root.f_blocks * root.f_frsize), "disk")
    near(disk["used"], used, 1 << 30, "disk.used")
    near(disk["percent"], 100 * used / (used + available), 2, "disk.percent")


def test_uptime_is_this_machines():
    def uptime():
        return float(pathlib.Path("/proc/uptime").read_text().split()[0])

    before, figure, after = uptime(), system()["uptime_seconds"], uptime()
    expect(before - 5 <= figure <= after, f"uptime_seconds is {figure}, between {before} and {after}")


def test_first_cpu_answer_under_load():
    systemctl("stop", API, COLLECTOR)
    busy = subprocess.Popen(["python3", "-c", "while True: pass"])
    try:
        expect(system()["cpu_percent"] > 0, "the first cpu_percent after a cold start, under load, is 0.0")
    finally:
        busy.kill()
        busy.wait()


def test_services_in_every_state():
    rows = services()
    equal(list(rows), list(SERVICES), "the names in /services, in the order of the configuration,")

    def check(name, wanted):
        equal(rows[name]["state"], wanted, f"state of {name}")
        equal(rows[name]["active"], wanted in ("active", "reloading"), f"active of {name}")

    each(SERVICES.items(), check)


def test_service_change_is_visible():
    def check(verb, wanted):
        systemctl(verb, "ring-idle")
        eventually(f"ring-idle reads {wanted}", lambda: services()["ring-idle"]["state"] == wanted)

    services()
    each([("start", "active"), ("stop", "inactive")], check)


def test_openapi_describes_what_answers():
    answer = wire.get("/openapi.json")
    equal(answer.status, 200, "GET /openapi.json")
    expect(answer.json["openapi"].startswith("3.1"), f"openapi is {answer.json['openapi']!r}")

    def check(path, method):
        response = wire.request(method.upper(), path.replace("{id}", "0" * 32))
        # What needs the token is rejected without it, an unknown run is not an unknown path, a claim needs a
        # body.
        needs_token = "security" in answer.json["paths"][path][method]
        wanted = (401, "token_required") if needs_token else (200, None)
        wanted = (404, "job_not_found") if path == "/actions/run-tests/{id}" else wanted
        wanted = (400, "bad_request") if path == "/enroll" else wanted
        got = (response.status, response.code)
        equal(got, wanted, f"{method} {path}")

    each(
        [
            (path, method)
            for path, item in answer.json["paths"].items()
            for method in item
            if method in ("get", "post")
        ],
        check,
    )


def test_all_documented_paths_are_there():
    paths = wire.get("/openapi.json").json["paths"]
    wanted = [
        "/actions/restart",
        "/actions/run-tests",
        "/actions/run-tests/{id}",
        "/approvals",
        "/approvals/{id}/approve",
        "/approvals/{id}/deny",
        "/audit",
        "/containers",
        "/devices",
        "/devices/{name}",
        "/enroll",
        "/health",
        "/healthz",
        "/mesh",
        "/mesh/peers",
        "/mesh/peers/{name}/revoke",
        "/metrics",
        "/openapi.json",
        "/requests",
        "/services",
        "/system",
    ]
    equal(sorted(paths), wanted, "the paths in /openapi.json")


def test_head_is_get_without_a_body():
    def check(path):
        head, full = wire.request("HEAD", path), wire.get(path)
        equal(
            (head.status, head.header("Content-Type")),
            (full.status, full.header("Content-Type")),
            f"HEAD {path}",
        )
        expect(head.header("Content-Length"), f"HEAD {path} tells no Content-Length")

    each([("/health",), ("/system",), ("/openapi.json",), ("/nowhere",)], check)


def test_unix_socket_answers_alike():
    equal(
        wire.get("/health", address=wire.UNIX).body, wire.get("/health").body, "/health on the Unix socket"
    )
