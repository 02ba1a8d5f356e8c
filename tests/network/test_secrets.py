# SPDX-License-Identifier: MIT
"""Secrets of devices and of an open invitation are searched on the hub: in its files, in its journal, and in
the memory of its daemons, as a core would have it, but for the two that must hold them."""

import base64
import json

from test_tokens import invitation, withdraw
from world import equal, eventually, expect

TOKEN_ID, TOKEN_SECRET = slice(1, 17), slice(17, 49)  # src/trust/token.c

# Reads {name: hex} and prints a line for each place that has one.
SEARCH = r"""
import base64, json, os, pathlib, subprocess, sys

def forms(secret):
    yield from (secret, secret.hex().encode(), secret.hex().upper().encode())
    for shift in range(3):  # as a part of something longer
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(shift) + secret)[4 if shift else 0:-4]

wanted = {name: set(forms(bytes.fromhex(text))) for name, text in json.load(sys.stdin).items()}

def look(place, data):
    for name, each in wanted.items():
        if any(form in data for form in each):
            print(place, name)

def memory(pid):
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            area, rights = line.split()[:2]
            first, end = (int(address, 16) for address in area.split("-"))
            try:
                mem.seek(first)
                yield mem.read(end - first) if rights[0] == "r" else b""
            except (OSError, ValueError, OverflowError):
                pass

for folder in ("/etc", "/root", "/run", "/tmp", "/var"):
    for path in pathlib.Path(folder).rglob("*"):
        if path.is_file() and not path.is_symlink():
            try:
                look(path, path.read_bytes())
            except OSError:
                pass
look("journal", subprocess.run(["journalctl", "-o", "export"], stdout=subprocess.PIPE, check=True).stdout)
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        program = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        continue
    if program.startswith("devbox") or program == "wireguard-go":
        look(f"memory of {program}", b"".join(memory(pid)))
"""


def wg(node, what):
    """The last column of each line, which is base64."""
    return [line.split()[-1] for line in node.run("wg", "show", "wg0", what).stdout.splitlines()]


def search(network, canaries):
    text = json.dumps({name: secret.hex() for name, secret in canaries.items()})
    return network.hub.run("python3", "-c", SEARCH, text=text).stdout.splitlines()


def canaries_of(network, token):
    canaries = {f"key of {node.name}": wg(node, "private-key")[0] for node in network.nodes[1:]}
    for n, key in enumerate(wg(network.hub, "preshared-keys")):
        canaries[f"preshared key {n}"] = key  # the last is that of the invitation
    canaries = {name: base64.b64decode(key) for name, key in canaries.items()}
    return {**canaries, "secret of the invitation": token[TOKEN_SECRET]}


def test_nowhere_on_the_hub(network):
    text = invitation(network, "spare").removeprefix("devbox1:")
    token = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    try:
        eventually("three peers of the hub have a preshared key",  # it answers before it sets them
                   lambda: len(wg(network.hub, "preshared-keys")) == 3)
        canaries = canaries_of(network, token)
        equal(len(canaries), 6, "secrets, with three preshared keys")
        found = search(network, {**canaries, "its id": token[TOKEN_ID]})
    finally:
        withdraw(network, "spare")
    places = {place for place in found if not place.endswith("its id")}
    holders = {f"memory of {each} {name}" for each in ("devbox-mesh", "wireguard-go") for name in canaries}
    equal(sorted(places - holders), [], "where secrets are")
    expect(places & holders, "the memory of those that hold the keys was not read")
    expect(any("/mesh.db" in place for place in found), f"what is not secret is not found either: {found}")
