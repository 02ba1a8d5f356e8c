# SPDX-License-Identifier: MIT
"""A second reading of the formats of src/crypto/dsse.h, src/audit/entry.h and src/audit/checkpoint.h, made
from their descriptions and sharing no code and no library with them: the encoding that is signed, signatures
with a threshold, the audit chain, checkpoints and what a witness checks."""

import base64
import collections
import hashlib
import json
import re
import struct

import ed25519

AUDIT_TYPES = 17
CLOCK = 10
TIME_MAX_MS = 2**63 // 10**6  # of CLOCK_REALTIME, whose nanoseconds have 63 bits
BACKWARDS_MAX_MS = 30000
BODY_MAX = 64 * 1024
CHECKPOINT_TYPE = "application/vnd.devbox.checkpoint.v1"


Envelope = collections.namedtuple("Envelope", "type payload signatures")


def envelope(text):
    row = json.loads(text)
    return Envelope(row["payloadType"], base64.b64decode(row["payload"]),
                    [base64.b64decode(signature["sig"]) for signature in row["signatures"]])


def pae(payload_type, payload):
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def digest(payload_type, payload):
    return hashlib.sha256(pae(payload_type, payload)).digest()


def signed(seed, payload_type, content):
    """An envelope as text."""
    payload = json.dumps(content, separators=(",", ":")).encode()
    signature = ed25519.sign(seed, pae(payload_type, payload))
    row = {
        "payloadType": payload_type,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"sig": base64.b64encode(signature).decode()}],
    }
    return json.dumps(row, separators=(",", ":"))


def verify(payload_type, payload, signatures, keys, threshold):
    """Whether `threshold` different keys made one of the signatures each."""
    message = pae(payload_type, payload)
    signers = set()
    for signature in signatures:
        for key in keys:
            if key not in signers and ed25519.verify(key, message, signature):
                signers.add(key)
                break
    return threshold > 0 and len(signers) >= threshold


def genesis_prev(device):
    return hashlib.sha256(b"DBX-GENESIS-v1\0" + device.encode()).digest()


def entry_hash(chain_id, seq, prev, ts, kind, body):
    head = struct.pack(">Q", seq) + prev + struct.pack(">QHI", ts, kind, len(body))
    return hashlib.sha256(b"DBX-AUDIT-v1\0" + chain_id + head + body).digest()


def walk(chain_id, entries, prev, size=0, ts=0):
    """Follows a chain. Gives the fault of the first bad entry, or None; the number of entries before it,
    which is the number it should have; and the hash of the last of them."""
    for entry in entries:
        body = entry["body"]
        if entry["seq"] != size:
            return "seq", size, prev
        if entry["type"] >= AUDIT_TYPES or (entry["type"] == 0) != (size == 0):
            return "type", size, prev
        if len(body) > BODY_MAX:
            return "size", size, prev
        if entry["prev"] != prev:
            return "prev", size, prev
        if entry_hash(chain_id, size, prev, entry["ts"], entry["type"], body) != entry["hash"]:
            return "hash", size, prev
        if entry["ts"] > TIME_MAX_MS or (entry["type"] != CLOCK and entry["ts"] + BACKWARDS_MAX_MS < ts):
            return "time", size, prev
        prev, size, ts = entry["hash"], size + 1, entry["ts"]
    return None, size, prev


CHECKPOINT = re.compile(rb"devbox/([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)/([0-9a-f]{32})\n"
                        rb"([1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)\n")


def checkpoint_text(device, chain_id, size, head):
    return f"devbox/{device}/{chain_id.hex()}\n{size}\n{base64.b64encode(head).decode()}\n".encode()


def checkpoint(text):
    """(device, chain id, size, head), or None."""
    match = CHECKPOINT.fullmatch(text)
    if not match or int(match[3]) > 2**63 - 1:
        return None
    head = base64.b64decode(match[4])
    if base64.b64encode(head) != match[4]:
        return None
    return match[1].decode(), bytes.fromhex(match[2].decode()), int(match[3]), head


def grown(seen, claimed, entries, kept=None):
    """The verdict of a witness: "ok", "witness_stale", "witness_rollback" or "witness_fork". `seen` may be
    None; `kept` is the hash that it has of the last claimed entry."""
    device, chain_id, size, head = claimed
    if seen is None:
        start, prev = 0, genesis_prev(device)
    else:
        if seen[:2] != claimed[:2]:
            return "witness_fork"
        if size < seen[2]:
            return "witness_stale" if head == kept else "witness_rollback"
        if size == seen[2] and head != seen[3]:
            return "witness_fork"
        start, prev = seen[2], seen[3]
    fault, reached, last = walk(chain_id, entries, prev, start)
    return "ok" if fault is None and reached == size and last == head else "witness_fork"
