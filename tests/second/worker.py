# SPDX-License-Identifier: MIT
"""A worker as src/trust/permit.h and src/trust/worker-end.h describe it: what it takes from its permit, and
how it authenticates the end of a run."""

import hashlib
import hmac
import json
import secrets
import struct

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
