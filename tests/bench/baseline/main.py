# SPDX-License-Identifier: MIT
"""The API as it was first planned: FastAPI, psutil, `systemctl is-active`. What devbox is measured beside.

It is written the way its plan reads, not to be slow: uvloop and httptools, a thread per blocking handler.
BASELINE_TTL (seconds, default 0: off) turns on the cache that the plan names as a later step.
"""
import os
import subprocess
import time
from threading import Timer

import psutil
import yaml
from fastapi import FastAPI, Header, HTTPException
from fastapi.responses import PlainTextResponse

with open(os.environ["BASELINE_CONFIG"], encoding="utf-8") as file:
    config = yaml.safe_load(file)
ttl = float(os.environ.get("BASELINE_TTL", "0"))
app = FastAPI()
kept = {}

psutil.cpu_percent()  # its first answer has no useful window


def cached(collect):
    """The last answer of collect() while it is younger than the TTL; like most such, open to stampedes."""
    taken_at, value = kept.get(collect, (None, None))
    if ttl and taken_at is not None and time.monotonic() - taken_at < ttl:
        return value
    value = collect()
    kept[collect] = time.monotonic(), value
    return value


def read_system():
    memory, disk = psutil.virtual_memory(), psutil.disk_usage("/")
    return {
        "cpu_percent": psutil.cpu_percent(),
        "mem": {"total": memory.total, "used": memory.used, "percent": memory.percent},
        "disk": {"path": "/", "total": disk.total, "used": disk.used, "percent": disk.percent},
        "uptime_seconds": int(time.time() - psutil.boot_time()),
    }


def read_service(name):
    command = ["systemctl", "is-active", name]
    state = subprocess.run(command, capture_output=True, text=True, check=False, timeout=2).stdout.strip()
    return {"name": name, "active": state == "active", "state": state}


def read_services():
    return {"services": [read_service(name) for name in config["services"]]}


@app.get("/health")
async def health():
    return {"status": "ok", "service": "devbox", "version": "0.1.0"}


@app.get("/system")
def system():
    return cached(read_system)


@app.get("/services")
def services():
    return cached(read_services)


@app.get("/metrics", response_class=PlainTextResponse)
def metrics():
    values = cached(read_system)
    lines = [
        f'devbox_cpu_percent {values["cpu_percent"]}',
        f'devbox_memory_used_bytes {values["mem"]["used"]}',
        f'devbox_disk_used_bytes {values["disk"]["used"]}',
        f'devbox_uptime_seconds {values["uptime_seconds"]}',
    ]
    for service in cached(read_services)["services"]:
        lines.append(f'devbox_service_active{{name="{service["name"]}"}} {int(service["active"])}')
    return "\n".join(lines) + "\n"


@app.post("/actions/restart", status_code=202)
def restart(x_devbox_token: str = Header(default="")):
    if x_devbox_token != config["auth"]["token"]:
        raise HTTPException(status_code=401, detail="wrong token")
    Timer(0.1, os._exit, [1]).start()  # Restart=on-failure: the exit must not be a clean one
    return {"status": "restarting"}
