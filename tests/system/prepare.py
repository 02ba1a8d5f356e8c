# SPDX-License-Identifier: MIT
"""Prepares a fresh machine for the tests, and records its state before."""

import os
import pathlib
import stat

import world
from world import CONFIG, GUEST, MEMBER, SOURCE, eventually, run, systemctl

# Units in every state that /services can meet.
UNITS = {
    "ring-failing.service": "[Service]\nType=oneshot\nExecStart=/bin/false\n",
    "ring-reloading.service": "[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/sleep infinity\n"
    "TimeoutStartSec=infinity\n",
    "ring-aliased.service": "[Service]\nExecStart=/bin/sleep infinity\n",
    "ring-listening.socket": "[Socket]\nListenStream=/run/ring-listening.sock\nAccept=yes\n",
    "ring-listening@.service": "[Service]\nExecStart=/bin/true\n",
    "ring-daily.timer": "[Timer]\nOnCalendar=daily\nUnit=ring-failing.service\n",
    "ring-idle.service": "[Service]\nExecStart=/bin/sleep infinity\n",
    "ring-flip.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n",
}
UNIT_FOLDER = pathlib.Path("/etc/systemd/system")

# What changes in a machine whether devbox is there or not.
RESTLESS = (
    "/dev",
    "/proc",
    "/run",
    "/sys",
    "/tmp",
    "/root",
    "/usr/src",
    "/var/cache",
    "/var/lib/apt",
    "/var/lib/systemd",
    "/var/log",
    "/var/tmp",
)
ACCOUNTS = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")

before = {}  # the machine without devbox: files, accounts
installed_config = ""  # as the installer wrote it
tokens = set()  # every token there has been


def files():
    """Path to 'mode owner group' of everything in the machine that does not change by itself."""
    found = {}
    for folder, folders, names in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in RESTLESS]
        for name in folders + names:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            found[path] = f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}"
    # useradd and userdel keep the previous version of what they change
    return {
        path: about
        for path, about in found.items()
        if path.removesuffix("-") not in ACCOUNTS and path != "/etc/.pwd.lock"
    }


def accounts():
    return {path: sorted(pathlib.Path(path).read_text().splitlines()) for path in ACCOUNTS}


def install(*options):
    done = run(SOURCE / "scripts/install.sh", *options, seconds=1700)
    tokens.add(world.token())
    return done.stdout + done.stderr


def users():
    """The group docker is there as a container engine's package makes it: a purge leaves it."""
    run("groupadd", "--force", "--system", "docker")
    for name in (GUEST, MEMBER):
        run("useradd", "--no-create-home", "--shell", "/bin/bash", name)


def units():
    for name, content in UNITS.items():
        (UNIT_FOLDER / name).write_text(content)
    (UNIT_FOLDER / "ring-alias.service").symlink_to("ring-aliased.service")
    systemctl("daemon-reload")
    systemctl("start", "ring-failing", check=False)
    systemctl("start", "ring-reloading", "ring-aliased", "ring-listening.socket", "ring-daily.timer")
    systemctl("reload", "--no-block", "ring-reloading")
    eventually("ring-reloading reloads", lambda: world.state("ring-reloading") == "reloading")


def machine():
    """Installs devbox as an operator would, and lets it watch the ring's units."""
    global installed_config
    users()
    units()
    before.update(files=files(), accounts=accounts())
    install()
    installed_config = CONFIG.read_text()
    eventually("the API answers", lambda: world.probe() == 200)
    member_joins()
    CONFIG.write_text(world.ring_config())
    world.apply_config()


def member_joins():
    """The group devbox-admin is created and removed with devbox."""
    run("usermod", "--append", "--groups", "devbox-admin", MEMBER)
