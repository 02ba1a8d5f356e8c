# SPDX-License-Identifier: MIT
"""A homeserver in the network of the hub, and people with clients that share no code with devbox:
scripts/chat, and what Element encrypts with."""

import json
import pathlib
import re
import subprocess
import tempfile
import time

from network import MACHINE
from machine import TOP
from terminal import Terminal
from world import Failure, Skip, expect

FETCHED = TOP / "build/synapse"
PYTHON = FETCHED / "bin/python"
PACKAGES = TOP / "build/element"
PORT = 8008
URL = f"http://127.0.0.1:{PORT}"
SERVER = "devbox.test"
PATIENCE = 180  # seconds; it ends a test that has failed


class Matrix:
    """Ends with the network. People keep their clients from one test to the next."""

    def __init__(self, network, *names):
        if not (FETCHED / "complete").exists():
            raise Skip("Synapse is not here; scripts/test matrix fetches it")
        self.stack = network.stack
        self.folder = pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        (self.folder / "synapse").mkdir()
        self.start([PYTHON, TOP / "tests/matrix/homeserver.py", self.folder / "synapse", PORT, *names])

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
                   "--password-file", self.password_file, "--timeout", str(PATIENCE)]
        return [MACHINE, "netns", "hub", TOP / "scripts/chat", *options, *steps]

    def element(self, name):
        node = PACKAGES / "node_modules/.bin/node"
        return [MACHINE, "netns", "hub", "env", "-C", PACKAGES, node, TOP / "tests/matrix/element.mjs",
                URL, f"@{name}:{SERVER}", self.password_file.read_text()]

    def at_chat(self, name):
        """The person at scripts/chat, with an identity."""
        subprocess.run(self.chat(name, "--identity"), check=True, capture_output=True)
        return self.stack.enter_context(Person(*self.chat(name)))

    def at_element(self, name):
        """The person at Element; at scripts/chat where matrix-js-sdk is not here."""
        if not (PACKAGES / "complete").exists():
            return self.at_chat(name)
        person = self.stack.enter_context(Element(*self.element(name)))
        person.do("look")
        return person


class Person(Terminal):
    """At scripts/chat."""

    room = None

    def see(self, pattern, seconds=PATIENCE):
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

    def reacts(self, room, key):
        self.says(room, f"/react {key}")

    def hears(self, pattern, seconds=PATIENCE):
        """The same in what devbox writes, edits or reacts with."""
        return self.see(rf"devbox +(?:{pattern})", seconds)


class Element:
    """The same person at Element."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.rooms = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def do(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        expect(line, f"Element ended at {words}")
        return json.loads(line)

    def enter(self, room):
        if room not in self.rooms:
            self.rooms[room] = self.do("join", f"#{room}:{SERVER}")

    def says(self, room, line):
        self.enter(room)
        self.do("say", self.rooms[room], line)

    def reacts(self, room, key):
        self.enter(room)
        self.do("react", self.rooms[room], key)

    def hears(self, pattern, seconds=PATIENCE):
        deadline, heard = time.monotonic() + seconds, []
        while event := self.do("next", max(deadline - time.monotonic(), 0)):
            sender, text = event
            if sender == f"@devbox:{SERVER}" and (match := re.match(pattern, text)):
                return match
            heard.append(text)
        raise Failure(f"no {pattern!r} in {heard}")
