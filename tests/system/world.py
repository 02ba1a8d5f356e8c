# SPDX-License-Identifier: MIT
"""The machine a test runs in: its systemd, its journal, its files and users. No test waits for a fixed time:
`eventually` polls, with a deadline that even a busy machine keeps."""

import contextlib
import grp
import json
import os
import pathlib
import pwd
import re
import subprocess
import time

import wire

SOURCE = pathlib.Path("/usr/src/devbox")
CONFIG = pathlib.Path("/etc/devbox/config.yaml")
MANIFEST = pathlib.Path("/var/lib/devbox/install.manifest")
API, COLLECTOR, SELFTEST = "devbox-api.service", "devbox-collector.service", "devbox-selftest.service"
SOCKET, SELFTEST_SOCKET, TARGET = "devbox-api.socket", "devbox-selftest.socket", "devbox.target"


class Failure(Exception):
    """An expectation failed; the text has what was observed."""


class Skip(Exception):
    """This machine cannot show it; the text has the reason."""


# ---- expectations


def expect(condition, reason):
    if not condition:
        raise Failure(reason)


def equal(actual, wanted, what):
    expect(actual == wanted, f"{what} is {actual!r}, not {wanted!r}")


def near(actual, wanted, slack, what):
    expect(abs(actual - wanted) <= slack, f"{what} is {actual}, not {wanted} (within {slack})")


def each(rows, check):
    """Runs check(*row) for all rows and reports all that fail, not only the first."""
    problems = []
    for row in rows:
        try:
            check(*row)
        except Failure as failure:
            problems.append(str(failure))
        except (OSError, wire.Closed) as error:
            problems.append(f"{row[0]!r}: {type(error).__name__} {error}")
    expect(not problems, "; ".join(problems))


def eventually(what, probe, seconds=120):
    """Polls until probe() is true and returns what it returned. The time ends a test that has failed; one
    that is about the time passes its own."""
    deadline = time.monotonic() + seconds
    while not (result := probe()):
        expect(time.monotonic() < deadline, f"{what}: not within {seconds} s")
        time.sleep(0.02)
    return result


def attempts(check, count=5):
    """What check() returns, which may fail but the last time: where a deadline of devbox itself is shorter
    than a pause of a busy machine may be, as 250 ms for a disk."""
    for _ in range(count - 1):
        with contextlib.suppress(Failure):
            return check()
        time.sleep(1.1)  # no answer is older than a second
    return check()


# ---- commands


def run(*command, user=None, check=True, seconds=900):
    """Runs a command to its end; stdout and stderr are text. As another user with that user's groups."""
    prefix = ["runuser", "-u", user, "--"] if user else []
    done = subprocess.run(
        [*prefix, *map(str, command)],
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        timeout=seconds,
    )
    if check and done.returncode:
        output = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
        raise Failure(f"{' '.join(map(str, command))}: exit {done.returncode}: {' / '.join(output)}")
    return done


def systemctl(*arguments, **options):
    return run("systemctl", *arguments, **options)


# ---- units and processes


def show(unit, name):
    return systemctl("show", "--value", "-p", name, unit).stdout.strip()


def state(unit):
    return show(unit, "ActiveState")


def main_pid(unit):
    """The unit's main process; 0 if it has none."""
    return int(show(unit, "MainPID") or 0)


def running(unit):
    """The unit's main process, once there is one."""
    return eventually(f"{unit} has a process", lambda: main_pid(unit))


def awake():
    """The API's main process, woken if it sleeps."""
    equal(wire.get("/health").status, 200, "GET /health")
    return running(API)


def collector_awake():
    bus_call("Collector1", "org.freedesktop.DBus.Peer", "Ping")
    return running(COLLECTOR)


def rss_bytes(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024


def open_fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


# ---- the bus


def bus_call(component, interface, member, *arguments, user=None, check=True):
    return run(
        "busctl",
        "--system",
        "call",
        f"org.devbox.{component}",
        f"/org/devbox/{component}",
        interface,
        member,
        *arguments,
        user=user,
        check=check,
    )


def bus_metrics(component):
    """The values of GetMetrics, by name."""
    output = run(
        "busctl",
        "--system",
        "--json=short",
        "call",
        f"org.devbox.{component}",
        f"/org/devbox/{component}",
        "org.devbox.Component1",
        "GetMetrics",
    ).stdout
    return json.loads(output)["data"][0]


# ---- the journal


class Journal:
    """What is logged from now on."""

    def __init__(self):
        run("journalctl", "--sync")
        self.cursor = run("journalctl", "-n", "1", "--show-cursor", "-q", "-o", "cat").stdout.split(
            "-- cursor: "
        )[1]

    def entries(self, **fields):
        """The entries that have all these fields. Chosen here: journalctl 252 with matches after a cursor
        passes over the first that fits."""
        run("journalctl", "--sync")
        lines = run(
            "journalctl", "-q", "-o", "json", "--all", f"--after-cursor={self.cursor.strip()}"
        ).stdout
        entries = [json.loads(line) for line in lines.splitlines()]
        return [
            entry
            for entry in entries
            if fields.items() <= {key: str(value) for key, value in entry.items()}.items()
        ]

    def of_devbox(self, **fields):
        return [entry for unit in (API, COLLECTOR) for entry in self.entries(_SYSTEMD_UNIT=unit, **fields)]

    def event(self, name):
        """The entry of the event, as src/log/message-ids.h names it, once it is there."""
        return eventually(f"{name} in the journal", lambda: self.entries(MESSAGE_ID=message_id(name)))[0]


def message_id(name):
    header = (SOURCE / "src/log/message-ids.h").read_text()
    return re.search(rf'MESSAGE_{name}\s+"([0-9a-f]{{32}})"', header)[1]


# ---- users

GUEST, MEMBER = "ring-guest", "ring-member"  # outside and inside the group devbox-admin


def owner(path):
    """'-rw-r----- root:devbox' as four octal digits and names."""
    status = os.lstat(path)
    return f"{status.st_mode & 0o7777:04o} {pwd.getpwuid(status.st_uid)[0]}:{grp.getgrgid(status.st_gid)[0]}"


# ---- the configuration

# One unit of every kind that systemd reports. The tests rely on the order.
SERVICES = {
    "docker": "not-found",
    "systemd-journald": "active",
    "ring-failing": "failed",
    "ring-reloading": "reloading",
    "ring-alias": "active",
    "ring-aliased": "active",  # the same unit by its own name
    "ring-listening.socket": "active",
    "ring-daily.timer": "active",
    "ring-idle": "inactive",
}

CONFIG_TEMPLATE = """\
http:
  host: "127.0.0.1"
  port: 8080

auth:
  token: "{token}"

services:
{services}
"""


def token():
    return re.search(r'token: *"?([^"\s]+)', CONFIG.read_text())[1]


def ring_config():
    rows = "\n".join(f"  - {name}" for name in SERVICES)
    return CONFIG_TEMPLATE.format(token=token(), services=rows)


def apply_config():
    """Restarts the socket; both services read the file when the next request starts them."""
    systemctl("daemon-reload")
    systemctl("stop", API, COLLECTOR)
    systemctl("reset-failed", "devbox*", check=False)
    systemctl("restart", SOCKET)
    eventually("the API answers", lambda: probe() == 200)


def probe(path="/health", address=wire.TCP):
    """The status of an answer, 0 for no answer."""
    try:
        return wire.get(path, address=address).status
    except (OSError, wire.Closed):
        return 0


@contextlib.contextmanager
def config(content, apply=False):
    """Other content in the configuration file, its owner and mode unchanged; the old one afterwards."""
    before = CONFIG.read_text()
    CONFIG.write_text(content)
    try:
        if apply:
            apply_config()
        yield
    finally:
        CONFIG.write_text(before)
        apply_config()


@contextlib.contextmanager
def drop_in(unit, content):
    """A drop-in for the unit; removed afterwards."""
    folder = pathlib.Path(f"/run/systemd/system/{unit}.d")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ring.conf").write_text(content)
    systemctl("daemon-reload")
    try:
        yield
    finally:
        (folder / "ring.conf").unlink()
        systemctl("daemon-reload")
