#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Starts a container engine and containers for tests/worker/engine.c, runs it, and stops them.

    engine.py docker|podman PROGRAM
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SKIP = 77  # meson
APPLETS = "sh ps ls timeout sleep echo yes id".split()
CONTAINERS = "mycontainer terminal privileged".split()
SCRIPT = "echo started; echo oops >&2; sleep 100000"


def docker_command(folder, socket):
    return ["dockerd", "--data-root", folder / "data", "--exec-root", folder / "exec",
            "-H", f"unix://{socket}", "--pidfile", folder / "pid",
            "--iptables=false", "--bridge=none", "--storage-driver=vfs"]


# Its own limits are higher than those of some containers.
PODMAN_CONFIG = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
"""


def podman_command(folder, socket):
    config = folder / "containers.conf"
    config.write_text(PODMAN_CONFIG)
    return ["env", f"CONTAINERS_CONF={config}", "podman", "--root", folder / "data", "--runroot",
            folder / "exec", "--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--runtime=runc", "system",
            "service", "--time=0", f"unix://{socket}"]


ENGINES = {"docker": ("dockerd", docker_command), "podman": ("podman", podman_command)}


def docker(socket, *arguments, **options):
    return subprocess.run(["docker", "-H", f"unix://{socket}", *arguments], check=True, text=True,
                          stdout=subprocess.PIPE, timeout=120, **options).stdout


class NoEngine(Exception):
    """This machine cannot run one."""


def wait_for(socket, engine, log):
    for _ in range(600):
        if engine.poll() is not None:
            raise NoEngine(log.read_text().strip().splitlines()[-1])
        if os.path.exists(socket) and subprocess.run(["docker", "-H", f"unix://{socket}", "version"],
                                                     capture_output=True).returncode == 0:
            return
        time.sleep(0.1)
    raise NoEngine("no answer in a minute")


def make_image(folder, socket):
    root = folder / "root" / "bin"
    root.mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), root / "busybox")
    for applet in APPLETS:
        (root / applet).symlink_to("busybox")
    archive = folder / "image.tar"
    subprocess.run(["tar", "-C", folder / "root", "-cf", archive, "."], check=True)
    docker(socket, "import", str(archive), "busybox")


def start_containers(socket):
    base = ["--network", "none"]
    docker(socket, "run", "-d", *base, "--name", "mycontainer", "busybox", "sh", "-c", SCRIPT)
    docker(socket, "run", "-d", "-t", *base, "--name", "terminal", "busybox", "sh", "-c", SCRIPT)
    docker(socket, "create", *base, "--privileged", "--name", "privileged", "busybox", "sleep", "100000")
    for name in ("mycontainer", "terminal"):
        while "started" not in docker(socket, "logs", name, stderr=subprocess.DEVNULL):
            time.sleep(0.1)


def main():
    daemon, command = ENGINES[sys.argv[1]]
    missing = [name for name in (daemon, "docker", "busybox", "tar") if not shutil.which(name)]
    if missing or os.getuid() != 0:
        print(f"skipped: needs {', '.join(missing) or 'root'}")
        return SKIP

    # Processes of Podman outlive the service for a moment, and may still write there.
    with tempfile.TemporaryDirectory(prefix="devbox-engine-", ignore_cleanup_errors=True) as name:
        folder = pathlib.Path(name)
        socket = folder / "docker.sock"
        with open(folder / "log", "w", encoding="utf-8") as log:
            engine = subprocess.Popen(command(folder, socket), stdout=log, stderr=log)
        try:
            wait_for(socket, engine, folder / "log")
            make_image(folder, socket)
            start_containers(socket)
            return subprocess.run([sys.argv[2], socket]).returncode
        except NoEngine as reason:
            print(f"skipped: the engine does not start here: {reason}")
            return SKIP
        finally:
            subprocess.run(["docker", "-H", f"unix://{socket}", "rm", "-f", *CONTAINERS],
                           capture_output=True)
            engine.send_signal(signal.SIGTERM)
            engine.wait(60)


if __name__ == "__main__":
    sys.exit(main())
