# SPDX-License-Identifier: MIT
"""What the installer leaves: files, users, configuration, running units."""

import os
import pathlib
import pwd
import re

import prepare
import world
from world import (
    API,
    COLLECTOR,
    CONFIG,
    MANIFEST,
    SOCKET,
    TARGET,
    each,
    equal,
    expect,
    owner,
    run,
    systemctl,
)

# Everything that is installed, with its mode: a file that is missing here fails the test, as does one that
# is missing there.
FILES = {
    "/usr/bin/devboxctl": "0755",
    "/usr/libexec/devbox/devbox-agent": "0755",
    "/usr/libexec/devbox/devbox-api": "0755",
    "/usr/libexec/devbox/devbox-collector": "0755",
    "/usr/libexec/devbox/devbox-dispatch": "0755",
    "/usr/libexec/devbox/devbox-ledger": "0755",
    "/usr/libexec/devbox/devbox-matrix": "0755",
    "/usr/libexec/devbox/devbox-mesh": "0755",
    "/usr/libexec/devbox/devbox-worker": "0755",
    "/usr/libexec/devbox/devbox-worker-docker": "0755",
    "/usr/lib/systemd/system-generators/devbox-generator": "0755",
    "/usr/lib/systemd/system/devbox-agent.service": "0644",
    "/usr/lib/systemd/system/devbox-api.service": "0644",
    "/usr/lib/systemd/system/devbox-api.socket": "0644",
    "/usr/lib/systemd/system/devbox-collector.service": "0644",
    "/usr/lib/systemd/system/devbox-device.target": "0644",
    "/usr/lib/systemd/system/devbox-dispatch.service": "0644",
    "/usr/lib/systemd/system/devbox-hub.target": "0644",
    "/usr/lib/systemd/system/devbox-ledger.service": "0644",
    "/usr/lib/systemd/system/devbox-matrix.service": "0644",
    "/usr/lib/systemd/system/devbox-mesh.service": "0644",
    "/usr/lib/systemd/system/devbox-selftest.service": "0644",
    "/usr/lib/systemd/system/devbox-selftest.socket": "0644",
    "/usr/lib/systemd/system/devbox-worker-docker.socket": "0644",
    "/usr/lib/systemd/system/devbox-worker-docker@.service": "0644",
    "/usr/lib/systemd/system/devbox-worker-exec.socket": "0644",
    "/usr/lib/systemd/system/devbox-worker-exec@.service": "0644",
    "/usr/lib/systemd/system/devbox-worker-fsr.socket": "0644",
    "/usr/lib/systemd/system/devbox-worker-fsr@.service": "0644",
    "/usr/lib/systemd/system/devbox-worker-fsw.socket": "0644",
    "/usr/lib/systemd/system/devbox-worker-fsw@.service": "0644",
    "/usr/lib/systemd/system/devbox-worker-.service.d/10-sandbox.conf": "0644",
    "/usr/lib/systemd/system/devbox-wireguard.service": "0644",
    "/usr/lib/systemd/system/devbox-wireguard.socket": "0644",
    "/usr/lib/systemd/system/devbox.target": "0644",
    "/usr/lib/systemd/catalog/devbox.catalog": "0644",
    "/usr/lib/sysusers.d/devbox.conf": "0644",
    "/usr/lib/tmpfiles.d/devbox.conf": "0644",
    "/usr/share/dbus-1/interfaces/org.devbox.Collector1.xml": "0644",
    "/usr/share/dbus-1/interfaces/org.devbox.Component1.xml": "0644",
    "/usr/share/dbus-1/interfaces/org.devbox.Dispatch1.xml": "0644",
    "/usr/share/dbus-1/interfaces/org.devbox.Ledger1.xml": "0644",
    "/usr/share/dbus-1/interfaces/org.devbox.Matrix1.xml": "0644",
    "/usr/share/dbus-1/interfaces/org.devbox.Mesh1.xml": "0644",
    "/usr/share/dbus-1/system-services/org.devbox.Collector1.service": "0644",
    "/usr/share/dbus-1/system-services/org.devbox.Dispatch1.service": "0644",
    "/usr/share/dbus-1/system-services/org.devbox.Ledger1.service": "0644",
    "/usr/share/dbus-1/system.d/org.devbox.Agent1.conf": "0644",
    "/usr/share/dbus-1/system-services/org.devbox.Matrix1.service": "0644",
    "/usr/share/dbus-1/system-services/org.devbox.Mesh1.service": "0644",
    "/usr/share/dbus-1/system.d/org.devbox.Api1.conf": "0644",
    "/usr/share/dbus-1/system.d/org.devbox.Collector1.conf": "0644",
    "/usr/share/dbus-1/system.d/org.devbox.Dispatch1.conf": "0644",
    "/usr/share/dbus-1/system.d/org.devbox.Ledger1.conf": "0644",
    "/usr/share/dbus-1/system.d/org.devbox.Matrix1.conf": "0644",
    "/usr/share/dbus-1/system.d/org.devbox.Mesh1.conf": "0644",
    "/usr/share/polkit-1/actions/org.devbox.dispatch.policy": "0644",
    "/usr/share/polkit-1/actions/org.devbox.matrix.policy": "0644",
    "/usr/share/polkit-1/actions/org.devbox.mesh.policy": "0644",
    "/usr/share/polkit-1/rules.d/devbox.rules": "0644",
    "/usr/share/devbox/ceiling.example.yaml": "0644",
    "/usr/share/devbox/config.example.yaml": "0644",
    "/usr/share/devbox/examples/manifest-docker-host.yaml": "0644",
    "/usr/share/devbox/examples/manifest-laptop.yaml": "0644",
    "/usr/share/devbox/examples/manifest-server.yaml": "0644",
    "/usr/share/bash-completion/completions/devboxctl": "0644",
    "/usr/share/fish/vendor_completions.d/devboxctl.fish": "0644",
    "/usr/share/zsh/vendor-completions/_devboxctl": "0644",
    "/usr/share/man/man1/devboxctl-audit.1": "0644",
    "/usr/share/man/man1/devboxctl-device.1": "0644",
    "/usr/share/man/man1/devboxctl-hub.1": "0644",
    "/usr/share/man/man1/devboxctl-manifest.1": "0644",
    "/usr/share/man/man1/devboxctl-matrix.1": "0644",
    "/usr/share/man/man1/devboxctl-operator.1": "0644",
    "/usr/share/man/man1/devboxctl-run.1": "0644",
    "/usr/share/man/man1/devboxctl-person.1": "0644",
    "/usr/share/man/man1/devboxctl.1": "0644",
    "/usr/share/man/man5/devbox-config.5": "0644",
    "/usr/share/man/man5/devbox-manifest.5": "0644",
    "/usr/share/man/man5/devbox-template.5": "0644",
    "/usr/share/man/man5/org.devbox.Collector1.5": "0644",
    "/usr/share/man/man5/org.devbox.Component1.5": "0644",
    "/usr/share/man/man5/org.devbox.Dispatch1.5": "0644",
    "/usr/share/man/man5/org.devbox.Ledger1.5": "0644",
    "/usr/share/man/man5/org.devbox.Matrix1.5": "0644",
    "/usr/share/man/man5/org.devbox.Mesh1.5": "0644",
    "/usr/share/man/man7/devbox.7": "0644",
    "/usr/share/man/man8/devbox-agent.8": "0644",
    "/usr/share/man/man8/devbox-api.8": "0644",
    "/usr/share/man/man8/devbox-collector.8": "0644",
    "/usr/share/man/man8/devbox-dispatch.8": "0644",
    "/usr/share/man/man8/devbox-generator.8": "0644",
    "/usr/share/man/man8/devbox-ledger.8": "0644",
    "/usr/share/man/man8/devbox-matrix.8": "0644",
    "/usr/share/man/man8/devbox-mesh.8": "0644",
    "/usr/share/man/man8/devbox-worker.8": "0644",
}

# What is made rather than copied.
PLACES = [
    ("/etc/devbox", "0750 root:devbox"),
    ("/etc/devbox/config.yaml", "0640 root:devbox"),
    ("/etc/credstore.encrypted/devbox-dispatch.seal", "0600 root:root"),
    ("/etc/credstore.encrypted/devbox-matrix.seal", "0600 root:root"),
    ("/etc/credstore.encrypted/devbox-mesh.seal", "0600 root:root"),
    ("/run/devbox", "0755 root:root"),
    ("/run/devbox/root", "0755 root:root"),
    ("/run/devbox/api.sock", "0660 devbox:devbox-admin"),
    ("/run/devbox/selftest.sock", "0600 devbox:devbox"),
    ("/var/lib/devbox", "0755 root:root"),
    ("/var/lib/devbox/install.manifest", "0644 root:root"),
]


def manifest():
    """The files in the installer's list."""
    return sorted(set(re.findall(r"(?:^|\s)(/\S+)$", MANIFEST.read_text(), re.MULTILINE)))


def identity(path):
    """What a file that was not touched still has."""
    status = os.lstat(path)
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def installation():
    """All that a second run of the installer has no reason to change."""
    links = [str(path) for path in pathlib.Path("/etc/systemd/system").rglob("devbox*")]
    paths = [
        *manifest(),
        *links,
        str(MANIFEST),
        str(CONFIG),
        "/etc/passwd",
        "/etc/group",
        "/var/lib/systemd/catalog/database",
    ]
    units = {
        unit: (world.main_pid(unit), world.show(unit, "ActiveEnterTimestampMonotonic"))
        for unit in (API, COLLECTOR, SOCKET, TARGET)
    }
    return {path: identity(path) for path in paths} | units | {"config": CONFIG.read_bytes()}


def test_second_run_changes_nothing():
    world.awake(), world.collector_awake()
    before = installation()
    output = prepare.install()
    after = installation()
    changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    expect(not changed, f"a second run changed {changed}")
    expect("nothing to do" in output, f"a second run found something to do: {output.splitlines()[-3:]}")


def test_files_are_the_expected_ones():
    installed = {re.sub(r"(/man/.*)\.gz$", r"\1", path) for path in manifest()}
    equal(sorted(installed - FILES.keys()), [], "installed, but not in the table,")
    equal(sorted(FILES.keys() - installed), [], "in the table, but not installed,")


def test_permissions_of_every_file():
    def check(path, wanted):
        equal(owner(path), wanted, path)

    modes = [(path, FILES.get(path, "0644") + " root:root") for path in manifest()]
    each(modes + PLACES, check)


def test_users_cannot_log_in():
    def check(name):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            raise world.Failure(f"there is no user {name}") from None
        expect(user.pw_shell.endswith("/nologin"), f"the shell of {name} is {user.pw_shell}")
        expect(0 < user.pw_uid < 1000, f"{name} is no system user: uid {user.pw_uid}")
        fields = run("getent", "shadow", name).stdout.split(":")
        expect(fields[1].startswith(("!", "*")), f"{name} has a password")

    names = (
        "devbox",
        "devbox-collector",
        "devbox-ledger",
        "devbox-agent",
        "devbox-dispatch",
        "devbox-matrix",
    )
    each([(name,) for name in names], check)


def test_config_has_a_token_of_its_own():
    token = re.search(r'token: *"?([^"\s]+)', prepare.installed_config)
    expect(
        token and re.fullmatch(r"[0-9a-f]{32,}", token[1]), "the new configuration has no random hex token"
    )
    world.CONFIG.parent.joinpath("ring.yaml").write_text(prepare.installed_config)
    try:
        run("devboxctl", "config", "check", "/etc/devbox/ring.yaml")
    finally:
        world.CONFIG.parent.joinpath("ring.yaml").unlink()


def test_enabled_and_started():
    equal(systemctl("is-enabled", TARGET).stdout.strip(), "enabled", TARGET)
    for unit in (TARGET, SOCKET):
        equal(world.state(unit), "active", unit)


def test_help_is_the_head_comment():
    for script in ("install.sh", "uninstall.sh"):
        output = run(world.SOURCE / "scripts" / script, "--help").stdout
        expect(script in output, f"{script} --help does not show how it is used")
