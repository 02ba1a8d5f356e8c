#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The session against Synapse, with two operators whose clients share no code with it: ana has matrix-nio,
ben has what Element encrypts with (element.mjs).

    tests/matrix/synapse.py CLIENT [PACKAGES]

CLIENT is the program of client.c. PACKAGES is the folder with ben's npm packages; without it he is not
there. Prints "ok NAME", or "not ok NAME: why" and the last lines of the
homeserver's log."""

import asyncio
import dataclasses
import pathlib
import sqlite3
import sys
import tempfile
import time

import scenarios
import storm
import trust
from clients import ANA, BOT, World, hear, settle
from homeserver import SERVER, until
from person import Trouble
from proxy import FAULTS

# Requests that fail; and a twentieth of what scripts/bench does.
STORMS = {"faults": storm.Storm(commands=40, percent=12, seed=40),
          "kills": storm.Storm(commands=250, kills=25, server_kills=1, percent=1, seed=2)}


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


def reactions(server, event):
    """Of whom there are some."""
    return server.read("SELECT sender FROM event_relations JOIN events USING (event_id)"
                       " WHERE relates_to_id = ? AND relation_type = 'm.annotation'", event)


async def look(ana, ben, room):
    """Ben reads the help that is pinned; he writes and is answered, in each mode of Element; of all that was
    said he sees nothing unreadable, and no warning."""
    pinned = await ben.do("pinned", room)
    assert pinned.startswith(scenarios.HELP), pinned
    for mode in ("any device", "signed devices"):
        await ben.do("isolate", mode == "signed devices")
        await ben.do("say", room, f"!help {mode}")
        assert await ben.do("hear", f"done:\n!help {mode}") == BOT
        await hear(ana, f"done:\n!help {mode}")
        seen = await ben.do("look")
        assert seen["encrypted"] > 20 and not seen["warnings"], seen


async def weather(world, room, each):
    """A storm; where nothing is killed, others until all faults have happened: the fewer syncs a machine has
    for its commands, the fewer faults."""
    lacking, seed = set() if each.kills else set(FAULTS), each.seed
    while lacking or seed == each.seed:
        figures = await storm.run(world, room, dataclasses.replace(each, seed=seed))
        print("#", figures, flush=True)
        assert storm.survived(figures), figures
        lacking -= figures["faults"].keys()
        seed += 1
        assert seed < each.seed + 9, lacking


async def conversation(world):
    server, bot, ana, ben = world.server, world.bot, world.ana, world.ben
    room, approvals, space = [await ana.enter(name) for name in ("dev-home", "operator-approvals", "devbox")]
    await ana.until(lambda: room in ana.client.rooms[space].children, "room in the space")
    assert await scenarios.is_signed(ana, BOT)
    if ben:
        await ben.do("join", f"#dev-home:{SERVER}")
    print("ok rooms", flush=True)

    await settle(ana, room)
    bot.move(server.url)
    print("ok first-boot-in-bad-weather", flush=True)

    announcement = await hear(ana, "home: rm")
    await ana.react(approvals, announcement.id, "\N{THUMBS UP SIGN}\ufe0f")
    await hear(ana, f"approved by {ANA}")
    until(lambda: reactions(server, announcement.id) == [ANA])
    print("ok approval", flush=True)
    await latency(ana, room)

    bot.kill()
    await ana.say(room, "!while away")
    bot.start()
    await hear(ana, "done:\n!while away")
    print("ok command-while-away", flush=True)

    for each in scenarios.FOR_ANA:
        await each(world, room)
        print(f"ok {each.__name__}", flush=True)

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

    if ben:
        for each in scenarios.FOR_BEN:
            await each(world, room)
            print(f"ok {each.__name__}", flush=True)
        await look(ana, ben, room)
        print("ok element", flush=True)
        await trust.verify(world)
        print("ok verification", flush=True)
    else:
        print("skip element: matrix-js-sdk is not here")

    for name, each in STORMS.items():
        await weather(world, room, each)
        print(f"ok {name}", flush=True)

    if ben:
        await trust.lose_identity(world, room)
        print("ok identity-lost", flush=True)

    room = await scenarios.upgraded(world, room)
    print("ok upgraded", flush=True)

    await scenarios.offline_federated_server(world)
    print("ok offline-federated-server", flush=True)

    bot.name(ANA, False)
    await ana.until(lambda: not {room, approvals, space} & ana.client.rooms.keys(), "removal from the rooms")
    print("ok removed", flush=True)


async def run(program, packages, directory):
    async with World.new(program, packages, directory, percent=30) as world:
        await conversation(world)


def main(program, packages=None):
    with tempfile.TemporaryDirectory(prefix="devbox-synapse.") as name:
        directory = pathlib.Path(name)
        try:
            asyncio.run(run(program, packages and pathlib.Path(packages), directory))
        except (AssertionError, OSError, Trouble) as error:
            print(f"not ok conversation: {error}")
            for line in (directory / "synapse/synapse.log").read_text().splitlines()[-20:]:
                print("#", line)
            sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
