# SPDX-License-Identifier: MIT
"""devboxctl for its users: through the bus, as root, as a member of the group, as any other user."""

import json

import wire
import world
from world import API, COLLECTOR, GUEST, MEMBER, SERVICES, each, equal, expect, run, systemctl

VERBS = ("status", "system", "services", "health")


def ctl(*arguments, user=MEMBER):
    return run("devboxctl", *arguments, user=user, check=False)


def shape(value):
    """The names and the types of what is in a JSON value; of lists the first."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    return (
        "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__
    )


def test_members_get_answers():
    """The list has units that are not active, which status and services show by their exit status."""

    def check(verb, wanted):
        result = ctl(verb)
        equal((result.returncode, result.stderr), (wanted, ""), f"exit and stderr of devboxctl {verb}")
        expect(
            result.stdout.strip() and "\x1b" not in result.stdout,
            f"devboxctl {verb} into a pipe: {result.stdout[:80]!r}",
        )

    world.awake()
    each([("status", 1), ("system", 0), ("services", 1), ("health", 0)], check)


def test_status_shows_where_it_really_listens():
    """From a daemon-reload with another port to the restart of the socket, the new one is not open."""

    def check(what, wanted, listens):
        status = json.loads(ctl("status", "--json").stdout)
        socket = next(row for row in status["components"] if row["name"] == "socket")
        equal(status["listens"], listens, f"where it listens, {what}")
        equal("systemctl restart" in (socket["problem"] or ""), wanted, f"whether that is reported, {what}")
        expect(listens in ctl("status").stdout, f"status does not show {listens}, {what}")

    before, after = f"127.0.0.1:8080, {wire.UNIX}", f"127.0.0.1:18080, {wire.UNIX}"
    world.awake()
    check("before", False, before)
    with world.config(world.CONFIG.read_text().replace("port: 8080", "port: 18080")):
        systemctl("daemon-reload")
        check("with the API awake", True, before)
        systemctl("stop", API)
        check("with the API asleep", True, wire.UNIX)
        systemctl("restart", world.SOCKET)
        check("after the restart", False, after)


def test_all_is_well_when_it_is():
    fine = world.CONFIG_TEMPLATE.format(token=world.token(), services="  - systemd-journald")
    with world.config(fine, apply=True):
        world.awake()
        for verb in VERBS:
            equal(ctl(verb).returncode, 0, f"the exit of devboxctl {verb} with nothing wrong")


def test_json_is_what_the_api_says():
    def check(verb):
        equal(
            shape(json.loads(ctl(verb, "--json").stdout)), shape(wire.get(f"/{verb}").json), f"{verb} --json"
        )

    world.awake()
    each([("system",), ("services",)], check)
    for verb in ("status", "health"):
        expect(isinstance(json.loads(ctl(verb, "--json").stdout), dict), f"{verb} --json is no object")


def test_status_names_what_is_wrong():
    expect("ring-failing" in ctl("status").stdout, "devboxctl status does not name the failed unit")


def test_services_are_all_listed():
    output = ctl("services").stdout
    missing = [name for name in SERVICES if name not in output]
    equal(missing, [], "services that devboxctl does not list")


def test_strangers_are_told_what_to_do():
    def check(verb):
        result = ctl(verb, user=GUEST)
        equal(result.returncode, 1, f"the exit of devboxctl {verb} by another user")
        expect(
            "usermod" in result.stderr and "devbox" in result.stderr,
            f"devboxctl {verb}: {result.stderr.strip()!r}",
        )

    each([("system",), ("services",)], check)


def test_usage():
    def check(arguments, wanted):
        equal(ctl(*arguments).returncode, wanted, f"the exit of devboxctl {arguments}")

    each(
        [
            (("nonsense",), 2),
            (("--nonsense",), 2),
            (("system", "extra"), 2),
            (("config",), 2),
            (("--help",), 0),
            (("--version",), 0),
        ],
        check,
    )
    expect("0.1.0" in ctl("--version").stdout, "devboxctl --version")


def test_collector_wakes_for_it():
    systemctl("stop", API, COLLECTOR)
    expect("ring-alias" in ctl("services").stdout, "devboxctl services is empty with everything asleep")
    equal((world.state(API), world.state(COLLECTOR)), ("inactive", "active"), "API and collector")


def test_trouble_is_told_in_words():
    from test_crash import collector_masked

    with collector_masked():
        result = ctl("system")
        equal(result.returncode, 1, "the exit of devboxctl system without a collector")
        expect(
            "devbox-collector" in result.stderr,
            f"devboxctl system without a collector: {result.stderr.strip()!r}",
        )


def test_completion():
    script = "source $0; COMP_WORDS=(devboxctl ''); COMP_CWORD=1; _devboxctl; echo ${COMPREPLY[@]}"
    offered = run("bash", "-c", script, "/usr/share/bash-completion/completions/devboxctl").stdout.split()
    equal([verb for verb in VERBS if verb not in offered], [], "verbs without completion")
