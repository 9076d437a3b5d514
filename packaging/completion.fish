# Completion for saola and for every Saola service: the commands come from `PROGRAM --help`, the flags from
# `PROGRAM COMMAND --help`. Another service: complete -c NAME -f -a '(__saola_complete)'.
function __saola_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -l command (string match -v -- '-*' $words[2..-1])[1]
    if string match -q -- '-*' (commandline -ct)
        $program $command --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u
    else if test -z "$command"
        $program --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\)  *\(.*\)/\1\t\2/p'
    else if test "$command" = jobs
        $program jobs --help 2>/dev/null | sed -n '/^Subcommands/,$ s/^  \([a-z][a-z-]*\)  *\(.*\)/\1\t\2/p'
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c saola -f -a '(__saola_complete)'
complete -c split-service -f -a '(__saola_complete)'
