# SPDX-License-Identifier: MIT
"""A throwaway machine, as scripts/machine makes it, for the length of a with block."""

import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]


class Machine:
    def __init__(self, name, suite, keep=False, network="private"):
        """`network` is for `scripts/machine boot`."""
        self.name, self.suite, self.keep, self.network = name, suite, keep, network

    def __enter__(self):
        self.do("rm", self.name)
        try:
            self.do("new", self.name, self.suite)
            self.boot()
            self.do("copy", self.name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if not self.keep:
            self.do("rm", self.name)

    def boot(self):
        self.do("boot", self.name, f"--network={self.network}")

    def do(self, *arguments):
        subprocess.run([TOP / "scripts/machine", *arguments], check=True, stdin=subprocess.DEVNULL)

    def lines(self, *command, verb="run"):
        """Runs the command inside, yields what it prints line by line, and raises if it fails. `verb`: run,
        or emulate once the machine is stopped."""
        with subprocess.Popen(
            [TOP / "scripts/machine", verb, self.name, *command],
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        ) as process:
            try:
                yield from process.stdout
            except BaseException:
                process.kill()  # what it started inside ends with the machine
                raise
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
