# SPDX-License-Identifier: MIT
"""X25519 as RFC 7748, section 5, describes it, and HKDF-SHA256 of RFC 5869 with an empty salt: slow, and
open to whoever can watch the time it takes. For the keys of tests; needs nothing but Python."""

import hmac

P = 2**255 - 19
BASE = (9).to_bytes(32, "little")


def agree(secret, public):
    """The Montgomery ladder."""
    k = int.from_bytes(secret, "little") & ~7 & ((1 << 255) - 1) | 1 << 254
    x1 = int.from_bytes(public, "little") & ((1 << 255) - 1)
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in reversed(range(255)):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a % P, c * b % P, a * a % P, b * b % P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def public(secret):
    return agree(secret, BASE)


def hkdf(key, info, size=32):
    extracted, output, block = hmac.digest(bytes(32), key, "sha256"), b"", b""
    while len(output) < size:
        block = hmac.digest(extracted, block + info + bytes([len(output) // 32 + 1]), "sha256")
        output += block
    return output[:size]
