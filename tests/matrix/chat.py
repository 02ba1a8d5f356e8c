#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""scripts/chat: a small Matrix client for a terminal and for scripts, on matrix-nio.

    scripts/chat [--server URL] [--user @NAME:SERVER] [--store DIR] [--password-file FILE] [STEP…]

Logs in once, signs its device by an identity that it keeps in DIR, and shows what happens in the rooms of
the account. A line of input is a message to the room that it follows, or one of these:

    /rooms           list the rooms and invitations
    /room ALIAS      follow a room, such as dev-home-wsl: waits for the invitation and accepts it
    /react KEY       react to the last message of another person in it
    /expect PATTERN  wait until another person writes, edits or reacts with what matches there
    /identity        print the fingerprint of the identity, which others compare
    /quit            end, as the end of the input does

STEPs are such lines as arguments: --room ALIAS, --send LINE, --react KEY, --expect PATTERN, --identity.
With one or more, no input is read. /expect looks at what arrived after its last match in that room. Exit
status: 0, or 1 as soon as a line from arguments, or from input that is no terminal, fails."""

import argparse
import asyncio
import getpass
import logging
import pathlib
import re
import sys

import person

PATIENCE = 30  # seconds, of who types


class Chat:
    def __init__(self, options, store):
        self.who = person.Person(options.server, options.user, store, self.show)
        self.seconds = options.timeout
        self.room = None  # the id of the one that is followed
        self.matched = {}  # by room: how many events /expect is through with
        self.shown = None  # the room of the last line on the screen

    # ---- what is shown

    def name(self, room):
        known = self.who.client.rooms.get(room) or self.who.client.invited_rooms.get(room)
        return known and (known.canonical_alias or known.name) or room

    def text(self, event):
        match event.kind:
            case "reaction":
                about = (each.text for each in self.who.events if each.id == event.about)
                line, _, _ = next(about, "an earlier message").partition("\n")
                return f"{event.text} on: {line}"
            case "edit":
                first, *others = event.text.split("\n")
                return "\n".join([f"{first} (edited)", *others])
            case "file":
                return f"file {event.text}"
        return event.text

    def show(self, event):
        if event.room != self.shown:
            print(f"\n{self.name(event.room)}")
            self.shown = event.room
        sender = event.sender[1:].partition(":")[0]
        first, *others = self.text(event).rstrip("\n").split("\n")
        warning = "" if event.encrypted or event.kind == "reaction" else "NOT ENCRYPTED: "
        print(f"{sender:<7} {warning}{first}", *(f"{'':<7} {each}" for each in others), sep="\n", flush=True)

    # ---- what a line does

    async def line(self, text):
        verb, _, argument = text.partition(" ")
        if not verb.startswith("/"):
            await self.who.say(self.followed(), text)
        elif act := VERBS.get(verb[1:]):
            await act(self, argument)
        else:
            raise person.Trouble(f"there are /{', /'.join(VERBS)}, and /quit")

    def followed(self):
        if not self.room:
            raise person.Trouble("no room is followed: /room ALIAS")
        return self.room

    def of_others(self):
        room, user = self.followed(), self.who.user
        return [each for each in self.who.events if each.room == room and each.sender != user]

    async def rooms(self, _):
        client = self.who.client
        for room in [*client.rooms, *client.invited_rooms]:
            print(self.name(room), "(invited)" if room in client.invited_rooms else "")

    async def follow(self, alias):
        self.room = await self.who.enter(alias, self.seconds)
        print(f"you are in {self.name(self.room)}", flush=True)

    async def react(self, key):
        messages = [each for each in self.of_others() if each.kind == "message"]
        if not messages:
            raise person.Trouble("there is no message of another person to react to")
        await self.who.react(self.room, messages[-1].id, key)

    async def expect(self, pattern):
        sought, room = re.compile(pattern), self.followed()

        def found():
            for number, event in enumerate(events := self.of_others()[self.matched.get(room, 0):], 1):
                if sought.search(self.text(event)):
                    self.matched[room] = self.matched.get(room, 0) + number
                    return event
            return None

        await self.who.until(found, f"{pattern!r} in {self.name(room)}", self.seconds)

    async def identity(self, _):
        print(self.who.identity())


VERBS = {"rooms": Chat.rooms, "room": Chat.follow, "react": Chat.react, "expect": Chat.expect,
         "identity": Chat.identity}


async def lines(steps):
    if steps:
        for step in steps:
            yield step
        return
    while (line := await asyncio.to_thread(sys.stdin.readline)) and line != "/quit\n":
        if sys.stdin.isatty() and sys.stdout.isatty():
            print("\x1b[A\x1b[K", end="", flush=True)  # what was typed is shown when the homeserver has it
        if line.strip():
            yield line.rstrip("\n")


async def converse(chat, steps):
    async for line in lines(steps):
        try:
            await chat.line(line)
        except person.Trouble as trouble:
            print(f"chat: {line}: {trouble}", file=sys.stderr, flush=True)
            if steps or not sys.stdin.isatty():
                return 1
    return 0


class Step(argparse.Action):
    """Adds the line that the option stands for."""

    def __call__(self, parser, options, value, option=None):
        options.steps.append(value if option == "--send" else f"/{option[2:]} {value or ''}")


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/chat", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="http://127.0.0.1:8008")
    parser.add_argument("--user", default="@ana:devbox.test")
    parser.add_argument("--store", type=pathlib.Path)
    parser.add_argument("--password-file", type=pathlib.Path)
    parser.add_argument("--timeout", type=float, default=PATIENCE)
    for step in ("room", "send", "react", "expect"):
        parser.add_argument("--" + step, action=Step)
    parser.add_argument("--identity", action=Step, nargs=0)
    parser.set_defaults(steps=[])
    return parser.parse_args()


async def main(options):
    logging.getLogger("nio").setLevel(logging.ERROR)
    store = options.store or pathlib.Path.home() / ".local/share/devbox-chat" / options.user
    chat = Chat(options, store)
    who = chat.who
    password = None
    if not who.kept.exists():
        password = (options.password_file.read_text().rstrip("\n") if options.password_file
                    else getpass.getpass(f"Password of {options.user}: "))
    try:
        await who.begin(password)
        return await converse(chat, options.steps)
    except person.Trouble as trouble:
        print(f"chat: {trouble}", file=sys.stderr)
        return 1
    finally:
        await who.end()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(arguments())))
