# SPDX-License-Identifier: MIT
"""The units as systemd sees them: sandbox, syntax, documentation."""

import pathlib
import re

import world
from world import API, COLLECTOR, SELFTEST, SELFTEST_SOCKET, SOCKET, TARGET, each, equal, expect, run

DISPATCH = "devbox-dispatch.service"
LEDGER = "devbox-ledger.service"
MATRIX = "devbox-matrix.service"
SERVICES = (API, COLLECTOR, DISPATCH, LEDGER, MATRIX, SELFTEST)
UNITS = (*SERVICES, SOCKET, SELFTEST_SOCKET, TARGET)
AGENT = "devbox-agent.service"
MESH = ("devbox-mesh.service", "devbox-wireguard.service")
WORKERS = tuple(f"devbox-worker-{kind}@1.service" for kind in ("exec", "fsr", "fsw", "docker"))


def test_exposure_is_low():
    def check(unit, most):
        output = run("systemd-analyze", "security", "--no-pager", unit).stdout
        level = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", output)[1])
        expect(level <= most, f"systemd-analyze security rates {unit} {level}, more than {most}")

    each([(unit, 1.5) for unit in (*SERVICES, AGENT, *MESH)] + [(unit, 0.6) for unit in WORKERS], check)


def test_units_verify_clean():
    result = run("systemd-analyze", "verify", "--man=no", *UNITS, check=False)
    about_us = [line for line in (result.stdout + result.stderr).splitlines() if "devbox" in line]
    equal(about_us, [], "systemd-analyze verify")
    equal(result.returncode, 0, "the exit status of systemd-analyze verify")


def test_documentation_exists():
    def check(unit):
        pages = re.findall(r"man:([\w.@-]+)\((\d)\)", world.show(unit, "Documentation"))
        expect(pages, f"{unit} names no man page in Documentation=")
        for name, section in pages:
            found = list(pathlib.Path(f"/usr/share/man/man{section}").glob(f"{name}.{section}*"))
            expect(found, f"{unit} names {name}({section}), which is not installed")

    each([(unit,) for unit in UNITS], check)


def test_descriptions_differ():
    descriptions = [world.show(unit, "Description") for unit in UNITS]
    unique = len(set(descriptions)) == len(descriptions)
    expect(all(descriptions) and unique, f"descriptions are missing or the same: {descriptions}")
    expect(not any(text in UNITS for text in descriptions), f"a unit has no Description=: {descriptions}")


def test_daemons_have_no_privilege():
    def check(pid, name):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        for field in ("CapEff", "CapPrm", "CapAmb", "CapBnd"):
            equal(int(re.search(rf"{field}:\s+(\w+)", status)[1], 16), 0, f"{field} of {name}")
        equal(re.search(r"NoNewPrivs:\s+(\d)", status)[1], "1", f"NoNewPrivs of {name}")
        equal(re.search(r"Seccomp:\s+(\d)", status)[1], "2", f"Seccomp of {name}")
        expect("\nUid:\t0" not in status, f"{name} runs as root")

    each([(world.awake(), API), (world.collector_awake(), COLLECTOR)], check)


def test_no_keys_in_core_dumps():
    def check(unit):
        equal(world.show(unit, "LimitCORE"), "0", f"LimitCORE of {unit}")

    each([(unit,) for unit in (*SERVICES, AGENT, *MESH, *WORKERS)], check)


def test_no_way_around_the_sandbox():
    """io_uring makes sockets of any family, past RestrictAddressFamilies=."""

    def check(unit):
        allowed = world.show(unit, "SystemCallFilter").split()
        expect("epoll_wait" in allowed, f"SystemCallFilter of {unit} is no list of what is allowed")
        equal([name for name in allowed if name.startswith("io_")], [], f"what {unit} may call of @aio")

    each([(unit,) for unit in SERVICES], check)


def test_catalog_explains_every_event():
    header = (world.SOURCE / "src/log/message-ids.h").read_text()

    def check(name):
        output = run("journalctl", "--catalog", "--dump-catalog", world.message_id(name), check=False).stdout
        expect("Subject:" in output, f"journalctl --dump-catalog knows no MESSAGE_{name}")

    each([(name,) for name in re.findall(r"MESSAGE_(\w+)", header)], check)
