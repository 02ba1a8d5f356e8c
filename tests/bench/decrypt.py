#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Encrypted messages in sync responses of 100, and what it takes matrix-nio to receive them with its store.

    decrypt.py make INPUT N         N messages for decrypt.c and for nio; the interpreter must have vodozemac
    decrypt.py nio INPUT STORE      prints {"events":N,"us":N,"cpu_us":N}, from the text of a response to
                                    its being stored; the interpreter must have the matrix-nio to measure"""

import asyncio
import json
import sys
import time

ROOM, SENDER, BATCH = "!r:x", "@ana:x", 100
KEYS = {"curve25519": "3zWqz+Q3QuHRLOpVcYFPmiwQgbiWmPUV3BvYYqHIHz8",
        "ed25519": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
STATE = [{"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}},
         *({"type": "m.room.member", "state_key": user, "content": {"membership": "join"}}
           for user in ("@bot:x", SENDER))]


def event(number, content):
    return {"event_id": f"$e{number}", "sender": SENDER, "origin_server_ts": 1700000000000 + number,
            **content}


def response(token, events):
    return {"next_batch": f"s{token}", "device_one_time_keys_count": {"signed_curve25519": 50},
            "device_unused_fallback_key_types": ["signed_curve25519"],
            "rooms": {"join": {ROOM: {"state": {"events": []}, "ephemeral": {"events": []},
                                      "account_data": {"events": []}, "unread_notifications": {},
                                      "timeline": {"events": events, "limited": False,
                                                   "prev_batch": f"p{token}"}}}}}


def make(path, n):
    import vodozemac

    session = vodozemac.GroupSession()
    key = {"room_id": ROOM, "sender": SENDER, **KEYS, "session_id": session.session_id,
           "session_key": session.session_key.to_base64()}

    def message(number):
        plain = {"type": "m.room.message", "room_id": ROOM,
                 "content": {"msgtype": "m.text", "body": f"{number}: of the length that people write"}}
        return event(number, {"type": "m.room.encrypted", "content": {
            "algorithm": "m.megolm.v1.aes-sha2", "session_id": session.session_id, "device_id": "PHONE",
            "sender_key": KEYS["curve25519"],
            "ciphertext": session.encrypt(json.dumps(plain).encode()).to_base64()}})

    with open(path, "w", encoding="ascii") as file:
        print(json.dumps(key), file=file)
        print(json.dumps(response(0, [event(-number, each) for number, each in enumerate(STATE, 1)])),
              file=file)
        for first in range(0, int(n), BATCH):
            events = [message(number) for number in range(first, first + BATCH)]
            print(json.dumps(response(first + BATCH, events)), file=file)


async def receive(path, store):
    import nio
    from nio.crypto.sessions import InboundGroupSession

    with open(path, encoding="ascii") as file:
        key, *lines = file.read().splitlines()
    key, read = json.loads(key), []
    client = nio.AsyncClient(
        "http://127.0.0.1", "@bot:x", device_id="BOT", store_path=store,
        config=nio.AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True))
    client.restore_login("@bot:x", "BOT", "token")
    client.add_event_callback(lambda _, event: read.append(event), nio.RoomMessageText)
    session = InboundGroupSession(key["session_key"], key["ed25519"], key["curve25519"], ROOM)
    client.olm.inbound_group_store.add(session)
    client.olm.save_inbound_group_session(session)

    started, cpu = time.monotonic(), time.process_time()
    for line in lines:
        await client.receive_response(nio.SyncResponse.from_dict(json.loads(line)))
    took, cpu = time.monotonic() - started, time.process_time() - cpu
    await client.close()
    print(json.dumps({"events": len(read), "us": round(took * 1e6), "cpu_us": round(cpu * 1e6)}))


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "make":
        make(*rest)
    else:
        asyncio.run(receive(*rest))
