#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal 14: chats. Commands and answers while the bot and Synapse are killed; and receiving encrypted
messages beside matrix-nio on libolm, the same on vodozemac, and libolm alone.

  storms.py [--quick] TREE PACKAGES PYTHON RAW     TREE: a build of devbox; PACKAGES: the npm packages of
                                                   matrix-js-sdk; PYTHON: one with matrix-nio on libolm; RAW:
                                                   a file that gets every figure, a JSON object per line

The interpreter must have Synapse, and matrix-nio on vodozemac."""

import argparse
import asyncio
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "matrix"))

import scenarios  # noqa: E402
import storm  # noqa: E402
from clients import World, settle  # noqa: E402
from homeserver import SERVER  # noqa: E402

STORM = {False: storm.Storm(commands=5000, kills=500, server_kills=20, percent=1),
         True: storm.Storm(commands=250, kills=25, server_kills=1, percent=1)}
OUTAGE = {"commands": 500, "keys": 250}
MESSAGES = {False: 10000, True: 2000}


def decrypting(args, directory, put):
    """In turns, so that what else the machine does falls on all alike."""
    program, made = HERE / "decrypt.py", directory / "messages"
    ours = args.tree / "tests/bench/bench-decrypt"
    subprocess.run([sys.executable, program, "make", made, str(MESSAGES[args.quick])], check=True)
    ways = {"libolm": [ours, "libolm"], "devbox": [ours, "devbox"],
            "nio 0.25": [args.python, program, "nio"], "nio 0.26": [sys.executable, program, "nio"]}
    for turn in range(3 if args.quick else 6):
        for way, command in ways.items():
            store = directory / f"{way} {turn}"
            if way.startswith("nio"):
                store.mkdir()
            done = subprocess.run([*command, made, store], check=True, capture_output=True, text=True)
            row = json.loads(done.stdout)
            put(kind="decrypt", way=way, per_s=row["events"] / row["us"] * 1e6, **row)


async def killing(args, directory, put):
    async with World.new(args.tree / "tests/matrix/matrix-client", args.packages, directory) as world:
        room = await world.ana.enter("dev-home")
        await world.ben.do("join", f"#dev-home:{SERVER}")
        await settle(world.ana, room)
        figures = await storm.run(world, room, STORM[args.quick])
        await scenarios.outage(world, room, **OUTAGE)
    put(kind="storm", warned=len(figures["warnings"]), **figures)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    for name in ("tree", "packages", "python", "raw"):
        parser.add_argument(name, type=pathlib.Path)
    args = parser.parse_args()
    with open(args.raw, "a", encoding="utf-8") as raw, tempfile.TemporaryDirectory() as name:

        def put(**row):
            print(json.dumps(row), file=raw, flush=True)

        decrypting(args, pathlib.Path(name), put)
        asyncio.run(killing(args, pathlib.Path(name), put))


main()
