# SPDX-License-Identifier: MIT
"""The journal: silent about requests, clear about events, and without secrets."""

import prepare
import wire
import world
from world import API, Journal, each, equal, eventually, expect, run

PATHS = ("/health", "/system", "/services", "/metrics", "/nowhere")


def test_requests_leave_no_line():
    world.awake(), world.collector_awake()
    journal = Journal()
    for _ in range(20):
        with wire.Connection() as connection:
            for path in PATHS * 5:
                connection.send(wire.text("GET", path))
                connection.response()
    lines = [entry["MESSAGE"] for entry in journal.of_devbox()]
    equal(lines, [], "what 500 requests wrote to the journal")


def test_bad_requests_leave_no_line():
    world.awake()
    journal = Journal()
    for _ in range(50):
        wire.get("/health", host="example.org")
        wire.request("DELETE", "/system")
        wire.raw(b"\x16\x03\x01 no HTTP at all\r\n\r\n")
    lines = [entry["MESSAGE"] for entry in journal.of_devbox()]
    equal(lines, [], "what 150 bad requests wrote to the journal")


def event_of(name, act):
    journal = Journal()
    act()
    return journal.event(name)


def test_accepted_action_is_an_event():
    world.awake()
    entry = event_of("ACTION_ACCEPTED", lambda: wire.post("/actions/restart", token=world.token()))
    equal((entry["_SYSTEMD_UNIT"], entry["DEVBOX_ACTION"]), (API, "restart"), "unit and DEVBOX_ACTION")
    expect("restart" in entry["MESSAGE"], f"the message does not name the action: {entry['MESSAGE']}")
    eventually("the API answers", lambda: world.probe() == 200)


def test_accepted_run_names_its_job():
    journal = Journal()
    job = wire.post("/actions/run-tests", token=world.token()).json["id"]
    entry = journal.event("ACTION_ACCEPTED")
    equal(entry.get("DEVBOX_JOB"), job, "DEVBOX_JOB")
    eventually("the self-test ends", lambda: world.state(world.SELFTEST) in ("inactive", "failed"))


def test_denied_action_is_an_event():
    world.awake()
    entry = event_of("ACTION_DENIED", lambda: wire.post("/actions/restart", token="certainly-not-the-token"))
    equal(
        (entry["_SYSTEMD_UNIT"], entry["DEVBOX_ACTION"], entry["DEVBOX_OUTCOME"]),
        (API, "restart", "token_invalid"),
        "unit, DEVBOX_ACTION and DEVBOX_OUTCOME",
    )
    expect(int(entry["PRIORITY"]) <= 5, f"a denied action has priority {entry['PRIORITY']}, below notice")


def test_denials_cannot_flood():
    world.awake()
    journal = Journal()
    with wire.Connection() as connection:
        for _ in range(1000):
            connection.send(wire.text("POST", "/actions/restart", [("X-Devbox-Token", "wrong-token")]))
            equal(connection.response().status, 401, "POST /actions/restart")
    count = len(journal.of_devbox())
    expect(1 <= count <= 100, f"1000 denied actions wrote {count} lines")


def test_collector_lost_and_back_are_events():
    world.awake()
    journal = Journal()
    with masked():
        eventually("the API misses its collector", lambda: world.probe("/system") == 503)
        journal.event("COLLECTOR_LOST")
    eventually("the API has its collector back", lambda: world.probe("/system") == 200)
    journal.event("COLLECTOR_BACK")


def masked():
    from test_crash import collector_masked

    return collector_masked()


def test_no_secret_in_the_journal():
    prepare.tokens.add(world.token())
    run("journalctl", "--sync")
    journal = run("journalctl", "-q", "-o", "export", "--all").stdout

    def check(secret, what):
        expect(secret not in journal, f"{what} is in the journal")

    each(
        [(token, "the token") for token in prepare.tokens]
        + [
            ("certainly-not-the-token", "a wrong token of a request"),
            ("wrong-token", "a wrong token"),
        ],
        check,
    )
