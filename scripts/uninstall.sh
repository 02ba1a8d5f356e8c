#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# scripts/uninstall.sh: stop devbox and remove the files that scripts/install.sh put on this machine.
#
#   scripts/uninstall.sh [--purge]
#
#   --purge  remove the configuration, the state and the users as well
#
# Without --purge these stay: /etc/devbox, /var/lib/devbox and the users, so that a later install finds its
# token again. Packages stay in any case: others may use them by now. It may be run again at any time, also
# after an install that was cut short.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

manifest=/var/lib/devbox/install.manifest
pending=/var/lib/devbox/install.pending
units=(devbox.target devbox-api.socket devbox-api.service devbox-collector.service
    devbox-ledger.service devbox-selftest.socket devbox-selftest.service)
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

# Stops and disables the units that are there.
stop_units() {
    local unit
    for unit in "${units[@]}"; do
        [[ -e /usr/lib/systemd/system/$unit ]] || continue
        if is_booted; then
            systemctl stop "$unit"
        fi
        if [[ $unit == devbox.target || $unit == *.socket ]]; then
            systemctl --quiet disable "$unit"
        fi
    done
}

# The folders of the files that LIST names, and the folders above them.
folders_of() {
    local folder
    while read -r folder; do
        while folder=${folder%/*} && [[ -n $folder ]]; do
            printf '%s\n' "$folder"
        done
    done <"$1"
}

# Removes what the manifest lists, and the folders that are empty now and that no package brought.
remove_files() {
    local file folder
    while read -r file; do
        rm -f "$file" "$file.devbox-new"
    done <"$manifest"
    folders_of "$manifest" | sort -ru | while read -r folder; do
        dpkg-query -S "$folder" >/dev/null 2>&1 ||
            rmdir --ignore-fail-on-non-empty "$folder" 2>/dev/null || true
    done
    rm -f "$manifest" "$manifest.devbox-new" "$pending"
}

# Tells systemd, the bus and the journal; polkit sees it by itself.
announce() {
    journalctl --update-catalog
    is_booted || return 0
    systemctl daemon-reload
    systemctl reset-failed 'devbox*' 2>/dev/null || true
    busctl --quiet call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig
}

# Deletes the user also while processes of it live: they are not ours to end, and keep its number.
delete_user() {
    local processes
    processes=$(pgrep -d ' ' -u "$1" || true)
    [[ -z $processes ]] || warn "processes of $1 go on running without a user: $processes"
    userdel --force "$1" 2>/dev/null || die "the user $1 cannot be deleted: userdel $1"
}

purge_rest() {
    local name
    rm -rf --one-file-system /etc/devbox /var/lib/devbox /run/devbox
    for name in devbox-agent devbox-dispatch devbox-ledger devbox-collector devbox devbox-admin; do
        ! getent passwd "$name" >/dev/null || delete_user "$name"
        ! getent group "$name" >/dev/null || groupdel "$name"
    done
}

become_root "remove services and files" "$@"
lock_installation
if [[ -e $manifest ]]; then
    stop_units
    remove_files
    announce
    say "devbox is removed."
else
    say "devbox is not installed."
fi
if [[ $purge == yes ]]; then
    purge_rest
    say "Its configuration, state and users are removed."
elif [[ -e /etc/devbox ]]; then
    say "Left on purpose: /etc/devbox, /var/lib/devbox and the users (--purge removes them)."
fi
