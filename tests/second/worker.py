# SPDX-License-Identifier: MIT
"""A worker, and the ledger that permits what it runs, as src/trust/permit.h and src/trust/worker-end.h
describe them: what is in a permit, and how the end of a run is authenticated."""

import hashlib
import hmac
import json
import secrets
import struct

import ed25519
import second
import x25519

PERMIT_TYPE = "application/vnd.devbox.permit.v1+json"
STATUSES = {"finished": 0, "timeout": 2, "cancelled": 3, "failed": 4}
RESULT_STREAM_MAX = 64 * 1024


def end_key(secret, other, request_sha256):
    return x25519.hkdf(x25519.agree(secret, other), b"devbox worker end v1\0" + request_sha256)


def pack_end(key, request_sha256, row):
    """`row` has status, exit_code, exit_signal, reason, started, finished; out and err: what was sent."""
    data = struct.pack(">BBBiI", 1, STATUSES[row["status"]], 0, row["exit_code"], row["exit_signal"])
    data += bytes([len(row["reason"])]) + row["reason"].encode()
    for output in (row["out"], row["err"]):
        for part in (output, output[:RESULT_STREAM_MAX]):
            data += struct.pack(">Q", len(part)) + hashlib.sha256(part).digest()
    data += struct.pack(">QQ", row["started"], row["finished"])
    return data + hmac.digest(key, request_sha256 + data, "sha256")


def unpack_end(key, request_sha256, data):
    """Its status, exit code, exit signal and reason; None: it is not authentic."""
    data, mac = data[:-32], data[-32:]
    if mac != hmac.digest(key, request_sha256 + data, "sha256"):
        return None
    _, status, _, exit_code, exit_signal, size = struct.unpack_from(">BBBiIB", data)
    names = {number: name for name, number in STATUSES.items()}
    return names[status], exit_code, exit_signal, data[12:12 + size].decode()


class Ledger:
    """Grants permits."""

    def __init__(self):
        self.seed = secrets.token_bytes(32)
        self.public = ed25519.public(self.seed)

    def permit(self, device, request, worker_key, entry):
        """For the request's envelope; and what opens the end of its run."""
        secret, envelope = secrets.token_bytes(32), second.envelope(request)
        request_sha256 = second.digest(envelope.type, envelope.payload)
        content = {
            "v": 1,
            "device": device,
            "request_sha256": request_sha256.hex(),
            "worker_key": worker_key.hex(),
            "ledger_key": x25519.public(secret).hex(),
            "capabilities": [entry],
        }
        key = end_key(secret, worker_key, request_sha256)
        permit = second.signed(self.seed, PERMIT_TYPE, content)
        return permit, lambda data: unpack_end(key, request_sha256, data)


class Worker:
    def __init__(self, secret=None):
        self.secret = secret or secrets.token_bytes(32)
        self.public = x25519.public(self.secret)

    def open(self, text, device_key):
        """Takes the permit; False: it is not by this device, or for another worker."""
        permit = second.envelope(text)
        if permit.type != PERMIT_TYPE or not second.verify(*permit, [device_key], 1):
            return False
        content = json.loads(permit.payload)
        if bytes.fromhex(content["worker_key"]) != self.public:
            return False
        self.request_sha256 = bytes.fromhex(content["request_sha256"])
        self.key = end_key(self.secret, bytes.fromhex(content["ledger_key"]), self.request_sha256)
        return True

    def end(self, status="finished", exit_code=0, out=b"", err=b""):
        row = {"status": status, "exit_code": exit_code, "exit_signal": 0, "reason": "", "out": out,
               "err": err, "started": 0, "finished": 0}
        return pack_end(self.key, self.request_sha256, row)
