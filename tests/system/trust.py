# SPDX-License-Identifier: MIT
"""A small network in one machine, made with the installed programs only: an operator, a device that accepts
them, a hub that witnesses it. Each node is a ledger with a state folder of its own; one of them is up. Only
the dispatcher's signatures are made here (tests/second), because its program is still to come."""

import contextlib
import json
import os
import pathlib
import re
import secrets
import shutil
import tempfile
import time

import agent
import ed25519
import second
import worker
import world
from world import GUEST, SOURCE, equal, expect, run

LEDGER = "devbox-ledger.service"
INTERFACE = "org.devbox.Ledger1"
STATE = pathlib.Path("/var/lib/devbox/ledger")
CEILING = pathlib.Path("/etc/devbox/ceiling.yaml")
DEVICE = "laptop"  # as devbox-ledger(8) calls it
ANA = "@ana:example.org"
PASSPHRASE = "a long one for the ring"

MANIFEST = """\
device: {device}
dev_pub: {key}
operators:
  - mxid: "{ana}"
approvers: []
dispatchers:
  - pub: {dispatcher}
    not_after: 30d
attesters: []
roots:
  - {{name: home, path: /home}}
capabilities:
  - name: shell.exec
    id: ls-home
    approval: none
    bin: /usr/bin/ls
    argv: ["--", {{path: {{root: home}}}}]
"""
CEILING_TEXT = "v: 1\ncapabilities: [shell.exec]\nprograms: [/usr/bin/ls]\nread: [/home]\n"


def shell(script, folder, **variables):
    """Runs a script of bash, in a session without a terminal."""
    settings = [f"{name}={value}" for name, value in variables.items()]
    command = f"set -eu; cd {folder}; {script}"
    return run("setsid", "--wait", "env", *settings, "bash", "-c", command).stdout


def call(member, *arguments, check=True):
    """What the ledger answers root: plain values, dictionaries without their types."""
    result = run(
        "busctl", "--json=short", "call", INTERFACE, "/org/devbox/Ledger1", INTERFACE, member, *arguments,
        check=check,
    )  # fmt: skip
    if result.returncode or not result.stdout.strip():
        return result.stderr.strip()
    data = json.loads(result.stdout)["data"]
    if isinstance(data[0], dict):
        return {name: value["data"] for name, value in data[0].items()}
    return data[0] if len(data) == 1 else data


def numbers(data):
    """Bytes as busctl takes them."""
    return [str(len(data)), *map(str, data)]


# ---- envelopes


def envelope_type(document):
    return f"application/vnd.devbox.{document}.v1+json"


def digest(text):
    """The digest of a signed document."""
    envelope = second.envelope(text)
    return second.digest(envelope.type, envelope.payload).hex()


def signed(seed, document, content):
    return second.signed(seed, envelope_type(document), content)


# ---- nodes


class Nodes:
    """Several ledgers in turns. STATE belongs to the one that is up; the others wait beside it."""

    def __init__(self):
        self.up = "before"

    def place(self, name):
        return STATE.with_name(f"ledger-of-{name}")

    def switch(self, name):
        if name == self.up:
            return
        world.systemctl("stop", LEDGER)
        if STATE.exists():
            STATE.rename(self.place(self.up))
        if self.place(name).exists():
            self.place(name).rename(STATE)
        self.up = name

    def save(self):
        """Keeps a copy of the database of the node that is up, as a backup would."""
        world.systemctl("stop", LEDGER)
        expect(not list(STATE.glob("ledger.db-*")), "a stopped ledger left more than its database")
        shutil.copy2(STATE / "ledger.db", STATE.with_name(f"ledger.db-of-{self.up}"))

    def restore(self):
        """Puts that copy in its place, with the owner it had."""
        world.systemctl("stop", LEDGER)
        database = STATE / "ledger.db"
        before = database.stat()
        database.unlink()
        STATE.with_name(f"ledger.db-of-{self.up}").rename(database)
        os.chown(database, before.st_uid, before.st_gid)

    def remove(self, *names):
        self.switch("before")
        for name in names:
            shutil.rmtree(self.place(name), ignore_errors=True)
            STATE.with_name(f"ledger.db-of-{name}").unlink(missing_ok=True)


class Network:
    def __init__(self, folder):
        self.folder, self.nodes = folder, Nodes()
        self.dispatcher = secrets.token_bytes(32)
        self.session, self.counter, self.manifest = None, 0, None
        self.agent = agent.Agent()

    def path(self, name):
        return self.folder / name

    def make(self):
        """An operator, and a device that has accepted root and manifest."""
        self.nodes.switch("hub")
        self.witness = bytes(call("GetStatus")["key"])
        self.nodes.switch("device")
        self.key = bytes(call("GetStatus")["key"])
        init = f"devboxctl operator init --dir . --witness {self.witness.hex()} --passphrase-fd 5"
        shown = shell(f"{init} 5<<<'{PASSPHRASE}'", self.folder)
        self.root_sha256 = re.search(r"^sha256 +([0-9a-f]{64})$", shown, re.M)[1]
        self.write_manifest()
        self.enroll_as_the_manual_says()
        self.begin_session()

    def write_manifest(self):
        """One for the key that the device has, which follows the one before, if there is one."""
        dispatcher = ed25519.public(self.dispatcher).hex()
        content = MANIFEST.format(device=DEVICE, key=self.key.hex(), ana=ANA, dispatcher=dispatcher)
        self.path("laptop.yaml").write_text(content)
        sign = "devboxctl manifest sign laptop.yaml --dir . -o laptop.json --passphrase-fd 5"
        if self.manifest:
            shell("mv laptop.json previous.json", self.folder)
            sign += " --previous previous.json"
        shell(f"{sign} 5<<<'{PASSPHRASE}'", self.folder)
        made = self.path("laptop.json").read_text()
        self.manifest = {"sha256": digest(made)}
        for key in ("epoch", "version"):
            self.manifest[key] = json.loads(second.envelope(made).payload)[key]

    def rotate(self):
        """The operator gets a new key, and the device a manifest that is signed with it."""
        twice = rf"{PASSPHRASE}\n{PASSPHRASE}"
        shell(f"devboxctl operator rotate --dir . --passphrase-fd 5 5<<<$'{twice}'", self.folder)
        call("InstallRoot", "s", self.path("root.json").read_text())
        self.write_manifest()
        call("InstallManifest", "s", self.path("laptop.json").read_text())

    def lose_key(self):
        """The device has lost its key, creates another, and the operator signs for that one."""
        world.systemctl("stop", LEDGER)
        (STATE / "identity").unlink()
        self.key = bytes(call("GetStatus")["key"])
        self.write_manifest()
        call("InstallManifest", "s", self.path("laptop.json").read_text())

    def enroll_as_the_manual_says(self):
        page = (SOURCE / "man/devbox-ledger.8").read_text()
        section = page.split(".Ss Taking root and manifest\n")[1]
        script = re.search(r"^\.Bd .*?\n(.*?)^\.Ed$", section, re.M | re.S)[1].replace(r"\e", "\\")
        output = shell(f"{script}\ndevboxctl device key", self.folder)
        equal(output.splitlines()[-1], self.key.hex(), "the device's key, as the manual shows it")

    def begin_session(self):
        session, _ = call("BeginSession")
        self.session, self.counter = bytes(session).hex(), 0

    def request(self, *argv, seed=None, **other):
        """A signed request of the dispatcher."""
        now = int(time.time() * 1000)
        content = {
            "v": 1,
            "request_id": "01K75A3Q" + f"{secrets.randbelow(10**18):018}",
            "device": DEVICE,
            "manifest": self.manifest,
            "capability": "shell.exec",
            "args": {"argv": list(argv)},
            "nonce": secrets.token_hex(16),
            "issued_at": now,
            "expires_at": now + 60000,
            "origin": {"mxid": ANA},
        }
        return signed(seed or self.dispatcher, "request", content | other)

    def deliver(self, request):
        """The answer of the device to a new delivery of it."""
        self.counter += 1
        content = {"v": 1, "device": DEVICE, "session": self.session, "ctr": self.counter}
        delivery = signed(self.dispatcher, "delivery", content | {"request_sha256": digest(request)})
        return self.agent.accept(request, delivery)

    def run(self, request):
        """The reports of the agent about a request that it runs; returns its id."""
        name = accepted(self.deliver(request))
        self.finish(name, self.start(name))
        return name

    def start(self, name):
        """A worker that got the permit for this request."""
        runner = worker.Worker()
        permit = call("Started", "say", name, *numbers(runner.public))
        expect(runner.open(permit, self.key), "the permit is by the device, for this worker")
        return runner

    def finish(self, name, runner, out=b""):
        """The result of a request that printed this."""
        outcome = ("end", "ay", *numbers(runner.end(out=out)), "stdout", "ay", *numbers(out))
        return call("Finish", "sa{sv}", name, "2", *outcome)

    # ---- the hub

    def pin(self, chain):
        """The hub learns whose chain this is."""
        identity = json.loads(chain.splitlines()[0])
        chain_id = bytes.fromhex(identity["chain_id"])
        call("Pin", "sayay", DEVICE, *numbers(chain_id), *numbers(self.key))

    def ask_witness(self, chain):
        """Has the hub countersign all of the device's chain; the hub is up then."""
        *_, evidence, statement = call("ExportGrowth", "t", "0")
        self.nodes.switch("hub")
        self.pin(chain)
        return witness(statement, chain, evidence)

    def enroll_hub(self):
        """A hub with a chain of its own, which records its checkpoints."""
        root = self.path("root.json").read_text()
        sha256 = bytes.fromhex(self.root_sha256)
        chain_id = secrets.token_bytes(16)
        call("Enroll", "saysaya{sv}", "hub", *numbers(chain_id), root, *numbers(sha256), "0")

    # ---- history

    def export(self, name):
        """Chain, statements and evidence of the node that is up, from its files; its ledger need not run."""
        export = (f"devboxctl audit export --device {DEVICE} -o {name}.jsonl"
                  f" --checkpoints {name}.checkpoints --evidence {name}.evidence")
        shell(f"rm -f {name}.jsonl {name}.checkpoints {name}.evidence; {export}", self.folder)
        return self.path(f"{name}.jsonl").read_bytes()

    def roots(self):
        """Every root there was, as auditors take them."""
        names = [f"{n}.root.json" for n in range(1, self.manifest["epoch"] + 1)]
        return "".join(self.path(name).read_text().strip() + "\n" for name in names)

    def audit(self, chain, *statements, **more):
        return audit(self.roots(), chain, *statements, **more)

    def statements(self, name):
        return self.path(f"{name}.checkpoints").read_text().splitlines()


def audit(roots, chain, *statements, evidence=None, options=()):
    """Exit status and words of the auditor: another user, with the roots and these files only."""
    with tempfile.TemporaryDirectory() as place:
        files = {"chain": chain, "roots": roots.encode()}
        files["statements"] = "".join(f"{text.strip()}\n" for text in statements).encode()
        files["evidence"] = evidence or b""
        for name, content in files.items():
            (pathlib.Path(place) / name).write_bytes(content)
        run("chown", "-R", GUEST, place)
        words = ["--db", f"{place}/chain", "--root", f"{place}/roots", *options]
        if statements:
            words += ["--checkpoints", f"{place}/statements"]
        if evidence is not None:
            words += ["--evidence", f"{place}/evidence"]
        done = run("devboxctl", "audit", "verify", *words, user=GUEST, check=False)
        return done.returncode, (done.stdout + done.stderr).strip()


def entries(chain):
    """An exported chain as the type a(ttqayayay) of busctl."""
    rows = [json.loads(line) for line in chain.decode().splitlines()[1:]]
    words = [str(len(rows))]
    for row in rows:
        words += [str(row["seq"]), str(row["ts_ms"]), str(row["type"]), *numbers(row["body"].encode())]
        words += numbers(bytes.fromhex(row["prev"])) + numbers(bytes.fromhex(row["hash"]))
    return words


def witness(statement, chain, evidence):
    """What the hub answers a device whose whole chain it sees for the first time."""
    return call("Witness", "sa(ttqayayay)s", statement, *entries(chain), evidence)


@contextlib.contextmanager
def network():
    """One with an enrolled device; the machine as before afterwards."""
    expect(not CEILING.exists(), f"{CEILING} is there already")
    config = world.CONFIG.read_text()
    call("GetStatus")
    with tempfile.TemporaryDirectory() as place:
        made = Network(pathlib.Path(place))
        try:
            world.CONFIG.write_text(config + "\nledger:\n  trust_clock: true\n")  # not synchronised here
            CEILING.write_text(CEILING_TEXT)
            CEILING.chmod(0o644)
            made.make()
            yield made
        finally:
            CEILING.unlink(missing_ok=True)
            world.CONFIG.write_text(config)
            made.nodes.remove("hub", "device")


def accepted(answer):
    equal((answer["outcome"], answer.get("entry")), ("accepted", "ls-home"), "the answer")
    return answer["request_id"]


def denied(answer, reason):
    equal((answer["outcome"], answer.get("reason")), ("denied", reason), "the answer")
    return answer["message"]
