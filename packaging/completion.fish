# Completion for saola and for every Saola service: the commands come from `PROGRAM --help` and, below a command, from
# `PROGRAM COMMAND… --help`, the flags likewise. Another service: complete -c NAME -f -a '(__saola_complete)'.
function __saola_commands  # PART-OF-THE-HELP PROGRAM [COMMAND...]
    $argv[2..-1] --help 2>/dev/null | sed -n $argv[1]' s/^  \([a-z][a-z-]*\)  *\(.*\)/\1\t\2/p'
end
function __saola_complete
    set -l words (commandline -opc)
    set -l asked $words[1]
    # The first list stands without a heading.
    set -l found (__saola_commands '1,$' $asked)
    for word in $words[2..-1]
        string match -q -- $word (string split -f1 \t $found); or continue
        set -a asked $word
        set found (__saola_commands '/^Subcommands/,$' $asked)
    end
    if string match -q -- '-*' (commandline -ct)
        $asked --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u
    else if test -n "$found"
        string join \n $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c saola -f -a '(__saola_complete)'
complete -c split-service -f -a '(__saola_complete)'
