# SPDX-License-Identifier: MIT
"""Uninstalling, and installing again over every leftover. The last topic: each test ends installed."""

import contextlib
import grp
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import subprocess
import time

import prepare
import test_install
import wire
import world
from world import (
    API,
    COLLECTOR,
    CONFIG,
    MANIFEST,
    MEMBER,
    SOCKET,
    SOURCE,
    TARGET,
    each,
    equal,
    eventually,
    expect,
    run,
)

UNITS = (API, COLLECTOR, SOCKET, TARGET, world.SELFTEST, world.SELFTEST_SOCKET)
# The seals open what stays in /var/lib/devbox. Their folder is systemd's own in Debian 13.
SEALS = "/etc/credstore.encrypted"
KEPT = {
    "/etc/devbox",
    "/etc/devbox/config.yaml",
    "/var/lib/devbox",
    f"{SEALS}/devbox-dispatch.seal",
    f"{SEALS}/devbox-matrix.seal",
    f"{SEALS}/devbox-mesh.seal",
}


def uninstall(*options):
    return run(SOURCE / "scripts/uninstall.sh", *options)


def reinstall():
    """Installs and shows that it is whole."""
    prepare.install()
    prepare.member_joins()
    whole()


def whole():
    test_install.test_files_are_the_expected_ones()
    test_install.test_permissions_of_every_file()
    test_install.test_enabled_and_started()
    run("devboxctl", "config", "check")
    eventually("the API answers", lambda: world.probe("/services") == 200)
    output = prepare.install()
    expect("nothing to do" in output, f"one run is not enough: {output.splitlines()[-3:]}")


def nothing_runs():
    for unit in UNITS:
        equal(world.show(unit, "LoadState"), "not-found", f"the load state of {unit}")
    names = [path.read_text().strip() for path in pathlib.Path("/proc").glob("[0-9]*/comm") if path.exists()]
    equal([name for name in names if name.startswith("devbox-")], [], "processes")
    equal(world.probe(), 0, "the answer at the port")


def test_uninstall_keeps_what_is_the_operators():
    config = CONFIG.read_bytes()
    uninstall()
    try:
        nothing_runs()
        extra = {
            path
            for path in prepare.files().keys() - prepare.before["files"].keys()
            if not path.startswith("/var/lib/devbox/") and path != SEALS
        }
        equal(sorted(extra), sorted(KEPT), "what uninstall leaves")
        equal(CONFIG.read_bytes(), config, "the configuration")
        pwd.getpwnam("devbox"), pwd.getpwnam("devbox-collector")
        uninstall()
        equal(CONFIG.read_bytes(), config, "the configuration after a second uninstall")
    finally:
        reinstall()
    equal(CONFIG.read_bytes(), config, "the configuration after installing again")


def test_purge_leaves_nothing():
    token = world.token()
    uninstall("--purge")
    try:
        nothing_runs()
        files = prepare.files()
        changed = {
            path: (prepare.before["files"].get(path), files.get(path))
            for path in files.keys() | prepare.before["files"].keys()
            if files.get(path) != prepare.before["files"].get(path)
        }
        equal(changed, {}, "what differs from before the first install")
        equal(prepare.accounts(), prepare.before["accounts"], "the users and groups")
        uninstall("--purge")
    finally:
        reinstall()
    expect(world.token() != token, "the token of a new installation is the old one")


# Notes the arguments of a command, then becomes it.
SPY = """#!/bin/bash
printf '%s\\n' "$0 $*" >>/run/ring-spy/arguments
PATH=${PATH#/run/ring-spy:} exec "${0##*/}" "$@"
"""


@contextlib.contextmanager
def spying_on(*commands):
    """Yields the file of all their arguments, which every user could read in /proc while they ran."""
    folder = pathlib.Path("/run/ring-spy")
    folder.mkdir()
    for command in commands:
        (folder / command).write_text(SPY)
        (folder / command).chmod(0o755)
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{folder}:{path}"
    try:
        yield folder / "arguments"
    finally:
        os.environ["PATH"] = path
        shutil.rmtree(folder)


def test_no_command_has_the_token_as_argument():
    uninstall("--purge")
    try:
        with spying_on("awk", "cat", "chmod", "chown", "cp", "grep", "mv", "od", "sed", "tr") as arguments:
            prepare.install()
            output = arguments.read_text()
    finally:
        reinstall()
    expect("/sed " in output and "/chown " in output, "the spies saw nothing")
    expect(world.token() not in output, "the token of the new configuration was an argument of a command")


def test_purge_after_uninstall():
    uninstall()
    uninstall("--purge")
    try:
        equal([path for path in KEPT if os.path.exists(path)], [], "what is left")
    finally:
        reinstall()


def test_damage_is_repaired():
    """Files lost, changed, or of the wrong mode."""
    config = CONFIG.read_bytes()
    pathlib.Path("/usr/bin/devboxctl").unlink()
    pathlib.Path("/usr/libexec/devbox/devbox-api").unlink()
    pathlib.Path("/usr/libexec/devbox/devbox-api").write_bytes(b"")
    pathlib.Path("/usr/lib/systemd/system/devbox.target").chmod(0o600)
    pathlib.Path("/usr/share/polkit-1/rules.d/devbox.rules").write_text("// something else\n")
    reinstall()
    equal(CONFIG.read_bytes(), config, "the configuration")


def test_lost_manifest_is_repaired():
    kept = MANIFEST.rename(MANIFEST.with_suffix(".kept"))
    try:
        reinstall()
        equal(MANIFEST.read_text(), kept.read_text(), "the new manifest")
    finally:
        kept.replace(MANIFEST)


def test_broken_config_is_named_and_kept():
    pid = world.awake()
    broken = CONFIG.read_text().replace("port: 8080", "port: 80800")
    with world.config(broken):
        done = run(SOURCE / "scripts/install.sh", check=False)
        expect(
            "config.yaml:" in done.stdout + done.stderr, f"the installer names no line: {done.stderr[-200:]}"
        )
        equal(CONFIG.read_text(), broken, "the configuration")
        equal((world.main_pid(API), world.probe()), (pid, 200), "process and health after the installer ran")
    whole()


# ---- power cuts


def interrupted_install(seconds):
    """Starts the installer and kills it with all its children after so long; whether that caught it."""
    installer = subprocess.Popen(
        [SOURCE / "scripts/install.sh"],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        installer.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        return True
    finally:
        os.killpg(installer.pid, signal.SIGKILL) if installer.poll() is None else None
        installer.wait()


def config_is_whole_or_absent():
    if CONFIG.exists():
        token = re.search(r'token: *"?([^"\s]+)', CONFIG.read_text())
        expect(token and len(token[1]) >= 32, "a killed installer left half a configuration")
        equal(world.owner(CONFIG), "0640 root:devbox", "the configuration of a killed installer")


def test_killed_installer_is_repaired_by_the_next():
    uninstall("--purge")
    started = time.monotonic()
    prepare.install()
    whole_run = time.monotonic() - started
    chance = random.Random(12)
    cut = 0
    try:
        for round_number in range(10):
            if round_number % 2 == 0:
                uninstall("--purge")
            started = time.monotonic()
            if interrupted_install(chance.uniform(0.05, whole_run)):
                cut += 1
            else:  # the first one had a pause in it
                whole_run = time.monotonic() - started
            config_is_whole_or_absent()
        expect(cut >= 3, f"only {cut} of 10 installers were caught at work")
    finally:
        reinstall()


def test_members_of_the_former_group_move():
    """Before there was devbox-admin, people were members of devbox."""
    run("gpasswd", "--delete", MEMBER, "devbox-admin")
    run("groupdel", "devbox-admin")
    run("usermod", "--append", "--groups", "devbox", MEMBER)
    try:
        output = prepare.install()
        expect(MEMBER in output, f"no line reports that {MEMBER} moved: {output.splitlines()[-5:]}")
        expect(MEMBER in grp.getgrnam("devbox-admin").gr_mem, f"{MEMBER} is not in devbox-admin")
        run("gpasswd", "--delete", MEMBER, "devbox-admin")
        prepare.install()
        equal(grp.getgrnam("devbox-admin").gr_mem, [], "members who left by hand")
    finally:
        run("gpasswd", "--delete", MEMBER, "devbox", check=False)
        reinstall()


def test_an_edited_configuration_takes_effect():
    """It was edited without a reload: the next run reloads."""
    world.collector_awake()
    time.sleep(1.1)  # the time of a change of state is known to the second
    with world.config(CONFIG.read_text().replace("services:", "services:\n  - ring-listening.socket")):
        output = prepare.install()
        expect("nothing to do" not in output, "an edited configuration is left alone")
        eventually("the edit is in effect", lambda: b"ring-listening.socket" in wire.get("/services").body)
    reinstall()


def test_a_repaired_mode_takes_effect():
    os.chown(CONFIG, 0, 0)
    CONFIG.chmod(0o600)
    world.systemctl("restart", API)
    eventually("the API reports it", lambda: world.probe("/services") == 503)
    reinstall()
    equal(world.owner(CONFIG), "0640 root:devbox", "the configuration")


def test_two_installers_at_once():
    uninstall()
    command = [SOURCE / "scripts/install.sh"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(2)]
    output = [each_one.communicate(timeout=1700)[0].decode() for each_one in both]
    equal([each_one.returncode for each_one in both], [0, 0], f"the exit statuses of two: {output}")
    reinstall()


def test_purge_while_a_process_lives():
    run("systemd-run", "--unit=ring-lingering", "--property=User=devbox", "sleep", "infinity")
    try:
        lingering = ("pgrep", "-u", "devbox", "sleep")
        eventually("the process has its user", lambda: run(*lingering, check=False).returncode == 0)
        result = uninstall("--purge")
        expect("keep running" in result.stdout + result.stderr, "nothing warns of the process")
        equal(prepare.accounts(), prepare.before["accounts"], "the users and groups")
    finally:
        run("systemctl", "stop", "ring-lingering")
        reinstall()


def test_killed_build_is_repaired_by_the_next():
    """Cut while meson sets up, and while the compiler runs; each goes on from what the one before left."""
    run("rm", "-rf", SOURCE / "build")
    os.environ["CFLAGS"] = "-O0"  # for the time that all is compiled once more
    for seconds in (0.8, 1.6, 2.4, 4):
        interrupted_install(seconds)
    # the moment between the two last files that meson writes
    (SOURCE / "build/install/meson-private/build.dat").unlink(missing_ok=True)
    try:
        reinstall()
    finally:
        del os.environ["CFLAGS"]


def test_secrets_of_all_installations():
    """Each installation had its own token, and none of them is in the journal."""
    import test_journal

    expect(len(prepare.tokens) >= 2, f"only {len(prepare.tokens)} tokens")
    test_journal.test_no_secret_in_the_journal()
