// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/completion_scripts.h"

namespace davit::cli {
namespace {

// Bash splits words at "=" and ":" as well (COMP_WORDBREAKS), and puts what is returned in the place of the
// last part only: so the script splits the line itself, and takes off the parts before.
constexpr char kBash[] = R"(# bash completion for davit: source <(davit completion bash)
_davit() {
  local line words word part candidates=() files=
  line=${COMP_LINE:0:COMP_POINT}
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  word=${words[-1]}
  part=
  [[ $word != *[=:]* ]] || part=${word%"${word##*[=:]}"}
  while IFS= read -r line; do
    case $line in
      :files) files=1 ;;
      :*) ;;
      *) line=${line%%$'\t'*}; candidates+=("${line#"$part"}") ;;
    esac
  done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
  COMPREPLY=("${candidates[@]}")
  if [[ -n $files && ${#candidates[@]} -eq 0 ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "${word#"$part"}")
  fi
}
complete -F _davit davit
)";

constexpr char kZsh[] = R"(#compdef davit
# zsh completion for davit: source <(davit completion zsh), or a file _davit in a directory of $fpath
_davit() {
  local -a lines candidates
  local line files=
  lines=("${(@f)$(davit __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "${lines[@]}"; do
    case $line in
      :files) files=1 ;;
      :*|'') ;;
      *$'\t'*) candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
      *) candidates+=("${line//:/\\:}") ;;
    esac
  done
  (( ${#candidates} )) && _describe davit candidates
  [[ -z $files ]] || _files
}
if [[ $funcstack[1] == _davit ]]; then
  _davit
else
  compdef _davit davit
fi
)";

constexpr char kFish[] = R"(# fish completion for davit: davit completion fish | source
function __davit_lines
  set -l words (commandline -opc) (commandline -ct)
  davit __complete $words[2..-1] 2>/dev/null
end
function __davit_candidates
  __davit_lines | string match -v -r '^:'
end
function __davit_files
  __davit_lines | string match -q ':files'
end
complete -c davit -f -a '(__davit_candidates)'
complete -c davit -n __davit_files -F
)";

}  // namespace

std::string CompletionScript(const std::string& shell) {
  return shell == "zsh" ? kZsh : shell == "fish" ? kFish : kBash;
}

}  // namespace davit::cli
