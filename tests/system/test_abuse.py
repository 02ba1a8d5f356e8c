# SPDX-License-Identifier: MIT
"""Malformed and abusive HTTP. After each test the API is the same process, no larger, with no descriptor
left over, and answers at once."""

import contextlib
import random
import resource
import socket
import time

import wire
import world
from wire import Closed, Connection, text
from world import API, each, equal, eventually, expect

MIB = 1 << 20


@contextlib.contextmanager
def unharmed(growth_bytes=8 * MIB):
    pid = world.awake()
    wire.post("/actions/restart")  # denied, and so the first line it logs: that opens the journal's socket
    rss, fds = world.rss_bytes(pid), world.open_fds(pid)
    yield
    equal(wire.get("/health").status, 200, "GET /health afterwards")
    equal(world.main_pid(API), pid, "the process afterwards")
    eventually("its descriptors are back", lambda: world.open_fds(pid) <= fds, 45)  # keep-alive takes 60 s
    growth = world.rss_bytes(pid) - rss
    expect(growth < growth_bytes, f"it grew by {growth / MIB:.1f} MiB")


def answers(connection, seconds=30):
    """The status of the answer, or "closed"."""
    connection.socket.settimeout(seconds)
    try:
        return connection.response().status
    except (Closed, OSError):
        return "closed"


# ---- slow ones


class Dripping:
    """A client that sends its bytes one by one."""

    def __init__(self, first, drip, kind):
        self.connection, self.drip, self.kind, self.cut = Connection(), drip, kind, False
        self.connection.send(first)
        self.connection.socket.setblocking(False)

    def tick(self):
        try:
            self.connection.socket.send(self.drip)
            self.cut = self.cut or not self.connection.socket.recv(65536)
        except BlockingIOError:
            pass
        except OSError:
            self.cut = True


def test_slow_clients_are_cut():
    head = b"POST /actions/restart HTTP/1.1\r\nHost: localhost\r\n"
    kinds = [
        (b"", b"", "says nothing"),
        (b"GET /health HT", b"T", "drips its request line"),
        (head, b"X", "drips a header's name"),
        (head + b"X: ", b"x", "drips a header"),
        (head + b"Content-Length: 4000\r\n\r\n", b"x", "drips its body"),
        (head + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", "drips chunks"),
    ]
    with unharmed():
        clients = [Dripping(*kind) for kind in kinds for _ in range(4)]

        def tick():
            for client in clients:
                if not client.cut:
                    client.tick()
            time.sleep(0.5)
            equal(wire.get("/health").status, 200, "GET /health beside slow clients")
            return all(client.cut or client.kind == "says nothing" for client in clients)

        try:
            eventually("slow clients are cut", tick)
        finally:
            left = sorted({client.kind for client in clients if not client.cut})
            for client in clients:
                client.connection.socket.close()
        expect(set(left) <= {"says nothing"}, f"still connected: a client that {left}")


def test_slow_reader_is_cut():
    with unharmed(), Connection() as reader:
        reader.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.socket.settimeout(0.5)
        wanted = text("GET", "/openapi.json") * 10

        def stuffed():
            """Whether the server has hung up; until then it is sent requests, and nothing is read."""
            try:
                reader.socket.send(wanted)
            except TimeoutError:
                pass
            except OSError:
                return True
            equal(wire.get("/health").status, 200, "GET /health beside a slow reader")
            return False

        eventually("a client that does not read is cut", stuffed)


# ---- many


def many_sockets(count):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 200), hard))


def crowd(count):
    """That many concurrent clients, each with one request; what they get."""
    connections = [Connection(timeout=60) for _ in range(count)]
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.send(text("GET", "/system"))
    equal(
        wire.get("/health", address=wire.UNIX).status, 200, "GET /health on the Unix socket beside the crowd"
    )
    outcomes = []
    for connection in connections:
        outcomes.append(answers(connection, 60))
        connection.socket.close()
    return outcomes


def test_a_thousand_connections():
    """512 concurrent ones (api.max_connections), 16 KiB each, and again: what the first took is back."""
    many_sockets(1000)

    def check():
        outcomes = crowd(1000)
        expect(set(outcomes) <= {200, 503, "closed"}, f"answers to the crowd: {set(outcomes)}")
        expect(outcomes.count(200) >= 400, f"of 1000 at once only {outcomes.count(200)} were answered")

    for growth in (12 * MIB, MIB):
        with unharmed(growth):
            world.attempts(check)


def test_connections_that_vanish():
    with unharmed():
        for _ in range(1000):
            with Connection() as connection:
                connection.send(text("GET", "/system"))
                linger = b"\1\0\0\0\0\0\0\0"  # close() resets
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def pipelined(count, path="/health"):
    """A hundred at a time; again where the collector was late."""

    with Connection() as connection:

        def hundred():
            connection.send(text("GET", path) * 100)
            equal({connection.response().status for _ in range(100)}, {200}, f"GET {path}")

        for _ in range(count // 100):
            world.attempts(hundred)


def test_20000_requests_do_not_grow_it():
    pid = world.awake()
    for path in ("/health", "/system", "/services", "/metrics"):
        pipelined(500, path)
    before = world.rss_bytes(pid)
    for path in ("/health", "/system", "/services", "/metrics"):
        pipelined(5000, path)
    growth = world.rss_bytes(pid) - before
    equal(world.main_pid(API), pid, "the process")
    expect(growth <= MIB, f"20 000 requests grew it by {growth / MIB:.1f} MiB")


def test_pipelined_answers_keep_their_order():
    with unharmed(), Connection() as connection:
        paths = ["/health", "/nowhere", "/system", "/services", "/openapi.json"] * 20
        connection.send(b"".join(text("GET", path) for path in paths))
        statuses = [connection.response().status for _ in paths]
        equal(statuses, [200, 404, 200, 200, 200] * 20, "the answers to 100 pipelined requests")


# ---- large


def test_oversized_headers():
    def check(headers):
        with Connection() as connection:
            with contextlib.suppress(OSError):
                connection.send(text("GET", "/health", headers))
            status = answers(connection)
            expect(status in (400, 413, 431, "closed"), f"{len(headers)} large headers: {status}")

    with unharmed():
        each(
            [
                ([("X-Large", "x" * 64 * 1024)],),
                ([("X-" + "n" * 64 * 1024, "x")],),
                ([(f"X-{i}", "x" * 100) for i in range(1000)],),
                ([("Cookie", "c" * MIB)],),
                ([("X-Devbox-Token", "t" * 32 * 1024)],),
            ],
            check,
        )


def test_huge_url():
    def check(size):
        with Connection() as connection:
            with contextlib.suppress(OSError):
                connection.send(text("GET", "/" + "a" * size))
            status = answers(connection)
            expect(status in (400, 404, 413, 414, 431, "closed"), f"a path of {size} bytes: {status}")

    with unharmed():
        each([(1000,), (8000,), (64 * 1024,), (MIB,)], check)


def post_head(*lines):
    return (
        "\r\n".join(["POST /actions/run-tests HTTP/1.1", "Host: localhost", *lines]).encode() + b"\r\n\r\n"
    )


def test_oversized_bodies():
    token = f"X-Devbox-Token: {world.token()}"
    chunk = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"

    def check(what, data, wanted):
        with Connection() as connection:
            with contextlib.suppress(OSError):
                connection.send(data)
            status = answers(connection)
            expect(status in wanted, f"{what}: {status}")

    with unharmed():
        each(
            [
                (
                    "a length of 1 MB, and the body",
                    post_head("Content-Length: 1000000") + b"x" * 1000000,
                    (413,),
                ),
                ("a length of 1 MB, with the token", post_head(token, "Content-Length: 1000000"), (413,)),
                (
                    "a length beyond 64 bits",
                    post_head("Content-Length: 99999999999999999999999"),
                    (400, 413, "closed"),
                ),
                ("a negative length", post_head("Content-Length: -1"), (400, 413, "closed")),
                (
                    "two lengths",
                    post_head("Content-Length: 1", "Content-Length: 2") + b"xx",
                    (400, 401, "closed"),
                ),
                (
                    "1 MB in chunks",
                    post_head("Transfer-Encoding: chunked") + chunk * 256,
                    (411, 413, "closed"),
                ),
                (
                    "a body with a GET",
                    text("GET", "/health", [("Content-Length", "9999999")]),
                    (200, 400, 413),
                ),
            ],
            check,
        )


def test_chunked_bodies_are_refused():
    """Nothing here takes a body worth chunking: RFC 9110 has 411 for that."""
    chunked = post_head(f"X-Devbox-Token: {world.token()}", "Transfer-Encoding: chunked")

    def check(body):
        with Connection() as connection:
            connection.send(chunked + body)
            equal(answers(connection, 60), 411, f"the answer to chunks {body!r}")

    with unharmed():
        each(
            [
                (body,)
                for body in (
                    b"4\r\n{ \n}\r\n0\r\n\r\n",
                    b"0\r\n\r\n",
                    b"zz\r\nxx\r\n",
                    b"",
                    b"1",
                    b"fffffffffffffffff\r\nx\r\n",
                    b"1\r\nxxxx\r\n0\r\n\r\n",
                )
            ],
            check,
        )


# ---- wrong


def test_methods():
    def check(method, path, wanted, allow):
        answer = wire.request(method, path)
        got = (answer.status, answer.header("Allow"))
        equal(
            (got[0], allow and set((got[1] or "").replace(" ", "").split(","))),
            (wanted, allow),
            f"{method} {path}",
        )

    with unharmed():
        each(
            [
                (method, path, 405, allow)
                for method in ("PUT", "DELETE", "PATCH", "FOO", "get")
                for path, allow in (
                    ("/health", {"GET", "HEAD"}),
                    ("/system", {"GET", "HEAD"}),
                    ("/actions/restart", {"POST"}),
                )
            ]
            + [
                ("POST", "/health", 405, {"GET", "HEAD"}),
                ("GET", "/actions/restart", 405, {"POST"}),
                ("DELETE", "/nowhere", 404, None),
                ("POST", "/", 404, None),
            ],
            check,
        )


def test_methods_with_a_meaning_of_their_own():
    def check(method, target):
        status = getattr(wire.raw(text(method, target)), "status", "closed")
        expect(status in (400, 404, 405, 501, "closed"), f"{method} {target}: {status}")

    with unharmed():
        each(
            [
                ("OPTIONS", "*"),
                ("OPTIONS", "/health"),
                ("TRACE", "/health"),
                ("CONNECT", "example.org:443"),
                ("GET", "*"),
                ("PRI", "*"),
            ],
            check,
        )


def test_absolute_form():
    def check(target, wanted):
        with Connection() as connection:
            connection.send(text("GET", target))
            equal(answers(connection), wanted, f"GET {target}")

    with unharmed():
        each(
            [
                ("http://127.0.0.1:8080/health", 200),
                ("http://localhost/health", 200),
                ("http://example.org/health", 421),
                ("http://localhost@example.org/health", 421),
                ("https://localhost/health", 404),
            ],
            check,
        )


def test_paths():
    def check(path, wanted):
        equal(wire.get(path).status, wanted, f"GET {path}")

    with unharmed():
        each(
            [
                ("/", 404),
                ("/health/", 404),
                ("//health", 404),
                ("/./health", 404),
                ("/../health", 404),
                ("/health%00", 404),
                ("/%00", 404),
                ("/%68ealth", 404),
                ("/health%2f", 404),
                ("/HEALTH", 404),
                ("/health?x=1", 200),
                ("/health?", 200),
                ("/health;x", 404),
                ("/actions/", 404),
                ("/actions/run-tests/", 404),
                ("/actions/run-tests/a/b", 404),
                ("/%zz", 404),
                ("/\xff\xfe", 404),
            ],
            check,
        )


def test_hosts():
    def check(host, wanted):
        answer = wire.get("/health", host=host)
        equal(answer.status, wanted, f"the answer for Host {host!r}")
        expect(wanted == 200 or answer.code == "host_not_allowed", f"Host {host!r}: {answer.code}")

    with unharmed():
        each(
            [
                (host, 200)
                for host in (
                    "localhost",
                    "localhost:8080",
                    "LocalHost",
                    "127.0.0.1",
                    "127.0.0.1:8080",
                    "127.9.9.9",
                    "[::1]",
                    "[::1]:8080",
                )
            ]
            + [
                (host, 421)
                for host in (
                    "example.org",
                    "example.org:8080",
                    "localhost.example.org",
                    "127.0.0.1.example.org",
                    "127.0.0.1@example.org",
                    "127.0.0.1.",
                    "192.0.2.1",
                    "10.0.0.1:8080",
                    "[2001:db8::1]",
                    "0.0.0.0",
                    "localhostx",
                    "2130706433",
                    "0x7f.1",
                    "127.1",
                    "[::ffff:192.0.2.1]",
                    "localhost example.org",
                    "localhost,example.org",
                    "localhost/",
                )
            ],
            check,
        )


def test_hosts_that_are_no_host():
    def check(what, data):
        answer = wire.raw(data)
        expect(answer is None or answer.status in (400, 421), f"{what}: {answer}")

    with unharmed():
        each(
            [
                ("no Host", text("GET", "/health", host=None)),
                ("an empty Host", text("GET", "/health", host="")),
                ("two Hosts", text("GET", "/health", [("Host", "localhost")])),
                ("a foreign Host after ours", text("GET", "/health", [("Host", "example.org")])),
                ("a port that is none", text("GET", "/health", host="localhost:port")),
                ("a port beyond 65535", text("GET", "/health", host="localhost:99999")),
            ],
            check,
        )


def test_http_1_0():
    with unharmed():
        with Connection() as connection:
            answer = connection.send(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n").response()
            equal(answer.status, 200, "HTTP/1.0 with a Host")
            expect(connection.closes(45), "after an answer to HTTP/1.0 the connection stays")
        answer = wire.raw(b"GET /health HTTP/1.0\r\n\r\n")
        expect(answer is None or answer.status in (200, 400, 421), f"HTTP/1.0 without a Host: {answer}")


GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\0" * 4096,
    b"\r\n" * 5000,
    b"\n" * 5000,
    b"GET\r\n\r\n",
    b"GET /health\r\n\r\n",
    b"GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: localhost\r\nNo colon here\r\n\r\n",
    b"GET /health HTTP/1.1\r\n Host: localhost\r\n\r\n",
    b"GET /health HTTP/1.1\nHost: localhost\n\n",
    b"GET /hea\0lth HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET  /health  HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: local\0host\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost : localhost\r\n\r\n",
    b"\xff" * 20000,
]


def hang_up_after(data):
    connection = Connection()
    with contextlib.suppress(OSError):
        connection.send(data)
        connection.socket.shutdown(socket.SHUT_WR)
    return connection


def test_half_closed_clients_are_let_go():
    """What `nc -N` does: it sends a request, shuts down its side, reads, and closes. Nobody will use that
    connection again, so none may wait for the keep-alive's end (60 s)."""
    with unharmed():
        for connection in [hang_up_after(text("GET", "/health")) for _ in range(20)]:
            with connection:
                equal(connection.response().status, 200, "GET /health by a client that has hung up already")


def test_garbage():
    """Concurrently, because an incomplete request is waited for until its deadline."""
    chance = random.Random(3)
    noise = [chance.randbytes(chance.randrange(1, 4000)) for _ in range(200)]
    cut = [text("POST", "/actions/restart", [("X-A", "b")], b"{}")[:size] for size in range(0, 110, 3)]

    def check(data, connection):
        with connection:
            status = answers(connection)
            expect(status in ("closed", 200, 401) or 300 <= status <= 505, f"{data[:30]!r}: {status}")

    with unharmed():
        each([(data, hang_up_after(data)) for data in GARBAGE + noise + cut], check)


def test_smuggling():
    """A body must never be read as a request of its own."""
    inner = text("GET", "/health")

    def check(what, head):
        with Connection() as connection:
            connection.send(head + inner)
            statuses = [answers(connection, 3), answers(connection, 3)]
            expect(statuses[0] != 200 and 200 not in statuses, f"{what}: {statuses}")

    with unharmed():
        each(
            [
                (
                    "both length and chunks",
                    post_head(f"Content-Length: {len(inner)}", "Transfer-Encoding: chunked"),
                ),
                ("a length of its own", post_head(f"Content-Length: {len(inner)}")),
            ],
            check,
        )
