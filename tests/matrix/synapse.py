#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The session against Synapse, with matrix-nio as the operator's client: neither shares code with it.

    tests/matrix/synapse.py CLIENT

CLIENT is the program of client.c. Prints "ok NAME", or "not ok NAME: why" and the last lines of the
homeserver's log."""

import asyncio
import hashlib
import hmac
import json
import pathlib
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import nio
import signedjson.key
import vodozemac
import yaml

SERVER, BOT, ANA = "devbox.test", "@bot:devbox.test", "@ana:devbox.test"
SECRET = "registration"
UNLIMITED = {"per_second": 10000, "burst_count": 10000}
EVERYTHING = {"room": {"timeline": {"limit": 100}}}  # matrix-nio does not ask for what a sync leaves out
PATIENCE = 30  # seconds for any one step; all of them take about ten


def canonical(value):
    kept = {key: each for key, each in value.items() if key not in ("signatures", "unsigned")}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


class Synapse:
    def __init__(self, directory):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.directory = directory
        self.config = directory / "homeserver.yaml"
        limits = ("rc_message", "rc_registration", "rc_room_creation", "rc_media_create")
        nested = {"rc_login": ("address", "account", "failed_attempts"), "rc_joins": ("local", "remote"),
                  "rc_invites": ("per_room", "per_user", "per_issuer")}
        self.config.write_text(yaml.safe_dump({
            "server_name": SERVER, "pid_file": str(directory / "pid"),
            "signing_key_path": str(directory / "signing.key"), "report_stats": False,
            "registration_shared_secret": SECRET, "macaroon_secret_key": "macaroon", "form_secret": "form",
            "trusted_key_servers": [], "federation_domain_whitelist": [], "presence": {"enabled": False},
            "media_store_path": str(directory / "media"),
            "database": {"name": "sqlite3", "args": {"database": str(directory / "synapse.db")}},
            "listeners": [{"port": self.port, "type": "http", "bind_addresses": ["127.0.0.1"], "tls": False,
                           "resources": [{"names": ["client"], "compress": False}]}],
            **{name: UNLIMITED for name in limits},
            **{name: {each: UNLIMITED for each in parts} for name, parts in nested.items()}}))
        with open(directory / "signing.key", "w", encoding="ascii") as file:
            signedjson.key.write_signing_keys(file, [signedjson.key.generate_signing_key("1")])
        self.start()

    def start(self):
        with open(self.directory / "synapse.log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "synapse.app.homeserver", "-c", str(self.config)],
                stdout=log, stderr=log, cwd=self.directory)
        until(lambda: self.process.poll() is not None or self.answers())
        assert self.process.poll() is None, (self.directory / "synapse.log").read_text()[-2000:]

    def answers(self):
        try:
            return self.call("GET", "/_matrix/client/versions")
        except OSError:
            return None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def call(self, method, path, body=None, token=None):
        request = urllib.request.Request(self.url + path, method=method)
        if token:
            request.add_header("Authorization", "Bearer " + token)
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, data, timeout=PATIENCE) as response:
            return json.load(response)

    def room(self, alias, token):
        try:
            path = "/_matrix/client/v3/directory/room/" + urllib.parse.quote(alias)
            return self.call("GET", path, token=token)["room_id"]
        except urllib.error.HTTPError:
            return None

    def children(self, space, token):
        state = self.call("GET", f"/_matrix/client/v3/rooms/{space}/state", token=token)
        return [event["state_key"] for event in state if event["type"] == "m.space.child"]

    def register(self, name):
        nonce = self.call("GET", "/_synapse/admin/v1/register")["nonce"]
        text = "\0".join([nonce, name, "password", "notadmin"]).encode()
        self.call("POST", "/_synapse/admin/v1/register", {
            "nonce": nonce, "username": name, "password": "password", "admin": False,
            "mac": hmac.new(SECRET.encode(), text, hashlib.sha1).hexdigest()})

    def log_in(self, name, device):
        """The access token of a new device."""
        return self.call("POST", "/_matrix/client/v3/login", {
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": name},
            "password": "password", "device_id": device})["access_token"]


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.05)
    return value


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
        self.process.stdin.write("password\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Ana:
    """matrix-nio has no cross-signing, so this signs its device by an identity made here."""

    def __init__(self, server, directory, token):
        self.server, self.token, self.heard = server, token, []
        config = nio.AsyncClientConfig(encryption_enabled=True)
        self.client = nio.AsyncClient(server.url, ANA, device_id="ANA", store_path=str(directory),
                                      config=config)
        self.client.restore_login(ANA, "ANA", token)
        self.client.add_event_callback(self.hear_one, nio.RoomMessageFormatted)

    def hear_one(self, _, event):
        if event.sender == BOT:
            self.heard.append(event)

    async def begin(self):
        await self.client.keys_upload()
        await self.client.sync(timeout=0, full_state=True)
        keys = {usage: vodozemac.Account() for usage in ("master", "self_signing")}
        public = {usage: key.ed25519_key.to_base64() for usage, key in keys.items()}

        def sign(value, usage):
            signature = keys[usage].sign(canonical(value).encode()).to_base64()
            value.setdefault("signatures", {}).setdefault(ANA, {})["ed25519:" + public[usage]] = signature
            return value

        upload = {usage + "_key": {"user_id": ANA, "usage": [usage],
                                   "keys": {"ed25519:" + public[usage]: public[usage]}} for usage in keys}
        sign(upload["self_signing_key"], "master")
        call = self.server.call
        call("POST", "/_matrix/client/v3/keys/device_signing/upload", upload, self.token)
        devices = call("POST", "/_matrix/client/v3/keys/query", {"device_keys": {ANA: []}}, self.token)
        device = sign(devices["device_keys"][ANA]["ANA"], "self_signing")
        failures = call("POST", "/_matrix/client/v3/keys/signatures/upload", {ANA: {"ANA": device}},
                        self.token)["failures"]
        assert not failures, failures

    async def join(self, alias):
        """Waits for the invitation. Returns the room's id."""
        for _ in range(PATIENCE):
            await self.client.sync(timeout=1000, sync_filter=EVERYTHING)
            for room in list(self.client.invited_rooms.values()):
                await self.client.join(room.room_id)
            if (found := self.server.room(alias, self.token)) in self.client.rooms:
                return found
        raise AssertionError(f"no invitation to {alias}")

    async def say(self, room, text):
        sent = await self.client.room_send(room, "m.room.message", {"msgtype": "m.text", "body": text},
                                           ignore_unverified_devices=True)
        assert isinstance(sent, nio.RoomSendResponse), sent

    async def hear(self, text):
        deadline = time.monotonic() + PATIENCE
        while not (found := [each for each in self.heard if each.body == text]):
            assert time.monotonic() < deadline, f"no {text!r} in {[each.body for each in self.heard]}"
            await self.client.sync(timeout=500, sync_filter=EVERYTHING)
        assert len(found) == 1 and found[0].decrypted, found
        return found[0].event_id

    async def react(self, room, event_id, key):
        sent = await self.client.room_send(room, "m.reaction", {
            "m.relates_to": {"rel_type": "m.annotation", "event_id": event_id, "key": key}})
        assert isinstance(sent, nio.RoomSendResponse), sent


def bot_is_signed(server, token):
    keys = server.call("POST", "/_matrix/client/v3/keys/query", {"device_keys": {BOT: []}}, token)
    return any(len(device["signatures"][BOT]) == 2 for device in keys["device_keys"].get(BOT, {}).values())


async def conversation(server, bot, ana):
    await ana.begin()
    until(lambda: bot_is_signed(server, ana.token))
    room = await ana.join("#dev-home:" + SERVER)
    approvals = await ana.join("#operator-approvals:" + SERVER)
    space = await ana.join("#devbox:" + SERVER)
    until(lambda: room in server.children(space, ana.token))
    print("ok rooms", flush=True)

    # The identity is pinned once the bot has seen it: before that, the answer says what to do.
    for attempt in range(20):
        await ana.say(room, f"!exec ls {attempt}")
        await ana.client.sync(timeout=1000, sync_filter=EVERYTHING)
        if any(event.body.startswith("done:") for event in ana.heard):
            break
    else:
        raise AssertionError("no command was answered")
    print("ok command", flush=True)

    announcement = await ana.hear("home: rm")
    await ana.react(approvals, announcement, "\N{THUMBS UP SIGN}\ufe0f")
    await ana.hear(f"approved by {ANA}")
    print("ok approval", flush=True)

    bot.kill()
    await ana.say(room, "!while away")
    bot.start()
    await ana.hear("done:\n!while away")
    print("ok command-while-away", flush=True)

    server.kill()
    server.start()
    await ana.say(room, "!after restart")
    await ana.hear("done:\n!after restart")
    print("ok homeserver-killed", flush=True)

    for number in range(10):
        await ana.say(room, f"!number {number}")
        bot.kill()
        bot.start()
    for number in range(10):
        await ana.hear(f"done:\n!number {number}")
    print("ok session-killed", flush=True)

    bot.kill()
    with sqlite3.connect(bot.store) as store:
        store.execute("UPDATE chat_room SET room_id = NULL, taken = 0")
    bot.start()
    await ana.say(room, "!after adoption")
    await ana.hear("done:\n!after adoption")
    until(lambda: bot.room("dev-home") == room)
    print("ok rooms-adopted", flush=True)
    await ana.client.close()


def run(program, directory):
    for each in ("synapse", "bot", "ana"):
        (directory / each).mkdir()
    server = Synapse(directory / "synapse")
    bot = None
    try:
        server.register("bot")
        server.register("ana")
        bot = Bot(program, directory / "bot", server)
        ana = Ana(server, directory / "ana", server.log_in("ana", "ANA"))
        asyncio.run(conversation(server, bot, ana))
    finally:
        if bot:
            bot.kill()
        server.kill()


def main(program):
    with tempfile.TemporaryDirectory(prefix="devbox-synapse.") as name:
        directory = pathlib.Path(name)
        try:
            run(program, directory)
        except (AssertionError, OSError) as error:
            print(f"not ok conversation: {error}")
            for line in (directory / "synapse/synapse.log").read_text().splitlines()[-20:]:
                print("#", line)
            sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
