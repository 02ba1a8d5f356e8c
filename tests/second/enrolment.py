# SPDX-License-Identifier: MIT
"""A second reading of src/trust/enrolment.h and src/trust/claim.h: what device and hub derive while a device
joins, made from the descriptions there."""

import hashlib
import hmac
import struct

import second
import x25519

CLAIM_TYPE = "application/vnd.devbox.claim.v1"


def label(text):
    return b"DBX-ENROL-v1\0" + text.encode() + b"\0"


def bootstrap(token_id, secret):
    """The device's private key, the preshared key, and the address."""
    digest = hashlib.sha256(label("bootstrap address") + token_id).digest()
    return (x25519.hkdf(secret, label("bootstrap key") + token_id),
            x25519.hkdf(secret, label("bootstrap psk") + token_id),
            f"169.254.{64 + digest[0] % 64}.{digest[1]}")


def claim_body(row, wireguard_secret, hub_claim_key):
    """`row` has the fields by name; the WireGuard key and the MAC are computed."""
    description = row["description"].encode()
    head = b"\1" + row["token_id"] + row["secret"] + row["device_key"]
    head += x25519.public(wireguard_secret) + row["ephemeral_key"] + row["nonce"]
    head += struct.pack(">Q", row["device_time_ms"]) + bytes([len(description)]) + description
    shared = x25519.agree(wireguard_secret, hub_claim_key)
    key = x25519.hkdf(shared, label("possession") + row["token_id"])
    return head + hmac.digest(key, head, "sha256")


def claim_message(body):
    return second.pae(CLAIM_TYPE, body)


def claim_digest(body, signature):
    return hashlib.sha256(body + signature).digest()


def digits(digest, nonce):
    number = int.from_bytes(hashlib.sha256(label("digits") + digest + nonce).digest()[:8], "big") % 10**6
    return f"{number // 1000:03} {number % 1000:03}"


def answer_key(secret, other, digest):
    return x25519.hkdf(x25519.agree(secret, other), label("answer") + digest)


def preshared_key(ephemeral, other, hub_ephemeral, secret, digest):
    return x25519.hkdf(x25519.agree(ephemeral, other) + secret, label("psk") + digest + hub_ephemeral)
