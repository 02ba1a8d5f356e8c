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

from homeserver import PASSWORD, SERVER, Homeserver
from person import Person

BOT, ANA, BEN = (f"@{name}:{SERVER}" for name in ("bot", "ana", "ben"))
HERE = pathlib.Path(__file__).resolve().parent


class Bot:
    def __init__(self, program, directory, url):
        self.arguments = [program, str(directory), url, BOT, ANA, BEN]
        self.store = directory / "matrix.db"
        self.start()

    def room(self, alias):
        with sqlite3.connect(self.store) as store:
            return store.execute("SELECT room_id FROM chat_room WHERE alias = ?", (alias,)).fetchone()[0]

    def start(self):
        self.process = subprocess.Popen(self.arguments, stdin=subprocess.PIPE, text=True)
        self.process.stdin.write(f"{PASSWORD}\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def move(self, url):
        """The same bot, by another way."""
        self.kill()
        self.arguments[2] = url
        self.start()


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

    def end(self):
        self.process.kill()
        self.process.wait()


class Proxy:
    """proxy.py; `counts` is how often it did what, once it has ended."""

    def __init__(self, url, seed, percent):
        self.process = subprocess.Popen(
            [sys.executable, HERE / "proxy.py", url, str(seed), str(percent)], text=True,
            stdout=subprocess.PIPE)
        self.url = self.process.stdout.readline().split()[1]

    def end(self):
        self.process.terminate()
        self.counts = json.loads(self.process.stdout.readline())
        self.process.wait()


@dataclasses.dataclass
class World:
    server: Homeserver
    bot: Bot
    ana: Person
    ben: Element | None  # only with the folder of his npm packages

    @classmethod
    @contextlib.asynccontextmanager
    async def new(cls, program, packages, directory, percent=0):
        """`program` is client.c's. Until settle(), `percent` of the bot's requests get a fault. All of it
        ends with the context."""
        async with contextlib.AsyncExitStack() as stack:
            for each in ("synapse", "bot"):
                (directory / each).mkdir()
            server = Homeserver(directory / "synapse")
            stack.callback(server.kill)
            for name in ("bot", "ana", "ben"):
                server.register(name)
            proxy = Proxy(server.url, 1, percent)
            stack.callback(proxy.end)
            bot, ben = Bot(program, directory / "bot", proxy.url), None
            stack.callback(bot.kill)
            if packages:
                log = stack.enter_context(open(directory / "element", "w", encoding="utf-8"))
                ben = Element(server.url, packages, log)
                stack.callback(ben.end)
            ana = Person(server.url, ANA, directory / "ana")
            stack.push_async_callback(ana.end)
            await ana.begin(PASSWORD)
            yield cls(server, bot, ana, ben)

    async def settle(self, room):
        """Ana's identity is pinned once the bot has seen it: before that, its answer says what to do."""
        ana = self.ana
        for attempt in range(20):
            seen = len(ana.events)
            await ana.say(room, f"!exec ls {attempt}")
            answer = await ana.until(
                lambda: next((event.text for event in ana.events[seen:] if event.sender == BOT), None),
                "answer")
            if answer.startswith("done:"):
                self.bot.move(self.server.url)
                return
        raise AssertionError("no command was answered")
