# SPDX-License-Identifier: MIT
"""Commands and their answers while requests fail, the bot and the homeserver are killed, and Element sleeps
for a while: each command is answered once, and both people read every command and every answer."""

import asyncio
import collections
import dataclasses
import random
import time

from clients import BOT, Proxy

WINDOW = 20  # commands that are not answered yet: fewer than a sync holds
DELAY_MAX_SEC = 0.1  # from a command to a kill
KEY_COMMANDS = 10  # that ana encrypts with one key
PATIENCE = 300  # seconds for an answer; it ends a test that has failed
ASLEEP = 0.2, 0.5  # Element, of the commands: it misses more messages than a sync has


@dataclasses.dataclass(frozen=True)
class Storm:
    """The same seed gives the same faults, and kills after the same commands."""

    commands: int
    kills: int = 0  # of the bot
    server_kills: int = 0
    percent: float = 0  # of the bot's requests that get a fault
    seed: int = 1


class Tally:
    """How often each command was answered, and which messages could be read: events are looked at once."""

    def __init__(self, person, command):
        self.person, self.command, self.answer = person, command, f"done:\n{command}"
        self.read, self.answers = len(person.events), collections.Counter()
        self.unreadable, self.messages = 0, set()

    def count(self):
        """Answered commands."""
        new, self.read = self.person.events[self.read:], len(self.person.events)
        for event in new:
            self.unreadable += event.kind == "unreadable"
            if event.text.startswith((self.command, self.answer)):
                self.messages.add(event.id)
            if event.sender == BOT and event.text.startswith(self.answer):
                self.answers[event.text] += 1
        return len(self.answers)


async def say_all(world, room, storm, tally):
    chance = random.Random(storm.seed)
    kills, server_kills = (set(chance.sample(range(storm.commands), n))
                           for n in (storm.kills, storm.server_kills))
    sleeps, wakes = (int(part * storm.commands) for part in ASLEEP)
    for number in range(storm.commands):
        await world.ana.until(lambda: tally.count() > number - WINDOW, f"answer to {number}", PATIENCE)
        if number % KEY_COMMANDS == 0:
            world.ana.client.invalidate_outbound_session(room)
        await world.ana.say(room, f"{tally.command}{number}")
        if world.ben and number in (sleeps, wakes):
            world.ben.sleep(number == sleeps)
        if number in kills:
            await asyncio.sleep(chance.random() * DELAY_MAX_SEC)
            world.bot.kill()
            world.bot.start()
        if number in server_kills:
            world.server.kill()
            world.server.start()


async def run(world, room, storm):
    """In a world of clients.py, in a room where the bot hears ana. Returns figures, for survived()."""
    tally, started = Tally(world.ana, f"!storm{storm.seed} "), time.monotonic()
    proxy = Proxy(world.server.url, storm.seed, storm.percent)
    try:
        world.bot.move(proxy.url)
        await say_all(world, room, storm, tally)
        await world.ana.until(lambda: tally.count() == storm.commands, "answer to each command", PATIENCE)
        if world.ben:
            await world.ben.do("hear", f"{tally.answer}{storm.commands - 1}")
    finally:
        world.bot.move(world.server.url)
        proxy.end()
    seconds = time.monotonic() - started
    tally.count()
    had, warnings = [len(tally.messages)], []
    if world.ben:
        had.append(await world.ben.do("count", tally.command, tally.answer))
        warnings = (await world.ben.do("look"))["warnings"]
    return {**dataclasses.asdict(storm), "seconds": round(seconds, 1), "faults": proxy.counts,
            "lost": storm.commands - len(tally.answers),
            "twice": sum(n > 1 for n in tally.answers.values()),
            "unreadable": tally.unreadable, "warnings": warnings,
            "seen": had, "missed": max(2 * storm.commands - n for n in had)}


def survived(figures):
    """Nothing was lost, executed twice, unreadable, shown with a warning, or missed by a client."""
    return not any(figures[bad] for bad in ("lost", "twice", "unreadable", "warnings", "missed"))
