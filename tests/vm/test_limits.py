# SPDX-License-Identifier: MIT
"""36: the unit of the exec worker, as it is installed, where the kernel has controllers for its limits of
memory and tasks. What runs in it here is not the worker but does as it does, and the limits of processes are
off."""

import base64
import pathlib
import shutil
import subprocess
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
UNITS = pathlib.Path("/run/systemd/system")
PRINTED = pathlib.Path("/run/devbox-limits")
TASKS_MAX = 32
DEADLINE_SEC = 120
DROP_IN = """\
[Unit]
CollectMode=inactive
[Service]
LoadCredential=
LimitNPROC=infinity
LimitAS=infinity
StandardOutput=file:{printed}
ExecPaths=+{python}
ExecStart=
ExecStart={python} -I -c "import base64; exec(base64.b64decode('{program}'))"
"""
WAIT = "import time; time.sleep(1000)"
ALLOCATE = """
import os
child = os.fork()
if child == 0:
    with open('/proc/self/oom_score_adj', 'w') as file:
        file.write('1000')
    memory = b'x' * (1 << 29)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
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


class Limits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        subprocess.run(["systemd-sysusers", TOP / "units/devbox.sysusers"], check=True)
        subprocess.run(["systemd-tmpfiles", "--create", TOP / "units/devbox.tmpfiles"], check=True)
        for path in ("/usr/libexec/devbox", UNITS / "devbox-worker-.service.d"):
            pathlib.Path(path).mkdir(parents=True, exist_ok=True)
        pathlib.Path("/usr/libexec/devbox/devbox-worker").touch()
        shutil.copy(TOP / "units/devbox-worker.conf", UNITS / "devbox-worker-.service.d/10-sandbox.conf")
        shutil.copy(TOP / "units" / unit(""), UNITS)

    def setUp(self):
        PRINTED.write_text("")

    def start(self, name, program):
        folder = UNITS / f"{unit(name)}.d"
        folder.mkdir(exist_ok=True)
        python = pathlib.Path("/usr/bin/python3").resolve()
        text = base64.b64encode(program.encode()).decode()
        (folder / "90-test.conf").write_text(DROP_IN.format(printed=PRINTED, python=python, program=text))
        systemctl("daemon-reload")
        systemctl("start", unit(name))
        self.addCleanup(systemctl, "reset-failed", unit(name), check=False)
        self.addCleanup(systemctl, "stop", unit(name))

    def state(self, name):
        return systemctl("show", "-P", "ActiveState", unit(name))

    def wait(self, name, state):
        deadline = time.monotonic() + DEADLINE_SEC
        while self.state(name) != state:
            self.assertLess(time.monotonic(), deadline, f"{name} is {self.state(name)}")
            time.sleep(0.1)

    def test_memory(self):
        self.start("other", WAIT)
        self.start("memory", ALLOCATE)
        self.wait("memory", "inactive")
        self.assertEqual(PRINTED.read_text(), "-9\n")
        self.assertEqual(self.state("other"), "active")
        systemctl("stop", unit("other"))
        self.assertEqual(left_of_users(), [])

    def test_tasks(self):
        self.start("tasks", FORK)
        self.wait("tasks", "inactive")
        code, n = PRINTED.read_text().split()
        self.assertEqual((code, int(n)), ("EAGAIN", TASKS_MAX - 1))
        self.assertEqual(left_of_users(), [])
