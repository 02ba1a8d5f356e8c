# SPDX-License-Identifier: MIT
"""The numbered attacks on the workers of home-wsl as they are installed: by who has the files that they read
and write, by what kills them, and by the programs that they run."""

import base64
import collections
import json

from network import SOURCE
from test_attacks import memory_kib
from test_run import newest, publish, run
from world import each, equal, eventually, expect

TEMPLATE = """\
operators: ["local:root"]
roots: {home: /home, race: /srv/attacks/race/root, place: /srv/attacks/place, full: /srv/attacks/full}
capabilities:
  - run: ls [-l|-la] DIR in home
  - {run: misbehave fork|memory|daemon|sleep|signal, timeout_s: 128, accept_risk: an attack}
  - list: race
  - read: race
  - {write: "race, place, full", replace: true}
"""
CEILING = """\
v: 1
capabilities: [shell.exec, fs.list, fs.read, fs.write]
programs: [/usr/bin/ls, /usr/bin/misbehave]
read: [/home, /srv/attacks]
write: [/srv/attacks]
"""
RACE, PLACE, FULL = "/srv/attacks/race", "/srv/attacks/place", "/srv/attacks/full"
SECRET, CHANGED = "what lies outside", "changed"
TIMEOUT, RAN = 124, ["req.accepted", "req.started", "req.finished"]

FILES = f"""
umask 0
rm -rf {RACE} {PLACE}
mkdir -p {RACE}/root/sub {RACE}/root/a/b {RACE}/outside {PLACE} {FULL}
cd {RACE}
printf '{SECRET}' | tee outside/file >outside/secret-name
echo inside | tee root/sub/file >root/a/b/file
ln -s ../outside root/link
ln -s ../../outside/file root/sub/file-link
ln -s .. root/up
ln outside/file root/sub/hard
"""

# 26: exchanges directories and files for links to what lies outside, until it is stopped; then prints how
# often the name of a file led there.
RACER = f"""
import contextlib, ctypes, itertools, os, signal
PAIRS = [("root/sub", "root/link"), ("root/sub/file", "root/sub/file-link"),
         ("root/sub/file", "root/sub/hard"), ("root/a/b", "root/up")]
EXCHANGE, HERE = 2, -100
libc, running, escapes = ctypes.CDLL(None), [True], 0
signal.signal(signal.SIGTERM, lambda *_: running.clear())
os.chdir("{RACE}")
for n in itertools.count():
    one, other = (name.encode() for name in PAIRS[n % 4])
    libc.renameat2(HERE, one, HERE, other, EXCHANGE)
    with contextlib.suppress(OSError):
        os.unlink("root/sub/target")
    with contextlib.suppress(OSError):
        os.link("outside/file", "root/sub/target") if n % 2 else os.symlink("../../outside/file",
                                                                            "root/sub/target")
    with contextlib.suppress(OSError):
        escapes += open("root/sub/file").read() == "{SECRET}"
    if not running:
        break
print(n, escapes)
"""
ROUNDS = 6
RACED = f"""
cd /root
one_round() {{
    ask() {{ devboxctl --json run home-wsl "$@" || :; }}
    for path in sub/file link/file a/b/file; do ask --read {RACE}/root/$path </dev/null; done
    for path in sub a/b up; do ask --list {RACE}/root/$path </dev/null; done
    for path in sub/new sub/target a/b/new; do echo {CHANGED} | ask --replace --write {RACE}/root/$path; done
}}
export -f one_round
seq {ROUNDS} | xargs -P 3 -I@ bash -c one_round
"""

MISBEHAVE = r"""
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void fork_bomb(void)
{
        pid_t first = getpid();
        for (int said = 0;; usleep(1000))
                if (fork() < 0 && getpid() == first && !said++)
                        dprintf(1, "%s\n", strerrorname_np(errno));
}
static void allocate(void)
{
        char *memory = malloc(1 << 30);
        if (memory)
                memset(memory, 1, 1 << 30);
        dprintf(1, "%s\n", memory ? "has it" : strerrorname_np(errno));
        exit(1);
}
static void become_daemon(void)
{
        if (fork() > 0)
                exit(0);
        setsid();
        if (fork() > 0)
                exit(0);
        pause();
}
int main(int argc, char **argv)
{
        switch (argv[1][0]) {
        case 'f': fork_bomb();
        case 'm': allocate();
        case 'd': become_daemon();
        }
        if (strcmp(argv[1], "signal") == 0)
                raise(SIGSEGV);
        pause();
}
"""
RSS_MAX_KIB = 20 * 1024


def trails(network, ids):
    """The names of the entries about each of the requests in the device's chain."""
    lines = network.home.run("devboxctl", "audit", "show", "--json", "-n", 100000).stdout.splitlines()
    found = collections.defaultdict(list)
    for line in lines:
        for name in ids:
            if name in line:
                found[name].append(json.loads(line)["name"])
    return found


def write(network, path, text):
    return run(network, "--replace", "--write", path, text=text)


def content(network, path):
    return network.home.run("cat", path).stdout


def test_a_manifest_for_them(network):
    network.home.shell(FILES)
    network.home.run("gcc", "-D_GNU_SOURCE", "-xc", "-o", "/usr/bin/misbehave", "-", text=MISBEHAVE)
    publish(network, TEMPLATE, CEILING)
    equal(run(network, "ls", "/home").returncode, 0, "ls, which it allows")


def test_26_names_that_change_meanwhile(network):
    network.home.run("tee", "/root/racer.py", text=RACER)
    network.home.run(*"systemd-run -q --unit=racer python3 /root/racer.py".split())
    try:
        lines = network.hub.shell(RACED, seconds=900).stdout.splitlines()
    finally:
        network.home.run("systemctl", "stop", "racer")
    said = network.home.shell("journalctl --sync; journalctl -o cat -u racer").stdout.splitlines()
    exchanges, escapes = next(map(int, line.split()) for line in reversed(said) if line[:1].isdigit())
    print(f"# {len(lines)} requests, {exchanges} exchanges", flush=True)

    ends = [json.loads(line) for line in lines]
    for end in ends:
        shown = base64.b64decode(end["stdout_b64"]).decode()
        expect(SECRET not in shown and "secret-name" not in shown, f"escaped: {end}")
    equal(content(network, f"{RACE}/outside/file"), SECRET, "the file outside")
    found = network.home.shell(f"grep -rl {CHANGED} {RACE}/outside; ls -d {RACE}/new", check=False).stdout
    equal(found, "", "what was written outside")
    became = collections.Counter((end["state"], end.get("reason"), end.get("exit_code")) for end in ends)
    expect(min(became["finished", None, 0], escapes) > 0 and any("path_denied" in key for key in became),
           f"it was no race: {became}, {escapes} times by name")
    equal(len(ends), 9 * ROUNDS, f"answers, of {became}")
    names = trails(network, {end["id"] for end in ends})
    equal([trail for trail in names.values() if trail != RAN], [], "the entries about them")


def test_27_planted_links(network):
    target = f"{RACE}/outside/file"
    for how in ("-s", ""):
        network.home.shell(f"ln -f {how} {target} {PLACE}/planted")
        equal(write(network, f"{PLACE}/planted", "mine").returncode, 0, f"ln {how}: run --write")
        equal(content(network, f"{PLACE}/planted"), "mine", f"ln {how}: what was written")
        equal(content(network, target), SECRET, f"ln {how}: the target")
        expect(network.home.run("test", "-L", f"{PLACE}/planted", check=False).returncode, "a link")
    equal(run(network, "--write", f"{PLACE}/planted", text="new").returncode, 1, "without --replace")
    equal(content(network, f"{PLACE}/planted"), "mine", "what is there")
    equal(list(trails(network, [newest(network)["id"]]).values()), [RAN], "the entries")


def test_27_a_full_disk(network):
    network.home.shell(f"mountpoint -q {FULL} || mount -t tmpfs -o size=64k,mode=777 tmpfs {FULL}")
    equal(write(network, f"{FULL}/note", "old").returncode, 0, "what fits")
    done = write(network, f"{FULL}/note", "x" * 200000)
    equal((done.returncode, newest(network)["state"]), (1, "finished"), "what does not")
    expect("No space left on device" in done.stderr, done.stderr)
    equal(content(network, f"{FULL}/note"), "old", "the file")
    equal(network.home.run("ls", "-A", FULL).stdout, "note\n", "what is beside it")
    network.home.run("umount", FULL)


def test_27_a_writer_that_is_killed(network):
    """Before each call that leaves a trace, until it sends its end: then there are two files, one after the
    other, and nothing else after the next."""
    folder, counter = "/run/systemd/system/devbox-worker-fsw@.service.d", "/srv/attacks/kill-at"
    old, new, note = "old" * 1000, "new" * 60000, f"{PLACE}/note"
    network.home.shell(
        f"rm -f {PLACE}/*; install -m 666 /dev/null {counter} && install -d {folder} &&"
        f" gcc -D_GNU_SOURCE -shared -fPIC -o /usr/lib/kill-at.so {SOURCE}/tests/bus/kill-at.c &&"
        f" printf '[Service]\\nEnvironment=LD_PRELOAD=/usr/lib/kill-at.so KILL_AT={counter}\\n'"
        f" >{folder}/90-kill.conf && systemctl daemon-reload"
    )

    def killed_at(call):
        """Whether the worker had so many calls; and what is in the file."""
        arm = "import struct, sys; open(sys.argv[1], 'wb').write(struct.pack('i', int(sys.argv[2])))"
        network.home.run("python3", "-c", arm, counter, 0)
        equal(write(network, note, old).returncode, 0, "the old content")
        equal(network.home.run("ls", "-A", PLACE).stdout, "note\n", "what is beside it")
        network.home.run("python3", "-c", arm, counter, call)
        done, request = write(network, note, new), newest(network)
        if done.returncode:  # before its first message, it has not started
            became = "failed" if call == 1 else "interrupted_unknown"
            equal(request["state"], became, f"killed before call {call}")
        expect(content(network, note) in (old, new), f"killed before call {call}: part of a file")
        names = trails(network, [request["id"]])[request["id"]]
        expect(names[:1] == RAN[:1] and len(names) == len(set(names)), f"entries: {names}")
        return done.returncode != 0, content(network, note)

    found, killed = [], True
    try:
        while killed:
            killed, text = killed_at(len(found) + 1)
            found.append(text)
    finally:
        network.home.shell(f"rm -r {folder} /usr/lib/kill-at.so && systemctl daemon-reload")
    print(f"# {len(found) - 1} kills, {found.count(old)} before the rename", flush=True)
    expect(found.count(old) >= 4 and found.count(new) >= 2, "calls are missing")


def left_of_users(network):
    """Processes of the workers' users of their own: systemd(1), 61184 to 65519."""
    lines = network.home.run("ps", "-A", "-o", "uid=,comm=").stdout.splitlines()
    return [line for line in lines if 61184 <= int(line.split()[0]) <= 65519]


def others_run_meanwhile(network):
    """While there is something left of the newest request; it has not ended before."""
    eventually("fork", lambda: left_of_users(network) or newest(network)["state"] == "timeout")
    equal(run(network, "ls", "/home").returncode, 0, "ls beside fork")
    return bool(left_of_users(network))


def test_36_programs_that_do_not_behave(network):
    """And one that ends by a signal: each has its code, nothing of it is left, and others run meanwhile, if
    need be of one that has more time."""
    meanwhile = False
    rows = [
        (["fork", "--timeout", "6"], TIMEOUT, "timeout", "EAGAIN"),
        (["fork", "--timeout", "30"], TIMEOUT, "timeout", "EAGAIN"),
        (["fork", "--timeout", "120"], TIMEOUT, "timeout", "EAGAIN"),
        (["memory"], 1, "finished", "ENOMEM"),
        (["daemon"], 0, "finished", ""),
        (["sleep", "--timeout", "1"], TIMEOUT, "timeout", ""),
        (["signal"], 128 + 11, "finished", ""),
    ]

    def check(words, status, state, said):
        nonlocal meanwhile
        word, *options = words
        if word == "fork" and meanwhile:
            return
        with network.hub.terminal("devboxctl", "run", *options, "home-wsl", "misbehave", word) as person:
            if word == "fork":
                meanwhile = others_run_meanwhile(network)
            equal(person.end(), status, f"{word}: {person.screen!r}")
        expect(said in person.screen, f"{word}: {person.screen!r}")
        ended = network.hub.run("devboxctl", "--json", "requests", "--lines", 2).stdout
        request = json.loads(ended)["requests"][word == "fork"]
        equal(request["state"], state, word)
        equal(trails(network, [request["id"]])[request["id"]], RAN, f"{word}: the entries")
        eventually(f"{word}: nothing is left", lambda: not left_of_users(network))

    each(rows, check)
    expect(meanwhile, "ls ran after fork, not beside it")
    used = memory_kib(network.home, "devbox-agent")
    expect(used < RSS_MAX_KIB, f"the agent has {used} KiB")
    equal(run(network, "ls", "/home").returncode, 0, "ls afterwards")
