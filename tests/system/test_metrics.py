# SPDX-License-Identifier: MIT
"""GET /metrics: the format, the names, and figures that agree with the other endpoints."""

import pathlib

import prom
import wire
from test_api import system_with_disk
from world import SERVICES, attempts, each, equal, eventually, expect, near

# The families of a healthy machine of any kernel; more may follow.
FAMILIES = {
    "devbox_build_info": "gauge",
    "devbox_boot_time_seconds": "gauge",
    "devbox_cpu_seconds_total": "counter",
    "devbox_cpu_usage_ratio": "gauge",
    "devbox_memory_total_bytes": "gauge",
    "devbox_memory_available_bytes": "gauge",
    "devbox_filesystem_size_bytes": "gauge",
    "devbox_filesystem_free_bytes": "gauge",
    "devbox_filesystem_avail_bytes": "gauge",
    "devbox_filesystem_device_error": "gauge",
    "devbox_unit_state": "gauge",
    "devbox_unit_loaded": "gauge",
    "devbox_unit_start_time_seconds": "gauge",
    "devbox_collector_up": "gauge",
    "devbox_collector_success": "gauge",
    "devbox_collector_refresh_seconds": "gauge",
    "devbox_collector_refresh_time_seconds": "gauge",
    "devbox_http_requests_total": "counter",
    "devbox_actions_total": "counter",
    "process_cpu_seconds_total": "counter",
    "process_max_fds": "gauge",
    "process_open_fds": "gauge",
    "process_resident_memory_bytes": "gauge",
    "process_start_time_seconds": "gauge",
    "process_virtual_memory_bytes": "gauge",
}
STATES = {
    "activating", "active", "deactivating", "failed", "inactive", "maintenance", "refreshing", "reloading"
}


def scrape():
    answer = wire.get("/metrics")
    equal(answer.status, 200, "GET /metrics")
    return prom.parse(answer.body.decode())


def scrape_with_disk():
    families = scrape()
    equal(prom.value(families, "devbox_filesystem_device_error", mountpoint="/"), 0, "whether / has no size")
    return families


def test_format_is_strict():
    scrape()


def test_families():
    families = attempts(scrape_with_disk)

    def check(name, kind):
        expect(name in families, f"{name} is missing")
        equal(families[name].type, kind, f"the type of {name}")
        expect(families[name].samples or name in ("devbox_actions_total",), f"{name} has no sample")

    each(FAMILIES.items(), check)


def test_units_have_one_row_per_state():
    rows = [dict(key) | {"value": value} for key, value in scrape()["devbox_unit_state"].samples.items()]
    names = {row["name"] for row in rows}
    expect("docker.service" not in names, "a unit that does not exist has a state")

    def check(name):
        states = {row["state"]: row["value"] for row in rows if row["name"] == name}
        equal(set(states), STATES, f"the states of {name}")
        equal(sum(states.values()), 1, f"the sum of the states of {name}")

    each([(name,) for name in sorted(names)], check)
    # docker is not there, and an alias and its unit are one unit
    equal(len(names), len(SERVICES) - 2, "the number of units with a state")


def test_figures_agree_with_system():
    system, families = attempts(system_with_disk), attempts(scrape_with_disk)
    equal(prom.value(families, "devbox_memory_total_bytes"), float(system["mem"]["total"]), "memory total")
    equal(
        prom.value(families, "devbox_filesystem_size_bytes", mountpoint="/"),
        float(system["disk"]["total"]),
        "size of /",
    )
    btime = next(
        line for line in pathlib.Path("/proc/stat").read_text().splitlines() if line.startswith("btime")
    )
    near(prom.value(families, "devbox_boot_time_seconds"), int(btime.split()[1]), 2, "boot time")


def test_requests_are_counted_by_route():
    def count(route, code):
        """Whatever other labels a version of devbox adds."""
        wanted = {("route", route), ("code", code)}
        samples = scrape()["devbox_http_requests_total"].samples
        return sum(value for key, value in samples.items() if wanted <= key)

    def check(path, route, code):
        before = count(route, code)
        wire.get(path)
        eventually(f"a request for {path} is counted", lambda: count(route, code) > before)

    each(
        [("/health", "/health", "200"), ("/nowhere", "other", "404"), ("/no/where?x=1", "other", "404")],
        check,
    )
