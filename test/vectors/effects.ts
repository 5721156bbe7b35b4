/** What a step does to a system, in one vocabulary: by the programs that the original started, and by what the stand-ins saw. */
import type { Step } from './vm-flows.js';

/** Of datasets, making and removing them; what is set on them is told by the records of what is left. */
const datasetVerbs = ['create', 'clone', 'snapshot', 'rollback', 'rename', 'destroy'];

/** By the lines of `system/effects`. What a brand's hook does while a zone is brought onto disk or off it, is the brand's. */
export function effectsOf(lines: readonly string[]): readonly string[] {
  const effects: string[] = [];
  let inHook = false;
  for (const line of lines) {
    const [kind, first = '', second = '', third = ''] = line.split(' ');
    if (kind === 'zone') {
      const state = zoneEffects[`${second} ${third}`];
      inHook = third === 'incomplete';
      if (state !== undefined) effects.push(state);
    } else if (!inHook && datasetVerbs.includes(first)) {
      effects.push([first, ...line.split(' ').slice(2)].join(' '));
    }
  }
  return effects;
}

/** By the states that a zone leaves and reaches. */
const zoneEffects: Readonly<Record<string, string>> = {
  ' configured': 'configured',
  'incomplete installed': 'installed',
  'ready running': 'booted',
  'running shutting_down': 'halted',
  'incomplete configured': 'uninstalled',
  'configured ': 'deleted',
};

/**
 * By the programs that were started, on a zone that `runs` before them: what halts a zone that does not run has no effect.
 * Signals are recorded without a program's name; all are the end of an init.
 */
export function effectsRecorded(commands: NonNullable<Step['commands']>, runs: boolean): readonly string[] {
  let isUp = runs;
  const effects = commands.flatMap(({ cmd = 'kill', args = [], exit = 0 }) => {
    const found = exit === 0 ? effectsOfProgram(cmd, args.map(String)) : [];
    return found.filter((effect) => {
      const wasUp = isUp;
      if (effect === 'booted') isUp = true;
      if (effect === 'halted') isUp = false;
      return effect !== 'halted' || wasUp;
    });
  });
  // On purpose: a VM is written down before its disks are made, so that a create that is killed leaves nothing unowned.
  const isNew = effects.includes('configured');
  return isNew ? ['configured', ...effects.filter((effect) => effect !== 'configured')] : effects;
}

function effectsOfProgram(cmd: string, args: readonly string[]): readonly string[] {
  const last = args.at(-1) ?? '';
  if (cmd === 'kill') return ['halted'];
  if (cmd === '/usr/sbin/zoneadm') {
    if (args.includes('install')) return ['installed'];
    if (args.includes('uninstall')) return ['uninstalled'];
    if (args.includes('boot')) return ['booted'];
    if (args.includes('halt')) return ['halted'];
    return args.includes('reboot') ? ['halted', 'booted'] : [];
  }
  if (cmd === 'zonecfg') {
    if (args[0] === '-z') return ['configured'];
    return /^delete\b/.test(args[2] ?? '') ? ['deleted'] : [];
  }
  if (cmd === '/usr/sbin/zlogin' && args.some((word) => word.endsWith('/shutdown'))) {
    return args.includes('-r') || last === '6' ? ['halted', 'booted'] : ['halted'];
  }
  if (cmd !== '/usr/sbin/zfs' || args.includes('-nPV')) return [];
  const [verb = ''] = args;
  if (verb === 'clone' || verb === 'rename') return [`${verb} ${args.at(-2) ?? ''} ${last}`];
  return datasetVerbs.includes(verb) ? [`${verb} ${last}`] : [];
}

/** Without snapshots that come with one of the same name above them, which one program may have taken together. */
export function withoutParts(effects: readonly string[]): readonly string[] {
  return effects.filter((effect, index) => {
    const [, dataset = '', name = ''] = /^snapshot (.+)\/[^/@]+@(.+)$/.exec(effect) ?? [];
    return dataset === '' || !effects.slice(0, index).includes(`snapshot ${dataset}@${name}`);
  });
}
