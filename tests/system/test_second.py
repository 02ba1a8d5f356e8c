# SPDX-License-Identifier: MIT
"""What a real ledger wrote, read twice: by devboxctl audit, and by tests/second, which shares no code with
it. Both must say the same of the whole history, and of every copy that somebody has had their hands on."""

import collections
import functools
import json
import pathlib
import random
import sqlite3
import tempfile

import auditor
import second
import trust
import world
from trust import LEDGER, STATE, accepted, call, denied
from world import each, equal, expect

LS, RM = ("/usr/bin/ls", "--", "/home"), ("/usr/bin/rm", "-rf", "/home")
HOUR_MS = 3600 * 1000

# `forms`: the chain as bytes, by the name of what holds it. `hub`: the database of who witnessed it.
History = collections.namedtuple("History", "forms hub statements roots results")


# ---- a history


def run_request(network):
    name = accepted(network.deliver(network.request(*LS)))
    return network.finish(name, network.start(name), b"ok\n")


def live_through_a_crash(network):
    """One request that was started, one that was not, and rejections that were only counted."""
    network.start(accepted(network.deliver(network.request(*LS))))
    accepted(network.deliver(network.request(*LS)))
    for _ in range(3):
        denied(network.deliver(network.request(*LS, seed=bytes(32))), "bad_sig")
    world.systemctl("restart", LEDGER)
    network.begin_session()


def live_in_the_future(network):
    """As if the clock had been an hour ahead when the device acted last."""
    world.systemctl("stop", LEDGER)
    with sqlite3.connect(STATE / "ledger.db") as database:
        database.execute("UPDATE state SET value = value + ? WHERE key = 'time_floor_ms'", [HOUR_MS])
    database.close()
    network.begin_session()
    denied(network.deliver(network.request(*LS)), "clock_rollback")
    call("AcceptClock")


def copy_of_database():
    """All of it in one file, while the ledger goes on."""
    with tempfile.TemporaryDirectory() as place:
        copy = pathlib.Path(place) / "copy"
        source, target = sqlite3.connect(f"file:{STATE}/ledger.db?mode=ro", uri=True), sqlite3.connect(copy)
        source.backup(target)
        results = [row[0] for row in target.execute("SELECT result FROM request WHERE result IS NOT NULL")]
        source.close()
        target.close()
        return copy.read_bytes(), results


@functools.cache
def history():
    """One in which everything happens that a device writes down, and the files that are left of it."""
    with trust.network() as network:
        results = [run_request(network)]
        results.append(network.deliver(network.request(*RM))["result"])
        live_through_a_crash(network)
        network.rotate()
        results.append(run_request(network))
        network.lose_key()
        network.begin_session()
        results.append(run_request(network))
        live_in_the_future(network)
        cosigned = network.ask_witness(network.export("before"))
        hub, _ = copy_of_database()
        network.nodes.switch("device")
        call("RecordCosignature", "s", cosigned)
        last = call("Checkpoint", "t", "0")
        forms = {"lines": network.export("device")}
        trust.shell("devboxctl audit export --format binary -o device.binary", network.folder)
        forms["binary"] = network.path("device.binary").read_bytes()
        forms["database"], remembered = copy_of_database()
        statements = [*network.statements("device"), cosigned, last]
        return History(forms, hub, statements, network.roots(), results + remembered)


# ---- two verdicts


def first_verdict(content, statements, *options):
    """The verdict of devboxctl; None if it is not a chain."""
    status, output = trust.audit(history().roots, content, *statements, options=["--json", *options])
    if status == 1:
        return None
    (row,) = json.loads(output)["chains"]
    return auditor.Verdict(row["outcome"], row.get("at", row["size"]), row["size"],
                           bytes.fromhex(row["head"]), row["witnessed"])  # fmt: skip


def second_verdict(content, statements):
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        try:
            return auditor.judge(auditor.read(file.name), statements, history().roots)
        except auditor.NoChain:
            return None


def agreed(what, content, statements=None):
    """The verdict of both."""
    statements = history().statements if statements is None else statements
    verdict = second_verdict(content, statements)
    equal(first_verdict(content, statements), verdict, f"the verdict of devboxctl, {what},")
    return verdict


# ---- tampering


def written(form, entries):
    """A copy of the history, in that form, with other entries."""
    if form in auditor.FORMS:
        head, write = auditor.FORMS[form]
        return head(chain().device, chain().chain_id) + b"".join(map(write, entries))
    with tempfile.NamedTemporaryFile() as file:
        path = pathlib.Path(file.name)
        path.write_bytes(history().forms[form])
        database = sqlite3.connect(path)
        database.executescript("PRAGMA journal_mode = DELETE; DROP TRIGGER audit_no_delete;")
        database.execute("DELETE FROM audit")
        columns = ":seq, :prev, :ts, :type, :body, :hash"
        database.executemany(f"INSERT INTO audit VALUES({columns})", entries)
        database.commit()
        database.close()
        return path.read_bytes()


def edited(entries, at, **values):
    return [*entries[:at], entries[at] | values, *entries[at + 1 :]]


def rewritten(entries, at, **values):
    """Edited, and everything from there on hashed anew, as one could who has the file but no key."""
    chain_id, made = chain().chain_id, edited(entries, at, **values)
    for n, entry in enumerate(made[at:], at):
        prev = made[n - 1]["hash"]
        digest = second.entry_hash(chain_id, n, prev, entry["ts"], entry["type"], entry["body"])
        made[n] = entry | {"prev": prev, "hash": digest}
    return made


def numbered(entries):
    return [entry | {"seq": n} for n, entry in enumerate(entries)]


def chain():
    return auditor.read_export(history().forms["lines"])


# ---- tests


def test_it_has_seen_everything():
    """What a device can write, but the end of all: a hub writes of a quarantine, nothing is strict."""
    written_types = {auditor.TYPES[entry["type"]] for entry in chain().entries}
    unwritten = {"quarantine", "revoke", "confirmation", "event"}
    equal(written_types, set(auditor.TYPES) - unwritten, "the history")


def test_the_whole_history():
    size = len(chain().entries)
    for form, content in history().forms.items():
        verdict = agreed(form, content)
        equal((verdict.outcome, verdict.size), ("OK", size), f"the verdict, {form},")
        expect(size - verdict.witnessed == 1, f"{verdict.witnessed} of {size} entries are witnessed")
        equal(agreed(form, content, []).outcome, "UNWITNESSED", f"the verdict without statements, {form},")


def test_every_form_holds_the_same():
    wanted = chain()
    expect(wanted.entries, "there are no entries")
    with tempfile.NamedTemporaryFile() as file:
        for form, content in history().forms.items():
            pathlib.Path(file.name).write_bytes(content)
            found = auditor.read(file.name)
            equal(found._replace(statements=[]) == wanted, True, f"the chain in {form} is that of lines")


def test_the_hub_holds_the_same():
    """But for what the device wrote after it."""
    with tempfile.NamedTemporaryFile() as file:
        pathlib.Path(file.name).write_bytes(history().hub)
        found = auditor.read(file.name, trust.DEVICE)
    equal(found.entries == chain().entries[:-1], True, "the hub's entries are those of the device")
    verdict = auditor.judge(found, root=history().roots)
    equal(verdict.outcome, "OK", "the verdict on what the hub holds")
    equal(first_verdict(history().hub, [], "--device", trust.DEVICE), verdict, "that of devboxctl")


def test_results_name_their_entries():
    for text in history().results:
        expect(auditor.result_holds(chain(), text), f"this result does not fit the chain: {text}")
        unsigned = text.replace('"sig":"', '"sig":"AAAA', 1)
        expect(not auditor.result_holds(chain(), unsigned), f"any signature fits: {unsigned}")


def test_tampered_copies():
    whole = chain().entries
    size, at = len(whole), len(whole) // 2
    stated = sorted(second.checkpoint(second.envelope(text).payload)[2] for text in history().statements)
    first = next(n for n in stated if n > at)
    again = rewritten(whole, at, ts=whole[at]["ts"] + 1)
    rows = [
        ("a body edited", edited(whole, at, body=whole[at]["body"] + b" "), "BROKEN", at),
        ("a time edited", edited(whole, at, ts=whole[at]["ts"] + 1), "BROKEN", at),
        ("a type edited", edited(whole, at, type=(whole[at]["type"] % 14) + 1), "BROKEN", at),
        ("a type that is none", edited(whole, at, type=15), "BROKEN", at),
        ("a hash edited", edited(whole, at, hash=bytes(32)), "BROKEN", at),
        ("a link edited", edited(whole, at, prev=bytes(32)), "BROKEN", at),
        ("one left out", whole[:at] + whole[at + 1 :], "BROKEN", at),
        ("one left out, the others moved up", numbered(whole[:at] + whole[at + 1 :]), "BROKEN", at),
        ("without its genesis", whole[1:], "BROKEN", 0),
        ("two swapped", numbered([*whole[:at], whole[at + 1], whole[at], *whole[at + 2 :]]), "BROKEN", at),
        ("rewritten from one on", again, "BROKEN", size - 1),  # where a witness's word is kept
        ("rewritten, without that word", again[:-1], "FORK", first),
        ("the last one cut off", whole[:-1], "TRUNCATED", size),
        # which is before the device's new key: what that signed proves nothing then, and makes nothing OK
        ("cut in half", whole[:at], "UNWITNESSED", at),
        ("only the genesis", whole[:1], "UNWITNESSED", 1),
        ("nothing left", [], "BROKEN", 0),
    ]
    in_files = [
        ("two in the other order", [*whole[:at], whole[at + 1], whole[at], *whole[at + 2 :]], "BROKEN", at),
        ("one twice", whole[: at + 1] + whole[at:], "BROKEN", at + 1),
    ]

    def check(what, entries, outcome, where, forms):
        for form in forms:
            verdict = agreed(f"{what}, {form}", written(form, entries))
            equal((verdict.outcome, verdict.at), (outcome, where), f"the verdict, {what}, {form},")

    each([(*row, list(history().forms)) for row in rows], check)
    each([(*row, list(auditor.FORMS)) for row in in_files], check)


def test_damaged_files():
    """Bytes at random: nothing passes, and both name the same place."""
    chance = random.Random(1)

    def check(what, form, content, at):
        damaged = bytearray(content)
        if what == "flip":
            damaged[at] ^= 1 << chance.randrange(8)
        elif what == "lose":
            del damaged[at]
        elif what == "gain":
            damaged.insert(at, chance.randrange(256))
        else:
            del damaged[at:]
        verdict = agreed(f"{what} at byte {at} of {form}", bytes(damaged))
        expect(not verdict or auditor.OUTCOMES.index(verdict.outcome) > 1, f"{what} at {at} passes, {form}")

    rows = [
        (what, form, history().forms[form], chance.randrange(1, len(history().forms[form])))
        for form in auditor.FORMS
        for what in ("flip", "lose", "gain", "cut")
        for _ in range(20)
    ]
    each(rows, check)
