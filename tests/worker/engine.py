#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A container engine of its own for the length of a with block, with an image of busybox.

    engine.py docker|podman PROGRAM   one with the containers of tests/worker/engine.c, and runs that
    engine.py serve SOCKET NAME...    Docker with these containers until SIGTERM; prints "ready"
"""

import contextlib
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


COMMANDS = {"dockerd": docker_command, "podman": podman_command}


class NoEngine(Exception):
    """This machine cannot run one."""


class Engine:
    """`socket`: where it listens; by default in a folder of its own. NoEngine: it does not start here."""

    def __init__(self, program, socket=None):
        self.program, self.socket, self.containers = program, socket, []
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        missing = [name for name in (self.program, "docker", "busybox", "tar") if not shutil.which(name)]
        if missing or os.getuid() != 0:
            raise NoEngine(f"needs {', '.join(missing) or 'root'}")
        with contextlib.ExitStack() as stack:
            # Processes of Podman outlive the service for a moment, and may still write there.
            folder = pathlib.Path(stack.enter_context(
                tempfile.TemporaryDirectory(prefix="devbox-engine-", ignore_cleanup_errors=True)))
            self.socket = self.socket or folder / "docker.sock"
            with open(folder / "log", "w", encoding="utf-8") as log:
                process = subprocess.Popen(COMMANDS[self.program](folder, self.socket), stdout=log,
                                           stderr=log)
            stack.callback(self.stop, process)
            self.wait_for(process, folder / "log")
            self.make_image(folder)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def stop(self, process):
        for name in self.containers:
            subprocess.run(["docker", "-H", f"unix://{self.socket}", "rm", "-f", name], capture_output=True)
        process.send_signal(signal.SIGTERM)
        process.wait(60)

    def wait_for(self, process, log):
        command = ["docker", "-H", f"unix://{self.socket}", "version"]
        for _ in range(600):
            if process.poll() is not None:
                raise NoEngine(f"it does not start here: {log.read_text().strip().splitlines()[-1]}")
            if os.path.exists(self.socket) and not subprocess.run(command, capture_output=True).returncode:
                return
            time.sleep(0.1)
        raise NoEngine("no answer in a minute")

    def docker(self, *arguments, **options):
        return subprocess.run(["docker", "-H", f"unix://{self.socket}", *arguments], check=True, text=True,
                              stdout=subprocess.PIPE, timeout=120, **options).stdout

    def make_image(self, folder):
        root = folder / "root" / "bin"
        root.mkdir(parents=True)
        shutil.copy(shutil.which("busybox"), root / "busybox")
        for applet in APPLETS:
            (root / applet).symlink_to("busybox")
        archive = folder / "image.tar"
        subprocess.run(["tar", "-C", folder / "root", "-cf", archive, "."], check=True)
        self.docker("import", str(archive), "busybox")

    def create(self, name, *options, command=("sleep", "100000")):
        """A container that was not started."""
        self.containers.append(name)
        self.docker("create", "--network", "none", "--name", name, *options, "busybox", *command)

    def start(self, name, *options):
        """One that runs, and has written to both streams."""
        self.create(name, *options, command=("sh", "-c", SCRIPT))
        self.docker("start", name)
        while set(self.docker("logs", name, stderr=subprocess.STDOUT).split()) != {"started", "oops"}:
            time.sleep(0.1)


def serve(socket, *names):
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), Engine("dockerd", socket) as engine:
        for name in names:
            engine.start(name)
        print("ready", flush=True)
        signal.pause()
    return 0


def test(program, tests):
    with Engine(program) as engine:
        engine.start("mycontainer")
        engine.start("terminal", "-t")
        engine.create("privileged", "--privileged")
        return subprocess.run([tests, engine.socket]).returncode


def main(verb, *arguments):
    try:
        if verb == "serve":
            return serve(*arguments)
        return test({"docker": "dockerd", "podman": "podman"}[verb], *arguments)
    except NoEngine as reason:
        print(f"skipped: {reason}")
        return SKIP


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
