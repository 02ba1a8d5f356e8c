# SPDX-License-Identifier: MIT
"""36: the unit of the exec worker, as it is installed, where the kernel has controllers for its limits of
memory and tasks. Memory is used up by a program that the worker runs, with permits of tests/second. For the
limit of tasks what runs in the unit is no worker, and the limits of processes are off."""

import base64
import pathlib
import secrets
import shutil
import socket
import subprocess
import sys
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(TOP / "tests/second"))

import second  # noqa: E402
import worker  # noqa: E402

DAEMONS = ["src/worker/devbox-worker"]
UNITS = pathlib.Path("/run/systemd/system")
PRINTED = pathlib.Path("/run/devbox-limits")
SOCKET = "devbox-worker-exec.socket"
PYTHON = str(pathlib.Path("/usr/bin/python3").resolve())
TASKS_MAX = 32
DEADLINE_SEC = 120
CEILING = f"v: 1\ncapabilities: [shell.exec]\nprograms: [{PYTHON}]\n"
# As devbox-generator(8) makes it of that ceiling
FROM_CEILING = f"[Service]\nExecPaths=-+{PYTHON}\nInaccessiblePaths=+/sys\n"
NO_WORKER = """\
[Unit]
CollectMode=inactive
[Service]
LimitNPROC=infinity
LimitAS=infinity
StandardOutput=file:{printed}
ExecStart=
ExecStart={python} -I -c "import base64; exec(base64.b64decode('{program}'))"
"""
WAIT = "import time; time.sleep(3600)"
USE_MEMORY = "b'x' * (1 << 29)"
KILL_ITSELF = "import os; os.kill(os.getpid(), 9)"
FORK = """
import errno, os, signal
n = 0
try:
    while True:
        if os.fork() == 0:
            signal.pause()
        n += 1
except OSError as error:
    print(errno.errorcode[error.errno], n)
"""


def systemctl(*words, check=True):
    return subprocess.run(["systemctl", *words], check=check, capture_output=True, text=True).stdout.strip()


def unit(name):
    return f"devbox-worker-exec@{name}.service"


def left_of_users():
    """Processes of the workers' users of their own: systemd(1)."""
    lines = subprocess.run(["ps", "-A", "-o", "uid="], check=True, capture_output=True, text=True).stdout
    return [int(line) for line in lines.split() if 61184 <= int(line) <= 65519]


class Agent:
    """A connection to a worker of its own."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(DEADLINE_SEC)
        self.socket.connect("/run/devbox/worker-exec.sock")
        self.key = self.receive(b"H")

    def receive(self, kind):
        """The content of the next message of this type, and what is before it."""
        skipped = b""
        while message := self.socket.recv(1 << 17):
            if message[:1] == kind:
                return message[1:] if kind == b"H" else (message[1:], skipped)
            skipped += message[1:]
        raise AssertionError(f"no {kind}, but {skipped}")

    def start(self, ledger, program):
        """A program in Python."""
        argv = [PYTHON, "-ISc", program]
        request = second.signed(secrets.token_bytes(32), "application/vnd.devbox.request.v1+json", {
            "v": 1, "request_id": "01K75A3Q000000000000000000", "device": "dev",
            "manifest": {"epoch": 1, "version": 1, "sha256": "00" * 32}, "capability": "shell.exec",
            "args": {"argv": argv}, "nonce": "00" * 16, "issued_at": 0, "expires_at": 1,
            "origin": {"mxid": "local:root"},
        })
        entry = {"name": "shell.exec", "id": "it", "approval": "none", "bin": argv[0],
                 "argv": [{"lit": word} for word in argv[1:]], "timeout_s": 3600}
        permit, self.open_end = ledger.permit("dev", request, self.key, entry)
        for message in (b"Q" + request.encode(), b"P" + permit.encode(), b"R"):
            self.socket.send(message)

    def end(self):
        """How the program has ended, and what was printed."""
        end, printed = self.receive(b"Z")
        return self.open_end(end), printed.decode()


class Limits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ledger = worker.Ledger()
        subprocess.run(["systemd-sysusers", TOP / "units/devbox.sysusers"], check=True)
        subprocess.run(["systemd-tmpfiles", "--create", TOP / "units/devbox.tmpfiles"], check=True)
        for path, text in (("/etc/devbox/ceiling.yaml", CEILING),
                           ("/var/lib/devbox/ledger/identity.pub", cls.ledger.public.hex()),
                           (UNITS / f"{unit('')}.d/50-ceiling.conf", FROM_CEILING)):
            pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
            pathlib.Path(path).write_text(text)
        for source, path in ((TOP / "build-vm" / DAEMONS[0], "/usr/libexec/devbox/devbox-worker"),
                             (TOP / "units/devbox-worker.conf",
                              UNITS / "devbox-worker-.service.d/10-sandbox.conf"),
                             (TOP / "units" / unit(""), UNITS), (TOP / "units" / SOCKET, UNITS)):
            pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, path)
        systemctl("daemon-reload")
        systemctl("start", SOCKET)

    def start(self, name, program):
        folder = UNITS / f"{unit(name)}.d"
        folder.mkdir(exist_ok=True)
        text = base64.b64encode(program.encode()).decode()
        (folder / "90-test.conf").write_text(NO_WORKER.format(printed=PRINTED, python=PYTHON, program=text))
        systemctl("daemon-reload")
        systemctl("start", unit(name))
        self.addCleanup(systemctl, "reset-failed", unit(name), check=False)
        self.addCleanup(systemctl, "stop", unit(name))

    def wait(self, name, condition):
        deadline = time.monotonic() + DEADLINE_SEC
        while not condition():
            self.assertLess(time.monotonic(), deadline, name)
            time.sleep(0.1)

    def run_program(self, program):
        agent = Agent()
        agent.start(self.ledger, program)
        return agent.end()

    def test_memory(self):
        """Others run on; a program that is killed otherwise has the same signal and no reason."""
        other = Agent()
        other.start(self.ledger, WAIT)
        ended, printed = self.run_program(USE_MEMORY)
        self.assertEqual(ended, ("finished", -1, 9, "oom"))
        self.assertIn("more memory", printed)
        self.assertEqual(self.run_program(KILL_ITSELF), (("finished", -1, 9, ""), ""))
        other.socket.setblocking(False)
        self.assertRaises(BlockingIOError, other.socket.recv, 1)
        other.socket.close()
        self.wait("processes are left", lambda: left_of_users() == [])

    def test_tasks(self):
        PRINTED.write_text("")
        self.start("tasks", FORK)
        self.wait("it runs", lambda: systemctl("show", "-P", "ActiveState", unit("tasks")) == "inactive")
        code, n = PRINTED.read_text().split()
        self.assertEqual((code, int(n)), ("EAGAIN", TASKS_MAX - 1))
        self.assertEqual(left_of_users(), [])
