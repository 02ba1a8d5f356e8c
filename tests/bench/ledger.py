# SPDX-License-Identifier: MIT
"""Goal 11: what trust costs. An enrolled ledger at work and at rest; its history, made long, before an
auditor; the signature of a request. The operator and the device are those of the system ring."""
import json
import pathlib
import sqlite3
import sys
import tempfile
import time

from measure import CLIENT_CPU, NICE, main_pid, memory, probe, run, wait_quiet

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "system"), str(TESTS / "second")]

import second
import trust

LEDGER = ["org.devbox.Ledger1", "/org/devbox/Ledger1", "org.devbox.Ledger1"]
TREE = "/run/bench/tree"
REQUEST = (5, 6, 7)  # the types of entries that a request leaves: accepted, started, finished
RESTED_SEC = 62  # a minute after its last entry the ledger has nothing left to do
PINNED = ["nice", "-n", NICE, "taskset", "-c", CLIENT_CPU]


# ---- what the rest is compared with


def speed_of_machine(put):
    """One core, the disk is measured in turns with what needs it, and the way over the bus."""
    wait_quiet()
    put(kind="hash", **probe("hash", 500))
    run("systemctl", "restart", trust.LEDGER)
    put(kind="hop", **probe("call", 500, *LEDGER[:2], "org.freedesktop.DBus.Peer", "Ping"))


# ---- one request


def cost_of_signature(put):
    run("meson", "setup", TREE, TESTS.parent, "-Doptimization=3")
    run("ninja", "-C", TREE, "tests/bench/bench-request")
    wait_quiet()
    put(kind="signature", **json.loads(run(*PINNED, f"{TREE}/tests/bench/bench-request")))


# ---- the ledger, at work and at rest


def cost_of_appends(put, quick):
    """Each call of BeginSession is an entry that is on the disk before the answer; the ledger takes 120 in a
    minute. In turns with the cost of any such write, because a disk is not the same from one second to the
    next."""
    with tempfile.NamedTemporaryFile(dir=trust.STATE.parent) as file:
        for _ in range(3 if quick else 10):
            wait_quiet()
            put(kind="sync", **probe("sync", 500, file.name))
            run("systemctl", "restart", trust.LEDGER)
            row = probe("call", 100, *LEDGER, "BeginSession")
            put(kind="append", per_s=1e6 / row["mean_us"], **row)


def memory_of_ledger(put, when):
    put(kind="memory", server="ledger", when=when, **memory([main_pid(trust.LEDGER)]))


# ---- the auditor


def further(chain_id, last, models, n):
    """Rows of the table audit that follow the last one, a second apart: requests like that of the models,
    over and over."""
    seq, _, ts, _, _, digest = last
    own = json.loads(models[0][1])
    own_id, own_digest = own["request_id"].encode(), own["request_sha256"].encode()
    for k in range(n):
        kind, body = models[k % len(models)]
        request = k // len(models)
        body = body.replace(own_id, b"01K75A3Q%018d" % request).replace(own_digest, b"%064x" % request)
        seq, ts, prev = seq + 1, ts + 1000, digest
        digest = second.entry_hash(chain_id, seq, prev, ts, kind, body)
        yield seq, prev, ts, kind, body, digest


def lengthen(path, n):
    """A history of n entries more, as the second implementation writes it, and with nothing signed behind
    them; the number of all."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = DELETE")
    (chain_id,) = database.execute("SELECT value FROM state WHERE key = 'chain_id'").fetchone()
    rows = database.execute("SELECT * FROM audit ORDER BY seq").fetchall()
    models = [(kind, body) for _, _, _, kind, body, _ in rows if kind in REQUEST][-len(REQUEST):]
    added = further(chain_id, rows[-1], models, n)
    database.executemany("INSERT INTO audit VALUES(?, ?, ?, ?, ?, ?)", added)
    database.execute("DELETE FROM evidence")
    database.commit()
    database.close()
    return len(rows) + n


def verify(put, size, form, path, *options):
    """The whole of the process, from its start to its verdict, which is about all entries."""
    wait_quiet()
    started = time.monotonic()
    output = run(*PINNED, "devboxctl", "audit", "verify", "--json", "--db", path, *options, check=False)
    took = time.monotonic() - started
    (verdict,) = json.loads(output)["chains"]
    if (verdict["outcome"], verdict["size"]) != ("UNWITNESSED", size):
        raise SystemExit(f"devboxctl audit verify: {output}")
    put(kind="verify", form=form, checks="hashes" if options else "all", entries=size,
        bytes=path.stat().st_size, entries_per_s=size / took)


def cost_of_verification(put, quick, folder):
    path = {form: folder / form for form in ("database", "lines", "binary")}
    size = lengthen(path["database"], 200000 if quick else 1000000)
    for form, name in (("lines", "jsonl"), ("binary", "binary")):
        run("devboxctl", "audit", "export", "--db", path["database"], "--format", name, "-o", path[form])
    for _ in range(3):
        for form in path:
            verify(put, size, form, path[form], "--hash-only")
            verify(put, size, form, path[form])


def copy_database(path):
    source = sqlite3.connect(f"file:{trust.STATE}/ledger.db?mode=ro", uri=True)
    target = sqlite3.connect(path)
    source.backup(target)
    source.close()
    target.close()


def measure(devbox, put, quick):
    devbox.configure()
    cost_of_signature(put)
    with trust.network() as network, tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        speed_of_machine(put)
        cost_of_appends(put, quick)
        network.begin_session()
        for _ in range(20 if quick else 100):
            network.run(network.request("/usr/bin/ls", "--", "/home"))
        memory_of_ledger(put, "asked")
        rested_at = time.monotonic() + RESTED_SEC

        copy_database(pathlib.Path(folder) / "database")
        cost_of_verification(put, quick, pathlib.Path(folder))

        time.sleep(max(0, rested_at - time.monotonic()))
        memory_of_ledger(put, "rested")
