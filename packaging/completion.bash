# Completion for saola and for every Saola service: the commands come from `PROGRAM --help`, the flags from
# `PROGRAM COMMAND --help`.
_saola_service() {
  local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} commands command="" i
  commands=$("$program" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\)  *.*/\1/p')
  for ((i = 1; i < COMP_CWORD; ++i)); do
    [[ ${COMP_WORDS[i]} == -* ]] || { command=${COMP_WORDS[i]}; break; }
  done
  if [[ -z $command && $word != -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$("$program" ${command:+"$command"} --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u)" -- "$word")
  elif [[ $command == jobs ]]; then
    commands=$("$program" jobs --help 2>/dev/null | sed -n '/^Subcommands/,$ s/^  \([a-z][a-z-]*\)  *.*/\1/p')
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -F _saola_service saola split-service
