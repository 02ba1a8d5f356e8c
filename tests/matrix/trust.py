# SPDX-License-Identifier: MIT
"""Whom the bot and ben, whose client is Element's, take each other for: they compare emojis, whoever asks,
in a room and by to-device messages; then ben loses his identity."""

import asyncio
import re
import time

from clients import BEN, BOT
from homeserver import SERVER

PATIENCE = 180  # seconds; it ends a test that has failed
DIFFERENT = "m.mismatched_sas"


def newest(bot):
    return max(bot.do("list"), key=lambda each: int(each["id"]), default={"id": "0", "state": None})


async def reach(bot, state, before):
    """Waits for a verification that is newer than this one to be in that state."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = newest(bot)
        if found["state"] == state and int(found["id"]) > int(before["id"]):
            return found
        assert time.monotonic() < deadline, (state, found)
        await asyncio.sleep(0.02)


async def hear(ana, pattern):
    """Waits for a message of the bot, or one that it has edited."""
    await ana.until(lambda: any(event.sender == BOT and re.match(pattern, event.text)
                                for event in ana.events), pattern)


async def device_of(ana, user):
    (device,) = (await ana.call("keys/query", {"device_keys": {user: []}}))["device_keys"][user]
    return device


async def verify(world):
    bot, ana, ben = world.bot, world.ana, world.ben
    approvals = await ben.do("join", f"#operator-approvals:{SERVER}")
    devices = {user: await device_of(ana, user) for user in (BOT, BEN)}

    async def asked_by_ben(*device):
        await ben.do("verify", BOT, *device)

    async def asked_by_operator(*device):
        assert isinstance(bot.do("verify", BEN, *device), list)
        await ben.do("accept", BOT, *([] if device else [approvals]))

    async def same(verification):
        await ben.do("confirm")
        bot.do("confirm", verification["id"])
        return "done", None

    async def different_to_ben(_):
        await ben.do("differ")
        return "cancelled", DIFFERENT

    async def different_to_operator(verification):
        bot.do("cancel", verification["id"])
        return "cancelled", DIFFERENT

    verified = False
    for ask, device, decide in ((asked_by_ben, [], different_to_ben),
                                (asked_by_operator, [], different_to_operator),
                                (asked_by_ben, [], same),
                                (asked_by_operator, [], same),
                                (asked_by_ben, [devices[BOT]], same),
                                (asked_by_operator, [devices[BEN]], same)):
        # Element forgets what has ended with the next sync, and cancels two at the same time.
        before, next_one = newest(bot), f"after {newest(bot)['id']}"
        await ana.say(approvals, next_one)
        await ben.do("hear", next_one)
        await ask(*device)
        shown = await ben.do("compare")
        verification = await reach(bot, "keys", before)
        assert shown == verification["emojis"], (shown, verification)
        state, reason = await decide(verification)
        ended = await reach(bot, state, before)
        assert ended.get("reason") == reason == await ben.do("verdict"), (ask, device, ended)
        verified |= state == "done"
        assert await ben.do("verified", BOT, verified) == verified, (ask, device)


async def lose_identity(world, room):
    """Then nothing that ben writes counts, until the operator pins the identity that he has now."""
    bot, ana, ben = world.bot, world.ana, world.ben
    await ben.do("reset", BOT)
    await hear(ana, f"{BEN} has another identity than the one that the manifests pin, and is suspended")
    await ben.do("say", room, "!who is it")
    await hear(ana, "Your identity is not the one the operator has pinned: you are suspended")
    bot.do("publish")
    await ben.do("say", room, "!it is me")
    await hear(ana, "done:\n!it is me")
    await hear(ana, f".*{BEN} had another identity than the one that the manifests pin; that is over")
    assert not any(event.text == "done:\n!who is it" for event in ana.events)
    await ben.do("hear", "done:\n!it is me")
