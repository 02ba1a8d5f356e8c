# SPDX-License-Identifier: MIT
"""HTTP/1.1 over a plain socket. Nothing here corrects what it is given: bad requests arrive as written."""

import json
import socket
import time

TCP = ("127.0.0.1", 8080)
UNIX = "/run/devbox/api.sock"


class Closed(Exception):
    """The server ended the connection before a whole answer was there."""


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def header(self, name):
        """The value of the header, None if absent; a header that occurs twice is joined by a comma."""
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else None

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The error's code, or None where the body is not one of our errors."""
        try:
            return self.json["error"]["code"]
        except (ValueError, KeyError, TypeError):
            return None

    def __repr__(self):
        return f"{self.status} {self.body[:120]!r}"


class Connection:
    def __init__(self, address=TCP, timeout=120):
        if isinstance(address, str):
            family = socket.AF_UNIX
        else:
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.buffer = b""
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError as error:
            raise Closed("reset") from error
        if not data:
            raise Closed(f"end of stream after {len(self.buffer)} bytes")
        self.buffer += data

    def take(self, size):
        while len(self.buffer) < size:
            self.more()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def take_until(self, mark):
        while mark not in self.buffer:
            self.more()
        data, self.buffer = self.buffer.split(mark, 1)
        return data

    def response(self, method="GET"):
        """Reads one answer; Closed if the server hangs up before its end."""
        while True:
            head = self.take_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            status = int(head[0].split(" ")[1])
            if status != 100:
                break
        headers = [(key.lower(), value.strip()) for key, value in (line.split(":", 1) for line in head[1:])]
        length = dict(headers).get("content-length")
        if method == "HEAD" or status in (204, 304):
            return Response(status, headers, b"")
        if length is None:
            return Response(status, headers, self.rest())
        return Response(status, headers, self.take(int(length)))

    def rest(self):
        """All bytes until the server closes."""
        try:
            while True:
                self.more()
        except Closed:
            data, self.buffer = self.buffer, b""
            return data

    def closes(self, seconds):
        """Whether the server closes within so many seconds; what it sends before is dropped."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                if not self.socket.recv(65536):
                    return True
            except TimeoutError:
                return False
            except OSError:
                return True
        return False


def text(method, path, headers=(), body=b"", host="localhost"):
    """A request as bytes. Headers are (name, value) pairs; host=None leaves Host out."""
    lines = [f"{method} {path} HTTP/1.1"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in headers]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def request(method, path, headers=(), body=b"", host="localhost", address=TCP, timeout=120):
    """One request on a connection of its own."""
    with Connection(address, timeout) as connection:
        closing = [*headers, ("Connection", "close")]
        connection.send(text(method, path, closing, body, host))
        return connection.response(method)


def get(path, **options):
    """Again if a busy machine kept the collector longer than the 2 s that the API waits for it."""
    for _ in range(5):
        answer = request("GET", path, **options)
        if answer.code != "collector_timeout":
            break
    return answer


def post(path, token=None, headers=(), **options):
    token_header = [("X-Devbox-Token", token)] if token is not None else []
    return request("POST", path, [*token_header, *headers], **options)


def raw(data, address=TCP, timeout=120):
    """Sends the bytes on a connection of their own; the first answer, or None if the server just closes."""
    with Connection(address, timeout) as connection:
        try:
            return connection.send(data).response()
        except (Closed, BrokenPipeError, ConnectionResetError):
            return None
