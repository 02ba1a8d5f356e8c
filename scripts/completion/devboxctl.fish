# SPDX-License-Identifier: MIT
# fish completion for devboxctl(1), which knows its words itself

function __devboxctl_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (devboxctl __complete -- $words[2..-1] 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path (commandline -ct)
            case :directories
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $line
        end
    end
end

complete -c devboxctl -f -a '(__devboxctl_complete)'
