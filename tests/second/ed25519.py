# SPDX-License-Identifier: MIT
"""Ed25519 signatures as RFC 8032, section 5.1, describes them, and as strict as src/crypto/ed25519.h: slow,
and open to whoever can watch the time it takes. For the keys of tests; needs nothing but Python."""

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
BASE_Y = 4 * pow(5, P - 2, P) % P


def recover_x(y):
    """The even x of the curve that belongs to y, or None."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 else x


# A point is (X, Y, Z, T) with x = X/Z, y = Y/Z, x * y = T/Z.
BASE_X = recover_x(BASE_Y)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, point):
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point, scalar = add(point, point), scalar >> 1
    return total


def encode(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decode(data):
    """The point of 32 bytes; None for those that are no point, or one in another spelling."""
    y = int.from_bytes(data, "little")
    odd, y = y >> 255, y & ((1 << 255) - 1)
    x = recover_x(y) if len(data) == 32 and y < P else None
    if x is None or (odd and x == 0):
        return None
    x = P - x if odd else x
    return x, y, 1, x * y % P


def has_small_order(point):
    x, y, z, _ = multiply(8, point)
    return x % P == 0 and (y - z) % P == 0


def number(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % L


def expand(seed):
    """The secret scalar, and what the nonces are made with."""
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little")
    return scalar & ((1 << 254) - 8) | 1 << 254, digest[32:]


def public(seed):
    return encode(multiply(expand(seed)[0], BASE))


def sign(seed, message):
    scalar, prefix = expand(seed)
    key, nonce = public(seed), number(prefix, message)
    point = encode(multiply(nonce, BASE))
    return point + ((nonce + number(point, key, message) * scalar) % L).to_bytes(32, "little")


def verify(key, message, signature):
    """Rejects non-canonical encodings, and keys and signatures that would fit any message."""
    if len(signature) != 64:
        return False
    a, r, s = decode(key), decode(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or has_small_order(a) or has_small_order(r) or s >= L:
        return False
    return encode(multiply(s, BASE)) == encode(add(r, multiply(number(signature[:32], key, message), a)))
