# SPDX-License-Identifier: MIT
"""An invalid configuration: reported with file, line and fix; services keep the last valid one."""

import pathlib
import time

import wire
import world
from test_api import system_with_disk
from world import (
    API,
    COLLECTOR,
    CONFIG,
    GUEST,
    SOCKET,
    Journal,
    each,
    equal,
    eventually,
    expect,
    run,
    state,
    systemctl,
)

LONG = "t" * 257

# Wrong content, the line it is wrong in, and words that the complaint has: the key, or what would be right.
WRONG = [
    ("http:\n  host: 300.1.2.3\n", 2, ["http.host", "127.0.0.1"]),
    ("http:\n  host: example.org\n", 2, ["http.host", "127.0.0.1"]),
    ("http:\n  host: 0.0.0.0\n", 2, ["host", "insecure_expose"]),
    ("http:\n  host: '::'\n", 2, ["host", "insecure_expose"]),
    ("http:\n  host: [127.0.0.1]\n", 2, ["host"]),
    ("http:\n  port: 0\n", 2, ["port", "65535"]),
    ("http:\n  port: 65536\n", 2, ["port", "65535"]),
    ("http:\n  port: '8080'\n", 2, ["port", "quotes"]),
    ("http:\n  port: eighty\n", 2, ["port"]),
    ("http:\n  port: 99999999999999999999999\n", 2, ["port"]),
    ("http:\n  insecure_expose: perhaps\n", 2, ["insecure_expose", "true"]),
    ("http:\n  prot: 8080\n", 2, ["prot", "port"]),
    ("auth:\n  token: short\n", 2, ["token", "8"]),
    (f"auth:\n  token: {LONG}\n", 2, ["token", "256"]),
    ("auth:\n  token: 'with a\ttab in it'\n", 2, ["token"]),
    ("auth:\n  token: [one, two]\n", 2, ["token"]),
    ("auth:\n  password: correct-horse\n", 2, ["auth", "token"]),
    ("services: docker\n", 1, ["services", "list"]),
    ("services:\n  - docker\n  - getty@.service\n", 3, ["getty@.service", "instance"]),
    ("services:\n  - 's*'\n", 2, ["s*"]),
    ("services:\n  - -Mhost\n", 2, ["-Mhost"]),
    ("services:\n  - /etc/passwd\n", 2, ["/etc/passwd"]),
    ("services:\n  - ssh\n  - docker\n  - ssh.service\n", 4, ["ssh"]),
    ("services:\n" + "".join(f"  - unit{i}\n" for i in range(65)), 66, ["64"]),
    ("services:\n  - name: docker\n", 2, ["services"]),
    ("api:\n  cache_ttl_ms: -1\n", 2, ["cache_ttl_ms", "60000"]),
    ("api:\n  cache_ttl_ms: 60001\n", 2, ["cache_ttl_ms", "60000"]),
    ("api:\n  cache_ttl_ms: 0.5\n", 2, ["cache_ttl_ms"]),
    ("api:\n  idle_exit_sec: 86401\n", 2, ["idle_exit_sec", "86400"]),
    ("api:\n  idle_exit_sec: 2 min\n", 2, ["idle_exit_sec"]),
    ("api:\n  max_connections: 7\n", 2, ["max_connections", "8"]),
    ("api:\n  max_connections: 4097\n", 2, ["max_connections", "4096"]),
    ("collector:\n  disks: /\n", 2, ["disks", "list"]),
    ("collector:\n  disks: [home]\n", 2, ["home"]),
    ("collector:\n  disks:\n" + "".join(f"  - /d{i}\n" for i in range(17)), 19, ["16"]),
    ("collector:\n  idle_exit_sec: -5\n", 2, ["idle_exit_sec", "86400"]),
    ("htpp:\n  port: 8080\n", 1, ["htpp", "http"]),
    ("http: 8080\n", 1, ["http"]),
    ("- http\n", 1, []),
    ("http:\n  port: 8080\nhttp:\n  port: 8081\n", 3, ["line 1"]),
    ("http:\n  port: 8080\n  port: 8081\n", 3, ["line 2"]),
    ("http:\n\tport: 8080\n", 2, []),
    ("http: {port: 8080\nservices: []\n", 2, []),
    ("http: &a\n  port: 8080\napi: *a\n", 1, []),
    ("http:\n  port: !!int 8080\n", 2, []),
    ("http:\n  port: 8080\n---\nhttp:\n  port: 8081\n", 3, []),
]


def check_file(content):
    path = pathlib.Path("/etc/devbox/ring.yaml")
    path.write_text(content)
    try:
        return run("devboxctl", "config", "check", path, check=False)
    finally:
        path.unlink()


def test_check_names_line_and_fix():
    def check(content, line, words):
        done = check_file(content)
        output = done.stdout + done.stderr
        equal(done.returncode, 1, f"the exit status for {content[:40]!r}")
        place = f"/etc/devbox/ring.yaml:{line}:"
        expect(place in output, f"{content[:40]!r}: no line {line} in {output.strip()!r}")
        missing = [word for word in words if word not in output]
        expect(not missing, f"{content[:40]!r}: {missing} not in {output.strip()!r}")

    each(WRONG, check)


def test_check_keeps_the_token_to_itself():
    result = check_file("auth:\n  token: 'top secret \x7f'\n")
    expect(
        result.returncode and "top secret" not in result.stdout + result.stderr,
        "config check shows a rejected token",
    )


def test_check_of_a_good_file():
    done = run("devboxctl", "config", "check")
    expect("ok" in done.stdout.lower() or not done.stdout, f"a good file: {done.stdout!r}")


def test_check_of_an_absent_file():
    done = run("devboxctl", "config", "check", "/etc/devbox/absent.yaml", check=False)
    equal(done.returncode, 1, "the exit status")
    expect(
        "config.example.yaml" in done.stdout + done.stderr, f"no way out is named: {done.stderr.strip()!r}"
    )


def broken():
    """The ring's configuration with a wrong port, in line 3."""
    return CONFIG.read_text().replace("port: 8080", "port: 80800")


LINE = "config.yaml:3"


def test_reload_with_any_error_keeps_the_service():
    pids = world.awake(), world.collector_awake()

    def check(content, *_):
        with written(content):
            systemctl("reload", API, COLLECTOR)
            equal(wire.get("/services").status, 200, f"GET /services after a reload with {content[:30]!r}")
            equal((world.main_pid(API), world.main_pid(COLLECTOR)), pids, "the processes")

    each(WRONG[::3], check)
    equal(
        [row["name"] for row in wire.get("/services").json["services"]], list(world.SERVICES), "the services"
    )


class written:
    """Other content in the configuration file, without a reload."""

    def __init__(self, content):
        self.content = content

    def __enter__(self):
        self.before = CONFIG.read_text()
        CONFIG.write_text(self.content)

    def __exit__(self, *_):
        CONFIG.write_text(self.before)


def test_reload_says_what_is_wrong():
    world.awake(), world.collector_awake()

    def check(unit):
        journal = Journal()
        with written(broken()):
            systemctl("reload", unit)
            entry = journal.event("CONFIG_INVALID")
        equal(entry["_SYSTEMD_UNIT"], unit, "the unit that reports it")
        expect(
            LINE in entry["MESSAGE"] and "65535" in entry["MESSAGE"], f"no line and fix: {entry['MESSAGE']}"
        )

    each([(API,), (COLLECTOR,)], check)


def test_reload_takes_what_is_new():
    pids = world.awake(), world.collector_awake()
    journal = Journal()
    with world.config(world.CONFIG_TEMPLATE.format(token=world.token(), services="  - docker")):
        systemctl("reload", API, COLLECTOR)
        eventually("there is one service", lambda: len(wire.get("/services").json["services"]) == 1)
        equal((world.main_pid(API), world.main_pid(COLLECTOR)), pids, "the processes")
        journal.event("CONFIG_RELOADED")
    equal(len(wire.get("/services").json["services"]), len(world.SERVICES), "the services afterwards")


def test_restart_action_is_refused():
    pid = world.awake()
    with written(broken()):
        answer = wire.post("/actions/restart", token=world.token())
        equal((answer.status, answer.code), (409, "config_invalid"), "POST /actions/restart")
        expect(LINE in answer.json["error"]["message"], f"no line in {answer.json}")
        result = world.bus_call("Api1", "org.devbox.Component1", "Restart", check=False)
        error = result.stderr.strip()
        expect(result.returncode and LINE in error, f"Restart over the bus: {error!r}")
        equal((world.main_pid(API), wire.get("/health").status), (pid, 200), "process and health")


def test_start_on_an_error_tells_it():
    systemctl("stop", API, COLLECTOR)
    with world.config(broken()):

        def check(path):
            answer = wire.get(path)
            equal((answer.status, answer.code), (503, "config_invalid"), f"GET {path}")
            expect(LINE in answer.json["error"]["message"], f"GET {path}: no line in {answer.json}")

        each([("/health",), ("/system",), ("/services",), ("/metrics",)], check)
        eventually("the API exits to read the file anew", lambda: state(API) == "inactive")
        CONFIG.write_text(CONFIG.read_text().replace("80800", "8080"))
        equal(wire.get("/health").status, 200, "GET /health after the file was put right")
        CONFIG.write_text(broken())


def test_idle_exit_waits_for_a_good_file():
    fast = CONFIG.read_text() + "\napi:\n  idle_exit_sec: 1\n"
    with world.config(fast, apply=True):
        journal, connection = Journal(), wire.Connection()  # keeps it up until the file is wrong
        equal(connection.send(wire.text("GET", "/health")).response().status, 200, "GET /health")
        pid = world.running(API)
        with written(broken()):
            connection.socket.close()
            journal.event("CONFIG_INVALID")
            time.sleep(2.5)
            equal(world.main_pid(API), pid, "the process that would not start again")
            complaints = journal.of_devbox(MESSAGE_ID=world.message_id("CONFIG_INVALID"))
            equal(len(complaints), 1, "the number of complaints")
            equal(wire.get("/health").status, 200, "GET /health")
        eventually("it exits once the file is right", lambda: state(API) == "inactive")


# ---- the generator: http.* becomes the socket

GENERATED = pathlib.Path("/run/systemd/generator/devbox-api.socket.d/50-config.conf")


def listening():
    return sorted(line.split(" (")[0] for line in world.show(SOCKET, "Listen").splitlines())


def test_port_moves_with_the_file():
    with world.config(CONFIG.read_text().replace("port: 8080", "port: 18080")):
        systemctl("daemon-reload")
        systemctl("restart", SOCKET)
        equal(listening(), [wire.UNIX, "127.0.0.1:18080"], "what the socket listens on")
        equal(wire.get("/health", address=("127.0.0.1", 18080)).status, 200, "GET /health at the new port")
        equal(world.probe(), 0, "the answer at the old port")
    equal(listening(), [wire.UNIX, "127.0.0.1:8080"], "what the socket listens on afterwards")


LOCALHOST = [wire.UNIX, "127.0.0.1:8080", "[::1]:8080"]


def test_localhost_is_both_addresses():
    """localhost resolves to either address: no other user can listen at the other one."""
    with world.config(CONFIG.read_text().replace('"127.0.0.1"', '"localhost"'), apply=True):
        equal(listening(), sorted(LOCALHOST), "what the socket listens on")
        for host in ("127.0.0.1", "::1"):
            equal(wire.get("/health", address=(host, 8080)).status, 200, f"GET /health at {host}")
            output = run("python3", "-c", BIND, host, user=GUEST, check=False).stderr
            expect("Address already in use" in output, f"{GUEST} may listen at {host}: {output[-100:]}")


def test_localhost_without_ipv6():
    """Where the loopback has no [::1], the rest is there all the same."""
    switch = pathlib.Path("/proc/sys/net/ipv6/conf/lo/disable_ipv6")
    if not switch.exists():
        raise world.Skip("this kernel has no IPv6 at all")
    switch.write_text("1")
    try:
        with world.config(CONFIG.read_text().replace('"127.0.0.1"', '"localhost"'), apply=True):
            equal(wire.get("/health").status, 200, "GET /health at 127.0.0.1")
    finally:
        switch.write_text("0")
        run("ip", "address", "replace", "::1/128", "dev", "lo")


BIND = """
import socket, sys
host = sys.argv[1]
socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET).bind((host, 8080))
"""


def test_generator_falls_back_to_loopback():
    with world.config(broken()):
        systemctl("daemon-reload")
        expect(not GENERATED.exists(), f"the generator wrote {GENERATED} from a broken file")
        equal(wire.get("/health").status in (200, 503), True, "an answer before the socket is restarted")
        systemctl("restart", SOCKET)
        equal(listening(), [wire.UNIX, "127.0.0.1:8080"], "what the socket listens on")


def test_generator_survives_an_absent_file():
    aside = CONFIG.with_suffix(".aside")
    CONFIG.rename(aside)
    try:
        systemctl("daemon-reload")
        expect(not GENERATED.exists(), f"the generator wrote {GENERATED} without a configuration")
    finally:
        aside.rename(CONFIG)
        world.apply_config()


def test_exposure_is_refused_without_consent():
    with world.config(CONFIG.read_text().replace('"127.0.0.1"', '"0.0.0.0"')):
        systemctl("daemon-reload")
        systemctl("restart", SOCKET)
        equal(listening(), [wire.UNIX, "127.0.0.1:8080"], "what the socket listens on")


def test_exposure_with_consent_is_warned_about():
    run("ip", "address", "replace", "192.0.2.1/32", "dev", "lo")
    outside = ("192.0.2.1", 8080)
    open_wide = CONFIG.read_text().replace('host: "127.0.0.1"', 'host: "0.0.0.0"\n  insecure_expose: true')
    equal(world.probe(address=outside), 0, "an answer from outside before")
    with world.config(open_wide, apply=True):
        for _ in range(2):  # at every start, not only at the first
            systemctl("stop", API)
            journal = Journal()
            equal(
                wire.get("/health", address=outside, host="192.0.2.1:8080").status, 200, "GET from outside"
            )
            entry = journal.event("INSECURE_EXPOSE")
            equal(entry["PRIORITY"], "4", "the priority of the warning")
        equal(
            wire.get("/health", address=outside, host="example.org").code,
            "host_not_allowed",
            "a foreign Host",
        )
        equal(
            wire.post("/actions/restart", address=outside, host="192.0.2.1").code,
            "token_required",
            "an action",
        )
    equal(world.probe(address=outside), 0, "an answer from outside afterwards")


# ---- keys with an effect that shows


def dbus_calls(requests):
    """How many calls the API makes to the bus for so many requests for /system."""
    before = world.bus_metrics("Api1")["dbus_calls_total"]
    for _ in range(requests):
        equal(wire.get("/system").status, 200, "GET /system")
    return world.bus_metrics("Api1")["dbus_calls_total"] - before


def test_cache_ttl():
    def check(ttl_ms, least, most):
        with world.config(CONFIG.read_text() + f"\napi:\n  cache_ttl_ms: {ttl_ms}\n", apply=True):
            wire.get("/system")
            calls = dbus_calls(20)
            expect(
                least <= calls <= most, f"cache_ttl_ms {ttl_ms}: {calls} calls to the bus for 20 requests"
            )

    each([(0, 20, 20), (60000, 0, 0)], check)


def test_disks():
    with world.config(CONFIG.read_text() + '\ncollector:\n  disks: ["/run", "/", "/absent"]\n', apply=True):

        def check():
            equal(system_with_disk()["disk"]["path"], "/run", "/system's disk, the first of the list,")
            sizes = wire.get("/metrics").body.decode().count("\ndevbox_filesystem_size_bytes{")
            equal(sizes, 2, "the number of disks in /metrics")

        world.attempts(check)


def test_an_absent_disk_keeps_its_place():
    with world.config(CONFIG.read_text() + '\ncollector:\n  disks: ["/absent", "/"]\n', apply=True):

        def check():
            system = wire.get("/system").json
            equal(system["disk"], None, "/system's disk, the first of the list,")
            equal([disk["path"] for disk in system["disks"]], ["/absent", "/"], "the disks")
            equal([disk["problem"] for disk in system["disks"]], ["absent", None], "their problems")

        world.attempts(check)
        health = world.run("devboxctl", "health", check=False)
        expect(health.returncode != 0 and "collector" in health.stdout, f"devboxctl health: {health.stdout}")
