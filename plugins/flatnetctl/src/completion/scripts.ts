/** What a shell has to load. Each asks `flatnetctl __complete` for lines of a candidate, a tab and a description. */
export const SCRIPTS: Readonly<Record<'bash' | 'zsh' | 'fish', string>> = {
  bash: `_flatnetctl() {
  local candidate about
  COMPREPLY=()
  while IFS=$'\\t' read -r candidate about; do
    COMPREPLY+=("$candidate")
  done < <(flatnetctl __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _flatnetctl flatnetctl
`,
  zsh: `#compdef flatnetctl
_flatnetctl() {
  local line
  local -a candidates
  for line in "\${(@f)$(flatnetctl __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n $line ]] && candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( $#candidates )); then _describe flatnetctl candidates; else _files; fi
}
# As a file of fpath it is read at the first TAB, which wants its answer; sourced, it is only made known.
if [[ $funcstack[1] == _flatnetctl ]]; then _flatnetctl; else compdef _flatnetctl flatnetctl; fi
`,
  fish: `function __flatnetctl_complete
  set -l words (commandline -opc)
  set -e words[1]
  set -l token (commandline -ct)
  set -l candidates (flatnetctl __complete -- $words "$token" 2>/dev/null)
  if set -q candidates[1]
    printf '%s\\n' $candidates
  else
    __fish_complete_path "$token"
  end
end
complete -c flatnetctl -f -a '(__flatnetctl_complete)'
`,
};

/** Where each shell finds it by itself. */
export const HOMES: Readonly<Record<keyof typeof SCRIPTS, string>> = {
  bash: '/etc/bash_completion.d/flatnetctl',
  zsh: '/usr/local/share/zsh/site-functions/_flatnetctl',
  fish: '/etc/fish/completions/flatnetctl.fish',
};
