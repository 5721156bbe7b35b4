/** The bash functions that complete the arguments of imgadm, made of what the commands say of themselves. */
import { commands } from './commands.js';
import { globalOptions, helpOption } from './options.js';

/** Commands whose operand is an image that the sources offer, and those where it is an installed one. */
const ofSources = ['show', 'import'];
const ofInstalled = ['get', 'info', 'ancestry', 'delete', 'destroy'];

export async function completionScript(): Promise<string> {
  const all = await Promise.all(commands.map(async ({ names, load }) => ({ names, command: await load() })));
  const spelled = all.map(({ names, command }) => {
    const own = [...command.options, helpOption].filter(({ help }) => help !== '').flatMap((option) => option.names);
    return `    ${names.map(quoted).join('|')}) words='${own.join(' ')}' ;;`;
  });
  const names = all.map(({ command }) => command.name).join(' ');
  const before = globalOptions.flatMap((option) => option.names).join(' ');
  return `# Completion of imgadm's arguments for bash: . <(imgadm completion)
_imgadm_options() {
  local words=
  case $1 in
${spelled.join('\n')}
    *) words='${before}' ;;
  esac
  echo "$words"
}

_imgadm() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command= at words=
  for ((at = 1; at < COMP_CWORD; at += 1)); do
    [[ \${COMP_WORDS[at]} == -* ]] && continue
    command=\${COMP_WORDS[at]}
    break
  done
  COMPREPLY=()
  if [[ $previous == -P && -n $command ]]; then
    words=$(zpool list -Ho name 2>/dev/null || imgadm list -Ho zpool 2>/dev/null | sort -u)
  elif [[ $current == -* ]]; then
    words=$(_imgadm_options "$command")
  else
    case $command in
      ''|help|'?') words='${names}' ;;
      ${ofSources.join('|')}) words=$(imgadm avail -H -o uuid 2>/dev/null) ;;
      ${ofInstalled.join('|')}) words=$(imgadm list -H -o uuid 2>/dev/null) ;;
      create) [[ $previous == -s ]] || words=$(vmadm list -H -o uuid 2>/dev/null) ;;
    esac
  fi
  # Without candidates bash completes file names.
  [[ -n $words ]] && mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -o default -F _imgadm imgadm
`;
}

/** A name as a pattern that matches it alone. */
function quoted(name: string): string {
  return /^[a-z]+$/.test(name) ? name : `'${name}'`;
}
