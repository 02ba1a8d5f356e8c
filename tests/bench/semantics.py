# SPDX-License-Identifier: MIT
"""Goal 10: /metrics under promtool, and /system compared with psutil in the same seconds."""
import json
import statistics
import subprocess
import time

import psutil

import servers
from measure import wait_quiet

BURN = """
import time
while True:
    time.sleep(0.01)
    until = time.monotonic() + 0.01
    while time.monotonic() < until:
        pass
"""


def system():
    return json.loads(servers.ask(8080, "/system")[1])


def compare_cpu(put, seconds):
    """Under a load that is half of one CPU and lasts, windows that are shifted by a second see the same."""
    psutil.cpu_percent()
    ours = []
    for _ in range(seconds):
        time.sleep(1)
        ours.append(system()["cpu_percent"])
    difference = abs(statistics.mean(ours) - psutil.cpu_percent())
    put(kind="semantics", what="cpu_percent", difference=round(difference, 2))


def compare_rest(put):
    now, memory, disk = system(), psutil.virtual_memory(), psutil.disk_usage("/")
    uptime = time.time() - psutil.boot_time()
    differences = {
        "mem.percent": now["mem"]["percent"] - memory.percent,
        "mem.total": now["mem"]["total"] - memory.total,
        "disk.percent": now["disk"]["percent"] - disk.percent,
        "disk.total": now["disk"]["total"] - disk.total,
        "uptime_seconds": now["uptime_seconds"] - int(uptime),
    }
    for what, difference in differences.items():
        put(kind="semantics", what=what, difference=round(abs(difference), 3))


def measure(devbox, put, quick):
    devbox.pin(False)
    devbox.configure()
    wait_quiet()
    with subprocess.Popen(["/usr/bin/python3", "-c", BURN]) as burner:
        try:
            first = system()["cpu_percent"]  # of a collector that was started for it
            put(kind="semantics", what="first cpu_percent", value=first)
            for _ in range(3):
                compare_cpu(put, 2 if quick else 5)
            compare_rest(put)
        finally:
            burner.kill()

    text = servers.ask(8080, "/metrics")[1]
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    lines = (done.stdout + done.stderr).decode().splitlines()
    put(kind="promtool", exit_code=done.returncode, lines=len(lines), complaints=lines)
