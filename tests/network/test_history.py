# SPDX-License-Identifier: MIT
"""The numbered attacks by whoever has the device's disk, its clock or its processes: a database that is put
back, changed or cut, a used approval that it forgets, a clock that is set back, and kills."""

import random
import time

from network import FIRST, PASSPHRASE
from test_forgeries import BUILD, files, prepare
from test_run import newest, publish, run
from world import each, equal, eventually, expect

TEMPLATE = """\
operators: ["local:root", ben]
approvers: ["local:root", ben]
limits: {skew_s: 1}
roots: {home: /home, free: /srv/attacks/free, middle: /srv/attacks/middle}
capabilities:
  - run: ls [-l|-la] DIR in home
  - write: free
  - write: middle, ask(message)
"""
CEILING = """\
v: 1
capabilities: [shell.exec, fs.read, fs.write]
programs: [/usr/bin/df, /usr/bin/ls]
read: [/home, /var/log]
write: [/srv/attacks]
"""
DATABASE = "/var/lib/devbox/ledger/ledger.db"
FORGET = f"""python3 -c 'import sqlite3
with sqlite3.connect("{DATABASE}") as database:
    database.execute("DELETE FROM request")'"""
KEPT = "/run/attacker.bundle"
AN_HOUR_AHEAD = """
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *time)
{
        long r = syscall(SYS_clock_gettime, clock, time);
        if (r == 0 && clock == CLOCK_REALTIME)
                time->tv_sec += 3600;
        return (int) r;
}
"""
OK, UNWITNESSED, TRUNCATED, BROKEN = 0, 3, 4, 6

# A copy of a database in use, changed by SQL.
CHANGE = """
import sqlite3, sys
copy = sqlite3.connect(sys.argv[2])
sqlite3.connect(sys.argv[1]).backup(copy)
copy.executescript("DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete;" + sys.argv[3])
"""


def attacker(network, *words):
    command = [f"{BUILD}/tests/network/attacker", "home-wsl", f"{FIRST}:51822", *words]
    done = network.hub.run(*command, check=False, text=PASSPHRASE)
    expect(done.returncode == 0, f"{done.stdout} {done.stderr}")
    for path in files(network, "control"):
        path.unlink()


def sent_again(network, how, code):
    attacker(network, how, KEPT, code)
    equal(files(network, "c*"), [], "what it made")


def allowed(network):
    return run(network, "ls", "/home").returncode == 0


def ledger(network, script):
    """Runs a script while the device's ledger is off."""
    with network.home.without("devbox-ledger"):
        network.home.shell(script)


def change(network, sql, database=DATABASE, copy=DATABASE):
    network.home.run("python3", "-c", CHANGE, database, copy, sql)


def witnessed(network):
    def all_of_it():
        run(network, "ls", "/home")
        chain = network.chains()["home-wsl"]
        return chain if chain["outcome"] == "OK" else None

    return eventually("the hub has witnessed the chain", all_of_it)


def test_a_manifest_for_them(network):
    prepare(network)
    publish(network, TEMPLATE, CEILING)
    expect(allowed(network), "ls, which it allows, did not run")


def test_31_an_approval_that_is_used_twice(network):
    """The device forgets the request, but not the approval."""
    attacker(network, 31, KEPT)
    ledger(network, FORGET)
    sent_again(network, "again", "approval_reused")


def test_39_a_changed_database(network):
    """The auditor names the entry, or that the end is missing."""
    witnessed(network)
    export = "devboxctl audit export --device home-wsl -o /root/chain --checkpoints /root/checkpoints"
    network.hub.shell(f"rm -f /root/chain /root/checkpoints; {export}")
    for path in ("/root/checkpoints", network.roots()):
        network.home.put(f"/root/{path.split('/')[-1]}", network.hub.run("cat", path).stdout)
    verify = "devboxctl audit verify --root /root/roots.json --db /root/copy.db".split()
    rows = [
        ("", ["--checkpoints", "/root/checkpoints"], OK, "OK"),
        ("", [], UNWITNESSED, "UNWITNESSED"),
        ("UPDATE audit SET body = CAST('{}' AS BLOB) WHERE seq = 9", [], BROKEN, "entry 9"),
        ("DELETE FROM audit WHERE seq = 9", [], BROKEN, "entry 9"),
        ("UPDATE audit SET seq = -1 WHERE seq = 9; UPDATE audit SET seq = 9 WHERE seq = 10;"
         "UPDATE audit SET seq = 10 WHERE seq = -1", [], BROKEN, "entry 9"),
        ("DELETE FROM audit WHERE seq > 20", ["--checkpoints", "/root/checkpoints"], TRUNCATED, "TRUNCATED"),
        ("UPDATE state SET value = zeroblob(16) WHERE key = 'chain_id'", [], BROKEN, "entry 0"),
    ]

    def check(sql, options, status, words):
        network.home.run("rm", "-f", "/root/copy.db")
        change(network, sql, copy="/root/copy.db")
        done = network.home.run(*verify, *options, check=False)
        equal(done.returncode, status, f"{sql or 'nothing'}: {done.stdout} {done.stderr}")
        expect(words in done.stdout + done.stderr, f"{sql}: {done.stdout} {done.stderr}")

    each(rows, check)


def test_39_killed(network):
    """Each request runs once at most, and the chain is whole."""
    names = []
    for number, unit in enumerate(("agent", "ledger", "agent", "ledger")):
        write = f"echo x | devboxctl run home-wsl --write /srv/attacks/free/k{number}"
        with network.hub.terminal("bash", "-c", write) as person:
            time.sleep(random.uniform(0, 0.3))
            network.home.run("systemctl", "kill", "-s", "KILL", f"devbox-{unit}.service", check=False)
            person.end()
        names.append(newest(network)["id"])
    eventually("the device is back", lambda: allowed(network))
    shown = network.home.run("devboxctl", "audit", "show", "-n", 100000).stdout.splitlines()
    for name in names:
        started = [line for line in shown if name in line and "req.started" in line]
        expect(len(started) <= 1, f"started more than once: {started}")
    witnessed(network)


def test_13_a_clock_that_is_set_back(network):
    """An hour ahead, as far as the ledger sees; then it is right again."""
    drop = "/run/systemd/system/devbox-ledger.service.d"
    network.home.put("/root/ahead.c", AN_HOUR_AHEAD)
    network.home.shell(
        f"gcc -shared -fPIC -o /usr/lib/ahead.so /root/ahead.c && install -d {drop} &&"
        f" printf '[Service]\\nEnvironment=LD_PRELOAD=/usr/lib/ahead.so\\n' >{drop}/ahead.conf &&"
        " systemctl daemon-reload && systemctl restart devbox-ledger"
    )
    try:
        attacker(network, 13, KEPT)
    finally:
        network.home.shell(
            f"rm -r {drop} /usr/lib/ahead.so && systemctl daemon-reload")
        ledger(network, FORGET)
    sent_again(network, "again", "clock_rollback")
    expect(not allowed(network) and newest(network)["reason"] == "clock_rollback", "a request was allowed")
    network.home.run("devboxctl", "device", "accept-clock")
    eventually("what is issued from now on", lambda: allowed(network))
    witnessed(network)


def test_12_a_restored_database(network):
    """What ran after the copy does not run again, and the hub notices."""
    ledger(network, f"cp -p {DATABASE} {DATABASE}.before")
    attacker(network, 12, KEPT)
    witnessed(network)
    ledger(network, f"cp -p {DATABASE} {DATABASE}.after && mv {DATABASE}.before {DATABASE}")
    sent_again(network, "replay", "session_mismatch")
    run(network, "ls", "/home")
    fleet = ["devboxctl", "--json", "fleet"]
    eventually("the quarantine", lambda: "witness_rollback" in network.hub.run(*fleet).stdout)
    equal(network.chains()["home-wsl"]["outcome"], "FORK", "what the auditor says")
    ledger(network, f"mv {DATABASE}.after {DATABASE}")
