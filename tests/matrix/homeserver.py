#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A Synapse on loopback, without its rate limits.

    tests/matrix/homeserver.py DIRECTORY PORT USER...

runs one until SIGTERM or SIGINT, with an account for each USER, whose password is in DIRECTORY/password;
prints "ready" when it serves. The interpreter must have Synapse (scripts/lib.sh). Its log is
DIRECTORY/synapse.log."""

import base64
import contextlib
import hashlib
import hmac
import json
import pathlib
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

NAME = "devbox.test"  # of the one that this program runs
PASSWORD = "violet-otter-417"  # a word of its own: it is searched for in logs
SECRET = "registration"
SERVICE_TOKEN = "syt_service"  # of an application service, whose users are those that begin with SERVICE
SERVICE = "service-"
UNLIMITED = {"per_second": 10000, "burst_count": 10000}
LIMITS = {
    **dict.fromkeys(("rc_message", "rc_registration", "rc_room_creation", "rc_media_create"), UNLIMITED),
    "rc_login": dict.fromkeys(("address", "account", "failed_attempts"), UNLIMITED),
    "rc_joins": dict.fromkeys(("local", "remote"), UNLIMITED),
    "rc_invites": dict.fromkeys(("per_room", "per_user", "per_issuer"), UNLIMITED),
}
PATIENCE = 180  # seconds for any one step; it ends a test that has failed


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.05)
    return value


def free_port():
    """Below those that the kernel gives to clients: it stays free while its server is killed and started."""
    end = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = secrets.choice(range(end // 2, end))
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


SERVER = f"localhost:{free_port()}"  # that a test begins with; others reach it there


def listener(port, resource, tls=False):
    return {"port": port, "type": "http", "bind_addresses": ["127.0.0.1"], "tls": tls,
            "resources": [{"names": [resource], "compress": False}]}


class Homeserver:
    """`name`: with a port, there are others on loopback, and all can reach one another."""

    def __init__(self, directory, port=None, name=SERVER):
        self.directory = directory
        self.name = name
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = directory / "homeserver.yaml"
        self.database = directory / "synapse.db"
        seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        (directory / "signing.key").write_text(f"ed25519 1 {seed}\n")
        self.start()

    def settings(self):
        return {
            "server_name": self.name, "pid_file": str(self.directory / "pid"),
            "signing_key_path": str(self.directory / "signing.key"), "report_stats": False,
            "registration_shared_secret": SECRET, "macaroon_secret_key": "macaroon", "form_secret": "form",
            "trusted_key_servers": [], "presence": {"enabled": False},
            "filter_timeline_limit": 1000,  # matrix-nio does not page back
            "app_service_config_files": [str(self.directory / "service.yaml")],
            "media_store_path": str(self.directory / "media"),
            "database": {"name": "sqlite3", "args": {"database": str(self.database)}},
            "listeners": [listener(self.port, "client")],
            **(self.federation() if ":" in self.name else {"federation_domain_whitelist": []}),
        }

    def federation(self):
        key, certificate = (str(self.directory / name) for name in ("tls.key", "tls.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-subj", "/CN=localhost", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        return {
            "tls_private_key_path": key, "tls_certificate_path": certificate,
            "federation_verify_certificates": False, "ip_range_blacklist": [],
            "listeners": [listener(self.port, "client"),
                          listener(int(self.name.partition(":")[2]), "federation", tls=True)],
        }

    def start(self, limits=LIMITS):
        """Without limits it has Synapse's own."""
        self.config.write_text(json.dumps({**self.settings(), **limits}))  # JSON is YAML
        users = [{"exclusive": False, "regex": f"@{SERVICE}.*"}]
        (self.directory / "service.yaml").write_text(json.dumps({
            "id": "service", "url": None, "as_token": SERVICE_TOKEN, "hs_token": "hs",
            "sender_localpart": "owner", "namespaces": {"users": users}}))
        with open(self.directory / "synapse.log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "synapse.app.homeserver", "-c", str(self.config)],
                stdout=log, stderr=log, cwd=self.directory)
        until(lambda: self.process.poll() is not None or self.answers())
        assert self.process.poll() is None, self.log()

    def log(self):
        return (self.directory / "synapse.log").read_text()[-2000:]

    def answers(self):
        try:
            return self.call("GET", "/_matrix/client/versions")
        except OSError:
            return None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def read(self, query, *values):
        """The first column of the rows."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=PATIENCE)) as store:
            return [row[0] for row in store.execute(query, values)]

    def back_up(self):
        """Returns how to restore what there is now, while the server is not running."""
        backup = self.database.with_suffix(".backup")
        with contextlib.closing(sqlite3.connect(self.database, timeout=PATIENCE)) as store:
            store.execute("VACUUM INTO ?", (str(backup),))

        def restore():
            for name in self.directory.glob(self.database.name + "-*"):
                name.unlink()
            backup.rename(self.database)

        return restore

    def call(self, method, path, body=None, token=None):
        request = urllib.request.Request(self.url + path, method=method)
        if token:
            request.add_header("Authorization", "Bearer " + token)
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, data, timeout=PATIENCE) as response:
            return json.load(response)

    def token(self, user):
        """For any user, by an administrator: it makes no device."""
        path = f"/_synapse/admin/v1/users/{urllib.parse.quote(user)}/login"
        admin = self.register(f"admin-{secrets.token_hex(4)}", admin=True)
        return self.call("POST", path, {}, admin)["access_token"]

    def register(self, name, admin=False):
        """Returns a token."""
        nonce = self.call("GET", "/_synapse/admin/v1/register")["nonce"]
        text = "\0".join([nonce, name, PASSWORD, "admin" if admin else "notadmin"]).encode()
        return self.call("POST", "/_synapse/admin/v1/register", {
            "nonce": nonce, "username": name, "password": PASSWORD, "admin": admin,
            "mac": hmac.new(SECRET.encode(), text, hashlib.sha1).hexdigest()})["access_token"]


def main(directory, port, *names):
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server = Homeserver(pathlib.Path(directory), int(port), NAME)
    try:
        (server.directory / "password").write_text(PASSWORD)
        for name in names:
            server.register(name)
        print("ready", flush=True)
        server.process.wait()
    except KeyboardInterrupt:
        pass
    finally:
        server.kill()


if __name__ == "__main__":
    main(*sys.argv[1:])
