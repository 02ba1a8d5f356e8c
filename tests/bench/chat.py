#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal 14: from a message in a room to its visible answer, through a homeserver, the hub, the mesh, and the
agent and the sandbox of a device, as booted machines; and what devbox-matrix does between two messages.

  chat.py [--quick] RAW     RAW: a file that gets every figure, a JSON object per line

The person is at what Element encrypts with, which looks for events 50 times a second."""

import pathlib
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[1:1] = [str(TESTS / "network"), str(TESTS / "system")]

import test_chat  # noqa: E402
from commands import main, quantiles  # noqa: E402
from network import Network  # noqa: E402
from test_walkthrough import (  # noqa: E402
    test_home_wsl_joins,
    test_hub_init,
    test_hub_init_again,
    test_pc_aurgi_joins,
)

BEFORE = (test_hub_init, test_home_wsl_joins, test_hub_init_again, test_pc_aurgi_joins,
          test_chat.test_a_homeserver, test_chat.test_login, test_chat.test_people_and_manifests,
          test_chat.test_rooms)
REST_SEC = 30


def answered(person):
    """How long a command took, in microseconds."""
    began = time.monotonic()
    person.says(test_chat.HOME, "!exec ls /home/lucas")
    person.hears(r".*exit 0")
    return (time.monotonic() - began) * 1e6


def switches(network, pid):
    """How often the process has waited for something."""
    lines = network.hub.run("cat", f"/proc/{pid}/status").stdout.splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("voluntary_ctxt_switches:")))


def resting(network, put):
    """Between two messages: with each end of a long poll there is a commit."""
    pid = int(network.hub.run("systemctl", "show", "-P", "MainPID", "devbox-matrix").stdout)
    time.sleep(REST_SEC)
    before = switches(network, pid)
    time.sleep(REST_SEC)
    kib = int(network.hub.run("awk", "/^Pss:/ { print $2 }", f"/proc/{pid}/smaps_rollup").stdout)
    put(kind="chat-rest", seconds=REST_SEC, switches=switches(network, pid) - before, pss_kib=kib)


def measure(put, quick):
    with Network("bookworm") as network:
        network.install()
        for step in BEFORE:
            step(network)
        answered(network.eva)
        put(kind="chat", **quantiles([answered(network.eva) for _ in range(50 if quick else 300)]))
        seen = network.eva.do("look")
        put(kind="chat-seen", encrypted=seen["encrypted"], warned=len(seen["warnings"]))
        resting(network, put)


main(measure)
