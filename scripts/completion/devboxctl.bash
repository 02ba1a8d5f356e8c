# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# bash completion for devboxctl(1), which knows its words itself

_devboxctl() {
    local line current="${COMP_WORDS[COMP_CWORD]}"

    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :files)
                compopt -o filenames
                mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
            :directories)
                compopt -o filenames
                mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
            *)
                COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <(devboxctl __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}

complete -F _devboxctl devboxctl
