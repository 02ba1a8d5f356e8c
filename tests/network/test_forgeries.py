# SPDX-License-Identifier: MIT
"""The numbered attacks by documents, against home-wsl as it is installed: whoever has the hub's address and
its keys, or the operator's, sends the agent what it must reject (attacker.c: how each is made, the code, the
entry in the chain). What would be carried out makes a file, and the same document unharmed does make it."""

import collections
import json

from network import FIRST, PASSPHRASE, SOURCE
from test_attacks import add_ben
from test_run import REJECTED, newest, publish, run
from world import equal, expect

TEMPLATE = """\
operators: ["local:root", ben]
approvers: ["local:root", ben, "@eve:example.org"]
limits: {skew_s: 1}
roots: {home: /home, free: /srv/attacks/free, middle: /srv/attacks/middle, two: /srv/attacks/two,
        high: /srv/attacks/high}
capabilities:
  - run: ls [-l|-la] DIR in home
  - run: id WORD
  - {run: awk, accept_risk: an attack}
  - {run: /srv/attacks/bin/true, accept_risk: an attack}
  - {run: /usr/local/bin/script, accept_risk: an attack}
  - read: home
  - write: free
  - write: middle, ask(message)
  - {write: "two, ask(message)", approval_count: 2}
  - write: high, ask(signed)
"""
CEILING = """\
v: 1
capabilities: [shell.exec, fs.read, fs.write]
programs: [/usr/bin/df, /usr/bin/ls, /usr/bin/id, /usr/bin/awk, /srv/attacks/bin/true, /usr/local/bin/script]
read: [/home, /var/log]
write: [/srv/attacks]
"""
BUILD = f"{SOURCE}/build/install"
FOLDERS = ("free", "middle", "two", "high")

# In this order: the last ones replace the manifest.
ATTACKS = {
    1: "flipped_bits",
    2: "one_document_as_another",
    3: "malleated_signatures_and_keys_that_are_none",
    4: "a_key_twice",
    5: "beyond_the_profile_of_json",
    6: "malformed_envelopes",
    7: "for_another_device",
    8: "the_same_again",
    9: "of_an_old_session",
    10: "a_used_nonce",
    11: "a_used_id",
    14: "dated_ahead_and_expired",
    15: "an_older_manifest",
    16: "a_manifest_by_who_may_not",
    17: "a_root_that_does_not_follow",
    19: "capabilities_there_are_not",
    20: "programs_that_may_not_run",
    21: "arguments_beyond_the_entry",
    24: "what_a_shell_would_run",
    25: "paths_out_of_the_root",
    28: "without_an_approval",
    29: "the_approval_of_something_else",
    31: "an_approval_that_is_over",
    33: "the_attester_for_an_approver",
    30: "approvers_who_are_none",
    18: "an_expired_manifest",
}
counted = collections.Counter()  # rejections without an entry of their own


def files(network, name):
    return list((network.home.path() / "srv/attacks").glob(f"*/{name}"))


def chain(network):
    lines = network.home.run("devboxctl", "audit", "show", "--json", "-n", 100000).stdout.splitlines()
    return [json.loads(line) for line in lines]


def suppressed(network):
    """How many rejections the chain counts, by their codes."""
    total = collections.Counter()
    for entry in chain(network):
        if entry["name"] == "suppressed":
            body = json.loads(entry["body"])
            total[body["reason"]] += body["count"]
    return total


def attack(network, number):
    done = network.hub.run(
        f"{BUILD}/tests/network/attacker", "home-wsl", f"{FIRST}:51822", number, check=False, text=PASSPHRASE
    )
    lines = done.stdout.splitlines()
    counted.update(line.removeprefix("counted ") for line in lines if line.startswith("counted "))
    problems = [line for line in lines if not line.startswith("counted ")]
    expect(done.returncode == 0, "; ".join(problems) or f"exit {done.returncode}: {done.stderr}")
    made = files(network, "control")
    for path in made:
        path.unlink()
    equal(files(network, "canary"), [], "what an attack made")
    expect(made or number > 14, "the same without the attack made nothing either")


def prepare(network):
    """The attacker, its approver, and what it attacks."""
    network.hub.run("ninja", "-C", BUILD, "tests/network/attacker")
    network.home.shell(
        "install -d -m 755 /home/eve && echo hello >/home/eve/file && ln -sf /etc/shadow /home/eve/link &&"
        " ln -f /home/eve/file /home/eve/second; ln -sfT /etc /home/eve/etc;"
        " echo plain >/home/eve/plain; test -p /home/eve/fifo || mkfifo -m 644 /home/eve/fifo;"
        f" install -d -m 777 /srv/attacks/{{bin,{','.join(FOLDERS)}}};"
        " install /usr/bin/true /srv/attacks/bin/;"
        " printf '#!/bin/sh\\n' | install /dev/stdin /usr/local/bin/script"
    )
    add_ben(network)


def test_a_manifest_for_them(network):
    prepare(network)
    publish(network, TEMPLATE, CEILING)
    equal(run(network, "ls", "/home").returncode, 0, "ls, which it allows")
    network.home.run("systemctl", "restart", "devbox-ledger")  # writes what it counted until now
    counted.clear()
    counted.update(suppressed(network))


def of_number(number):
    return lambda network: attack(network, number)


for number, what in ATTACKS.items():
    globals()[f"test_{number}_{what}"] = of_number(number)


def test_18_the_chain_without_a_manifest(network):
    """The device runs nothing, and still exports what it did, also why it does not run."""
    equal(run(network, "ls", "/home").returncode, REJECTED, "ls")
    equal(newest(network)["reason"], "manifest_expired", "the reason")
    network.home.run("devboxctl", "audit", "export", "-o", "/root/expired")
    exported = network.home.run("cat", "/root/expired").stdout
    expect("manifest_expired" in exported, "the export does not have the rejection")


def test_what_was_only_counted(network):
    network.home.run("systemctl", "restart", "devbox-ledger")
    equal(suppressed(network), counted, "the counts in the chain")
