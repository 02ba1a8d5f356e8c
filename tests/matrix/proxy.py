#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A proxy that does what networks, load balancers and busy homeservers do to a client.

    tests/matrix/proxy.py URL SEED PERCENT [PORT] [PATH]

Serves the homeserver at URL on a port of loopback (0: a free one), prints "ready http://127.0.0.1:PORT", and
on SIGTERM how often it did each of FAULTS, and was asked for a page of messages, as JSON. PERCENT of the
requests get a fault. Which ones and which fault depends on SEED and on how many syncs, or other requests,
there were before. The answers to requests with PATH in them are kept back until SIGUSR1. The interpreter
must have aiohttp, which matrix-nio needs, too."""

import asyncio
import collections
import dataclasses
import json
import random
import signal
import sys

import aiohttp
import yarl
from aiohttp import web

STALL_SEC = 1
POLL_MS = 200  # while keys are held back
AGE_MAX = 5  # responses
HOP_BY_HOP = {"Connection", "Content-Length", "Content-Encoding", "Date", "Keep-Alive", "Transfer-Encoding"}


@dataclasses.dataclass
class Held:
    """To-device events that the server sent in answer to `since`: they arrive after the room's events, in
    the answer whose token is `arrived`, and are repeated until that is acknowledged."""

    since: str
    events: list
    age: int = 0
    overtaken: bool = False
    arrived: str = ""


class Deck:
    """Deals each of the faults equally often, PERCENT of the times."""

    def __init__(self, seed, percent, faults):
        self.chance, self.percent, self.faults, self.dealt = random.Random(seed), percent, faults, []

    def deal(self):
        if self.chance.random() * 100 >= self.percent:
            return None
        if not self.dealt:
            self.dealt = self.chance.sample(self.faults, len(self.faults))
        return self.dealt.pop()


class Proxy:
    def __init__(self, url, seed, percent, path):
        self.url, self.path, self.released = url, path, asyncio.Event()
        self.counts = collections.Counter()
        self.others = Deck(f"{seed} others", percent, ANY)
        self.syncs = Deck(f"{seed} syncs", percent, [*ANY, "replay"])
        self.keys = Deck(f"{seed} keys", 50 if percent else 0, ["late"])
        self.held = []
        self.last = None  # the answer to the last sync that had one
        self.session = None

    async def handle(self, request):
        is_sync = request.path.endswith("/sync")
        fault = (self.syncs if is_sync else self.others).deal()
        if fault:
            self.counts[fault] += 1
        if fault == "limited":
            return web.json_response({"errcode": "M_LIMIT_EXCEEDED"}, status=429,
                                     headers={"Retry-After": "1"})
        if fault == "unreachable":
            return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
        if fault == "replay" and self.last:
            return web.Response(body=self.last, content_type="application/json")
        answer = await (self.sync(request) if is_sync else self.forward(request))
        if "/messages?" in request.raw_path:
            self.counts["page"] += 1
        if self.path and self.path in request.raw_path:
            await self.released.wait()
        return await AFTERWARDS.get(fault, unchanged)(request, answer)

    async def forward(self, request, query=None):
        headers = {key: value for key, value in request.headers.items() if key not in {"Host", *HOP_BY_HOP}}
        url = yarl.URL(self.url + request.raw_path, encoded=True)
        try:
            async with self.session.request(request.method, url.update_query(query) if query else url,
                                            headers=headers, data=await request.read()) as response:
                kept = {key: value for key, value in response.headers.items() if key not in HOP_BY_HOP}
                return web.Response(status=response.status, body=await response.read(), headers=kept)
        except aiohttp.ClientError:
            return web.Response(status=502, text="the homeserver does not answer")

    async def sync(self, request):
        since = request.query.get("since", "")
        self.held = [each for each in self.held if each.arrived != since or not since]
        poll = {"timeout": str(POLL_MS)} if self.held else None
        response = await self.forward(request, poll)
        if response.status == 200:
            answer = json.loads(response.body)
            self.hold_back(since, answer)
            self.last = response.body = json.dumps(answer).encode()
        return response

    def hold_back(self, since, answer):
        """Room keys arrive after the events that need them."""
        events = answer.get("to_device", {}).pop("events", [])
        self.held = [each for each in self.held if each.since != since]  # they are in `events` again
        passed = []
        for each in self.held:
            if each.overtaken or each.age >= AGE_MAX:
                passed += each.events
                each.arrived = answer["next_batch"]
            each.age += 1
            each.overtaken |= "rooms" in answer
        if events and self.keys.deal():
            self.counts["late"] += 1
            self.held.append(Held(since, events))
        else:
            passed += events
        if passed:
            answer["to_device"] = {"events": passed}


# ---- what happens to a response after the request took effect


async def unchanged(_, response):
    return response


async def lost(request, response):
    request.transport.abort()
    return response


async def gateway(_request, _response):
    return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")


async def stall(_, response):
    await asyncio.sleep(STALL_SEC)
    return response


async def cut(request, response):
    """All of the head and half of the body."""
    part = web.StreamResponse(status=response.status, headers=response.headers)
    part.content_length = len(response.body)
    await part.prepare(request)
    await part.write(response.body[:len(response.body) // 2])
    request.transport.close()
    return part


AFTERWARDS = {"lost": lost, "gateway": gateway, "stall": stall, "cut": cut}
ANY = [*AFTERWARDS, "limited", "unreachable"]
FAULTS = {*ANY, "replay", "late"}


async def main(url, seed, percent, port=0, path=None):
    ended = asyncio.Event()
    proxy = Proxy(url, seed, float(percent), path)
    for number, event in ((signal.SIGTERM, ended), (signal.SIGUSR1, proxy.released)):
        asyncio.get_running_loop().add_signal_handler(number, event.set)
    application = web.Application(client_max_size=1 << 30)
    application.router.add_route("*", "/{path:.*}", proxy.handle)
    runner = web.AppRunner(application, handler_cancellation=True, access_log=None)
    await runner.setup()
    async with aiohttp.ClientSession() as proxy.session:
        site = web.TCPSite(runner, "127.0.0.1", int(port))
        await site.start()
        print("ready http://127.0.0.1:%d" % runner.addresses[0][1], flush=True)
        await ended.wait()
    print(json.dumps(proxy.counts), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
