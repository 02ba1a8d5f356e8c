#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# scripts/uninstall.sh: stop devbox and remove the files that scripts/install.sh put on this machine.
#
#   scripts/uninstall.sh [--purge]
#
#   --purge  remove the configuration, the state and the users as well
#
# Without --purge /etc/devbox, /var/lib/devbox and the users are kept, so that a later install uses the same
# token. Packages are kept in any case, because other software may use them. It can be run again at any time,
# and after an interrupted install.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

manifest=/var/lib/devbox/install.manifest
pending=/var/lib/devbox/install.pending
units=(devbox-hub.target devbox-device.target devbox.target devbox-api.socket devbox-api.service
    devbox-collector.service devbox-matrix.service devbox-mesh.service devbox-dispatch.service
    devbox-agent.service
    devbox-worker-{exec,fsr,fsw,docker}.socket devbox-wireguard.socket devbox-wireguard.service
    devbox-ledger.service devbox-selftest.socket devbox-selftest.service)
credentials=/etc/credstore.encrypted
purge=no

case ${1-} in
'') ;;
--purge) purge=yes ;;
-h | --help)
    usage
    exit 0
    ;;
*) die "unknown option '$1': scripts/uninstall.sh --help" ;;
esac

is_booted() {
    [[ -d /run/systemd/system ]]
}

# Stops and disables the installed units.
stop_units() {
    local unit
    for unit in "${units[@]}"; do
        [[ -e /usr/lib/systemd/system/$unit ]] || continue
        if is_booted; then
            systemctl stop "$unit"
        fi
        if [[ $unit == *.target || $unit == *.socket ]]; then
            systemctl --quiet disable "$unit"
        fi
    done
}

# A kernel's WireGuard interface and its firewall table outlive the daemon that made them.
remove_network() {
    [[ -e /var/lib/devbox/mesh/node ]] || return 0
    ip link delete wg0 2>/dev/null || true
    ! command -v nft >/dev/null || nft delete table inet devbox 2>/dev/null || true
}

# Prints the directories of the files in LIST, and their parents.
folders_of() {
    local folder
    while read -r folder; do
        while folder=${folder%/*} && [[ -n $folder ]]; do
            printf '%s\n' "$folder"
        done
    done <"$1"
}

# Removes FOLDER if it is empty and belongs to no package.
remove_folder() {
    dpkg-query -S "$1" >/dev/null 2>&1 || rmdir --ignore-fail-on-non-empty "$1" 2>/dev/null || true
}

# Removes the files of the manifest, and the directories that are empty then and belong to no package.
remove_files() {
    local file folder
    while read -r file; do
        rm -f "$file" "$file.devbox-new"
    done <"$manifest"
    folders_of "$manifest" | sort -ru | while read -r folder; do
        remove_folder "$folder"
    done
    rm -f "$manifest" "$manifest.devbox-new" "$pending"
}

# Makes systemd, the bus and the journal reload; polkit watches its files itself.
reload_managers() {
    journalctl --update-catalog
    is_booted || return 0
    systemctl daemon-reload
    systemctl reset-failed 'devbox*' 2>/dev/null || true
    busctl --quiet call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig
}

# Deletes the user even while it has processes, which keep its uid: they are not ended.
delete_user() {
    local processes
    processes=$(pgrep -d ' ' -u "$1" || true)
    [[ -z $processes ]] || warn "processes of $1 keep running without a user: $processes"
    userdel --force "$1" 2>/dev/null || die "the user $1 cannot be deleted: userdel $1"
}

# The group docker stays: the engine's socket may belong to it.
purge_rest() {
    local name
    rm -rf --one-file-system /etc/devbox /var/lib/devbox /run/devbox
    rm -f "$credentials"/devbox-*.seal
    remove_folder "$credentials"
    for name in devbox-{fsr,fsw,docker} devbox-{agent,matrix,dispatch,wireguard,mesh,ledger,collector} \
        devbox devbox-{admin,read,write}; do
        ! getent passwd "$name" >/dev/null || delete_user "$name"
        ! getent group "$name" >/dev/null || groupdel "$name"
    done
}

become_root "remove services and files" "$@"
lock_installation
if [[ -e $manifest ]]; then
    stop_units
    remove_network
    remove_files
    reload_managers
    say "devbox is removed."
else
    say "devbox is not installed."
fi
if [[ $purge == yes ]]; then
    purge_rest
    say "Its configuration, state and users are removed."
elif [[ -e /etc/devbox ]]; then
    say "Kept: /etc/devbox, /var/lib/devbox and the users (--purge removes them)."
fi
