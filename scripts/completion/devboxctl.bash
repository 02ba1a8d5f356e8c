# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# bash completion for devboxctl(1)

# The second words of a first one, and the options of both.
_devboxctl_words() {
    case $1 in
        config) echo check ;;
        operator) echo init keygen sign show export-pub rotate ;;
        manifest) echo sign verify show diff lint ceiling ;;
        audit) echo verify show tail export ;;
    esac
}

_devboxctl_options() {
    local key='--dir --key --key-fd --passphrase-fd'
    local root='--label --manifest-key --new-key --new-key-fd --expires --witness --root-keys --threshold'

    case $1 in
        'operator init') echo "$key" "$root" --network ;;
        'operator keygen') echo --dir --label --passphrase-fd ;;
        'operator sign') echo "$key" --root ;;
        'operator show') echo --dir ;;
        'operator export-pub') echo "$key" ;;
        'operator rotate') echo "$key" "$root" --keep-key ;;
        'manifest sign') echo "$key" --root --previous --ceiling --expires --output ;;
        'manifest verify') echo --dir --root --ceiling ;;
        'manifest show') echo --dir --root ;;
        'manifest lint') echo --ceiling ;;
        'manifest ceiling') echo --ceiling --print ;;
        'audit verify') echo --db --device --all --root --checkpoints --evidence --hash-only ;;
        'audit show') echo --db --device --from --lines ;;
        'audit tail') echo --db --device --follow --lines ;;
        'audit export') echo --db --device --format --output --checkpoints --evidence ;;
    esac
    echo --json --help --version
}

_devboxctl() {
    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" word
    local verbs='status system services health config selftest operator manifest audit'
    local -a words=()

    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ $word == -* ]] || words+=("$word")
    done

    case $previous in
        --format)
            mapfile -t COMPREPLY < <(compgen -W 'jsonl binary' -- "$current")
            return ;;
        --db | --root | --checkpoints | --evidence | --ceiling | --previous | --key | --new-key | --output | -o)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return ;;
        --dir)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -d -- "$current")
            return ;;
    esac

    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_devboxctl_options "${words[*]:0:2}")" -- "$current")
    elif ((${#words[@]} == 0)); then
        mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$current")
    elif ((${#words[@]} == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$(_devboxctl_words "${words[0]}")" -- "$current")
    else
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

complete -F _devboxctl devboxctl
