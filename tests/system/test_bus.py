# SPDX-License-Identifier: MIT
"""Who may call what on the system bus, and that the daemons implement dbus/*.xml."""

import json
import xml.etree.ElementTree as ElementTree

import wire
import world
from world import COLLECTOR, GUEST, MEMBER, SELFTEST, SOURCE, each, equal, expect, run

OBJECTS = {
    "Api1": ["org.devbox.Component1"],
    "Collector1": ["org.devbox.Component1", "org.devbox.Collector1"],
    "Dispatch1": ["org.devbox.Component1", "org.devbox.Dispatch1"],
    "Ledger1": ["org.devbox.Component1", "org.devbox.Ledger1"],
    "Matrix1": ["org.devbox.Component1", "org.devbox.Matrix1"],
}


def members(node):
    """Interface to the set of its members, each with arguments and annotations, whatever their order."""
    return {
        interface.get("name"): {signature(member) for member in interface}
        for interface in node
        if interface.tag == "interface"
    }


def signature(member):
    arguments = tuple(
        (child.get("name"), child.get("type"), child.get("direction") or "out")
        for child in member
        if child.tag == "arg"
    )
    notes = frozenset(
        (child.get("name"), child.get("value")) for child in member if child.tag == "annotation"
    )
    return member.tag, member.get("name"), member.get("type"), member.get("access"), arguments, notes


def test_introspection_equals_the_contract():
    world.awake(), world.collector_awake()

    def check(component, interface):
        output = run(
            "busctl", "introspect", "--xml-interface", f"org.devbox.{component}", f"/org/devbox/{component}"
        ).stdout
        actual = members(ElementTree.fromstring(output)).get(interface)
        wanted = members(ElementTree.parse(SOURCE / f"dbus/{interface}.xml").getroot())[interface]
        expect(actual is not None, f"org.devbox.{component} has no {interface}")
        names = sorted(str(member[1]) for member in actual ^ wanted)
        equal(names, [], f"what differs between org.devbox.{component} and dbus/{interface}.xml")

    each([(component, name) for component, names in OBJECTS.items() for name in names], check)


def test_version_and_health():
    world.awake(), world.collector_awake()

    def check(component, name, wanted):
        output = run(
            "busctl",
            "get-property",
            f"org.devbox.{component}",
            f"/org/devbox/{component}",
            "org.devbox.Component1",
            name,
        ).stdout.strip()
        equal(output, wanted, f"{name} of {component}")

    each(
        [
            (component, name, wanted)
            for component in OBJECTS
            for name, wanted in (("Version", 's "0.1.0"'), ("Healthy", "b true"))
        ],
        check,
    )


def test_metrics_of_the_components():
    world.awake(), world.collector_awake()
    for component in OBJECTS:
        figures = world.bus_metrics(component)
        expect(figures, f"GetMetrics of {component} is empty")
        bad = (
            [name for name, value in figures.items() if not isinstance(value["data"], (int, float))]
            if isinstance(next(iter(figures.values())), dict)
            else []
        )
        equal(bad, [], f"figures of {component} that are no number")


def test_members_may_call_and_guests_may_not():
    world.awake(), world.collector_awake()

    def check(user, component, allowed):
        result = world.bus_call(component, "org.devbox.Component1", "GetMetrics", user=user, check=False)
        equal(result.returncode == 0, allowed, f"{user} may call {component}")
        expect(
            allowed or "denied" in result.stderr.lower(),
            f"{user} is denied, but not by policy: {result.stderr}",
        )

    each(
        [
            (user, component, allowed)
            for component in OBJECTS
            for user, allowed in (
                ("root", True),
                (MEMBER, True),
                ("devbox", True),
                ("devbox-collector", False),
                ("devbox-ledger", False),
                (GUEST, False),
                ("nobody", False),
            )
        ],
        check,
    )


# A signal of systemd that it was restarted, and of the collector that units changed.
RESTARTED = ("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged")
RESTARTED += ("sss", "org.freedesktop.systemd1", ":1.0", ":1.1")
CHANGED = ("/org/devbox/Collector1", "org.devbox.Collector1", "UnitsChanged", "as", "0")


def test_nobody_forges_signals():
    """A signal that is sent to one daemon alone passes its match rules, whoever sends it."""

    def emit(user, component, signal):
        bus = ("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetNameOwner")
        output = run("busctl", "--json=short", "call", *bus, "s", f"org.devbox.{component}").stdout
        run("busctl", "emit", "--destination", json.loads(output)["data"][0], *signal, user=user)

    def figure(component, name):
        return world.bus_metrics(component)[name]

    def check(user):
        told, calls = figure("Collector1", "units_changed_total"), figure("Api1", "dbus_calls_total")
        for _ in range(8):
            emit(user, "Collector1", RESTARTED)
            emit(user, "Api1", CHANGED)
            wire.get("/services")
        equal(figure("Collector1", "units_changed_total") - told, 0, f"units that {user} changed")
        more = figure("Api1", "dbus_calls_total") - calls
        expect(more < 6, f"{user} invalidated the cache of the API: it called {more} times for 8 requests")

    with world.config(world.CONFIG.read_text() + "\napi:\n  cache_ttl_ms: 60000\n", apply=True):
        equal(wire.get("/services").status, 200, "GET /services, after which both listen to signals")
        each([(user,) for user in (GUEST, MEMBER, "devbox")], check)


def test_guests_cannot_own_the_names():
    def check(user, name):
        result = run("python3", "-c", OWN_NAME, name, user=user, check=False)
        expect(
            "AccessDenied" in result.stdout, f"{user} owns {name}: {result.stdout} {result.stderr[-100:]}"
        )

    each(
        [(user, f"org.devbox.{component}") for component in OBJECTS for user in (GUEST, MEMBER, "root")],
        check,
    )


# RequestName over a bare socket: busctl has no verb for it. Prints the bus's answer.
OWN_NAME = r"""
import os, socket, struct, sys

def string(text):
    return struct.pack("<I", len(text)) + text.encode() + b"\0"

def padded(data, size):
    return data + bytes(-len(data) % size)

def call(serial, member, signature, body):
    fields = b""
    for code, kind, value in ((1, "o", "/org/freedesktop/DBus"), (2, "s", "org.freedesktop.DBus"),
                              (3, "s", member), (6, "s", "org.freedesktop.DBus")):
        fields = padded(fields, 8) + bytes([code, 1, ord(kind), 0]) + string(value)
    if signature:
        fields = padded(fields, 8) + bytes([8, 1, ord("g"), 0, len(signature)]) + signature.encode() + b"\0"
    head = struct.pack("<BBBBIII", ord("l"), 1, 0, 1, len(body), serial, len(fields))
    return padded(head + fields, 8) + body

bus = socket.socket(socket.AF_UNIX)
bus.connect("/run/dbus/system_bus_socket")
bus.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
assert bus.recv(1000).startswith(b"OK")
bus.sendall(b"BEGIN\r\n" + call(1, "Hello", "", b"")
            + call(2, "RequestName", "su", padded(string(sys.argv[1]), 4) + struct.pack("<I", 4)))
bus.settimeout(120)
output = b""
try:
    while b"AccessDenied" not in output:
        output += bus.recv(4096)
except TimeoutError:
    pass
print("AccessDenied" if b"AccessDenied" in output else output)
"""


def ask_systemd(user, verb, unit):
    return run(
        "busctl",
        "call",
        "org.freedesktop.systemd1",
        "/org/freedesktop/systemd1",
        "org.freedesktop.systemd1.Manager",
        verb,
        "ss",
        unit,
        "replace",
        user=user,
        check=False,
    )


def test_no_service_may_touch_units():
    """Polkit denies devbox's users without a challenge; others have to authenticate."""

    def check(user, verb, unit, wanted="access denied"):
        result = ask_systemd(user, verb, unit)
        expect(
            result.returncode and wanted in result.stderr.lower(),
            f"{user}: {verb} {unit} is not denied with {wanted!r}: {result.stderr.strip()}",
        )

    each(
        [
            ("devbox", "StartUnit", SELFTEST),
            ("devbox", "StopUnit", SELFTEST),
            ("devbox", "RestartUnit", SELFTEST),
            ("devbox", "ReloadUnit", SELFTEST),
            ("devbox", "StartUnit", "ring-flip.service"),
            ("devbox", "StartUnit", COLLECTOR),
            ("devbox", "StopUnit", COLLECTOR),
            ("devbox-collector", "StartUnit", SELFTEST),
            ("devbox-ledger", "StartUnit", SELFTEST),
            ("devbox-agent", "StartUnit", SELFTEST),
            ("devbox-dispatch", "StartUnit", SELFTEST),
            ("devbox-matrix", "StartUnit", SELFTEST),
            (MEMBER, "StartUnit", SELFTEST, "authentication required"),
            (GUEST, "StartUnit", SELFTEST, "authentication required"),
        ],
        check,
    )
    equal(world.state("ring-flip.service"), "inactive", "ring-flip.service")


def test_what_polkit_decides():
    """Members of devbox-admin send, decide and revoke without a password; the network is set up with one. A
    rejection for another reason shows that the call was authorised."""
    rows = [
        ("Dispatch1", ("Cancel", "s", "ABCDEF"), MEMBER, True),
        ("Dispatch1", ("Deny", "sa{sv}", "ABCDEF", "0"), MEMBER, True),
        ("Mesh1", ("Revoke", "s", "absent"), MEMBER, True),
        ("Matrix1", ("Logout",), MEMBER, False),
        ("Mesh1", ("Withdraw", "s", "absent"), MEMBER, False),
        ("Dispatch1", ("Cancel", "s", "ABCDEF"), GUEST, False),
        ("Mesh1", ("Revoke", "s", "absent"), GUEST, False),
    ]

    def check(component, arguments, user, allowed):
        done = world.bus_call(component, f"org.devbox.{component}", *arguments, user=user, check=False)
        words = ("Access denied", "for another user", "Interactive authorization required")
        refused = any(word in done.stderr for word in words)
        expect(done.returncode, f"{arguments} for {user} succeeded")
        equal(not refused, allowed, f"{arguments} for {user}: {done.stderr.strip()}")

    each(rows, check)


CONNECT = "import socket; socket.socket(socket.AF_UNIX).connect('/run/devbox/selftest.sock')"


def test_only_the_api_reaches_the_socket_of_the_selftest():
    world.awake()

    def check(user):
        result = run("python3", "-c", CONNECT, user=user, check=False)
        expect("PermissionError" in result.stderr, f"{user} may start the self-test: {result.stderr[-100:]}")

    each([(user,) for user in (MEMBER, GUEST, "devbox-collector", "devbox-ledger")], check)

    before = world.show(SELFTEST, "InvocationID")
    run("python3", "-c", CONNECT, user="devbox")
    world.eventually("a run has begun", lambda: world.show(SELFTEST, "InvocationID") != before)
    world.eventually("it is through", lambda: world.state(SELFTEST) in ("inactive", "failed"))
