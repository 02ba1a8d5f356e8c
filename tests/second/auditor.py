# SPDX-License-Identifier: MIT
"""A second auditor, made from devboxctl-audit(1): reads a chain in any of its forms, and verifies that it is
complete. The bodies of entries are not checked, but for the keys that they name and what a witness signed.
"""

import base64
import collections
import contextlib
import json
import pathlib
import re
import sqlite3
import struct

import second

# `ending`: "end", "part" (in the middle of an entry) or "malformed" (something that is none follows).
Chain = collections.namedtuple("Chain", "device chain_id entries ending statements")
Verdict = collections.namedtuple("Verdict", "outcome at size head witnessed")

OUTCOMES = ["OK", "UNWITNESSED", "TRUNCATED", "FORK", "BROKEN"]  # of several the last one counts
TYPES = ["genesis", "enroll", "adopt", "root", "manifest", "req.accepted", "req.started", "req.finished",
         "req.denied", "session", "clock", "suppressed", "checkpoint", "quarantine", "revoke",
         "confirmation", "event"]
KEY_OF_TYPE = {"genesis": "dev_pub", "adopt": "new_pub"}
RESULTS = ["req.finished", "req.denied"]
RESULT_TYPE = "application/vnd.devbox.result.v1+json"
DEVICE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class NoChain(Exception):
    """It does not even begin like one."""


# ---- JSON lines


def is_clean(body):
    """Text without control characters, those beyond ASCII included."""
    try:
        return not any(ord(character) < 0x20 or 0x7f <= ord(character) < 0xa0 for character in body.decode())
    except UnicodeDecodeError:
        return False


def format_line(row):
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def format_head(device, chain_id):
    return format_line({"v": 1, "device": device, "chain_id": chain_id.hex()})


def format_entry(entry):
    kind, body = entry["type"], entry["body"]
    row = {"seq": entry["seq"], "ts_ms": entry["ts"], "type": kind,
           "name": TYPES[kind] if kind < len(TYPES) else "unknown",
           "prev": entry["prev"].hex(), "hash": entry["hash"].hex()}
    row |= {"body": body.decode()} if is_clean(body) else {"body_b64": base64.b64encode(body).decode()}
    return format_line(row)


def parse_line(line):
    if not line.endswith(b"\n"):
        return "part"
    try:
        row = json.loads(line)
        body = row["body"].encode() if "body" in row else base64.b64decode(row["body_b64"])
        entry = {"seq": row["seq"], "ts": row["ts_ms"], "type": row["type"], "body": body,
                 "prev": bytes.fromhex(row["prev"]), "hash": bytes.fromhex(row["hash"])}
        return entry if format_entry(entry) == line else "malformed"
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return "malformed"


def parse_head_line(line):
    try:
        row = json.loads(line)
        device, chain_id = row["device"], bytes.fromhex(row["chain_id"])
        if format_head(device, chain_id) == line:
            return device, chain_id
    except (ValueError, KeyError, TypeError):
        pass
    raise NoChain


# ---- binary

MAGIC = b"DBXAUD1\n"
FIXED = struct.Struct(">Q32sQHI")


def split_binary(data):
    end = len(MAGIC) + 1 + sum(data[len(MAGIC):len(MAGIC) + 1]) + 16
    records, data = [data[:end]], data[end:]
    while data:
        length = FIXED.unpack_from(data)[-1] if len(data) >= FIXED.size else 0
        end = FIXED.size + length + 32
        records.append(data[:end])
        data = data[end:]
    return records


def parse_binary(record):
    if len(record) < FIXED.size:
        return "part"
    seq, prev, ts, kind, length = FIXED.unpack_from(record)
    body, digest = record[FIXED.size:FIXED.size + length], record[FIXED.size + length:]
    if length > second.BODY_MAX:
        return "malformed"
    if len(digest) < 32:
        return "part"
    return {"seq": seq, "ts": ts, "type": kind, "body": body, "prev": prev, "hash": digest}


def format_binary_head(device, chain_id):
    return MAGIC + bytes([len(device)]) + device.encode() + chain_id


def format_binary(entry):
    fixed = FIXED.pack(entry["seq"], entry["prev"], entry["ts"], entry["type"], len(entry["body"]))
    return fixed + entry["body"] + entry["hash"]


def parse_binary_head(record):
    device, chain_id = record[len(MAGIC) + 1:-16], record[-16:]
    if not record.startswith(MAGIC) or len(device) != record[len(MAGIC)]:
        raise NoChain
    return device.decode("latin-1"), chain_id


# ---- from anywhere

# What writes a head, and what writes an entry.
FORMS = {"lines": (format_head, format_entry), "binary": (format_binary_head, format_binary)}


def read_export(data):
    if not data:
        raise NoChain
    lines = data.startswith(b"{")
    head, *records = re.findall(rb"[^\n]*\n|[^\n]+", data) if lines else split_binary(data)
    device, chain_id = (parse_head_line if lines else parse_binary_head)(head)
    if not DEVICE.fullmatch(device):
        raise NoChain

    entries, ending = [], "end"
    for record in records:
        entry = (parse_line if lines else parse_binary)(record)
        if isinstance(entry, str):
            ending = entry
            break
        entries.append(entry)
    return Chain(device, chain_id, entries, ending, [])


COLUMNS = "seq, prev, time_ms AS ts, type, body, hash"


def read_database(path, device=None):
    """The chain of the ledger's own device, or of one that it witnesses."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        state = dict(database.execute("SELECT key, value FROM state").fetchall())
        if device in (None, state.get("device")):
            device, chain_id = state["device"], state["chain_id"]
            statements = [state["checkpoint"]] if "checkpoint" in state else []
            rows = database.execute(f"SELECT {COLUMNS} FROM audit ORDER BY seq")
        else:
            replica = database.execute("SELECT * FROM replica WHERE device = ?", [device]).fetchone()
            chain_id, statements = replica["chain_id"], [replica["checkpoint"]]
            for proof in database.execute("SELECT * FROM replica_proof WHERE device = ?", [device]):
                statements += [proof["seen"], proof["claimed"]]
            rows = database.execute(f"SELECT {COLUMNS} FROM replica_audit WHERE device = ? ORDER BY seq",
                                    [device])
        return Chain(device, chain_id, [dict(row) for row in rows], "end", list(filter(None, statements)))


def read(path, device=None):
    data = pathlib.Path(path).read_bytes()
    return read_database(path, device) if data.startswith(b"SQLite format 3\0") else read_export(data)


# ---- judging


def device_keys(entries):
    """All that the device has had: each entry that names one is covered by the hash of the next."""
    kinds = [(TYPES[entry["type"]], entry["body"]) for entry in entries]
    names = [(KEY_OF_TYPE[kind], body) for kind, body in kinds if kind in KEY_OF_TYPE]
    return [bytes.fromhex(json.loads(body)[name]) for name, body in names]


def witness_signed(envelope, root):
    """Whether enough of those signed whom the root, the last of several, calls witnesses."""
    if root is None:
        return False
    role = json.loads(second.envelope(root.splitlines()[-1]).payload)["roles"].get("witness")
    keys = [bytes.fromhex(key) for key in role["keys"]] if role else []
    return bool(keys) and second.verify(*envelope, keys, role["threshold"])


def weigh(chain, statements, root, size):
    """What was stated about the chain, of which the first `size` entries hold together: (outcome, where) of
    each statement against it, and how many entries are witnessed. A witness of another history, without a
    key of the device, only keeps the chain from being OK."""
    keys, against, witnessed = device_keys(chain.entries[:size]), [], 0
    for envelope in map(second.envelope, statements):
        claimed, by_witness = second.checkpoint(envelope.payload), witness_signed(envelope, root)
        if not claimed or claimed[0] != chain.device:
            continue
        _, chain_id, length, head = claimed
        other = chain_id != chain.chain_id or (length <= size and chain.entries[length - 1]["hash"] != head)
        if not second.verify(*envelope, keys, 1):
            if by_witness and (other or length > size):
                against.append(("UNWITNESSED", size))
        elif other:
            against.append(("FORK", length))
        elif length > size:
            against.append(("TRUNCATED", length))
        elif by_witness:
            witnessed = max(witnessed, length)
    return against, witnessed


def false_record(chain, size):
    """The first entry that keeps a countersignature which is none, or of another history; else `size`."""
    for entry in chain.entries[:size]:
        if TYPES[entry["type"]] != "checkpoint":
            continue
        statement = json.loads(entry["body"])
        key, signature, head = (bytes.fromhex(statement[name]) for name in ("witness", "sig", "head"))
        length = statement["size"]
        text = second.checkpoint_text(chain.device, chain.chain_id, length, head)
        of_it = 0 < length <= entry["seq"] and chain.entries[length - 1]["hash"] == head
        if not of_it or not second.verify(second.CHECKPOINT_TYPE, text, [signature], [key], 1):
            return entry["seq"]
    return size


def worst(found):
    """Of forks the earliest, of lengths the greatest."""

    def key(row):
        outcome, at = row
        return OUTCOMES.index(outcome), at if outcome == "TRUNCATED" else -at

    return max(found, key=key)


def judge(chain, statements=(), root=None):
    """The verdict on a chain, in the words and numbers of devboxctl audit verify."""
    fault, size, head = second.walk(chain.chain_id, chain.entries, second.genesis_prev(chain.device))
    true = false_record(chain, size)
    if true < size:
        fault, size, head = "record", true, chain.entries[true - 1]["hash"]
    found, witnessed = weigh(chain, (*chain.statements, *statements), root, size)
    found.append(("OK" if witnessed else "UNWITNESSED", size))
    if fault or chain.ending == "malformed":
        found.append(("BROKEN", size))
    elif chain.ending == "part":
        found.append(("TRUNCATED", size))
    if size == 0 and worst(found)[0] == "UNWITNESSED":
        found.append(("BROKEN", 0))  # there is no entry at all
    return Verdict(*worst(found), size, head if size else bytes(32), witnessed)


def result_holds(chain, text):
    """Whether a signed result is the device's, and names its entry of this chain."""
    envelope = second.envelope(text)
    if envelope.type != RESULT_TYPE or not second.verify(*envelope, device_keys(chain.entries), 1):
        return False
    result = json.loads(envelope.payload)
    entry, last = chain.entries[result["seq"]], chain.entries[result["size"] - 1]
    of_it = json.loads(entry["body"])["request_id"] == result["request_id"]
    return of_it and TYPES[entry["type"]] in RESULTS and last["hash"].hex() == result["head"]
