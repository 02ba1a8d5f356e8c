# SPDX-License-Identifier: MIT
"""From the operator's key to the auditor's verdict, with what is installed: who may ask the device for what,
and whether its history is whole."""

import contextlib
import json
import pathlib
import secrets
import sqlite3
import tempfile

import trust
import worker
import world
from trust import DEVICE, LEDGER, accepted, call, denied
from world import each, equal, expect

LS, RM = ("/usr/bin/ls", "--", "/home"), ("/usr/bin/rm", "-rf", "/home")
WHOLE, UNWITNESSED, TRUNCATED, FORK, BROKEN = 0, 3, 4, 5, 6
QUARANTINE = 13  # the type of entry


def test_an_operator_needs_no_terminal():
    """A key from a descriptor leaves no key file; what it signs verifies."""
    with tempfile.TemporaryDirectory() as place:
        key = "0" * 62 + "03"
        public = trust.shell(
            f"devboxctl operator init --dir . --key-fd 5 5<<<{key} >&2;"
            f"devboxctl operator export-pub --dir . --key-fd 5 5<<<{key}",
            place,
        ).strip()
        equal(public, trust.ed25519.public(bytes.fromhex(key)).hex(), "the public key")
        other = trust.ed25519.public(bytes(32)).hex()
        manifest = trust.MANIFEST.format(device=DEVICE, key=public, ana=trust.ANA, dispatcher=other)
        (pathlib.Path(place) / "m.yaml").write_text(manifest)
        trust.shell(
            f"devboxctl manifest sign m.yaml --dir . --key-fd 5 -o m.json 5<<<{key};"
            "devboxctl manifest verify --root root.json m.json",
            place,
        )
        expect(not (pathlib.Path(place) / "operator.key").exists(), "there is a key file")


def test_the_manifest_decides():
    with trust.network() as network:
        status = call("GetStatus")
        equal((status["device"], status["manifest_in_force"]), (DEVICE, True), "the device's status")
        request = network.request(*LS, nonce="00" * 16)
        name = accepted(network.deliver(request))
        rows = [
            ("outside", network.request(*RM), "binary_not_allowed"),
            ("another place", network.request("/usr/bin/ls", "--", "/etc"), "args_denied"),
            ("another kind", network.request("x", capability="shell.own"), "unknown_capability"),
            ("replay", network.request(*LS, nonce="00" * 16), "nonce_replay"),
            ("same id", network.request(*LS, request_id=name), "request_id_conflict"),
            ("stranger", network.request(*LS, seed=secrets.token_bytes(32)), "bad_sig"),
            ("nobody", network.request(*LS, origin={"mxid": "@eve:example.org"}), "operator_unknown"),
            ("old", network.request(*LS, issued_at=1760000000000, expires_at=1760000060000), "expired"),
        ]
        sentences = {}

        def check(what, asked, reason):
            sentences[what] = denied(network.deliver(asked), reason)

        each(rows, check)
        equal(sentences["outside"], "capability rejected: shell.exec.rm not in manifest", "the sentence")
        again = network.deliver(request)
        equal((again["outcome"], again["state"]), ("known", "accepted"), "the same request again")
        accepted(network.deliver(network.request(*LS)))


def test_a_clock_that_nobody_vouches_for():
    """Where adjtimex(2) is forbidden the clock counts as not synchronised."""
    with trust.network() as network:
        text = world.CONFIG.read_text()
        world.CONFIG.write_text(text.replace("trust_clock: true", "trust_clock: false"))
        world.systemctl("reload", LEDGER)
        denied(network.deliver(network.request(*LS)), "clock_unsynced")
        world.CONFIG.write_text(text)
        world.systemctl("reload", LEDGER)
        accepted(network.deliver(network.request(*LS)))


def test_a_new_root_is_told():
    with trust.network() as network:
        journal = world.Journal()
        network.rotate()
        equal(journal.event("ROOT_INSTALLED")["MESSAGE"], "The root is now version 2", "the journal")


def test_an_enrolment_with_another_digest():
    """The reason is the digest, not a root before that there never was."""
    with trust.network() as network:
        root, chain = network.path("root.json").read_text(), trust.numbers(bytes(16))
        other = trust.numbers(bytes(32))
        output = call("Enroll", "saysaya{sv}", DEVICE, *chain, root, *other, "0", check=False)
        expect("not the root with that digest" in output, output)


def test_history_outlives_the_ledger():
    with trust.network() as network:
        request = network.request(*LS, nonce="00" * 16)
        accepted(network.deliver(request))
        before = network.export("before")
        world.systemctl("restart", LEDGER)
        denied(network.deliver(network.request(*LS)), "session_mismatch")
        network.begin_session()
        again = network.deliver(request)
        equal((again["outcome"], again["state"]), ("known", "interrupted"), "the request of before")
        denied(network.deliver(network.request(*LS, nonce="00" * 16)), "nonce_replay")
        accepted(network.deliver(network.request(*LS)))
        after = network.export("after")
        expect(after.startswith(before) and len(after) > len(before), "the history did not only grow")


def some_history(network):
    for argv in (LS, RM, LS):
        network.deliver(network.request(*argv))


def test_an_auditor_without_a_witness():
    with trust.network() as network:
        some_history(network)
        world.systemctl("stop", LEDGER)  # at its end it signs for all that it wrote
        chain = network.export("device")
        lines = chain.splitlines(keepends=True)
        last = len(lines) - 2  # the number of the last entry
        edited = [*lines[:-2], lines[-2].replace(b"shell.exec", b"shell.exed", 1), lines[-1]]
        expect(edited != lines, f"nothing to edit in {lines[-2]!r}")
        rows = [
            ("whole", chain, UNWITNESSED, "UNWITNESSED"),
            ("without its last entry", b"".join(lines[:-1]), TRUNCATED, "TRUNCATED"),
            ("half as long", b"".join(lines[: last // 2]), TRUNCATED, "TRUNCATED"),
            ("cut within an entry", chain[:-20], TRUNCATED, "TRUNCATED"),
            ("an edited byte", b"".join(edited), BROKEN, f"BROKEN at entry {last - 1}:"),
            ("an entry left out", b"".join(lines[:3] + lines[4:]), BROKEN, "BROKEN at entry 2:"),
        ]

        def check(what, content, status, words):
            code, output = network.audit(content, *network.statements("device"))
            equal(code, status, f"the auditor's status, {what} ({output})")
            expect(words in output, f"{what}: {output}")

        each(rows, check)


def test_an_auditor_judges_again():
    with trust.network() as network:
        some_history(network)  # two of three are accepted
        world.systemctl("stop", LEDGER)
        chain = network.export("device")
        evidence = network.path("device.evidence").read_bytes()
        kinds = [json.loads(line)["payloadType"].split(".")[2] for line in evidence.splitlines()]
        equal(kinds, ["root", "manifest", "request", "request"], "what is behind the entries")
        lines = evidence.splitlines(keepends=True)
        rows = [
            ("without it", None, UNWITNESSED, "0 of 2 acceptances proven"),
            ("with all", evidence, UNWITNESSED, "2 of 2 acceptances proven"),
            ("with one", b"".join(lines[:-1]), UNWITNESSED, "1 of 2 acceptances proven"),
            ("without the manifest", b"".join(lines[:1] + lines[2:]), UNWITNESSED, "0 of 2 acceptances"),
            ("with rubbish", lines[0] + b"{}\n", 1, "evidence:2: not an envelope"),
        ]

        def check(what, content, status, words):
            code, output = network.audit(chain, evidence=content)
            equal(code, status, f"the auditor's status, {what} ({output})")
            expect(words in output, f"{what}: {output}")

        each(rows, check)
        own = trust.shell("devboxctl audit verify --root 1.root.json || true", network.folder)
        expect("2 of 2 acceptances proven" in own, f"the database: {own}")


def test_a_witness_makes_it_ok():
    with trust.network() as network:
        some_history(network)
        chain = network.export("device")
        cosigned = network.ask_witness(chain)
        shorter = b"".join(chain.splitlines(keepends=True)[:-1])
        rows = [
            ("whole", chain, WHOLE, "OK"),
            ("cut", shorter, TRUNCATED, "TRUNCATED"),
            ("the hub's copy", network.export("hub"), WHOLE, "OK"),
        ]

        def check(what, content, status, word):
            code, output = network.audit(content, cosigned)
            equal(code, status, f"the auditor's status, {what} ({output})")
            expect(word in output, f"{what}: {output}")

        each(rows, check)
        code, output = network.audit(network.export("hub"), *network.statements("hub"))
        equal(code, WHOLE, f"the auditor's status, of what the hub exports alone ({output})")

        network.nodes.switch("device")
        call("RecordCosignature", "s", cosigned)
        grown = network.export("device")
        expect(grown.startswith(chain), "the countersignature changed the history")
        code, output = network.audit(grown, cosigned)
        equal(code, WHOLE, f"the auditor's status with the countersignature in the chain ({output})")


def audit_of_the_hub(network):
    """Exit status and words of the auditor over the hub's own database."""
    options = ["--db", trust.STATE / "ledger.db", "--device", DEVICE, "--root", network.path("root.json")]
    done = world.run("devboxctl", "audit", "verify", *options, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def proofs():
    with contextlib.closing(sqlite3.connect(trust.STATE / "ledger.db")) as database:
        return database.execute("SELECT reason, seen, claimed FROM replica_proof").fetchall()


def start_again(name):
    """What the ledger says to a worker for this request."""
    return call("Started", "say", name, *trust.numbers(worker.Worker().public), check=False)


def quarantines():
    """The quarantines in the hub's own chain."""
    return [entry for entry in call("Export", "stu", "", "0", "4096") if entry[2] == QUARANTINE]


def test_12_a_restored_database():
    """A device restored to before a run does not run it again, and its next checkpoint reveals it."""
    with trust.network() as network:
        network.nodes.save()
        old = call("Checkpoint", "t", "0")
        network.begin_session()
        request = network.request(*LS)
        name = network.run(request)
        *_, evidence, statement = call("ExportGrowth", "t", "0")
        chain = network.export("device")

        network.nodes.switch("hub")
        network.enroll_hub()
        network.pin(chain)
        cosigned = trust.witness(statement, chain, evidence)
        code, output = audit_of_the_hub(network)
        equal(code, WHOLE, f"the auditor's status before ({output})")

        network.nodes.switch("device")
        network.nodes.restore()
        denied(network.deliver(request), "session_mismatch")
        expect("no request of this id" in start_again(name), "it knows the request")
        _, restored = call("BeginSession")
        short = network.export("restored")

        network.nodes.switch("hub")
        output = call("Witness", "sa(ttqayayay)s", old, "0", "", check=False)
        expect("already knows more" in output, f"the witness replies {output!r} to an old checkpoint")
        expect("quarantine" not in call("GetReplica", "s", DEVICE), "that was enough for a quarantine")
        for _ in range(2):
            output = call("Witness", "sa(ttqayayay)s", restored, "0", "", check=False)
            expect("shorter than a witness has seen it" in output, f"the witness replies {output!r}")
        replica = call("GetReplica", "s", DEVICE)
        equal(replica["quarantine"], "witness_rollback", "why the device is in quarantine")
        equal(replica["checkpoint"], cosigned, "the stored checkpoint")
        equal(len(quarantines()), 1, "the number of quarantine entries")
        world.systemctl("stop", LEDGER)
        equal(proofs(), [("witness_rollback", cosigned, restored)], "the proofs")
        size = len(short.splitlines()) - 1
        code, output = audit_of_the_hub(network)
        equal(code, FORK, f"the auditor's status of the hub's copy ({output})")
        expect(f"FORK at size {size}:" in output, output)
        code, output = network.audit(short, cosigned)
        equal(code, TRUNCATED, f"the auditor's status of the device's chain ({output})")
