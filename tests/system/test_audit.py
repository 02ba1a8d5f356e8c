# SPDX-License-Identifier: MIT
"""The history of a ledger that goes on writing, as devboxctl shows it. Nothing is timed here: a line that
does not come is one that the test waits for until the ring ends it."""

import contextlib
import json
import signal
import sqlite3
import subprocess

import trust
import world
from trust import LEDGER, STATE
from world import each, equal, expect, run


def exported(network):
    """The lines of all entries."""
    return network.export("shown").decode().splitlines(keepends=True)[1:]


@contextlib.contextmanager
def following(*options):
    """devboxctl audit tail -f, and its end afterwards."""
    command = ["devboxctl", "audit", "tail", "-f", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def cut_back_the_log():
    """As SQLite does by itself once its log has grown: what it held is in the database, and it is empty."""
    database = sqlite3.connect(STATE / "ledger.db")
    busy, _, _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    database.close()
    equal(busy, 0, "whether the log was in use")


def test_tail_follows_the_ledger():
    with trust.network() as network:
        size = len(exported(network))
        with following("-n", "2", "--json") as tail:
            seen = [tail.stdout.readline() for _ in range(2)]
            events = [
                ("a commit", lambda: None),
                ("a log cut back", cut_back_the_log),
                ("another ledger", lambda: world.systemctl("restart", LEDGER)),
                ("two commits", network.begin_session),
            ]
            for what, event in events:
                event()
                network.begin_session()
                wanted = exported(network)[size - 2 :]
                seen += [tail.stdout.readline() for _ in wanted[len(seen) :]]
                equal(seen, wanted, f"what was printed after {what}")
            equal(tail.poll(), None, "the exit status of what still follows")


def test_tail_ends_with_its_reader():
    with trust.network() as network:
        with following("-n", "1") as tail:
            expect(tail.stdout.readline(), "there is no line")
            tail.stdout.close()
            equal(tail.wait(), 0, "the exit status, while nothing happens")
        with following("-n", "1") as tail:
            expect(tail.stdout.readline(), "there is no line")
            tail.stdout.close()
            network.begin_session()
            expect(tail.wait() in (0, -signal.SIGPIPE), f"it ends like this: {tail.returncode}")


def test_show_from_a_number():
    with trust.network() as network:
        for _ in range(3):
            network.begin_session()
        lines = exported(network)
        size = len(lines)
        rows = [
            ("all", [], lines),
            ("from the first", ["--from", "0"], lines),
            ("from the middle", ["--from", "3"], lines[3:]),
            ("some from the middle", ["--from", "3", "-n", "2"], lines[3:5]),
            ("the last", ["--from", str(size - 1)], lines[-1:]),
            ("entries of the future", ["--from", str(size)], []),
            ("none", ["--from", "3", "-n", "0"], []),
        ]

        def check(what, options, wanted):
            equal(run("devboxctl", "audit", "show", "--json", *options).stdout, "".join(wanted), what)
            shown = run("devboxctl", "audit", "show", *options).stdout.splitlines()
            numbers = [json.loads(line)["seq"] for line in wanted]
            equal([int(line.split()[0]) for line in shown], numbers, f"{what}, for people,")

        each(rows, check)
        for wrong in ("x", "-1", "1.5", ""):
            status = run("devboxctl", "audit", "show", "--from", wrong, check=False).returncode
            expect(status != 0, f"--from {wrong!r} is taken")
