# SPDX-License-Identifier: MIT
"""The numbered attacks that are no forged documents (test_forgeries.py): requests beyond the manifest, who
is not the hub, an agent that was taken over, programs that reach for more."""

import base64
import contextlib
import json
import os

from network import FIRST
from test_run import CEILING, REJECTED, ends_as, newest, publish, run
from world import each, equal, eventually, expect

TEMPLATE = """\
operators: ["local:root", "@ana:example.org"]
approvers: ["local:root", ben]
roots: {home: /home, low: /tmp/low, middle: /tmp/middle, high: /tmp/high}
capabilities:
  - run: ls [-l|-la] DIR in home
  - {run: 'find DIR in home -exec touch /tmp/canary ";"', accept_risk: an attack}
  - {run: "yes", timeout_s: 2, max_output: 1000}
  - {run: "sleep 1..60", timeout_s: 60}
  - read: home
  - write: low, ask(reaction)
  - write: middle, ask(message)
  - write: high, ask(signed)
"""
KEY_OF_BEN = "2df04125f0015afb47ce853aef8772094ff9498c14cb1b9e12973c2927da0fa6"  # the seed: 32 times b
PROGRAMS = "programs: [/usr/bin/find, /usr/bin/yes, "
PORT = 51822
RAN = ["req.accepted", "req.started", "req.finished"]
AGENT = f"http://{FIRST}:{PORT}"

# 6: runs on the hub. Sends each text on a connection of its own to the agent; prints the status of the
# response, or 0 for none, once the agent has closed it, and -1 if it does not.
BEGINNING = f"POST /v1/requests HTTP/1.1\r\nHost: {FIRST}\r\nContent-Type: application/json\r\n"
SEND = """
import json, socket, sys
connections = []
for text in json.load(sys.stdin):
    connections.append(socket.create_connection(sys.argv[1].split(":")))
    connections[-1].sendall(text.encode())
for s in connections:
    s.settimeout(120)
    received = b""
    try:
        while piece := s.recv(65536):
            received += piece
    except ConnectionResetError:
        pass
    except OSError:
        received = b"open -1"
    print(int((received.split() + [0, 0])[1]))
"""

# Runs as the agent. Opens $1 connections to the worker's socket; on each sends the messages of $2, and
# prints what it received in all by type.
TAKEN_OVER = """
import collections, json, socket, sys
seen = collections.Counter()
connections = []
for _ in range(int(sys.argv[1])):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(10)
    try:
        s.connect("/run/devbox/worker-exec.sock")
        for message in json.loads(sys.argv[2]):
            s.send(message.encode())
    except OSError as error:
        seen[type(error).__name__] += 1
    connections.append(s)
for s in connections:
    try:
        while data := s.recv(65536):
            seen[chr(data[0])] += 1
    except OSError as error:
        seen[type(error).__name__] += 1
print(json.dumps(seen))
"""

# Where a message was written that decides.
ROOM = ("room", "s", "!r:example.org", "message_id", "s", "$m:example.org")

# Runs as a program of the worker would, in its sandbox, and sends what each attempt failed with.
PROBE = r"""
import ctypes, errno, json, os, socket, subprocess
found = []
libc = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH = 16
def attempt(kind, what, function, *arguments):
    code = "nothing"
    try:
        function(*arguments)
    except OSError as error:
        code = errno.errorcode[error.errno]
    except subprocess.CalledProcessError as error:
        code = f"exit {error.returncode}"
    found.append((kind, what, code))
def write(path):
    open(path, "w").close()
def trace(pid):
    if libc.ptrace(PTRACE_ATTACH, pid, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "")
def attempt_others():
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        if pid in (os.getpid(), os.getppid()):
            continue
        try:
            name = open(f"/proc/{pid}/comm").read().strip()
        except OSError: # it ended meanwhile
            continue
        attempt("signal", name, os.kill, pid, 0)
        attempt("ptrace", name, trace, pid)
def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
for family in ("AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_VSOCK"):
    attempt("socket", family, socket.socket, getattr(socket, family), socket.SOCK_DGRAM)
for path in ("/etc/shadow", "/etc/devbox/config.yaml", "/var/lib/devbox/ledger/ledger.db", "/dev/mem",
             "/proc/kallsyms", "/etc/hostname", "/run/systemd/journal/stdout"):
    attempt("read", path, os.open, path, os.O_RDONLY)
for path in ("/etc/systemd", "/sys/class", "/run/devbox"):
    attempt("read", path, os.stat, path)
for path in ("/dev/shm/x", "/etc/x", "/usr/x", "/home/x", "/home/eve/x", "/run/x", "/var/x", "/sys/x", "/x",
             "/tmp/x", "/var/tmp/x"):
    attempt("write", path, write, path)
attempt("execute", "sh", run, "/usr/bin/sh", "-c", ":")
attempt("execute", "a program in a home", run, "/home/eve/true")
attempt("ld.so", "sh", run, "/lib64/ld-linux-x86-64.so.2", "/usr/bin/sh", "-c", ":")
attempt("call", "memfd_create", os.memfd_create, "x")
attempt("call", "setuid", lambda: os.setuid(0) if os.getuid() else None)
attempt("call", "chroot", os.chroot, "/")
attempt_others()
socket.socket(fileno=3).send(json.dumps(found).encode())
"""
DENIED = {"socket": ["EAFNOSUPPORT"], "read": ["EACCES", "ENOENT"], "write": ["EACCES", "ENOENT", "EROFS"],
          "execute": ["EACCES"], "ld.so": ["exit 127"], "call": ["EPERM"], "signal": ["EPERM"],
          "ptrace": ["EPERM"]}
PROBE_UNIT = """\
[Service]
ExecStart=
ExecStart=/usr/bin/python3 -I -c "import base64; exec(base64.b64decode('@probe@'))"
ExecPaths=+@python@
"""

# Starts a worker that waits for its permit and then, by the unit that is replaced by $1, the probe; prints
# what that sent, and what the worker sent meanwhile.
ASK_PROBE = """
import socket, subprocess, sys
def connect():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect("/run/devbox/worker-exec.sock")
    return s, s.recv(65536)
sibling, _ = connect()
with open(sys.argv[1], "w") as file:
    file.write(sys.stdin.read())
subprocess.run(["systemctl", "daemon-reload"], check=True)
print(connect()[1].decode())
sibling.setblocking(False)
try:
    print("ended", sibling.recv(65536))
except BlockingIOError:
    print("waits")
"""

# Opens $1 connections to the worker's socket, and keeps them.
HOLD = """
import socket, sys
held = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(int(sys.argv[1]))]
for s in held:
    s.connect("/run/devbox/worker-exec.sock")
print("held", flush=True)
sys.stdin.read()
"""
RUNS = 8  # of the agent at a time


def as_user(node, user, *command, **options):
    group = node.run("id", "-g", user).stdout.strip()
    drop = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--"]
    return node.run(*drop, *command, check=False, **options)


def memory_kib(node, unit):
    pid = node.run("systemctl", "show", "-P", "MainPID", unit).stdout.strip()
    return int(node.run("awk", "/^VmRSS:/ { print $2 }", f"/proc/{pid}/status").stdout)


def entries(network, text):
    """The names of the entries about requests in the device's chain that have the text in them."""
    lines = network.home.run("devboxctl", "audit", "show", "--json", "-n", 100000).stdout.splitlines()
    names = [json.loads(line).get("name", "") for line in lines if text in line]
    return [name for name in names if name.startswith("req.")]


def add_ben(network):
    network.hub.put("/root/ben.pub", KEY_OF_BEN)
    network.hub.run(*"devboxctl person add ben --mxid @ben:example.org --key /root/ben.pub".split())


def test_a_manifest_for_them(network):
    network.home.shell(
        "install -d -m 755 /home/eve && echo hello >/home/eve/file && ln -sf /etc/shadow /home/eve/link &&"
        " ln -f /home/eve/file /home/eve/second; rm -f /tmp/canary; cp -L /usr/bin/true /home/eve/true;"
        " install -d -m 777 /tmp/low /tmp/middle /tmp/high"
    )
    add_ben(network)
    publish(network, TEMPLATE, CEILING.replace("programs: [", PROGRAMS))
    equal(run(network, "ls", "/home").returncode, 0, "ls, which it allows")


def test_requests_beyond_the_manifest(network):
    rows = [
        ("20: a shell", ["bash", "-c", "touch /tmp/canary"], "binary_not_allowed"),
        ("22: find with another command", ["find", "/home", "-exec", "id", ";"], "args_denied"),
        ("24: ;", ["ls", ";touch /tmp/canary"], "args_denied"),
        ("25: absolute", ["fs.read", "/etc/shadow"], "path_denied"),
        ("25: a link", ["fs.read", "/home/eve/link"], "path_denied"),
        ("25: a second name", ["fs.read", "/home/eve/second"], "path_denied"),
    ]

    def check(name, words, reason):
        done = run(network, *words)
        request = newest(network)
        equal((done.returncode, done.stdout, request["reason"]), (REJECTED, "", reason), name)
        names = entries(network, request["id"])
        expect(names == ["req.denied"] or names[-1:] == ["req.finished"], f"{name}: {names}")

    each(rows, check)
    equal(network.home.shell("find /tmp -name canary").stdout, "", "the canary")


def test_22_a_program_starts_no_other(network):
    done = run(network, "find", "/home", "-exec", "touch", "/tmp/canary", ";")
    expect("Permission denied" in done.stderr, f"find -exec: {done.stderr}")
    equal(entries(network, newest(network)["id"]), RAN, "the entries")
    found = network.home.shell("find /tmp -name canary").stdout
    equal(found, "", "the canary")


def test_23_35_38_what_a_worker_reaches(network):
    folder = "/run/systemd/system/devbox-worker-exec@.service.d"
    python = network.home.run("readlink", "-f", "/usr/bin/python3").stdout.strip()
    probe = base64.b64encode(PROBE.encode()).decode()
    unit = PROBE_UNIT.replace("@probe@", probe).replace("@python@", python)
    network.home.run("install", "-d", folder)
    try:
        asked = network.home.run("python3", "-c", ASK_PROBE, f"{folder}/90-probe.conf", text=unit)
    finally:
        network.home.shell(f"rm {folder}/90-probe.conf && systemctl daemon-reload")
    found, sibling = asked.stdout.splitlines()
    found = json.loads(found)
    equal([row for row in found if row[2] not in DENIED[row[0]]], [], "what the probe got")
    expect({("signal", "devbox-worker"), ("ptrace", "devbox-worker")} <= {tuple(row[:2]) for row in found},
           f"another worker is not among them: {found}")
    equal(sibling, "waits", "what the other worker does")


def test_36_endless_output(network):
    done = run(network, "yes")
    equal((len(done.stdout), newest(network)["state"]), (1000, "timeout"), "yes")
    eventually("its processes end", lambda: network.home.run("pgrep", "-x", "yes", check=False).returncode)


def test_6_lengths_and_silence(network):
    """Each connection is closed, those without an end after 10 s; the agent does not grow."""
    rows = [
        ("a length of 4 GiB", f"{BEGINNING}Content-Length: 4294967295\r\n\r\n", 413),
        ("a length of 2^64", f"{BEGINNING}Content-Length: 18446744073709551616\r\n\r\n", 413),
        ("a length below 0", f"{BEGINNING}Content-Length: -1\r\n\r\n", 400),
        ("no length", f"{BEGINNING}Connection: close\r\n\r\n", 400),
        ("in chunks", f"{BEGINNING}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        ("half a header, then silence", BEGINNING, 0),
        ("a header, then silence", f"{BEGINNING}Content-Length: 1000000\r\n\r\n", 0),
        ("half a body, then silence", f"{BEGINNING}Content-Length: 1000000\r\n\r\n{'x' * 500000}", 0),
    ]
    equal(run(network, "ls", "/home").returncode, 0, "ls before")
    before, kib = entries(network, ""), memory_kib(network.home, "devbox-agent")
    sent = json.dumps([text for _, text, _ in rows])
    got = network.hub.run("python3", "-c", SEND, f"{FIRST}:{PORT}", text=sent).stdout.split()
    each(rows, lambda name, _, status: equal(int(got.pop(0)), status, f"{name}: the status"))
    grown = memory_kib(network.home, "devbox-agent") - kib
    expect(grown < 1024, f"the agent has grown by {grown} KiB")
    equal(entries(network, ""), before, "the entries about requests")
    equal(run(network, "ls", "/home").returncode, 0, "ls afterwards")


def test_28_a_request_without_the_hub(network):
    """By curl: from the device itself, from the other one, and from the hub, but unsigned."""
    body = '{"request":{"payload":"e30=","payloadType":"x","signatures":[]},"delivery":{}}'
    rows = [(network.home, 0), (network.pc, 0), (network.hub, 400)]

    def check(node, status):
        options = ["-H", "Content-Type: application/json", "-d", body]
        got, text = node.answers(f"{AGENT}/v1/requests", *options, seconds=60 if status else 3)
        equal(got == 0, status == 0, f"{node.name}: {got} {text}")
        expect('"accepted"' not in text, f"{node.name}: {text}")

    before = entries(network, "")
    each(rows, check)
    equal(entries(network, ""), before, "the entries about requests")


def test_an_agent_that_was_taken_over(network):
    rows = [
        ("to run, without anything", ["R"]),
        ("a request and a permit of its own", ["Q{}", "P{}", "R"]),
        ("a cancel", ["C"]),
        ("what there is not", ["X"]),
    ]

    def check(name, messages):
        done = as_user(network.home, "devbox-agent", "python3", "-c", TAKEN_OVER, 1, json.dumps(messages))
        seen = json.loads(done.stdout)
        equal(seen.get("H"), 1, f"{name}: hello")
        expect("Z" not in seen and "O" not in seen, f"{name}: {seen}")

    each(rows, check)
    started = ["say", "00" * 32, "32", *["1"] * 32]
    call = ["busctl", "call", "org.devbox.Ledger1", "/org/devbox/Ledger1", "org.devbox.Ledger1"]
    for method, arguments in (("Started", started), ("Finish", ["sa{sv}", "00" * 32, "0"])):
        done = as_user(network.home, "devbox-agent", *call, method, *arguments)
        expect(done.returncode != 0, f"{method} of what was never accepted: {done.stdout}")


def dispatch(network, method, *arguments):
    """By devbox-matrix."""
    call = ["busctl", "call", "org.devbox.Dispatch1", "/org/devbox/Dispatch1", "org.devbox.Dispatch1"]
    return as_user(network.hub, "devbox-matrix", *call, method, *arguments)


def submit(network, principal, path, *options):
    """A request to write that file, and its id."""
    options = (1 + len(options) // 3, "principal", "s", principal, *options)
    done = dispatch(network, "Submit", "ssasa{sv}", "home-wsl", "fs.write", 2, path, "x", *options)
    return done, done.stdout.removeprefix('s "').rstrip('"\n')


def test_31_an_approval_that_is_taken_back(network):
    """As the message of it is redacted, before the device, which is away, has the request."""
    network.home.run("systemctl", "stop", "devbox-agent.socket", "devbox-agent.service")
    try:
        done, name = submit(network, "@ana:example.org", "/tmp/middle/canary", "may_wait", "b", "true")
        equal(done.returncode, 0, f"Submit: {done.stderr}")
        by_ben = (*ROOM, "principal", "s", "@ben:example.org")
        equal(dispatch(network, "Approve", "sa{sv}", name, 3, *by_ben).returncode, 0, "Approve")
        ends_as(network, "queued")
        equal(dispatch(network, "Withdraw", "sa{sv}", name, 2, *by_ben[3:]).returncode, 0, "Withdraw")
        ends_as(network, "cancelled")
    finally:
        network.home.run("systemctl", "start", "devbox-agent.socket")
    eventually("the device is back", lambda: run(network, "ls", "/home").returncode == 0)
    equal(entries(network, name), [], "the entries about it")
    equal(network.home.shell("find /tmp -name canary").stdout, "", "the canary")


def test_a_matrix_daemon_that_was_taken_over(network):
    """It speaks for any operator and approver, up to the tier message, and for nobody else."""
    reaction, message = (*ROOM, "reaction_id", "s", "$e:example.org"), ROOM

    def check(root, options, approved):
        done, name = submit(network, "@ana:example.org", f"/tmp/{root}/file")
        equal(done.returncode, 0, f"{root}: Submit: {done.stderr}")
        options = ("principal", "s", "@ben:example.org", *options)
        done = dispatch(network, "Approve", "sa{sv}", name, len(options) // 3, *options)
        equal(done.returncode == 0, approved, f"{root}: Approve with {options[3:]}: {done.stderr}")
        if approved:
            remove = ("rm", f"/tmp/{root}/file")
            eventually("the file", lambda: network.home.run(*remove, check=False).returncode == 0)
        else:
            expect("the tier is" in done.stderr, done.stderr)
            dispatch(network, "Cancel", "s", name)

    each(
        [
            ("low", reaction, True),
            ("middle", reaction, False),
            ("middle", message, True),
            ("high", reaction, False),
            ("high", message, False),
        ],
        check,
    )
    done, _ = submit(network, "local:root", "/tmp/low/file")
    expect(done.returncode and "this needs root" in done.stderr, f"as root: {done.stderr}")


def test_another_user(network):
    script = 'import socket; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect("{}")'
    for kind in ("exec", "fsr", "fsw", "docker"):
        path = f"/run/devbox/worker-{kind}.sock"
        done = as_user(network.home, "nobody", "python3", "-c", script.format(path))
        expect("PermissionError" in done.stderr, f"{path}: {done.stderr}")
    call = ["busctl", "call", "org.devbox.Ledger1", "/org/devbox/Ledger1", "org.devbox.Ledger1"]
    done = as_user(network.home, "nobody", *call, "Accept", "ssas", "{}", "{}", "0")
    expect(done.returncode != 0 and "denied" in done.stderr.lower(), f"Accept: {done.stderr}")


def test_37_a_thousand_connections(network):
    done = as_user(network.home, "devbox-agent", "python3", "-c", TAKEN_OVER, 1000, '["R"]')
    seen = json.loads(done.stdout)
    expect("Z" not in seen, f"an end: {seen}")
    state = network.home.run("systemctl", "is-active", "devbox-worker-exec.socket", check=False).stdout
    equal(state.strip(), "active", "the socket")
    eventually("the next request", lambda: run(network, "ls", "/home").returncode == 0)


def test_37_connections_that_are_kept(network):
    """As many as systemd takes: what the hub asks for does not run, and says where to look."""
    group = network.home.run("id", "-g", "devbox-agent").stdout.strip()
    agent = ["setpriv", "--reuid=devbox-agent", f"--regid={group}", "--clear-groups", "--"]
    with network.home.terminal(*agent, "python3", "-c", HOLD, 100) as attacker:
        attacker.expect("held")
        done, request = run(network, "ls", "/home"), newest(network)
        equal((done.returncode, request["reason"]), (REJECTED, "capability_unavailable"), done.stderr)
        equal(entries(network, request["id"]), ["req.accepted", "req.finished"], "the entries")
    eventually("the next request", lambda: run(network, "ls", "/home").returncode == 0)


def test_37_more_requests_than_run_at_a_time(network):
    with contextlib.ExitStack() as stack:
        sleep = ["devboxctl", "run", "home-wsl", "sleep", "50"]
        people = [stack.enter_context(network.hub.terminal(*sleep)) for _ in range(RUNS)]
        count = ["pgrep", "-c", "-x", "sleep"]
        eventually("all run", lambda: network.home.run(*count, check=False).stdout == f"{RUNS}\n")
        done, request = run(network, "ls", "/home"), newest(network)
        equal((done.returncode, request["reason"]), (REJECTED, "busy"), done.stderr)
        equal(entries(network, request["id"]), [], "the entries")
        for person in people:
            os.write(person.fd, b"\x03")
            person.end()
    eventually("the next request", lambda: run(network, "ls", "/home").returncode == 0)
