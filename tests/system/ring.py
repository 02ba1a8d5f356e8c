# SPDX-License-Identifier: MIT
"""Runs inside the machine, as root: installs devbox, then runs the tests of the topics below, in this order.
A test is a function test_x of test_TOPIC.py; its name is SUITE/TOPIC/x. A test leaves the machine as it
found it, except in the last topic, which takes devbox apart and puts it together again."""

import importlib
import inspect
import pathlib
import signal
import sys
import time

import prepare
import world

sys.path.append(str(pathlib.Path(__file__).parents[1] / "second"))  # signs and reads for the topics

TOPICS = [
    "install",
    "units",
    "bus",
    "api",
    "metrics",
    "activation",
    "actions",
    "journal",
    "ctl",
    "config",
    "disks",
    "abuse",
    "ledger",
    "matrix",
    "trust",
    "audit",
    "second",
    "crash",
    "removal",
]
LIMIT_SECONDS = 1800  # far more than any test needs beside other machines: for a daemon that hangs


def tests_of(topic):
    module = importlib.import_module(f"test_{topic}")
    for name, function in vars(module).items():
        if name.startswith("test_") and inspect.isfunction(function):
            yield f"{topic}/{name.removeprefix('test_').replace('_', '-')}", function


def one_line(text):
    return " ".join(str(text).split())


class TooLate(Exception):
    pass


def too_late(*_):
    raise TooLate(f"not through after {LIMIT_SECONDS} s")


def outcome(function):
    """What happened, in the words of the output, and why."""
    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(LIMIT_SECONDS)
    try:
        function()
    except world.Skip as skip:
        return "skip", one_line(skip)
    except world.Failure as failure:
        return "not ok", one_line(failure)
    except Exception as error:  # a bug in a test, or an answer no test thought of: the other tests still run
        frame = inspect.trace()[-1]
        return "not ok", one_line(
            f"{type(error).__name__} {error} ({frame.filename.split('/')[-1]}:{frame.lineno})"
        )
    finally:
        signal.alarm(0)
    return "ok", None


def report(name, function):
    journal, started = world.Journal(), time.monotonic()
    verdict, reason = outcome(function)
    print(f"{verdict} {name}: {reason}" if reason else f"{verdict} {name}", flush=True)
    if verdict == "not ok":
        for entry in journal.of_devbox()[-12:]:
            print(f"#   {entry.get('SYSLOG_IDENTIFIER')}: {one_line(entry.get('MESSAGE'))}", flush=True)
    return time.monotonic() - started, name, verdict


def main(suite, *wanted):
    tests = [(f"{suite}/{name}", function) for topic in TOPICS for name, function in tests_of(topic)]
    chosen = [row for row in tests if not wanted or any(word in row[0] for word in wanted)]
    if not chosen:
        return
    results = [report(f"{suite}/install/from-nothing", prepare.machine)]
    if results[0][2] != "ok":
        return
    results += [report(*row) for row in chosen]
    for seconds, name, _ in sorted(results, reverse=True)[:8]:
        print(f"# {seconds:6.1f} s  {name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
