#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# scripts/install.sh: build devbox from this source tree and install it on this machine, which runs Debian 12
# or 13 or Ubuntu 24.04.
#
#   scripts/install.sh [--role hub|device] [--port N] [--no-start]
#   scripts/install.sh --packages-only
#
#   --role ROLE      prepare this machine for the mesh, as its hub or as a device: a ceiling that lets
#                    manifests look and change nothing, unless there is one, and WireGuard in userspace where
#                    the kernel has none; it takes the role by devboxctl hub init or devboxctl enroll
#   --port N         the port in a new configuration (8080); an existing configuration is not changed
#   --no-start       install and enable, start nothing
#   --packages-only  install the packages of scripts/packages (build, run), nothing else
#
# Run it again to update: files that are the same are not touched, services are restarted only if their files
# changed, and files of the older version that the new one does not have are removed. The installed files are
# listed in /var/lib/devbox/install.manifest; scripts/uninstall.sh removes them.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

config=/etc/devbox/config.yaml
ceiling=/etc/devbox/ceiling.yaml
credentials=/etc/credstore.encrypted
manifest=/var/lib/devbox/install.manifest
pending=/var/lib/devbox/install.pending
tree=$build/install
stage=$build/install-stage

services=(devbox-agent.service devbox-api.service devbox-collector.service devbox-dispatch.service
    devbox-ledger.service devbox-matrix.service devbox-mesh.service)

role='' port=8080 port_given=no start=yes packages_only=no arguments=()
while (($#)); do
    case $1 in
    --role)
        role=${2-}
        [[ $role =~ ^(hub|device)$ ]] || die "--role takes hub or device"
        arguments+=("$1" "$2")
        shift 2
        ;;
    --port)
        port=${2-} port_given=yes
        if [[ ! $port =~ ^[1-9][0-9]{0,4}$ ]] || ((port > 65535)); then
            die "--port takes a number from 1 to 65535"
        fi
        arguments+=("$1" "$2")
        shift 2
        ;;
    --no-start) start=no && arguments+=("$1") && shift ;;
    --packages-only) packages_only=yes && arguments+=("$1") && shift ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) die "unknown option '$1': scripts/install.sh --help" ;;
    esac
done

# ---- preconditions

check_system() {
    local id version
    # shellcheck source=/dev/null
    read -r id version < <(. /etc/os-release && printf '%s %s\n' "${ID-}" "${VERSION_ID-}") || true
    case $id:$version in
    debian:12 | debian:13 | ubuntu:24.04) ;;
    *) die "this is ${id:-an unknown system} ${version-}; devbox supports Debian 12, 13 and Ubuntu 24.04" ;;
    esac
    command -v apt-get >/dev/null || die "there is no apt-get here, and packages are needed"

    if [[ $start == yes && $packages_only == no && ! -d /run/systemd/system ]]; then
        die "the init of this machine is not systemd; scripts/try shows devbox in a throwaway machine"
    fi
}

# Nothing is changed while the configuration has an error: the restarted services would reject it.
check_config() {
    [[ -e $config ]] || return 0
    "$stage/usr/bin/devboxctl" config check >&2 ||
        die "$config has an error, so nothing was changed: fix it and run this again"
    if [[ $port_given == yes ]]; then
        warn "--port is for a new configuration: $config stays as it is"
    fi
}

check_port() {
    if [[ $start == no || -e $config ]] || systemctl -q is-active devbox-api.socket; then
        return 0
    fi
    if (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        die "port $port of 127.0.0.1 is in use: choose another with --port N"
    fi
}

# ---- files

make_stage() {
    build_tree "$tree" --prefix=/usr --buildtype=release &&
        as_owner rm -rf "$stage" &&
        as_owner env DESTDIR="$stage" meson install -C "$tree" --no-rebuild --quiet
}

# Prints the paths of the files to install, as they are on the machine.
staged_files() {
    (cd "$stage" && find . \( -type f -o -type l \) -printf '/%P\n' | LC_ALL=C sort)
}

manifest_files() {
    [[ ! -e $manifest ]] || cat "$manifest"
}

is_same() {
    local new=$stage$1 old=$1
    if [[ -L $new ]]; then
        [[ -L $old && $(readlink "$new") == "$(readlink "$old")" ]]
    else
        [[ -f $old && ! -L $old && $(stat -c %a "$new") == "$(stat -c %a "$old")" ]] && cmp -s "$new" "$old"
    fi
}

# Replaces FILE with a rename: running programs keep the old inode, and no reader sees a partial file.
put_file() {
    local file=$1
    mkdir -p "${file%/*}"
    cp -d --preserve=mode "$stage$file" "$file.devbox-new"
    chown -h root:root "$file.devbox-new"
    mv -fT "$file.devbox-new" "$file"
}

# Removes FILE of an older version; a unit is stopped first.
drop_file() {
    local file=$1
    if [[ $file == */systemd/system/* && -d /run/systemd/system ]]; then
        systemctl --quiet disable --now "${file##*/}" || warn "${file##*/} could not be stopped"
    fi
    rm -f "$file"
}

# Records changes that services do not know of yet: in $changed, and on disk for the run after an interrupted
# one.
note_changed() {
    changed+=("$@")
    mkdir -p "${pending%/*}"
    printf '%s\n' "$@" >>"$pending"
}

# Makes the installed files those of the stage. Until this is done the manifest lists old and new files, so
# that an uninstall after a power failure removes all of them.
put_files() {
    local file files obsolete different=()
    mapfile -t files < <(staged_files)
    mapfile -t obsolete < <(manifest_files | LC_ALL=C comm -23 - <(printf '%s\n' "${files[@]}"))
    for file in "${files[@]}"; do
        is_same "$file" || different+=("$file")
    done
    if ((${#different[@]} == 0)) && cmp -s <(manifest_files) <(printf '%s\n' "${files[@]}"); then
        return 0
    fi

    note_changed "${different[@]}" "${obsolete[@]}" "$manifest"
    printf '%s\n' "${files[@]}" "${obsolete[@]}" | LC_ALL=C sort | write_file "$manifest" 644 root:root
    for file in "${different[@]}"; do
        put_file "$file"
    done
    for file in "${obsolete[@]}"; do
        drop_file "$file"
    done
    printf '%s\n' "${files[@]}" | write_file "$manifest" 644 root:root
}

# Whether a changed file matches the pattern.
has_changed() {
    grep -qE "$1" < <(printf '%s\n' "${changed[@]}")
}

# Replaces FILE atomically with standard input. The next run overwrites the temporary file of an interrupted
# one.
write_file() {
    local file=$1 mode=$2 owner=$3
    (umask 077 && cat >"$file.devbox-new")
    chown "$owner" "$file.devbox-new"
    chmod "$mode" "$file.devbox-new"
    mv -fT "$file.devbox-new" "$file"
}

# ---- users, directories, configuration

put_users_and_folders() {
    local before after had_admins=yes
    getent group devbox-admin >/dev/null || had_admins=no
    SYSTEMD_LOG_LEVEL=notice systemd-sysusers devbox.conf
    [[ $had_admins == yes ]] || move_admins

    before=$(config_state)
    systemd-tmpfiles --create devbox.conf
    after=$(config_state)
    [[ $before == "$after" ]] || note_changed "$config"
}

# In older versions people were members of the group devbox, which now only reads the configuration.
move_admins() {
    local name
    for name in $(getent group devbox | cut -d: -f4 | tr , ' '); do
        [[ $name == devbox* ]] && continue
        usermod --append --groups devbox-admin "$name"
        note_changed "$name"
        say "  $name is a member of devbox-admin now, and of devbox only to read the configuration"
    done
}

# Prints owner, group and mode of the configuration, if it exists.
config_state() {
    stat -c '%U:%G %a' "$config" 2>/dev/null || true
}

# The token is never an argument of a command: every local user could read it in /proc.
put_config() {
    local token example
    [[ ! -e $config ]] || return 0

    token=$(od -An -vtx1 -N32 /dev/urandom | tr -d ' \n')
    example=$(sed "s/^\(  port:\).*/\1 $port/" "$stage/usr/share/devbox/config.example.yaml")
    printf '%s\n' "${example/CHANGE_ME/"$token"}" | write_file "$config" 640 root:devbox
    note_changed "$config"
}

# The secrets that daemons keep their private keys under, sealed by systemd with the key of this machine. Not
# with its TPM: an update of the firmware may change what that is bound to, and the keys would be lost. For
# the same reason an existing one is never replaced.
put_seals() {
    local daemon file
    for daemon in devbox-mesh devbox-dispatch devbox-matrix; do
        file=$credentials/$daemon.seal
        [[ ! -e $file ]] || continue
        step "secret for the keys of $daemon" put_seal "$file" || die "systemd-creds cannot make $file"
        note_changed "$file"
    done
}

put_seal() {
    install -d -m 700 "$credentials" &&
        head -c 32 /dev/urandom | systemd-creds encrypt --with-key=host --name=seal - "$1.devbox-new" &&
        chmod 600 "$1.devbox-new" &&
        sync "$1.devbox-new" &&
        mv -fT "$1.devbox-new" "$1"
}

put_ceiling() {
    [[ -n $role && ! -e $ceiling ]] || return 0
    write_file "$ceiling" 644 root:root <"$stage/usr/share/devbox/ceiling.example.yaml"
    note_changed "$ceiling"
}

# Whether the kernel makes a WireGuard interface, also from a module that it loads for this.
kernel_has_wireguard() {
    ip link add devbox-probe type wireguard 2>/dev/null && ip link delete devbox-probe
}

# Makes systemd, the bus and the journal reload what changed of theirs.
reload_managers() {
    if has_changed '/systemd/catalog/'; then
        journalctl --update-catalog
    fi
    [[ -d /run/systemd/system ]] || return 0
    if has_changed "/systemd/system|^$config$"; then
        systemctl daemon-reload
    fi
    if has_changed '/dbus-1/'; then
        busctl --quiet call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig
    fi
}

enable() {
    if [[ $(systemctl is-enabled devbox.target devbox-api.socket 2>/dev/null | sort -u) != enabled ]]; then
        systemctl --quiet enable devbox.target devbox-api.socket
        note_changed enabled
    fi
}

enable_wireguard() {
    if [[ -z $role ]] || systemctl -q is-enabled devbox-wireguard.socket || kernel_has_wireguard; then
        return 0
    fi
    systemctl --quiet enable devbox-wireguard.socket
    [[ $start == no ]] || systemctl start devbox-wireguard.socket
    note_changed enabled
}

# Whether UNIT runs with an older configuration than that on disk: its last change of state was earlier.
runs_on_older_config() {
    local since
    since=$(systemctl show --timestamp=unix -P StateChangeTimestamp "$1")
    systemctl -q is-active "$1" && (($(stat -c %Y "$config") > ${since#@}))
}

# Records a configuration that was edited and not reloaded.
note_stale_config() {
    local unit
    if [[ $(systemctl show -P NeedDaemonReload devbox-api.socket) == yes ]]; then
        note_changed "$config" /devbox-api.socket
    fi
    for unit in "${services[@]}"; do
        ! runs_on_older_config "$unit" || note_changed "$config"
    done
}

# Starts what is not running, and restarts what runs from changed files. The socket stays open unless its own
# unit changed: clients wait for the new service instead of being refused.
start() {
    if systemctl -q is-active devbox-api.socket; then
        if has_changed "/devbox-api.socket$|/devbox-generator$"; then
            systemctl --quiet stop devbox-api.service # its sockets go next: no need to warn
            systemctl try-restart 'devbox-api*.socket'
        fi
        if has_changed "/devbox-selftest.socket$"; then
            systemctl try-restart devbox-selftest.socket
        fi
        if has_changed '/libexec/devbox/|/devbox-.*\.service$'; then
            systemctl try-restart "${services[@]}"
        elif has_changed "^$config$"; then
            systemctl try-reload-or-restart "${services[@]}"
        fi
    fi
    if ! systemctl -q is-active devbox.target || ! systemctl -q is-active devbox-api.socket; then
        systemctl start devbox.target devbox-api.socket || die_with_journal "the socket does not start"
        note_changed started
    fi
}

# Prints the address of the API's socket in systemd.
address() {
    systemctl show -P Listen devbox-api.socket | sed -n '/^[^/].* (Stream)$/ { s/ (Stream)$//p; q; }'
}

check_answers() {
    # The bus may still wait for a collector that was stopped during its start: this starts it again
    systemctl start devbox-collector.service || die_with_journal "the collector does not start"
    curl -fsS --max-time 20 "http://$(address)/system" >/dev/null ||
        die_with_journal "the API does not answer"
}

die_with_journal() {
    systemctl --no-pager --lines=0 status 'devbox-*' >&2 || true
    journalctl --no-pager --quiet --lines=20 -u 'devbox-*' >&2 || true
    die "$1; the log of the services is above"
}

report() {
    if ((${#changed[@]} == 0)); then
        say "devbox is installed and running: nothing to do."
    elif [[ $start == no ]]; then
        say "${green}devbox is installed.$plain Start it with: systemctl start devbox.target"
    elif ! has_changed "^$config$"; then
        say "${green}devbox is up to date and answers on http://$(address)$plain"
    else
        say "${green}devbox is installed and answers on http://$(address)$plain  Try:

    curl http://$(address)/system
    devboxctl status
    journalctl -u 'devbox-*'

The configuration, with the token for actions: $config
To use devbox without being root: usermod -aG devbox-admin,systemd-journal NAME, then log in again."
    fi
    case $role in
    hub) say "Next, on your own machine: devboxctl -H root@HUB hub init --endpoint HUB" ;;
    device) say "Next: devboxctl enroll, with an invitation from your hub (there: devboxctl invite NAME)" ;;
    esac
}

check_system
become_root "install packages, files and services" "${arguments[@]+"${arguments[@]}"}"
umask 022
lock_installation
packages_install build run
[[ $packages_only == no ]] || exit 0

check_port
step "building" make_stage || die "the build failed"
check_config
changed=()
[[ ! -e $pending ]] || mapfile -t changed <"$pending"
put_files
put_users_and_folders
put_config
put_seals
put_ceiling
[[ $start == no ]] || note_stale_config
reload_managers
enable
enable_wireguard
if [[ $start == yes ]]; then
    start
    check_answers
fi
rm -f "$pending"
report
