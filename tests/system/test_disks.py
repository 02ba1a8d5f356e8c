# SPDX-License-Identifier: MIT
"""A mount whose server does not answer: all of devbox answers, but for the figures of that mount."""

import contextlib
import ctypes
import os
import pathlib
import struct
import threading

import wire
import world
from world import COLLECTOR, CONFIG, Skip, equal, eventually, expect

LIBC = ctypes.CDLL(None, use_errno=True)
MNT_FORCE, MNT_DETACH = 1, 2
FUSE_INIT = 26
SRV = pathlib.Path("/srv/ring")
DEEP = SRV / "deep"


def serve(fd):
    """Answers FUSE_INIT, and takes every other request without an answer: who waits cannot be killed."""
    with contextlib.suppress(OSError):
        while request := os.read(fd, 1 << 17):
            _, opcode, unique = struct.unpack_from("=IIQ", request)
            if opcode == FUSE_INIT:
                body = struct.pack("=IIII HH I", 7, 31, 0, 0, 0, 0, 4096).ljust(64, b"\0")
                os.write(fd, struct.pack("=IiQ", 16 + len(body), 0, unique) + body)


@contextlib.contextmanager
def local_disk():
    DEEP.mkdir(parents=True, exist_ok=True)
    world.run("mount", "-t", "tmpfs", "tmpfs", DEEP)
    try:
        yield
    finally:
        world.run("umount", DEEP)
        DEEP.rmdir()
        SRV.rmdir()


@contextlib.contextmanager
def dead_mount():
    """A mount without an answering server above the local disk; the mount table still has "tmpfs"."""
    try:
        fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise Skip(f"no FUSE in this machine: {error}") from error
    options = f"fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    failed = LIBC.mount(b"ring", bytes(SRV), b"fuse.ring", 0, options)
    server = threading.Thread(target=serve, args=(fd,))
    server.start()
    try:
        expect(not failed, f"mount: {os.strerror(ctypes.get_errno())}")
        yield
    finally:
        LIBC.umount2(bytes(SRV), MNT_FORCE | MNT_DETACH)
        server.join()
        os.close(fd)


def problems():
    system = wire.get("/system")
    equal(system.status, 200, "GET /system")
    return [disk["problem"] for disk in system.json["disks"]]


def check_answers():
    equal(problems(), ["timeout", None], "the problems of the disks")
    system = wire.get("/system").json
    equal(system["disk"], None, "/system's disk")
    expect(system["disks"][1]["total"] > 0, "the other disk has no size")
    equal(wire.get("/services").status, 200, "GET /services")
    metrics = wire.get("/metrics").body.decode()
    for path, error in ((DEEP, 1), ("/", 0)):
        line = f'devbox_filesystem_device_error{{mountpoint="{path}"}} {error}'
        expect(f"\n{line}\n" in metrics, f"/metrics has no line {line}")


def test_a_dead_mount_takes_only_its_figures_along():
    disks = f'\napi:\n  cache_ttl_ms: 0\ncollector:\n  disks: ["{DEEP}", "/"]\n'
    with local_disk(), world.config(CONFIG.read_text() + disks, apply=True):
        eventually("both disks have figures", lambda: problems() == [None, None])
        journal = world.Journal()
        # Not earlier: systemd itself waits for such a mount when it sets up the sandbox of a service.
        with dead_mount():
            for _ in range(10):
                world.attempts(check_answers)
            equal(len(journal.of_devbox(DEVBOX_PATH=str(DEEP))), 1, "the number of lines about the disk")
            expect(world.run("devboxctl", "health", check=False).returncode != 0, "devboxctl health is ok")
            threads = len(os.listdir(f"/proc/{world.running(COLLECTOR)}/task"))
            expect(threads <= 3, f"{threads} threads after ten requests")
        eventually("all disks have figures", lambda: problems() == [None, None])
        equal(world.run("devboxctl", "health", check=False).returncode, 0, "devboxctl health afterwards")
