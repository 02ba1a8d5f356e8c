#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal 13: a command on a device, between a hub and a device as two booted machines.

  commands.py [--quick] RAW     RAW: a file that gets every figure, a JSON object per line

Beside devboxctl run: the same command by ssh through the same tunnel; by systemd-run on the device, with the
whole profile of the worker; and the sandbox alone, from connecting to the worker's socket to its hello.
The tunnel is the kernel's WireGuard or, where there is none, wireguard-go, which is the limit of what goes
through it: that is measured, too."""

import argparse
import contextlib
import json
import os
import pathlib
import select
import signal
import statistics
import subprocess
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[1:1] = [str(TESTS / "network"), str(TESTS / "system")]

from network import FIRST, MACHINE, Network  # noqa: E402
from test_walkthrough import QUESTIONS, initialised, joined  # noqa: E402
from world import eventually  # noqa: E402

MIB = 1 << 20
OUTPUT = 64 * MIB
RUN = ("devboxctl", "run", "home-wsl")
SSH = ("ssh", "-q", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "ConnectTimeout=5",
       f"root@{FIRST}")
LS = ("ls", "/home")
PROBE = "/usr/local/bin/probe"
WORKER = "devbox-worker-exec@bench.service"
TEMPLATE = f"""\
operators: ["local:root"]
approvers: ["local:root"]
roots: {{home: /home}}
capabilities:
  - run: ls DIR in home
  - {{run: "cat FILE in home", timeout_s: 300, max_output: {OUTPUT}, accept_risk: a benchmark}}
  - {{run: "sleep 1..60", timeout_s: 60}}
"""
CEILING = """\
v: 1
capabilities: [shell.exec]
programs: [/usr/bin/cat, /usr/bin/ls, /usr/bin/sleep]
read: [/home]
"""
SETTINGS = r"s/trust_clock:.*/trust_clock: true/; s/open_ports:.*/open_ports: [22\/tcp, 5201\/tcp]/"
SERVICES = {"hub": ("dispatch", "ledger", "mesh"), "home-wsl": ("agent", "ledger", "mesh")}


# ---- the machines


def prepare(network):
    """A hub and a device that lets it run what is measured here, and log in by ssh, inside the tunnel."""
    hub, home = network.hub, network.home
    initialised(hub, "--key-here")
    joined(network, home, "home-wsl")
    home.put("/etc/devbox/ceiling.yaml", CEILING)
    home.shell(
        "install -d -m 755 /home/ana && head -c 67108864 /dev/zero >/home/ana/long &&"
        " chmod 644 /home/ana/long && systemctl start ssh && systemctl daemon-reload"
    )
    for node in network.nodes[:2]:
        node.shell(f"sed -i '{SETTINGS}' /etc/devbox/config.yaml &&"
                   " systemctl reload devbox-ledger devbox-mesh")
    hub.shell("ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519")
    home.put("/root/.ssh/authorized_keys", hub.run("cat", "/root/.ssh/id_ed25519.pub").stdout)
    hub.put("/root/template.yaml", TEMPLATE)
    with hub.terminal(
        *"devboxctl manifest publish --yes --template /root/template.yaml home-wsl".split()
    ) as operator:
        operator.converse(QUESTIONS, r"version \d+ is signed")
        operator.end()
    for node in (hub, home):
        node.shell(f"gcc -O2 -D_GNU_SOURCE -o {PROBE} /usr/src/devbox/tests/bench/probe.c"
                   " $(pkg-config --cflags --libs libsystemd libsodium)")
    eventually("a command runs", lambda: hub.run(*RUN, *LS, check=False).returncode == 0)
    eventually("ssh", lambda: hub.run(*SSH, *LS, check=False).returncode == 0)


def probe(node, *words, seconds=300):
    return json.loads(node.run(PROBE, *words, seconds=seconds).stdout)


# ---- what takes how long


def profile(home):
    """The settings of the worker's unit and of its drop-ins, as options of systemd-run, which does not know
    the word none; without what it runs and what its output is connected to."""
    own = ("ExecStart", "StandardInput", "StandardOutput", "StandardError")
    section, options = None, []
    for line in home.run("systemctl", "cat", WORKER).stdout.splitlines():
        section = line if line.startswith("[") else section
        key, equals, value = line.partition("=")
        if section == "[Service]" and equals and not line.startswith("#") and key not in own:
            value = value.replace("%i", "bench").replace("none", "AF_UNIX")
            options += ["-p", f"{key}={value}"]
    return options


# Prints how long each of $1 sandboxes took from connecting to the worker's hello.
SANDBOX = """
import json, socket, sys, time
took = []
for _ in range(int(sys.argv[1])):
    began = time.monotonic()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect("/run/devbox/worker-exec.sock")
        assert s.recv(64)[:1] == b"H"
    took.append((time.monotonic() - began) * 1e6)
    time.sleep(0.1)
print(json.dumps(took))
"""


def quantiles(usec):
    usec = sorted(usec)
    return {"n": len(usec), "p50_us": statistics.median(usec), "p95_us": usec[len(usec) * 95 // 100],
            "p99_us": usec[len(usec) * 99 // 100], "max_us": usec[-1]}


def latency(network, put, quick):
    """In turns, so that what else the machine does falls on all alike."""
    hub, home, turns, n = network.hub, network.home, 2 if quick else 5, 20
    plain = ["systemd-run", "--quiet", "--wait", "--pipe"]
    ways = {
        "devbox": lambda: samples(hub, *RUN, *LS),
        "ssh": lambda: samples(hub, *SSH, *LS),
        "systemd-run": lambda: samples(home, *plain, *profile(home), "/usr/bin/ls", "/home"),
        "sandbox": lambda: json.loads(home.run("python3", "-c", SANDBOX, n).stdout),
    }

    def samples(node, *command):
        return probe(node, "run", n, *command)["us"]

    took = {way: [] for way in ways}
    for _ in range(turns):
        for way, measured in ways.items():
            took[way] += measured()
    for way, usec in took.items():
        put(kind="run", way=way, **quantiles(usec))


# ---- a long output


def main_pid(node, service):
    return int(node.run("systemctl", "show", "-P", "MainPID", f"devbox-{service}").stdout)


def service_pids(network):
    return {(node.name, name): main_pid(node, name)
            for node in network.nodes[:2] for name in SERVICES[node.name]}


def resident(network, pids, key):
    """KiB of each: VmRSS, or since the last reset VmHWM."""
    nodes = {node.name: node for node in network.nodes}
    return {(where, name): int(nodes[where].run("awk", f"/^{key}:/ {{ print $2 }}",
                                                f"/proc/{pid}/status").stdout)
            for (where, name), pid in pids.items()}


# Prints CPU time in µs: that of the process of each argument, and that of all which PID 1 has waited for: on
# a device, workers and their programs.
CPU_TIME = """
import os, sys
def usec(pid, first):
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[11 + first:13 + first]
    return sum(map(int, fields)) * 1000000 // os.sysconf("SC_CLK_TCK")
print(usec(1, 2), *(usec(pid, 0) for pid in sys.argv[1:]))
"""


def cpu_usec(network, pids):
    """Of each service and, where the tunnel is in user space, of its process."""
    used = {}
    for node in network.nodes[:2]:
        own = {name: pid for (where, name), pid in pids.items() if where == node.name and pid}
        ended, *values = map(int, node.run("python3", "-c", CPU_TIME, *own.values()).stdout.split())
        used |= {(node.name, name): value for name, value in zip(own, values)}
        used[node.name, "workers"] = ended if node is network.home else 0
    return used


@contextlib.contextmanager
def cpu_rows(network, put, pids, way):
    """What the processes take while OUTPUT passes, per MiB."""
    before = cpu_usec(network, pids)
    yield
    for (where, name), usec in cpu_usec(network, pids).items():
        put(kind="cpu", way=way, where=where, process=name,
            us_per_mib=(usec - before[where, name]) * MIB / OUTPUT)


# Receives what is sent to it through the tunnel, and prints bytes per second.
RECEIVE = """
import socket, time
with socket.create_server(("10.42.0.1", 5201)) as server:
    print("ready", flush=True)
    connection = server.accept()[0]
    buffer, total, began = bytearray(1 << 20), 0, time.monotonic()
    while n := connection.recv_into(buffer):
        total += n
    print(total / (time.monotonic() - began))
"""
SEND = f"""
import socket
with socket.create_connection(("10.42.0.1", 5201)) as connection:
    for _ in range({OUTPUT // MIB}):
        connection.sendall(bytes({MIB}))
"""


def tunnel(network):
    """Bytes per second of one connection with nothing but the tunnel in its way."""
    command = [MACHINE, "run", network.hub.name, "python3", "-c", RECEIVE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as receiver:
        receiver.stdout.readline()
        network.home.run("python3", "-c", SEND)
        return float(receiver.stdout.readline())


def output(network, put, quick):
    """The first run makes the services as large as they are at work."""
    cat = ("cat", "/home/ana/long")
    network.hub.run(*RUN, *LS)
    pids = service_pids(network)
    before = resident(network, pids, "VmRSS")
    for node in network.nodes[:2]:
        for (where, _), pid in pids.items():
            if where == node.name:
                node.shell(f"echo 5 >/proc/{pid}/clear_refs")
    timed = pids | {(node.name, "wireguard"): main_pid(node, "wireguard") for node in network.nodes[:2]}
    for _ in range(2 if quick else 5):
        with cpu_rows(network, put, timed, "tunnel"):
            put(kind="tunnel", mb_per_s=tunnel(network) / 1e6)
        for way, command in (("devbox", RUN), ("ssh", SSH)):
            with cpu_rows(network, put, timed, way):
                row = probe(network.hub, "output", *command, *cat)
            if row["bytes"] != OUTPUT:
                raise SystemExit(f"{way}: {row['bytes']} bytes of {OUTPUT}")
            put(kind="output", way=way, mb_per_s=OUTPUT / row["us"], **row)
            put(kind="cpu", way=way, where="hub", process="client",
                us_per_mib=row["cpu_us"] * MIB / OUTPUT)
    for service, peak in resident(network, pids, "VmHWM").items():
        put(kind="growth", service=" ".join(service), kib=peak - before[service], kib_before=before[service])


# ---- the end


def processes(*wanted):
    """Of this command line: those in the machines are seen from here."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cmdline").read_bytes().split(b"\0")[:-1] == [word.encode() for word in wanted]:
                found.append(int(folder.name))
        except OSError:
            pass  # it ended meanwhile
    return found


def parent(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid:")))


def ended_usec(fds, began):
    """When the last of these processes has ended."""
    for fd in fds:
        select.select([fd], [], [])
        os.close(fd)
    return (time.monotonic() - began) * 1e6


@contextlib.contextmanager
def running(seconds):
    """A program on the device: who asked for it, and the process ids of it and of its worker."""
    command = [*RUN, "sleep", seconds]
    with subprocess.Popen([MACHINE, "run", "hub", *command]) as client:
        program = eventually("it runs", lambda: processes("/usr/bin/sleep", seconds))
        yield processes(*command)[0], [os.pidfd_open(pid) for pid in (program[0], parent(program[0]))]
        client.wait()


def cancels(network, put, quick):
    """From the end of devboxctl to that of the program and of its worker."""
    took = []
    for i in range(20 if quick else 100):
        with running(str(60 - i % 20)) as (person, fds):
            began = time.monotonic()
            os.kill(person, signal.SIGINT)
            took.append(ended_usec(fds, began))
    put(kind="cancel", **quantiles(took))


def revocation(network, put, quick):
    """The same from the start of devboxctl revoke; once, as the device is out then."""
    with running("60") as (_, fds):
        began = time.monotonic()
        with subprocess.Popen([MACHINE, "run", "hub", "devboxctl", "revoke", "home-wsl"]):
            put(kind="revocation", us=ended_usec(fds, began))


# ---- many connections

# Opens $1 connections to $2 in ten seconds, and keeps the last 200 of them.
CONNECT = """
import collections, socket, sys, time
n, began, open_ones = int(sys.argv[1]), time.monotonic(), collections.deque()
for i in range(n):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex((sys.argv[2], 51822))
    open_ones.append(s)
    if len(open_ones) > 200:
        open_ones.popleft().close()
    time.sleep(max(0, began + 10 * i / n - time.monotonic()))
"""
SOCKETS = ["devbox-agent.socket", *(f"devbox-worker-{kind}.socket" for kind in ("exec", "fsr", "fsw"))]


def connections(network, put, quick):
    """The same from the hub, which the agent lets in, and then its next command."""
    network.hub.run("python3", "-c", CONNECT, 10000, FIRST)
    states = network.home.run("systemctl", "is-active", *SOCKETS, check=False).stdout.split()
    usec = probe(network.hub, "run", 1, *RUN, *LS)["us"][0]
    put(kind="connections", inactive=sum(state != "active" for state in states), next_us=usec)


def idle(network, put, quick):
    time.sleep(2)
    for (where, name), pid in service_pids(network).items():
        node = next(node for node in network.nodes if node.name == where)
        kib = int(node.run("awk", "/^Pss:/ { print $2 }", f"/proc/{pid}/smaps_rollup").stdout)
        put(kind="service", service=f"{where} {name}", pss_kib=kib)


def measure(put, quick):
    with Network("bookworm+bench") as network:
        network.install()
        prepare(network)
        for part in (latency, output, cancels, connections, idle, revocation):
            part(network, put, quick)


def main(measure):
    """The command line of a phase: measure(put, quick)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("raw")
    args = parser.parse_args()
    with open(args.raw, "a", encoding="utf-8") as raw:
        measure(lambda **row: print(json.dumps(row), file=raw, flush=True), args.quick)


if __name__ == "__main__":
    main(measure)
