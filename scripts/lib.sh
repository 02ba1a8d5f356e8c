# shellcheck shell=bash disable=SC2034 # variables are for the scripts that source this file
# SPDX-License-Identifier: MIT
#
# Functions of all scripts: messages, becoming root, packages, building. To be sourced.
#
# Slow results are kept under build/, which git ignores. That folder and its files belong to the owner
# of the source tree even when a script runs as root: `meson setup build` must work afterwards.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=${0##*/}
build=$top/build

# ---- messages: on stderr, because stdout is for the output of commands

if [[ -t 2 && -z ${NO_COLOR-} ]]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' plain=$'\e[0m'
else
    bold='' dim='' red='' green='' yellow='' plain=''
fi

say() {
    printf '%s\n' "$@" >&2
}

warn() {
    printf '%s: %s\n' "${yellow}warning${plain}" "$*" >&2
}

die() {
    printf '%s: %s\n' "$red$program$plain" "$*" >&2
    exit 1
}

# Prints the comment at the head of the running script, which is its help.
usage() {
    sed -n '3,/^[^#]/ { s/^# \{0,1\}//p; }' "$0"
}

# Runs CMD as one step: prints WHAT and the time it took, and its output only if it fails. CMD may be a
# function, which must not rely on `set -e`: the shell ignores it here. The log file is unlinked before CMD
# runs, so that Ctrl-C leaves none behind.
step() {
    local what=$1 file log started r=0
    started=$(now)
    shift
    file=$(mktemp "${TMPDIR:-/tmp}/devbox-step.XXXXXX")
    exec {log}<>"$file"
    rm -f "$file"

    printf '  %-52s' "$what" >&2
    "$@" >&"$log" 2>&1 </dev/null || r=$?
    if ((r == 0)); then
        printf '%s\n' "$dim$(printf '%9s' "$(elapsed_since "$started")")$plain" >&2
    else
        printf '%s\n' "${red}failed$plain after $(elapsed_since "$started")" >&2
        sed 's/^/    | /' <"/proc/self/fd/$log" >&2
    fi
    exec {log}>&-
    return "$r"
}

# Microseconds since the epoch.
now() {
    printf '%s' "${EPOCHREALTIME/[.,]/}"
}

# The time since STARTED, of now, as "12.3 s".
elapsed_since() {
    local tenths=$((($(now) - $1) / 100000))
    printf '%d.%d s' $((tenths / 10)) $((tenths % 10))
}

# ---- users

# Starts the script again as root if it is not. WHY completes "it must be root to …" and is part of the
# password prompt.
become_root() {
    local why=$1
    shift
    [[ $EUID -ne 0 ]] || return 0

    if command -v sudo >/dev/null; then
        exec sudo -p "[sudo] password for %p, to $why: " -- "$top/scripts/$program" "$@"
    fi
    die "it must be root to $why, and there is no sudo here: become root (su -) and run it again"
}

# Runs CMD as the owner of the source tree, so that no file in it belongs to root.
as_owner() {
    local owner
    owner=$(stat -c %u:%g "$top")
    if [[ $EUID -eq 0 && $owner != 0:* ]]; then
        setpriv --reuid="${owner%:*}" --regid="${owner#*:}" --clear-groups -- "$@"
    else
        "$@"
    fi
}

# ---- packages

# Prints the packages in SECTION... of scripts/packages for this release, one per line.
packages_of() {
    local codename section
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME-}")
    for section in "$@"; do
        sed -n "s/^$section\(@$codename\)\{0,1\}: *//p" "$top/scripts/packages"
    done | tr -s ' ' '\n' | sort -u
}

packages_missing() {
    local name status
    packages_of "$@" | while read -r name; do
        status=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) || true
        [[ $status == installed ]] || printf '%s\n' "$name"
    done
}

# Installs the missing packages of SECTION..., if any; needs root only then.
packages_install() {
    local missing
    command -v apt-get >/dev/null || die "there is no apt-get here: devbox supports Debian and Ubuntu"
    mapfile -t missing < <(packages_missing "$@")
    ((${#missing[@]})) || return 0

    say "  packages to install: ${missing[*]}"
    step "installing packages" packages_apt "${missing[@]}" ||
        die "apt-get could not install: ${missing[*]}"
}

packages_apt() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q || return
    apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"
}

# ---- what comes from PyPI and npm: fetched once

matrix_python=$build/synapse/bin/python

need_matrix() {
    fetch_once "Synapse and matrix-nio" "$build/synapse" fetch_from_pypi \
        "matrix-synapse==1.163.2" "matrix-nio[e2e]==0.26.0" "vodozemac==0.10.0"
}

# What matrix-nio was on before, for scripts/bench.
need_nio_on_libolm() {
    fetch_once "matrix-nio on libolm" "$build/nio-libolm" fetch_from_pypi \
        "matrix-nio[e2e]==0.25.2" "python-olm==3.2.16"
}

# Its Rust crypto is what Element encrypts with.
need_element() {
    fetch_once "matrix-js-sdk" "$build/element" fetch_from_npm "matrix-js-sdk@43.0.0" "node@22.23.3"
}

# Calls FETCHER FOLDER PACKAGE... unless FOLDER has these already; WHAT is for the reader.
fetch_once() {
    local what=$1 folder=$2 fetcher=$3
    shift 3
    [[ $(cat "$folder/complete" 2>/dev/null) == "$*" ]] ||
        step "fetching $what" fetch_anew "$folder" "$fetcher" "$@"
}

fetch_anew() {
    local folder=$1 fetcher=$2
    shift 2
    as_owner rm -rf "$folder" && build_folder "$folder" && "$fetcher" "$folder" "$@" &&
        as_owner tee "$folder/complete" <<<"$*"
}

fetch_from_pypi() {
    as_owner python3 -m venv "$1" && as_owner "$1/bin/pip" install --quiet "${@:2}"
}

fetch_from_npm() {
    as_owner npm install --silent --no-audit --no-fund --cache "$1/cache" --prefix "$1" "${@:2}"
}

# ---- one installer at a time

# Waits for other runs of install.sh and uninstall.sh on this machine. The lock is released on exit.
lock_installation() {
    local lock
    exec {lock}>/run/lock/devbox-install
    flock --nonblock "$lock" || {
        say "  another installation is running: waiting for it"
        flock "$lock"
    }
}

# ---- building

# Creates DIR below build/, owned like the source tree, if it does not exist.
build_folder() {
    as_owner mkdir -p "$1"
}

# Configures (the first time, or after an interrupted attempt) and compiles the tree in DIR:
# build_tree DIR MESON-OPTION...
build_tree() {
    local dir=$1
    shift
    build_folder "$dir"
    if [[ ! -e $dir/build.ninja || ! -e $dir/meson-private/build.dat ]]; then
        as_owner rm -rf "$dir" && as_owner meson setup "$dir" "$top" "$@" || return
    fi
    as_owner meson compile -C "$dir"
}
