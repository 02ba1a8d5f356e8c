#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Four people and fifty rooms for a long time: every command is answered once and can be read by all, and
the bot does not grow.

  soak.py TREE PACKAGES SECONDS RAW      as storms.py"""

import argparse
import asyncio
import collections
import itertools
import json
import pathlib
import signal
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "matrix"))

from clients import BOT, World, settle  # noqa: E402
from homeserver import SERVER  # noqa: E402

ROOMS = 50
PACE_SEC = 0.5  # from one command to the next
SAMPLES = 20
GROWTH_MAX_KIB = 1024  # after the first quarter
PATIENCE = 900  # seconds: on two CPUs the server makes fifty rooms in minutes


def anonymous_kib(process):
    """What it allocated. The share of libraries in PSS depends on what else runs."""
    rollup = pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Anonymous:"))


async def gather(world):
    """Ben is at Element, the others at matrix-nio."""
    people = [world.ana]
    for name in ("cleo", "dora"):
        user = f"@{name}:{SERVER}"
        world.server.register(name)
        people.append(await world.person(name, user))
        world.bot.name(user)
    names = ["dev-home", *(f"dev-home{number}" for number in range(1, ROOMS))]
    rooms = []
    for name in names:
        rooms += [await person.enter(name, PATIENCE) for person in people][:1]
        await world.ben.do("join", f"#{name}:{SERVER}")
    for person in people:
        await settle(person, rooms[0])
    return people, rooms


async def talk(world, people, rooms, seconds):
    """Each in turn, each in another room. Returns how many commands there were, and the bot's sizes."""
    began, sizes, said = time.monotonic(), [], 0
    writers = itertools.cycle([*people, world.ben])
    for room in itertools.cycle(rooms):
        elapsed = time.monotonic() - began
        if elapsed > seconds:
            return said, sizes
        if elapsed >= len(sizes) * seconds / SAMPLES:
            sizes.append(anonymous_kib(world.bot.process))
        writer = next(writers)
        await (writer.do("say", room, f"!soak {said}") if writer is world.ben
               else writer.say(room, f"!soak {said}"))
        said += 1
        await asyncio.sleep(max(0, said * PACE_SEC - (time.monotonic() - began)))
    raise AssertionError("unreachable")


async def soak(args, directory):
    async with World.new(args.tree / "tests/matrix/matrix-client", args.packages, directory,
                         devices=ROOMS) as world:
        people, rooms = await gather(world)
        seen = {person.user: len(person.events) for person in people}
        said, sizes = await talk(world, people, rooms, args.seconds)

        def answers(person):
            return collections.Counter(event.text for event in person.events[seen[person.user]:]
                                       if event.sender == BOT and event.text.startswith("done:\n!soak "))

        for person in people:
            await person.until(lambda p=person: len(answers(p)) == said, "answer to each command", PATIENCE)
        await world.ben.do("hear", f"done:\n!soak {said - 1}")
        shown = await world.ben.do("look")
        return {
            "kind": "soak", "rooms": len(rooms), "people": len(people) + 1, "seconds": args.seconds,
            "commands": said, "twice": sum(n > 1 for person in people for n in answers(person).values()),
            "unreadable": sum(event.kind == "unreadable" for person in people
                              for event in person.events[seen[person.user]:]),
            "warned": len(shown["warnings"]), "anonymous_kib": sizes,
            "growth_kib": max(sizes[len(sizes) // 4:]) - sizes[len(sizes) // 4]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tree", type=pathlib.Path)
    parser.add_argument("packages", type=pathlib.Path)
    parser.add_argument("seconds", type=float)
    parser.add_argument("raw", type=pathlib.Path)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the servers, too
    with tempfile.TemporaryDirectory(prefix="devbox-soak.") as name:
        figures = asyncio.run(soak(args, pathlib.Path(name)))
    with open(args.raw, "a", encoding="utf-8") as raw:
        print(json.dumps(figures), file=raw)
    print(json.dumps(figures))
    bad = figures["twice"] or figures["unreadable"] or figures["warned"]
    sys.exit(1 if bad or figures["growth_kib"] > GROWTH_MAX_KIB else 0)


main()
