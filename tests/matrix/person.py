# SPDX-License-Identifier: MIT
"""A person with a client on matrix-nio, which shares no code with devbox: one device, cross-signed.

matrix-nio has no cross-signing, so the identity is made and its device signed here. What belongs to the
device is kept in a folder: the session and the identity's keys in person.json, nio's own store beside it."""

import asyncio
import base64
import dataclasses
import json
import secrets

import nio
import signedjson.key
import signedjson.sign

EVERYTHING = {"room": {"timeline": {"limit": 1000}}}  # matrix-nio does not fetch what a sync leaves out
PATIENCE = 180  # seconds; it ends a test that has failed
SIGNING = ("master", "self_signing")


@dataclasses.dataclass(frozen=True)
class Event:
    """What somebody did in a room: kind is message, edit, file, reaction, or unreadable."""

    kind: str
    room: str
    id: str
    sender: str
    text: str  # of a reaction, its key
    about: str | None  # the event that is edited or reacted to
    encrypted: bool
    session: str | None  # of Megolm, if it could be decrypted


class Trouble(Exception):
    """The homeserver refused, or what was waited for did not happen."""


def unpadded(data):
    return base64.b64encode(data).decode().rstrip("=")


def good(response, kind):
    if not isinstance(response, kind):
        raise Trouble(str(response))
    return response


class Client(nio.AsyncClient):
    async def keys_query(self):
        """None: a message that is sent has just done it, which would end sync_forever()."""
        return await super().keys_query() if self.should_query_keys else None


class Person:
    def __init__(self, url, user, directory, show=lambda event: None):
        """Each Event is passed to show() once, and added to events."""
        self.user, self.directory, self.show = user, directory, show
        self.kept = directory / "person.json"
        self.events = []
        self.changed = asyncio.Event()
        self.syncing = None
        config = nio.AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True)
        self.client = Client(url, user, store_path=str(directory), config=config)

    async def begin(self, password, first=None):
        """Logs in, unless the folder has a session, and signs the device. Events arrive from here on.
        `first`: the same user at another device, whose identity this one gets; it is not signed then."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.kept.exists():
            await self.log_in(password, first and first.seeds())
        self.restore()
        if self.client.should_upload_keys:
            good(await self.client.keys_upload(), nio.KeysUploadResponse)
        if not first:
            await self.sign_device()
        self.client.add_event_callback(self.on_event, nio.Event)
        self.client.add_response_callback(self.on_sync, nio.SyncResponse)
        self.syncing = asyncio.create_task(self.client.sync_forever(
            timeout=30000, sync_filter=EVERYTHING, full_state=True))

    async def end(self):
        await self.stop()
        await self.client.close()

    async def stop(self):
        if self.syncing:
            self.syncing.cancel()
            await asyncio.gather(self.syncing, return_exceptions=True)

    async def log_out(self):
        """The device is gone."""
        await self.stop()
        good(await self.client.logout(), nio.LogoutResponse)

    # ---- session and identity

    async def log_in(self, password, seeds=None):
        session = good(await self.client.login(password), nio.LoginResponse)
        seeds = seeds or {usage: unpadded(secrets.token_bytes(32)) for usage in SIGNING}
        self.kept.touch(mode=0o600)
        self.kept.write_text(json.dumps(
            {"device": session.device_id, "token": session.access_token, "seeds": seeds}))

    def seeds(self):
        return json.loads(self.kept.read_text())["seeds"]

    def restore(self):
        kept = json.loads(self.kept.read_text())
        self.client.restore_login(self.user, kept["device"], kept["token"])
        self.keys = {}
        for usage, seed in kept["seeds"].items():
            key = signedjson.key.decode_signing_key_base64("ed25519", "", seed)
            key.version = unpadded(key.verify_key.encode())  # how Matrix names cross-signing keys
            self.keys[usage] = key

    def identity(self):
        """The public master key, as Element shows it."""
        text = self.keys["master"].version
        return " ".join(text[at:at + 4] for at in range(0, len(text), 4))

    def sign(self, value, usage):
        return signedjson.sign.sign_json(value, self.user, self.keys[usage])

    async def call(self, path, body):
        headers = {"Authorization": "Bearer " + self.client.access_token}
        response = await self.client.send("POST", "/_matrix/client/v3/" + path, json.dumps(body), headers)
        answer = await response.json()
        if response.status != 200 or answer.get("failures"):
            raise Trouble(f"{path}: {answer}")
        return answer

    async def sign_device(self):
        device = (await self.call("keys/query", {"device_keys": {self.user: []}}))["device_keys"][
            self.user][self.client.device_id]
        if len(device["signatures"][self.user]) > 1:
            return
        upload = {f"{usage}_key": {"user_id": self.user, "usage": [usage],
                                   "keys": {f"ed25519:{key.version}": key.version}}
                  for usage, key in self.keys.items()}
        self.sign(upload["self_signing_key"], "master")
        await self.call("keys/device_signing/upload", upload)
        device.pop("unsigned", None)
        signed = self.sign(device, "self_signing")
        await self.call("keys/signatures/upload", {self.user: {self.client.device_id: signed}})

    # ---- what happens

    def on_event(self, room, event):
        made = self.read(room, event)
        if made:
            self.events.append(made)
            self.show(made)

    def on_sync(self, response):
        for room in response.rooms.leave:  # matrix-nio keeps them
            self.client.rooms.pop(room, None)
        self.changed.set()

    @staticmethod
    def read(room, event):
        """The Event, or None for what a person does not see."""
        content = event.source.get("content", {})
        relation = content.get("m.relates_to", {})

        def made(kind, text, about=None):
            encrypted = event.decrypted or kind == "unreadable"
            return Event(kind, room.room_id, event.event_id, event.sender, text, about, encrypted,
                         event.session_id)

        match event:
            case nio.ReactionEvent():
                return made("reaction", event.key, event.reacts_to)
            case nio.MegolmEvent():
                return made("unreadable", "cannot be decrypted")
            case nio.RoomMessageMedia() | nio.RoomEncryptedMedia():
                return made("file", event.body)
            case nio.RoomMessageFormatted() if relation.get("rel_type") == "m.replace":
                return made("edit", content["m.new_content"]["body"], relation["event_id"])
            case nio.RoomMessageFormatted():
                return made("message", event.body)
        return None

    async def until(self, condition, what, seconds=PATIENCE):
        """Waits for condition() to be true after a sync; returns its value."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not (value := condition()):
            left = deadline - asyncio.get_running_loop().time()
            if self.syncing.done():
                raise Trouble(f"the session ended: {self.syncing.exception()}")
            if left <= 0:
                raise Trouble(f"no {what} within {seconds:g} s")
            self.changed.clear()
            await asyncio.wait({asyncio.create_task(self.changed.wait()), self.syncing}, timeout=left,
                               return_when=asyncio.FIRST_COMPLETED)
        return value

    # ---- what the person does

    def find(self, name):
        """The room with this id or alias, joined or not: #dev-home:devbox.test, #dev-home, or dev-home."""
        full = "#" + name.lstrip("#") + ("" if ":" in name else ":" + self.user.partition(":")[2])
        rooms = [*self.client.rooms.values(), *self.client.invited_rooms.values()]
        return next((room for room in rooms if name == room.room_id or full == room.canonical_alias), None)

    async def enter(self, name, seconds=PATIENCE):
        """Waits for the invitation to the room and accepts it; returns its id."""
        room = await self.until(lambda: self.find(name), f"invitation to {name}", seconds)
        if room.room_id in self.client.invited_rooms:
            good(await self.client.join(room.room_id), nio.JoinResponse)
            await self.until(lambda: room.room_id in self.client.rooms, f"room {name}", seconds)
        return room.room_id

    async def send(self, room, kind, content):
        sent = await self.client.room_send(room, kind, content, ignore_unverified_devices=True)
        return good(sent, nio.RoomSendResponse).event_id

    async def say(self, room, text):
        return await self.send(room, "m.room.message", {"msgtype": "m.text", "body": text})

    async def react(self, room, event, key):
        return await self.send(room, "m.reaction", {
            "m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": key}})
