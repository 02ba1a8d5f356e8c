# SPDX-License-Identifier: MIT
"""devbox-matrix under its unit: names, certificates and a homeserver are reached through the sandbox."""

import contextlib
import http.server
import json
import pathlib
import socket
import ssl
import struct
import threading

import world
from world import GUEST, MEMBER, each, equal, eventually, expect, run, systemctl

MATRIX = "devbox-matrix.service"
STATE = pathlib.Path("/var/lib/devbox/matrix")
NAME, USER = "matrix.ring.test", "@devbox:matrix.ring.test"
SECRET = "a password that is in no log"
AUTHORITY = pathlib.Path("/usr/local/share/ca-certificates/ring.crt")
RESOLVER = pathlib.Path("/etc/resolv.conf")


def call(member, *arguments, **options):
    return world.bus_call("Matrix1", "org.devbox.Matrix1", member, *arguments, **options)


def log_in(**options):
    return call("Login", "ssss", "", USER, "password", SECRET, check=False, **options)


def status():
    command = ["busctl", "--json=short", "call", "org.devbox.Matrix1", "/org/devbox/Matrix1"]
    output = run(*command, "org.devbox.Matrix1", "GetStatus").stdout
    return {name: value["data"] for name, value in json.loads(output)["data"][0].items()}


def synced():
    return status()["state"] == "synced"


# ---- the homeserver, and who knows its name


class Homeserver(http.server.BaseHTTPRequestHandler):
    """As much as a device without rooms needs."""

    protocol_version = "HTTP/1.1"
    accepts = threading.Event()  # logins
    done = threading.Event()

    def answer(self, status, **body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        with contextlib.suppress(OSError):  # a killed client
            self.wfile.write(text)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        if not self.path.endswith("/login"):
            return self.answer(200)
        if not self.accepts.is_set():
            return self.answer(403, errcode="M_FORBIDDEN", error="Invalid password")
        return self.answer(200, access_token="ring", user_id=USER, device_id=body["device_id"])

    do_PUT = do_POST

    def do_GET(self):
        if self.path.startswith("/.well-known/"):
            return self.answer(404, errcode="M_NOT_FOUND")
        if "timeout=" in self.path and "timeout=0&" not in self.path:
            self.done.wait()
        return self.answer(200, next_batch="1")

    def log_message(self, *_):
        pass


def serve_names(server):
    """DNS: any name has the address 127.0.0.1, and none of IPv6."""
    while True:
        query, sender = server.recvfrom(512)
        if not query:
            return
        end = query.index(0, 12) + 5
        has_address = query[end - 4 : end - 2] == b"\0\1"
        record = b"\xc0\x0c" + struct.pack("!HHIH4B", 1, 1, 60, 4, 127, 0, 0, 1) if has_address else b""
        header = query[:2] + struct.pack("!HHHHH", 0x8180, 1, has_address, 0, 0)
        server.sendto(header + query[12:end] + record, sender)


@contextlib.contextmanager
def names():
    kept = RESOLVER.read_bytes() if RESOLVER.exists() else None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 53))
        thread = threading.Thread(target=serve_names, args=[server])
        thread.start()
        RESOLVER.write_text("nameserver 127.0.0.1\n")
        try:
            yield
        finally:
            RESOLVER.unlink() if kept is None else RESOLVER.write_bytes(kept)
            server.sendto(b"", ("127.0.0.1", 53))
            thread.join()


@contextlib.contextmanager
def homeserver():
    """At port 443, with a certificate of its own."""
    Homeserver.accepts.clear()
    Homeserver.done.clear()
    key, certificate = "/run/ring.key", "/run/ring.crt"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    run("openssl", "req", "-x509", *curve, "-nodes", "-keyout", key, "-out", certificate, *subject)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with names(), http.server.ThreadingHTTPServer(("127.0.0.1", 443), Homeserver) as server:
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        try:
            yield pathlib.Path(certificate)
        finally:
            Homeserver.done.set()
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def trusted(certificate):
    AUTHORITY.write_bytes(certificate.read_bytes())
    run("update-ca-certificates")
    systemctl("restart", MATRIX)
    try:
        yield
    finally:
        AUTHORITY.unlink()
        run("update-ca-certificates", "--fresh")


def test_the_bus_wakes_it():
    systemctl("stop", MATRIX)
    equal(status()["state"], "logged_out", "the state of a woken daemon")
    world.running(MATRIX)


def test_who_may_log_in():
    def check(user, reason):
        done = log_in(user=user)
        expect(done.returncode and reason in done.stderr, f"{user} may log in: {done.stderr.strip()}")

    each(
        [
            (MEMBER, "Interactive authorization required"),
            (GUEST, "Access denied"),
            ("devbox", "Access denied"),
            ("devbox-dispatch", "Access denied"),
        ],
        check,
    )


def test_an_account():
    """From its login to its logout; a killed daemon comes back with the same account."""
    journal = world.Journal()
    with homeserver() as certificate:
        refused = log_in().stderr
        expect("certificate" in refused, f"a certificate that nobody vouches for: {refused}")
        with trusted(certificate):
            refused = log_in().stderr
            expect("Invalid password" in refused, f"the homeserver's answer: {refused}")
            Homeserver.accepts.set()
            equal(log_in().returncode, 0, "the login")
            eventually("a sync", synced)
            device = status()["device"]

            pid = world.running(MATRIX)
            run("kill", "-KILL", pid)
            eventually("another process", lambda: world.main_pid(MATRIX) not in (0, pid))
            eventually("a sync", synced)
            equal((status()["user"], status()["device"]), (USER, device), "the account")
            shown = run("devboxctl", "status", check=False).stdout
            expect("matrix" not in shown, f"a machine without a role shows it: {shown}")
            call("Logout")
            equal(status()["state"], "logged_out", "the state after the logout")
            expect(list(STATE.glob("matrix.db.*")), "the store is not kept")

    entries = journal.entries(_SYSTEMD_UNIT=MATRIX)
    expect(not any(SECRET in str(entry) for entry in entries), "the password is in the journal")
    problems = [entry["MESSAGE"] for entry in entries if int(entry["PRIORITY"]) <= 4]
    equal(problems, [], "warnings in its journal")


def test_its_files_are_its_own():
    for path in STATE.iterdir():
        equal(world.owner(path), "0600 devbox-matrix:devbox-matrix", str(path))
    equal(world.owner(STATE), "0700 devbox-matrix:devbox-matrix", str(STATE))
