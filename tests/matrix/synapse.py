#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The session against Synapse, with matrix-nio as the operator's client: neither shares code with it.

    tests/matrix/synapse.py CLIENT

CLIENT is the program of client.c. Prints "ok NAME", or "not ok NAME: why" and the last lines of the
homeserver's log."""

import asyncio
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

from homeserver import PASSWORD, SERVER, Homeserver, until
from person import Person, Trouble

BOT, ANA = f"@bot:{SERVER}", f"@ana:{SERVER}"


class Bot:
    def __init__(self, program, directory, server):
        self.arguments = [program, str(directory), server.url, BOT, ANA]
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


async def hear(ana, text):
    """Waits for the one message of the bot with this text, or the one that was edited to it; its id."""

    def said():
        return [event for event in ana.events if (event.sender, event.text) == (BOT, text)]

    found = await ana.until(said, repr(text))
    assert len(found) == 1 and found[0].encrypted, found
    return found[0].id


async def is_signed(ana, user):
    """The user has one device, which its identity signed."""
    keys = await ana.call("keys/query", {"device_keys": {user: []}})
    return [len(device["signatures"][user]) for device in keys["device_keys"][user].values()] == [2]


async def latency(ana, room):
    """Prints how long an answer takes, from the call that sends to the sync that brings it."""
    took = []
    for number in range(20):
        started = time.monotonic()
        await ana.say(room, f"!again {number}")
        await hear(ana, f"done:\n!again {number}")
        took.append(time.monotonic() - started)
    took.sort()
    median, most = (round(1000 * seconds) for seconds in (took[len(took) // 2], took[-1]))
    print(f"# an answer takes {median} ms in the median, {most} ms at most")


async def conversation(server, bot, ana):
    await ana.begin(PASSWORD)
    room = await ana.enter("dev-home")
    approvals = await ana.enter("operator-approvals")
    space = await ana.enter("devbox")
    await ana.until(lambda: room in ana.client.rooms[space].children, "room in the space")
    assert await is_signed(ana, BOT)
    print("ok rooms", flush=True)

    # The identity is pinned once the bot has seen it: before that, the answer says what to do.
    for attempt in range(20):
        seen = len(ana.events)
        await ana.say(room, f"!exec ls {attempt}")
        answer = await ana.until(
            lambda: next((event.text for event in ana.events[seen:] if event.sender == BOT), None), "answer")
        if answer.startswith("done:"):
            break
    else:
        raise AssertionError("no command was answered")
    print("ok command", flush=True)

    announcement = await hear(ana, "home: rm")
    await ana.react(approvals, announcement, "\N{THUMBS UP SIGN}\ufe0f")
    await hear(ana, f"approved by {ANA}")
    print("ok approval", flush=True)
    await latency(ana, room)

    bot.kill()
    await ana.say(room, "!while away")
    bot.start()
    await hear(ana, "done:\n!while away")
    print("ok command-while-away", flush=True)

    server.kill()
    server.start()
    await ana.say(room, "!after restart")
    await hear(ana, "done:\n!after restart")
    print("ok homeserver-killed", flush=True)

    for number in range(10):
        await ana.say(room, f"!number {number}")
        bot.kill()
        bot.start()
    for number in range(10):
        await hear(ana, f"done:\n!number {number}")
    print("ok session-killed", flush=True)

    bot.kill()
    with sqlite3.connect(bot.store) as store:
        store.execute("UPDATE chat_room SET room_id = NULL, taken = 0")
    bot.start()
    await ana.say(room, "!after adoption")
    await hear(ana, "done:\n!after adoption")
    until(lambda: bot.room("dev-home") == room)
    print("ok rooms-adopted", flush=True)

    bot.kill()
    bot.arguments[-1] = "@ben:" + SERVER  # whom the manifest names now, instead of Ana
    bot.start()
    await ana.until(lambda: not ana.client.rooms, "removal from all rooms")
    print("ok removed", flush=True)


async def person(server, bot, directory):
    ana = Person(server.url, ANA, directory)
    try:
        await conversation(server, bot, ana)
    finally:
        await ana.end()


def run(program, directory):
    for each in ("synapse", "bot"):
        (directory / each).mkdir()
    server = Homeserver(directory / "synapse")
    bot = None
    try:
        server.register("bot")
        server.register("ana")
        server.register("ben")
        bot = Bot(program, directory / "bot", server)
        asyncio.run(person(server, bot, directory / "ana"))
    finally:
        if bot:
            bot.kill()
        server.kill()


def main(program):
    with tempfile.TemporaryDirectory(prefix="devbox-synapse.") as name:
        directory = pathlib.Path(name)
        try:
            run(program, directory)
        except (AssertionError, OSError, Trouble) as error:
            print(f"not ok conversation: {error}")
            for line in (directory / "synapse/synapse.log").read_text().splitlines()[-20:]:
                print("#", line)
            sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
