#compdef saola split-service
# Completion for saola and for every Saola service: the commands come from `PROGRAM --help` and, below a command, from
# `PROGRAM COMMAND… --help`, the flags likewise. Another service: compdef _saola NAME.
_saola() {
  local word part='1,$'
  local -a asked=($words[1]) found
  # The first list stands without a heading.
  _saola_commands() {
    found=(${(f)"$($asked --help 2>/dev/null | sed -n $part' s/^  \([a-z][a-z-]*\)  *\(.*\)/\1:\2/p')"})
  }
  _saola_commands
  for word in $words[2,CURRENT-1]; do
    (( ${found[(I)$word:*]} )) || continue
    asked+=($word) part='/^Subcommands/,$'
    _saola_commands
  done
  if [[ $PREFIX == -* ]]; then
    found=(${(fu)"$($asked --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*')"})
    compadd -- $found
  elif (( $#found )); then
    _describe command found
  else
    _files
  fi
}
_saola "$@"
