# SPDX-License-Identifier: MIT
"""A homeserver in the network of the hub, and people with scripts/chat, which shares no code with devbox."""

import pathlib
import subprocess
import tempfile

from network import MACHINE
from machine import TOP
from terminal import Terminal
from world import Skip, expect

PYTHON = TOP / "build/synapse/bin/python"
PORT = 8008
URL = f"http://127.0.0.1:{PORT}"
SERVER = "devbox.test"


class Matrix:
    """Ends with the network. People stay in their rooms from one test to the next."""

    def __init__(self, network, *names):
        if not PYTHON.exists():
            raise Skip("Synapse is not here; scripts/test matrix fetches it")
        self.stack = network.stack
        self.folder = pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        (self.folder / "synapse").mkdir()
        self.start([PYTHON, TOP / "tests/matrix/homeserver.py", self.folder / "synapse", PORT, *names])
        self.people = {}

    def start(self, command):
        """Waits until it serves."""
        server = subprocess.Popen(
            [MACHINE, "netns", "hub", *map(str, command)], stdout=subprocess.PIPE, text=True
        )
        self.stack.callback(server.wait)
        self.stack.callback(server.terminate)
        expect(server.stdout.readline() == "ready\n", "the homeserver does not start")
        self.password_file = self.folder / "synapse/password"

    def chat(self, name, *steps):
        """The command line of a person's client."""
        options = ["--server", URL, "--user", f"@{name}:{SERVER}", "--store", self.folder / name,
                   "--password-file", self.password_file]
        return [MACHINE, "netns", "hub", TOP / "scripts/chat", *options, *steps]

    def identity(self, name):
        """Makes the person's identity; its public key."""
        said = subprocess.run(self.chat(name, "--identity"), check=True, capture_output=True, text=True)
        return said.stdout.replace(" ", "").strip()

    def person(self, name):
        """The person at their client."""
        if name not in self.people:
            self.people[name] = self.stack.enter_context(Person(*self.chat(name)))
        return self.people[name]


class Person(Terminal):
    room = None

    def see(self, pattern, seconds=30):
        """The match of the pattern from here on; fails as soon as the client complains."""
        match = self.expect(rf"(?m)^(?:chat: (?P<complaint>.*)|{pattern})", seconds)
        expect(not match["complaint"], match["complaint"])
        return match

    def enter(self, room):
        if room != self.room:
            self.type(f"/room {room}")
            self.see(f"you are in #{room}")
            self.room = room

    def says(self, room, line):
        self.enter(room)
        self.type(line)

    def hears(self, pattern, seconds=30):
        """The same in what devbox writes, edits or reacts with."""
        return self.see(rf"devbox +(?:{pattern})", seconds)
