# SPDX-License-Identifier: MIT
"""What happens to people, rooms and servers in a long life, in a world of clients.py and in a room where the
bot hears ana. The tests of the list `scenarios` that need a real homeserver and other clients."""

import contextlib
import hashlib
import json
import sqlite3
from urllib.parse import quote

from clients import ANA, BOT, Bot, Proxy, hear, settle
from homeserver import SERVER, SERVICE, SERVICE_TOKEN, until

ONE_TIME_KEYS = 50  # of the bot, on the server
RETRY = 300  # seconds: far more than the longest pause of the bot between two attempts, a minute
HELP = "Write !help for what this device can do"
EDITED = "Edited commands are ignored. Send a new one."
RESTORED = "The homeserver was restored from a backup."
UNSIGNED = ("This session is not verified. In Element: Settings, Sessions, Verify; then send the command"
            " again.")


async def is_signed(ana, user):
    """The user has one device, which its identity signed."""
    keys = await ana.call("keys/query", {"device_keys": {user: []}})
    return [len(device["signatures"][user]) for device in keys["device_keys"][user].values()] == [2]


async def ask(person, room, command):
    """Returns the answer."""
    await person.say(room, command)
    return await hear(person, f"done:\n{command}")


# ---- what people do with messages


async def edited_redacted_threaded(world, room):
    """By Element: an edit is no command, what was redacted was answered, and answers stay where the
    question is."""
    ben = world.ben
    first = await ben.do("say", room, "!first")
    await ben.do("hear", "done:\n!first")
    await ben.do("edit", room, first, "!second")
    await ben.do("hear", EDITED)
    threaded = await ben.do("inThread", room, first, "!threaded")
    relation = await ben.do("relation", "done:\n!threaded")
    assert (relation["rel_type"], relation["event_id"]) == ("m.thread", first), relation
    assert relation["m.in_reply_to"]["event_id"] == threaded, relation
    reply = await ben.do("reply", room, first, "!reply")
    relation = await ben.do("relation", "done:\n!reply")
    assert relation == {"m.in_reply_to": {"event_id": reply}}, relation
    for event in (first, reply):
        await ben.do("redact", room, event)
    await ask(world.ana, room, "!after the redactions")
    for command in ("!first", "!threaded", "!reply"):
        await hear(world.ana, f"done:\n{command}")  # once
    assert not any("!second" in event.text for event in world.ana.events if event.sender == BOT)


async def long_output(world, room):
    """Element gets and decrypts the file with all of it, which is never in the bot's memory as a whole."""
    await world.ben.do("say", room, "!long")
    name, size, digest = await world.ben.do("file")
    whole = "".join(f"{number}\n" for number in range(1_000_000)).encode()[:size]
    assert (name, digest) == ("home-seq.txt", hashlib.sha256(whole).hexdigest()), (name, size, digest)
    assert size == 5_000_000, size


# ---- devices of a person


async def drain_keys(world):
    """Takes all one-time keys of the bot's device; then the server gives its fallback key."""
    [device] = (await world.ana.call("keys/query", {"device_keys": {BOT: []}}))["device_keys"][BOT]
    for _ in range(count_keys(world) + 1):
        answer = await world.ana.call("keys/claim", {"one_time_keys": {BOT: {device: "signed_curve25519"}}})
    [key] = answer["one_time_keys"][BOT][device].values()
    assert key["fallback"], key


def count_keys(world):
    return len(world.server.read("SELECT key_id FROM e2e_one_time_keys_json WHERE user_id = ?", BOT))


async def devices(world, room):
    """Another device of ana writes by the fallback key and is refused as long as nobody has signed it (where
    ben is not, whom his client warns of that); then it reads and commands at once, and nothing after it is
    gone."""
    ana, bot, approvals = world.ana, world.bot, world.ana.find("operator-approvals").room_id
    bot.kill()
    await drain_keys(world)
    phone = await world.person("phone", ANA, first=ana)
    await phone.until(lambda: {room, approvals} <= phone.client.rooms.keys(), "rooms at the phone")
    await phone.say(approvals, "!from an unsigned device")
    bot.start()
    refusal = await hear(ana, UNSIGNED)
    until(lambda: count_keys(world) == ONE_TIME_KEYS)
    await phone.until(lambda: [event for event in phone.events if event.id == refusal.id], "refusal")
    assert [event.kind for event in phone.events if event.id == refusal.id] == ["unreadable"]

    await phone.sign_device()
    before = await ask(ana, room, "!now it is signed")
    await hear(phone, before.text)
    await ask(phone, room, "!from a signed device")

    await phone.log_out()
    after = await ask(ana, room, "!after the logout")
    assert after.session != before.session, "the key that the phone has is still in use"


# ---- members


async def pinned_help(world, room, cleo, other):
    """Who was invited after the help was written reads another one, a minute later, which takes its place
    among the pins; the other pin stays."""
    server, bot, token = world.server, world.bot, world.server.token(BOT)
    path = f"/_matrix/client/v3/rooms/{quote(room)}/state/m.room.pinned_events"
    [former] = server.call("GET", path, token=token)["pinned"]
    assert not any(event.id == former and event.kind == "message" for event in cleo.events)
    server.call("PUT", path, {"pinned": [former, other]}, token)
    until(lambda: bot.read("SELECT room_id FROM chat_room WHERE lacking_ms NOT NULL") == [room])
    bot.kill()
    with sqlite3.connect(bot.store) as store:
        store.execute("UPDATE chat_room SET lacking_ms = lacking_ms - 60000")
    bot.start()
    until(lambda: former not in server.call("GET", path, token=token)["pinned"])
    pins = server.call("GET", path, token=token)["pinned"]
    assert len(pins) == 2 and pins[0] == other, pins
    await cleo.until(lambda: [event for event in cleo.events if event.id == pins[1]
                              and event.text.startswith(HELP)], "pinned help")


async def members(world, room):
    """Cleo is invited, and joins before the bot knows that its request was answered; is removed; and is
    invited again: she reads what is written since the invitation, and nothing of the time before."""
    ana, bot, name = world.ana, world.bot, f"@cleo:{SERVER}"
    world.server.register("cleo")
    cleo = await world.person("cleo", name)
    proxy = Proxy(world.server.url, path=f"/rooms/{quote(room)}/invite")
    try:
        bot.move(proxy.url)
        bot.name(name)
        await cleo.enter("dev-home")
        await cleo.say(room, "!before the answer to the invitation")
        proxy.release()
        await settle(cleo, room)
        with_her = await ask(ana, room, "!with cleo")
        await hear(cleo, with_her.text)

        bot.name(name, False)
        await cleo.until(lambda: room not in cleo.client.rooms, "removal")
        without_her = await ask(ana, room, "!without cleo")
        assert without_her.session != with_her.session, "the key that cleo has is still in use"

        bot.name(name)
        await cleo.until(lambda: cleo.find("dev-home"), "second invitation")
        known = len(cleo.events)
        again = await ask(ana, room, "!to who is invited")
        await cleo.enter("dev-home")
        await hear(cleo, again.text)
        await ask(cleo, room, "!from who is back")
        theirs = [event for event in cleo.events[known:] if (event.sender, event.room) == (BOT, room)]
        assert all(event.kind == "message" for event in theirs), theirs
        assert not any("without" in event.text for event in cleo.events)
        await pinned_help(world, room, cleo, again.id)
    finally:
        bot.name(name, False)
        bot.move(world.server.url)
        proxy.end()


# ---- rooms


def refusals(bot):
    try:
        return bot.read("SELECT error FROM chat_room WHERE error NOT NULL")
    except sqlite3.OperationalError:
        return []  # there are no tables yet


async def names_taken(world, room):
    """Another bot, the user of an application service, wants rooms whose aliases belong to the first: it
    takes none of them."""
    user = f"@{SERVICE}copy:{SERVER}"
    world.server.register(f"{SERVICE}copy")
    copy = Bot(world.bot.arguments[0], world.directory / "copy", world.server.url, user,
               f"appservice {SERVICE_TOKEN}")
    try:
        until(lambda: refusals(copy) == ["M_FORBIDDEN"] * 3)
        assert await is_signed(world.ana, user)
    finally:
        copy.kill()
    await ask(world.ana, room, "!the room is the same")
    assert world.bot.room("dev-home") == room


async def upgraded(world, room):
    """By an administrator of the server, in the bot's name: only who made a room of version 12 can. Returns
    the replacement, where all goes on, under the alias and in the space, with a help of its own."""
    ana, call = world.ana, world.server.call
    token = world.server.token(BOT)
    path = f"/_matrix/client/v3/rooms/{quote(room)}/upgrade"
    new = call("POST", path, {"new_version": "12"}, token)["replacement_room"]
    await ana.enter(new)
    await ask(ana, new, "!in the new room")
    await ana.until(lambda: [event for event in ana.events if (event.room, event.kind) == (new, "message")
                             and event.text.startswith(HELP)], "help in the new room")
    space = ana.find("devbox")
    await ana.until(lambda: new in space.children and room not in space.children, "new room in the space")
    path = f"/_matrix/client/v3/directory/room/{quote(f'#dev-home:{SERVER}')}"
    assert call("GET", path, token=token)["room_id"] == new
    return new


# ---- servers


async def outage(world, room, commands=150, keys=120):
    """The homeserver is killed, and back, while the bot does not reach it, and more is written, with more
    keys, each in a to-device message, than a sync has: each command is answered once, in order."""
    server, ana, bot, proxy = world.server, world.ana, world.bot, Proxy(world.server.url)
    bot.move(proxy.url)
    await ask(ana, room, "!before the outage")
    proxy.end()
    for number in range(commands):
        if number < keys:
            ana.client.invalidate_outbound_session(room)
        if number == commands // 2:
            server.kill()
            server.start()
        await ana.say(room, f"!queued {number}")
    proxy = Proxy(server.url, port=proxy.port)
    wanted = [f"done:\n!queued {number}" for number in range(commands)]
    try:
        for answer in wanted:
            await ana.until(lambda a=answer: any(event.text == a for event in ana.events), repr(answer),
                            RETRY)
    finally:
        bot.move(server.url)
        proxy.end()
    answers = [event.text for event in ana.events if event.sender == BOT and "done:\n!queued" in event.text]
    assert answers == wanted, answers
    assert proxy.counts["page"], "the sync left nothing out"


def expire(server, user):
    """Ends the access tokens of a server that is not running: it answers with a soft logout."""
    with contextlib.closing(sqlite3.connect(server.database)) as store, store:
        store.execute("UPDATE access_tokens SET valid_until_ms = 1 WHERE user_id = ?", (user,))


async def soft_logout_and_limits(world, room, commands=12):
    """The server comes back with Synapse's own limits, and without the bot's access token."""
    server, bot, ana = world.server, world.bot, world.ana
    server.kill()
    expire(server, BOT)
    server.start(limits={})
    for number in range(commands):
        await ana.say(room, f"!limited {number}")
    wanted = [f"done:\n!limited {number}" for number in range(commands)]
    await ana.until(lambda: wanted[-1] in (event.text for event in ana.events), "last answer", RETRY)
    answers = [event.text for event in ana.events if event.sender == BOT and "done:\n!limited" in event.text]
    assert answers == wanted, answers
    server.kill()
    server.start()


async def restored(world, room):
    """The server comes back from a backup, and ana writes before the bot does: her command runs, those that
    the server has forgotten do not run again, and people are warned."""
    server, bot, ana = world.server, world.bot, world.ana
    restore = server.back_up()
    lines = [f"!since the backup {number}" for number in range(3)]
    for line in lines:
        await ask(ana, room, line)
    bot.kill()
    server.kill()
    restore()
    server.start()
    await ana.say(room, "!after the backup")
    bot.start()
    await hear(ana, "done:\n!after the backup")
    await ana.until(lambda: [event for event in ana.events if event.text.startswith(RESTORED)], "alert")
    for line in [*lines, "!after the backup"]:
        assert len(bot.read("SELECT event_id FROM command WHERE line = ?", line)) == 1, line
        await hear(ana, f"done:\n{line}")  # once
    await ask(ana, room, "!all goes on")


def signatures(server, user):
    """How many each device of a user has whose homeserver is another one, as far as this one knows."""
    return [len(json.loads(device)["keys"]["signatures"][user]) for device in server.read(
        "SELECT content FROM device_lists_remote_cache WHERE user_id = ? ORDER BY device_id", user)]


async def offline_federated_server(world):
    """In a room that federates, made in the bot's name: when the homeserver of dora is away, and of eli, who
    was just invited, others are answered. What is written meanwhile dora reads when it is back; a device of
    hers that the bot could send no key to reads what is written from then on."""
    ana, bot, server, other = world.ana, world.bot, world.server, world.another_server()
    user, eli, token = f"@dora:{other.name}", f"@eli:{other.name}", server.token(BOT)
    for name in ("dora", "eli"):
        other.register(name)
    encrypted = {"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    server.call("POST", "/_matrix/client/v3/createRoom", {
        "preset": "private_chat", "room_alias_name": "dev-home1", "initial_state": [encrypted]}, token)
    bot.name(user)
    bot.add_device()
    await ana.enter("dev-home1")
    dora = await world.person("dora", user, server=other)
    shared = await dora.enter(f"#dev-home1:{SERVER}")
    await settle(dora, shared)

    bot.kill()
    tablet = await world.person("tablet", user, first=dora, server=other)
    await tablet.sign_device()
    until(lambda: signatures(server, user) == [2, 2])
    server.call("POST", f"/_matrix/client/v3/rooms/{quote(shared)}/invite", {"user_id": eli}, token)
    other.kill()
    bot.start()
    meanwhile = [await ask(ana, shared, f"!while it is away {number}") for number in range(3)]
    assert len(bot.read("SELECT 1 FROM device WHERE user_id = ? AND NOT deleted", user)) == 2

    def failures():
        return bot.read("SELECT failures FROM identity WHERE user_id = ? AND dirty UNION ALL"
                        " SELECT failures FROM olm_peer WHERE user_id = ? AND claim", eli, user)

    until(lambda: len(failures()) == 2 and min(failures()) > 0)  # the answers did not wait for that
    assert max(failures()) < 5, failures()

    other.start()
    await ask(dora, shared, "!when it is back")
    for answer in meanwhile:
        await hear(dora, answer.text)
    await ask(tablet, shared, "!from the tablet")
    bot.name(user, False)


FOR_BEN = edited_redacted_threaded, long_output
FOR_ANA = devices, members, names_taken, outage, soft_logout_and_limits, restored
