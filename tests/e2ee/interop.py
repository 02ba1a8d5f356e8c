#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The core against vodozemac, the implementation of Olm, Megolm and SAS that Element runs.

    tests/e2ee/interop.py CLIENT

CLIENT is the program of client.c. Exit status: 0 all agree, 77 vodozemac is not installed (skipped)."""

import base64
import hashlib
import json
import subprocess
import sys
import tempfile

try:
    import vodozemac
except ImportError:
    print("SKIPPED: vodozemac is not installed: pip install vodozemac", file=sys.stderr)
    sys.exit(77)

ROOM, BOT, ANA, PHONE = "!r:x", "@bot:x", "@ana:x", "PHONE"
OLM, MEGOLM = "m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"
KEYS_UPLOAD, KEYS_QUERY, KEYS_CLAIM, SIGNING_KEYS, SIGNATURES, TO_DEVICE = range(6)
COMPARING, DONE = 5, 7


def canonical(value):
    kept = {key: each for key, each in value.items() if key not in ("signatures", "unsigned")}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def sign(value, user, key_id, account):
    signature = account.sign(canonical(value).encode()).to_base64()
    value.setdefault("signatures", {}).setdefault(user, {})["ed25519:" + key_id] = signature
    return value


def verify(value, user, key_id, key):
    signature = vodozemac.Ed25519Signature.from_base64(value["signatures"][user]["ed25519:" + key_id])
    vodozemac.Ed25519PublicKey.from_base64(key).verify_signature(canonical(value).encode(), signature)


class Bot:
    """The program under test."""

    def __init__(self, program, directory):
        self.process = subprocess.Popen([program, directory + "/bot.db", BOT, "BOT"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def do(self, command, **arguments):
        self.process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the client died at {command}"
        return json.loads(line)

    def requests(self):
        last = 0
        while request := self.do("next", after=last):
            last = request["id"]
            yield request


class Ana:
    """A client of vodozemac's objects, and the server between."""

    def __init__(self):
        self.account, self.master, self.self_signing = (vodozemac.Account() for _ in range(3))
        self.curve25519 = self.account.curve25519_key.to_base64()
        self.ed25519 = self.account.ed25519_key.to_base64()
        self.master_key = self.master.ed25519_key.to_base64()
        self_key = self.self_signing.ed25519_key.to_base64()
        self.device = sign({"user_id": ANA, "device_id": PHONE, "algorithms": [OLM, MEGOLM],
                            "keys": {"curve25519:PHONE": self.curve25519, "ed25519:PHONE": self.ed25519}},
                           ANA, PHONE, self.account)
        sign(self.device, ANA, self_key, self.self_signing)
        self.cross_signing = {
            "master_keys": {ANA: {"user_id": ANA, "usage": ["master"],
                                  "keys": {"ed25519:" + self.master_key: self.master_key}}},
            "self_signing_keys": {ANA: sign({"user_id": ANA, "usage": ["self_signing"],
                                             "keys": {"ed25519:" + self_key: self_key}},
                                            ANA, self.master_key, self.master)}}
        self.session, self.inbox, self.bot = None, [], {}
        self.uploads = {}

    # the server

    def answer(self, request):
        kind, body = request["kind"], request["body"]
        if kind == KEYS_UPLOAD:
            self.bot.update(body)
            return {"one_time_key_counts": {"signed_curve25519": 50}}
        if kind == KEYS_QUERY:
            known = {ANA: {PHONE: self.device}}
            if "device_keys" in self.bot:
                known[BOT] = {"BOT": self.bot["device_keys"]}
            masters = dict(self.cross_signing["master_keys"])
            selfs = dict(self.cross_signing["self_signing_keys"])
            if "master_key" in self.uploads:
                masters[BOT], selfs[BOT] = self.uploads["master_key"], self.uploads["self_signing_key"]
            return {"device_keys": known, "master_keys": masters, "self_signing_keys": selfs}
        if kind == KEYS_CLAIM:
            self.account.generate_one_time_keys(1)
            (key_id, key), = self.account.one_time_keys.items()
            self.account.mark_keys_as_published()
            signed = sign({"key": key.to_base64()}, ANA, PHONE, self.account)
            return {"one_time_keys": {ANA: {PHONE: {"signed_curve25519:" + key_id: signed}}}}
        if kind == SIGNING_KEYS:
            self.uploads.update(body)
        if kind == SIGNATURES and BOT in body:
            self.bot["device_keys"] = body[BOT]["BOT"]
        if kind == TO_DEVICE:
            for content in body["messages"].get(ANA, {}).values():
                self.inbox.append((request["target"], content))
        return {}

    # the client

    def decrypt_olm(self, content):
        assert content["algorithm"] == OLM
        message = content["ciphertext"][self.curve25519]
        parts = vodozemac.AnyOlmMessage.from_parts(message["type"], base64.b64decode(message["body"] + "=="))
        known = self.session and (message["type"] != 0 or self.session.session_matches(parts.to_pre_key()))
        if not known:
            key = vodozemac.Curve25519PublicKey.from_base64(content["sender_key"])
            self.session, plain = self.account.create_inbound_session(key, parts.to_pre_key())
        else:
            plain = self.session.decrypt(parts)
        payload = json.loads(plain)
        assert payload["sender"] == BOT and payload["recipient"] == ANA
        assert payload["recipient_keys"]["ed25519"] == self.ed25519
        verify(payload["sender_device_keys"], BOT, "BOT", payload["keys"]["ed25519"])
        return payload

    def encrypt_olm(self, kind, content):
        keys = self.bot["device_keys"]["keys"]
        payload = {"type": kind, "content": content, "sender": ANA, "recipient": BOT,
                   "recipient_keys": {"ed25519": keys["ed25519:BOT"]}, "keys": {"ed25519": self.ed25519},
                   "sender_device_keys": self.device}
        kind, body = self.session.encrypt(json.dumps(payload).encode()).to_parts()
        body = base64.b64encode(body).decode().rstrip("=")
        return {"type": "m.room.encrypted", "sender": ANA,
                "content": {"algorithm": OLM, "sender_key": self.curve25519,
                            "ciphertext": {keys["curve25519:BOT"]: {"type": kind, "body": body}}}}


def settle(bot, ana):
    for _ in range(20):
        requests = list(bot.requests())
        if not requests:
            return
        for request in requests:
            bot.do("done", id=request["id"], response=ana.answer(request))
    raise AssertionError("requests without end")


def sync(bot, to_device=(), **more):
    bot.do("sync", sync={"next_batch": "s", "to_device": {"events": list(to_device)},
                         "device_one_time_keys_count": {"signed_curve25519": 50},
                         "device_unused_fallback_key_types": ["signed_curve25519"], **more})


def state(kind, key, content):
    return {"type": kind, "state_key": key, "content": content}


def check_keys(ana):
    """What the core uploaded, verified by vodozemac."""
    device = ana.bot["device_keys"]
    key = device["keys"]["ed25519:BOT"]
    verify(device, BOT, "BOT", key)
    for each in list(ana.bot["one_time_keys"].values()) + list(ana.bot["fallback_keys"].values()):
        verify(each, BOT, "BOT", key)
    (master,), (self_signing,) = (list(ana.uploads[name]["keys"].values())
                                  for name in ("master_key", "self_signing_key"))
    verify(ana.uploads["self_signing_key"], BOT, master, master)
    verify(device, BOT, self_signing, self_signing)


def check_sending(bot, ana):
    """The core encrypts, vodozemac reads."""
    message = {"room_id": ROOM, "type": "m.room.message", "content": {"msgtype": "m.text", "body": "¡hola!"}}
    for _ in range(5):
        answer = bot.do("encrypt", **message)
        if answer["outcome"] == 0:
            break
        settle(bot, ana)
    assert answer["outcome"] == 0, answer
    kind, content = ana.inbox.pop()
    assert kind == "m.room.encrypted"
    payload = ana.decrypt_olm(content)
    assert payload["type"] == "m.room_key" and payload["content"]["room_id"] == ROOM
    session = vodozemac.InboundGroupSession(vodozemac.SessionKey(payload["content"]["session_key"]))
    assert session.session_id == answer["content"]["session_id"] == payload["content"]["session_id"]
    for index in range(3):
        cipher = vodozemac.MegolmMessage.from_base64(answer["content"]["ciphertext"])
        plain = session.decrypt(cipher)
        assert plain.message_index == index
        read = json.loads(plain.plaintext)
        assert read["room_id"] == ROOM and read["content"]["body"] == "¡hola!", read
        answer = bot.do("encrypt", **message)


def megolm_event(ana, group, body, event_id):
    plain = json.dumps({"type": "m.room.message", "content": {"body": body}, "room_id": ROOM})
    return {"type": "m.room.encrypted", "event_id": event_id, "sender": ANA, "origin_server_ts": 1,
            "content": {"algorithm": MEGOLM, "session_id": group.session_id,
                        "ciphertext": group.encrypt(plain.encode()).to_base64()}}


def check_receiving(bot, ana, fresh):
    """vodozemac encrypts, in the core's Olm session or in a fresh one of its own; the core reads."""
    if fresh:
        key = next(iter(ana.bot["one_time_keys"].values()))["key"]
        curve = ana.bot["device_keys"]["keys"]["curve25519:BOT"]
        ana.session = ana.account.create_outbound_session(vodozemac.Curve25519PublicKey.from_base64(curve),
                                                          vodozemac.Curve25519PublicKey.from_base64(key))
    group = vodozemac.GroupSession()
    room_key = {"algorithm": MEGOLM, "room_id": ROOM, "session_id": group.session_id,
                "session_key": group.session_key.to_base64()}
    sync(bot, [ana.encrypt_olm("m.room_key", room_key)])
    settle(bot, ana)
    first, second = (megolm_event(ana, group, body, f"${group.session_id}{body}") for body in ("uno", "dos"))
    for event, body in ((second, "dos"), (first, "uno")):
        read = bot.do("decrypt", room_id=ROOM, event=event)
        assert read["outcome"] == 0 and read["payload"]["content"]["body"] == body, read
        assert read["trust"] == "signed", read
    assert bot.do("decrypt", room_id=ROOM, event={**first, "event_id": "$copy"})["outcome"] == 2


def check_sas(bot, ana):
    """vodozemac asks and starts; both must show the same and accept each other's MACs."""
    def send(kind, **content):
        sync(bot, [{"type": "m.key.verification." + kind, "sender": ANA,
                    "content": {"transaction_id": "t", **content}}])
        return answer()

    def answer():
        ana.inbox.clear()
        settle(bot, ana)
        return ana.inbox[-1] if ana.inbox else (None, None)

    sas = vodozemac.Sas()
    send("request", from_device=PHONE, methods=["m.sas.v1"], timestamp=1)
    bot.do("accept", txn_id="t")
    assert answer()[0] == "m.key.verification.ready"
    start = {"from_device": PHONE, "method": "m.sas.v1", "hashes": ["sha256"],
             "key_agreement_protocols": ["curve25519-hkdf-sha256"],
             "message_authentication_codes": ["hkdf-hmac-sha256.v2", "hkdf-hmac-sha256"],
             "short_authentication_string": ["emoji", "decimal"]}
    kind, accept = send("start", **start)
    assert kind == "m.key.verification.accept", (kind, accept)
    ours = sas.public_key.to_base64()
    kind, key = send("key", key=ours)
    assert kind == "m.key.verification.key"
    committed = hashlib.sha256((key["key"] + canonical({"transaction_id": "t", **start})).encode()).digest()
    assert accept["commitment"] == base64.b64encode(committed).decode().rstrip("=")

    established = sas.diffie_hellman(vodozemac.Curve25519PublicKey.from_base64(key["key"]))
    info = f"MATRIX_KEY_VERIFICATION_SAS|{ANA}|{PHONE}|{ours}|{BOT}|BOT|{key['key']}|t"
    shown = bot.do("verification")
    assert shown["state"] == COMPARING
    emojis = list(established.bytes(info).emoji_indices)
    number = int(shown["sas"], 16)
    assert emojis == [number >> (42 - 6 * i) & 63 for i in range(7)], (emojis, shown)

    bot.do("confirm", txn_id="t")
    kind, mac = answer()
    assert kind == "m.key.verification.mac"
    base = f"MATRIX_KEY_VERIFICATION_MAC{BOT}BOT{ANA}{PHONE}t"
    device_key = ana.bot["device_keys"]["keys"]["ed25519:BOT"]
    established.verify_mac(device_key, base + "ed25519:BOT", mac["mac"]["ed25519:BOT"])
    established.verify_mac(",".join(sorted(mac["mac"])), base + "KEY_IDS", mac["keys"])

    base = f"MATRIX_KEY_VERIFICATION_MAC{ANA}{PHONE}{BOT}BOTt"
    ids = {"ed25519:PHONE": ana.ed25519, "ed25519:" + ana.master_key: ana.master_key}
    macs = {key_id: established.calculate_mac(value, base + key_id) for key_id, value in ids.items()}
    send("mac", mac=macs, keys=established.calculate_mac(",".join(sorted(ids)), base + "KEY_IDS"))
    assert bot.do("verification")["state"] == DONE


def main():
    with tempfile.TemporaryDirectory() as directory:
        bot, ana = Bot(sys.argv[1], directory), Ana()
        settle(bot, ana)
        settle(bot, ana)
        check_keys(ana)
        sync(bot, device_lists={"changed": [ANA]}, rooms={"join": {ROOM: {"timeline": {"events": [
            state("m.room.encryption", "", {"algorithm": MEGOLM}),
            state("m.room.member", BOT, {"membership": "join"}),
            state("m.room.member", ANA, {"membership": "join"})]}}}})
        settle(bot, ana)
        check_sending(bot, ana)
        check_receiving(bot, ana, False)
        check_receiving(bot, ana, True)
        check_sas(bot, ana)
        bot.process.stdin.close()
        assert bot.process.wait() == 0
    print("the core and vodozemac agree: keys, Olm and Megolm both ways, SAS")


main()
