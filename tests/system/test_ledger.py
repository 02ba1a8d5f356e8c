# SPDX-License-Identifier: MIT
"""The ledger as it is installed: woken by the bus, alone with its files, for those it is meant for."""

import pathlib
import shutil
import stat

import world
from world import GUEST, MEMBER, each, equal, expect

LEDGER = "devbox-ledger.service"
STATE = pathlib.Path("/var/lib/devbox/ledger")
INTERFACE = "org.devbox.Ledger1"


def call(member, *arguments, user=None):
    return world.bus_call("Ledger1", INTERFACE, member, *arguments, user=user, check=False)


def test_the_bus_wakes_it():
    world.systemctl("stop", LEDGER)
    equal(call("GetStatus").returncode, 0, "GetStatus of a sleeping ledger")
    equal(world.state(LEDGER), "active", "the ledger's state")


def test_its_files_are_its_own():
    call("GetStatus")
    equal(stat.S_IMODE(STATE.stat().st_mode), 0o700, "the mode of its folder")
    for path in STATE.iterdir():
        mode = 0o644 if path.name == "identity.pub" else 0o600  # the public key, for the workers
        equal((path.owner(), stat.S_IMODE(path.stat().st_mode)), ("devbox-ledger", mode), str(path))
    before = (STATE / "identity").read_bytes()
    world.systemctl("restart", LEDGER)
    equal((STATE / "identity").read_bytes() == before, True, "the key is the same after a restart")


def test_its_key_can_be_a_credential():
    """As in the manual; a key that must be decrypted first is the same key."""
    identity, sealed = STATE / "identity", pathlib.Path("/etc/devbox/identity.cred")
    key = call("GetStatus").stdout
    kept = identity.read_bytes()
    world.run("systemd-creds", "encrypt", "--with-key=host", "--name=identity", str(identity), str(sealed))
    try:
        identity.unlink()
        with world.drop_in(LEDGER, f"[Service]\nLoadCredentialEncrypted=identity:{sealed}\n"):
            world.systemctl("restart", LEDGER)
            equal(call("GetStatus").stdout, key, "the status, which has the key")
            expect(not identity.exists(), "the ledger made another key")
    finally:
        identity.write_bytes(kept)
        identity.chmod(0o600)
        shutil.chown(identity, "devbox-ledger", "devbox-ledger")
        sealed.unlink()
        world.systemctl("restart", LEDGER)


def test_its_state_behind_a_symbolic_link():
    """On another disk, for example."""
    parent, moved = STATE.parent, pathlib.Path("/var/lib/devbox-elsewhere")
    key = call("GetStatus").stdout
    world.systemctl("stop", LEDGER)
    parent.rename(moved)
    try:
        parent.symlink_to(moved)
        equal(call("GetStatus").stdout, key, "the status, which has the key")
        shown = world.run("devboxctl", "audit", "show", check=False)
        expect(shown.returncode == 0 or "not enrolled" in shown.stderr, f"audit show: {shown.stderr}")
    finally:
        world.systemctl("stop", LEDGER)
        parent.unlink()
        moved.rename(parent)


def test_a_key_that_others_may_read():
    identity, journal = STATE / "identity", world.Journal()
    world.systemctl("stop", LEDGER)
    identity.chmod(0o644)
    try:
        expect(call("GetStatus").returncode != 0, "it answers with a key that others may read")
        message = f"{identity}: others may read or write it; run: chmod 0600 {identity}"
        world.eventually("the journal names the command", lambda: any(
            message in entry["MESSAGE"] for entry in journal.entries(_SYSTEMD_UNIT=LEDGER)))
    finally:
        identity.chmod(0o600)
        world.systemctl("restart", LEDGER)
    equal(call("GetStatus").returncode, 0, "GetStatus once it is repaired")


def test_who_may_call():
    """A rejection for another reason shows that the call was authorised."""
    rows = [
        ("GetStatus", None, True),
        ("GetStatus", MEMBER, True),
        ("GetStatus", GUEST, False),
        ("BeginSession", MEMBER, False),
        ("BeginSession", "devbox-agent", True),
        ("BeginSession", "devbox-dispatch", False),
        ("AcceptClock", "devbox-agent", False),
        ("AcceptClock", None, True),
        ("Reload", MEMBER, False),
        ("Reload", "devbox-agent", False),
        ("Reload", None, True),
    ]

    def check(member, user, allowed):
        result = call(member, user=user)
        refused = "Access denied" in result.stderr or "for another user" in result.stderr
        equal(not refused, allowed, f"{member} for {user or 'root'}: {result.stderr.strip()}")

    each(rows, check)


def test_reload_reads_the_ceiling():
    ceiling = pathlib.Path("/etc/devbox/ceiling.yaml")
    expect(not ceiling.exists(), f"{ceiling} is there already")
    call("GetStatus")
    ceiling.write_text("v: 1\nprograms: [ls]\n")
    ceiling.chmod(0o644)
    try:
        world.systemctl("reload", LEDGER)
        world.eventually(
            "the journal names the line",
            lambda: "ceiling.yaml:2: programs"
            in world.run("journalctl", "-u", LEDGER, "-o", "cat", "--no-pager").stdout,
        )
    finally:
        ceiling.unlink()
        world.systemctl("reload", LEDGER)


def test_it_waits_for_little_memory():
    world.awake(), world.collector_awake()  # with which it shares its libraries
    call("GetStatus")
    rollup = pathlib.Path(f"/proc/{world.running(LEDGER)}/smaps_rollup").read_text()
    pss = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    expect(pss < 3 * 1024, f"the idle ledger takes {pss} KiB, more than 3 MiB")
