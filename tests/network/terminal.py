# SPDX-License-Identifier: MIT
"""A person at a terminal: reads what a command shows on a pty, and types."""

import codecs
import contextlib
import os
import pty
import re
import select
import signal
import time

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
CUT = re.compile(r"\x1b(\[[0-9;?]*)?$")  # the beginning of one
PATIENCE = 300  # seconds, for a command that hangs


class Closed(Exception):
    """The command ended, or fell silent, before it showed what was expected."""


class Terminal:
    def __init__(self, *command):
        self.screen = ""  # all that was shown
        self.at = 0  # what was matched ends here
        self.cut = ""  # of a control sequence, until the rest arrives
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job ignores it
            os.execvp(command[0], list(map(str, command)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            self.end()

    def read(self, seconds):
        """False at the end of the output."""
        if not select.select([self.fd], [], [], max(seconds, 0))[0]:
            raise Closed(f"silent after: {self.screen[-300:]!r}")
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # EIO: the other end is closed
            data = b""
        text = self.cut + self.decoder.decode(data)
        self.cut = CUT.search(text)[0] if CUT.search(text) else ""
        self.screen += CONTROL.sub("", text.removesuffix(self.cut))
        return bool(data)

    def expect(self, pattern, seconds=PATIENCE):
        """The match of the pattern in what is shown from here on. That may arrive in pieces: a pattern must
        not end with a repetition."""
        deadline = time.monotonic() + seconds
        while not (match := re.compile(pattern).search(self.screen, self.at)):
            if not self.read(deadline - time.monotonic()):
                raise Closed(f"no {pattern!r} in: {self.screen[self.at:]!r}")
        self.at = match.end()
        return match

    def type(self, text):
        os.write(self.fd, f"{text}\n".encode())

    def converse(self, answers, until, seconds=PATIENCE):
        """Types the answer to each question, patterns both, until it shows `until`; returns that match."""
        either = "|".join(f"(?:{pattern})" for pattern in [until, *answers])
        while True:
            match = self.expect(either, seconds)
            if re.fullmatch(until, match[0]):
                return match
            self.type(next(text for pattern, text in answers.items() if re.fullmatch(pattern, match[0])))

    def latest(self, pattern):
        """The last match of the pattern in what is shown by now."""
        with contextlib.suppress(Closed):
            while self.read(0):
                pass
        *_, match = re.finditer(pattern, self.screen)
        return match

    def rest(self):
        """What is shown until it falls silent."""
        with contextlib.suppress(Closed):
            while self.read(1):
                pass
        return self.screen

    def end(self, seconds=PATIENCE):
        """Reads the rest; the exit status, or 128 and the signal."""
        deadline = time.monotonic() + seconds
        while self.read(deadline - time.monotonic()):
            pass
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status) % 256 if status >= 0 else status
