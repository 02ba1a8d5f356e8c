# SPDX-License-Identifier: MIT
"""Goal 9: cold starts, socket activation with the units as shipped, restarts under load."""
import json
import os
import subprocess
import time

import servers
from measure import CLIENT_CPU, PROBE, probe, run, wait_quiet

DEVBOX = ["/usr/libexec/devbox/devbox-api", "--listen", "127.0.0.1:8090"]
FASTAPI = f"{servers.UVICORN} --port 8091".split()

# The unit as first planned, and once more behind a socket.
PLANNED = """[Unit]
StartLimitIntervalSec=0
[Service]
User=devbox
Environment=BASELINE_CONFIG=/run/bench/baseline.yaml
ExecStart=%s
Restart=on-failure
RestartSec=2
NoNewPrivileges=true
PrivateTmp=true
ProtectSystem=strict
ReadWritePaths=/var/lib/devbox
"""
FILES = {
    "bench-planned.service": PLANNED % f"{servers.UVICORN} --port 8092",
    "bench-activated.service": PLANNED % servers.UVICORN.replace("--host 127.0.0.1", "--fd 3"),
    "bench-activated.socket": "[Socket]\nListenStream=127.0.0.1:8093\n",
}


def executions(devbox, put, turns):
    """From fork to the first 200, as the service's user, without systemd."""
    os.environ["BASELINE_CONFIG"] = "/run/bench/baseline.yaml"
    run("systemctl", "stop", "-q", "devbox-api.socket", *devbox.units)  # the bus name must be free
    for turn in range(turns + 1):
        for name, port, command in (("devbox", 8090, DEVBOX), ("fastapi", 8091, FASTAPI)):
            wait_quiet()
            row = probe("start", 1, port, "/health", *command, user="devbox")
            if turn:  # the first one reads the programs from disk
                put(kind="exec", server=name, us=row["p50_us"])
    run("systemctl", "start", "devbox-api.socket")


def activations(devbox, put, turns):
    """From connect() to the first byte: all services stopped, their sockets there; then, all running."""
    cases = [
        ("devbox", 8080, "/health", devbox.units),
        ("devbox", 8080, "/services", devbox.units),
        ("fastapi", 8093, "/health", ["bench-activated.service"]),
        ("fastapi", 8093, "/services", ["bench-activated.service"]),
    ]
    for turn in range(turns + 1):
        for name, port, path, units in cases:
            run("systemctl", "stop", "-q", *units)
            wait_quiet()
            for when, n in (("cold", 1), ("warm", 5)):
                row = probe("first", n, port, path)
                if turn:
                    put(kind="activation", server=name, path=path, when=when, us=row["p50_us"])


def restarts(put, name, port, n, apart_sec):
    """The restart action, again and again, under a client that makes a connection per request."""
    milliseconds = int((n + 1) * apart_sec * 1000)
    command = [PROBE, "hammer", milliseconds, port, "/health"]
    wait_quiet()
    command = ["taskset", "-c", *map(str, [CLIENT_CPU, *command])]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
        took = 0
        for _ in range(n):
            time.sleep(apart_sec)
            took += servers.restart(port)
        row = json.loads(client.stdout.read())
    put(kind="restart", server=name, restarts=took, **row)


def measure(devbox, put, quick):
    devbox.pin(False)
    devbox.configure()
    for name, text in FILES.items():
        servers.write(f"{servers.RUN}/{name}", text)
    run("systemctl", "daemon-reload")
    try:
        executions(devbox, put, 3 if quick else 10)
        run("systemctl", "start", "bench-activated.socket", "bench-planned.service")
        activations(devbox, put, 3 if quick else 10)

        servers.wait_answer(8092)
        devbox.wake()
        restarts(put, "devbox", 8080, 5 if quick else 20, 0.5)
        restarts(put, "fastapi", 8092, 1 if quick else 2, 4)
    finally:
        run("systemctl", "stop", "-q", *FILES, check=False)
        for name in FILES:
            os.unlink(f"{servers.RUN}/{name}")
        run("systemctl", "daemon-reload")
