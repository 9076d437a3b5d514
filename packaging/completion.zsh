#compdef saola split-service
# Completion for saola and for every Saola service: the commands come from `PROGRAM --help`, the flags from
# `PROGRAM COMMAND --help`. Another service: compdef _saola NAME.
_saola() {
  local program=$words[1] command=${${words[2,CURRENT-1]:#-*}[1]}
  local -a found
  if [[ $PREFIX == -* ]]; then
    found=(${(fu)"$($program $command --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*')"})
    compadd -- $found
  elif [[ -z $command ]]; then
    found=(${(f)"$($program --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\)  *\(.*\)/\1:\2/p')"})
    _describe command found
  elif [[ $command == jobs ]]; then
    found=(${(f)"$($program jobs --help 2>/dev/null | sed -n '/^Subcommands/,$ s/^  \([a-z][a-z-]*\)  *\(.*\)/\1:\2/p')"})
    _describe command found
  else
    _files
  fi
}
_saola "$@"
