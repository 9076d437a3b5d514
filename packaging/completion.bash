# Completion for saola and for every Saola service: the commands come from `PROGRAM --help` and, below a command, from
# `PROGRAM COMMAND… --help`, the flags likewise.
_saola_service() {
  local word=${COMP_WORDS[COMP_CWORD]} commands i
  local -a asked=("${COMP_WORDS[0]}")
  # The first list stands without a heading.
  _saola_commands() { "${asked[@]}" --help 2>/dev/null | sed -n "$1"' s/^  \([a-z][a-z-]*\)  *.*/\1/p'; }
  commands=$(_saola_commands '')
  for ((i = 1; i < COMP_CWORD; ++i)); do
    grep -qxF -e "${COMP_WORDS[i]}" <<<"$commands" || continue
    asked+=("${COMP_WORDS[i]}")
    commands=$(_saola_commands '/^Subcommands/,$')
  done
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$("${asked[@]}" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u)" -- "$word")
  elif [[ -n $commands ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -F _saola_service saola split-service
