# SPDX-License-Identifier: MIT
"""A homeserver and the programs around it: the bot that is tested (client.c), ana with matrix-nio, ben with
Element's encryption, and what breaks the bot's connection."""

import asyncio
import contextlib
import dataclasses
import json
import pathlib
import signal
import sqlite3
import subprocess
import sys

from homeserver import PASSWORD, SERVER, Homeserver, free_port
from person import PATIENCE, Person

BOT, ANA, BEN = (f"@{name}:{SERVER}" for name in ("bot", "ana", "ben"))
HERE = pathlib.Path(__file__).resolve().parent


class Bot:
    def __init__(self, program, directory, url, user=BOT, secret=PASSWORD, devices=1):
        directory.mkdir()
        self.secret = secret
        self.arguments = [program, str(directory), url, user, str(devices), ANA, BEN]
        self.store = directory / "matrix.db"
        self.start()

    def read(self, query, *values):
        """The first column of the rows."""
        with sqlite3.connect(self.store, timeout=PATIENCE) as store:
            return [row[0] for row in store.execute(query, values)]

    def room(self, alias):
        return self.read("SELECT room_id FROM chat_room WHERE alias = ?", alias)[0]

    def start(self):
        self.process = subprocess.Popen(
            self.arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(f"{self.secret}\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def restart(self):
        self.kill()
        self.start()

    def do(self, *words):
        """What its operator does, see client.c; all verifications afterwards."""
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def move(self, url):
        """The same bot, by another way."""
        self.arguments[2] = url
        self.restart()

    def add_device(self):
        """Another, after the first: "home1"."""
        self.arguments[4] = str(int(self.arguments[4]) + 1)
        self.restart()

    def name(self, user, is_named=True):
        """Whether the manifest names the user."""
        (self.arguments.append if is_named else self.arguments.remove)(user)
        self.restart()


class Element:
    def __init__(self, url, packages, log):
        node = packages / "node_modules/.bin/node"
        self.process = subprocess.Popen(
            [node, HERE / "element.mjs", url, BEN, PASSWORD], cwd=packages, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)

    async def do(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        line = await asyncio.to_thread(self.process.stdout.readline)
        assert line, f"Element ended at {words}"
        return json.loads(line)

    def sleep(self, asleep):
        """Or wakes up."""
        self.process.send_signal(signal.SIGSTOP if asleep else signal.SIGCONT)

    def end(self):
        self.process.kill()
        self.process.wait()


class Proxy:
    """proxy.py; `counts` is how often it did what, once it has ended."""

    def __init__(self, url, seed=1, percent=0, port=0, path=""):
        arguments = [url, str(seed), str(percent), str(port or free_port()), path]
        self.process = subprocess.Popen(
            [sys.executable, HERE / "proxy.py", *arguments], text=True, stdout=subprocess.PIPE)
        self.url = self.process.stdout.readline().split()[1]
        self.port = int(self.url.rpartition(":")[2])

    def release(self):
        """What is kept back."""
        self.process.send_signal(signal.SIGUSR1)

    def end(self):
        self.process.terminate()
        self.counts = json.loads(self.process.stdout.readline())
        self.process.wait()


async def hear(person, text):
    """Waits for the one message of the bot with this text, or the one that was edited to it."""

    def said():
        return [event for event in person.events if (event.sender, event.text) == (BOT, text)]

    found = await person.until(said, repr(text))
    assert len(found) == 1 and found[0].encrypted, found
    return found[0]


async def settle(person, room):
    """Until the bot has seen the person's identity, and pinned it, its answer says what to do."""
    for attempt in range(20):
        seen = len(person.events)
        await person.say(room, f"!exec ls {attempt}")
        answer = await person.until(
            lambda: next((event.text for event in person.events[seen:] if event.sender == BOT), None),
            "answer")
        if answer.startswith("done:"):
            return
    raise AssertionError("no command was answered")


@dataclasses.dataclass
class World:
    server: Homeserver
    bot: Bot
    ana: Person
    ben: Element | None  # only with the folder of his npm packages
    directory: pathlib.Path
    stack: contextlib.AsyncExitStack

    @classmethod
    @contextlib.asynccontextmanager
    async def new(cls, program, packages, directory, percent=0, devices=1):
        """`program` is client.c's. Until the bot is moved, `percent` of its requests get a fault. All of it
        ends with the context."""
        async with contextlib.AsyncExitStack() as stack:
            (directory / "synapse").mkdir()
            server = Homeserver(directory / "synapse")
            stack.callback(server.kill)
            for name in ("bot", "ana", "ben"):
                server.register(name)
            proxy = Proxy(server.url, 1, percent)
            stack.callback(proxy.end)
            ben = None
            if packages:
                log = stack.enter_context(open(directory / "element", "w", encoding="utf-8"))
                ben = Element(server.url, packages, log)
                stack.callback(ben.end)
                await ben.do("isolate", True)  # has an identity, which the bot finds
            bot = Bot(program, directory / "bot", proxy.url, devices=devices)
            stack.callback(bot.kill)
            world = cls(server, bot, None, ben, directory, stack)
            world.ana = await world.person("ana", ANA)
            yield world

    def another_server(self):
        """That the first one reaches, and the other way round."""
        (self.directory / "another").mkdir()
        server = Homeserver(self.directory / "another", name=f"localhost:{free_port()}")
        self.stack.callback(server.kill)
        return server

    async def person(self, name, user, first=None, server=None):
        """`first`: of the same user, for another device, which is not signed."""
        person = Person((server or self.server).url, user, self.directory / name)
        self.stack.push_async_callback(person.end)
        await person.begin(PASSWORD, first)
        return person
