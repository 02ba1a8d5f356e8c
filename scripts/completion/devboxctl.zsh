#compdef devboxctl
# SPDX-License-Identifier: MIT
# zsh completion for devboxctl(1), which knows its words itself

_devboxctl() {
    local line
    local -a candidates

    for line in "${(@f)$(devboxctl __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        case $line in
            :files) _files ;;
            :directories) _files -/ ;;
            ?*) candidates+=("${line/$'\t'/:}") ;;
        esac
    done
    (( ! $#candidates )) || _describe devboxctl candidates
}

_devboxctl "$@"
