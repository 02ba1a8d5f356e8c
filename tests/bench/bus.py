# SPDX-License-Identifier: MIT
"""Goals 5 to 7: how often the collector and PID 1 are called, and what a call costs."""
import os
import signal
import statistics
import time
from http.client import HTTPConnection

import servers
from measure import SERVER_CPU, main_pid, probe, ran_usec, run, wait_quiet, wrk

UNITS = ["dbus.service", "dbus.socket", "ssh.service", "systemd-journald.service", "systemd-journald.socket",
         "systemd-logind.service", "systemd-user-sessions.service", "systemd-tmpfiles-clean.timer",
         "basic.target", "multi-user.target"]
VICTIM = "bench-victim.service"
VICTIM_UNIT = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep 900\n"
COLLECTOR = ["org.devbox.Collector1", "/org/devbox/Collector1"]


def difference(after, before):
    return {key: after[key] - before.get(key, 0) for key in after}


def count_refreshes(devbox, put, quick):
    """Goals 5 and 7: refreshes and D-Bus calls while the maximum of clients requests one key."""
    seconds = 3 if quick else 8
    for path, name in (("/services", "devbox"), ("/system", "devbox"), ("/system", "devbox, TTL 0")):
        devbox.configure(**servers.SERVERS[name]["config"])
        devbox.wake()
        time.sleep(1.2)  # what wake() brought in has expired
        before = devbox.counters("Api")
        row = wrk(8080, [path], 64, seconds)
        api = difference(devbox.counters("Api"), before)
        misses = api["cache_misses_total"]
        calls = api["dbus_calls_total"]
        put(kind="refreshes", server=name, path=path, requests=row["requests"], misses=misses,
            refreshes_per_ttl=(misses - 1) / (row["us"] / 1e6),  # n of them are n - 1 TTLs of 1 s apart
            calls_per_miss=calls / misses, calls_beyond_misses=calls - misses)


def cost_of_units(devbox, put, quick):
    """Goal 6: CPU time of the collector, PID 1 and the bus per refresh, and calls to PID 1."""
    n = 100 if quick else 300
    for units in (UNITS[:1], UNITS):
        devbox.configure(services=units)
        devbox.wake()
        pids = [main_pid("devbox-collector.service"), 1, main_pid("dbus.service")]
        probe("call", 20, *COLLECTOR, COLLECTOR[0], "GetUnits")  # so that no call is the first
        wait_quiet()
        counted, ran = devbox.counters("Collector"), ran_usec(pids)
        row = probe("call", n, *COLLECTOR, COLLECTOR[0], "GetUnits")
        ran, counted = ran_usec(pids) - ran, difference(devbox.counters("Collector"), counted)
        put(kind="units", way="devbox", units=len(units), cpu_us=ran / n, p50_us=row["p50_us"],
            calls=counted["systemd_calls_total"] / counted["unit_refreshes_total"])

    pids = [1, main_pid("dbus.service")]
    for unit in UNITS:
        run("systemctl", "is-active", "-q", unit)
    ran = ran_usec(pids)
    n //= 30
    asked = [probe("spawn", n, "systemctl", "is-active", unit, user="devbox") for unit in UNITS]
    cpu = sum(row["cpu_us"] for row in asked) + (ran_usec(pids) - ran) / n
    put(kind="units", way="systemctl", units=len(UNITS), cpu_us=cpu)


def state_of_victim(connection):
    connection.request("GET", "/services")
    return b'"active":true' in connection.getresponse().read().replace(b" ", b"")


def time_of_change(devbox, put, quick):
    """Goal 6: from kill() to the first answer of GET /services that knows."""
    servers.write(f"{servers.RUN}/{VICTIM}", VICTIM_UNIT)
    run("systemctl", "daemon-reload")
    devbox.configure(services=[VICTIM])
    took = []
    connection = HTTPConnection("127.0.0.1", 8080)
    for _ in range(10 if quick else 50):
        run("systemctl", "start", VICTIM)
        while not state_of_victim(connection):
            time.sleep(0.001)
        time.sleep(0.05)
        pid, started = main_pid(VICTIM), time.monotonic()
        os.kill(pid, signal.SIGTERM)
        while state_of_victim(connection):
            time.sleep(0.0003)
        took.append((time.monotonic() - started) * 1e6)
    connection.close()
    os.unlink(f"{servers.RUN}/{VICTIM}")
    took.sort()
    put(kind="change", n=len(took), p50_us=statistics.median(took), p99_us=took[len(took) * 99 // 100])


def cost_of_hop(devbox, put, quick):
    """Goal 7: a call of the collector beside an empty one, all three processes on one CPU."""
    devbox.configure()
    devbox.wake()
    bus = main_pid("dbus.service")
    run("taskset", "-pc", SERVER_CPU, bus)
    run("renice", "-n", "-15", "-p", bus)
    for method in 3 * ["Ping", "GetSystem"]:
        interface = "org.freedesktop.DBus.Peer" if method == "Ping" else COLLECTOR[0]
        wait_quiet()
        put(kind="call", method=method,
            **probe("call", 1000 if quick else 5000, *COLLECTOR, interface, method, cpu=SERVER_CPU))
    run("taskset", "-pc", f"0-{os.cpu_count() - 1}", bus)
    run("renice", "-n", "0", "-p", bus)


def measure(devbox, put, quick):
    devbox.pin(True)
    for part in (count_refreshes, cost_of_units, time_of_change, cost_of_hop):
        part(devbox, put, quick)
    devbox.configure()
