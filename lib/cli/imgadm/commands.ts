/** All commands of imgadm, by name; each is loaded when it is called. */
import { SmartadmError } from '../../errors.js';
import type { ImgadmCommand } from './command.js';

interface CommandEntry {
  readonly names: readonly string[];
  readonly load: () => Promise<ImgadmCommand>;
}

/** In the order of the help text. */
export const commands: readonly CommandEntry[] = [
  { names: ['help', '?'], load: async () => (await import('./help.js')).help },
  { names: ['sources'], load: async () => (await import('./sources.js')).sources },
  { names: ['avail', 'available'], load: async () => (await import('./avail.js')).avail },
  { names: ['list'], load: async () => (await import('./list.js')).list },
  { names: ['show'], load: async () => (await import('./show.js')).show },
  { names: ['get', 'info'], load: async () => (await import('./get.js')).get },
  { names: ['ancestry'], load: async () => (await import('./ancestry.js')).ancestry },
  { names: ['delete', 'destroy'], load: async () => (await import('./delete.js')).deleteCommand },
  { names: ['import'], load: async () => (await import('./import.js')).importCommand },
  { names: ['install'], load: async () => (await import('./install.js')).install },
  { names: ['update'], load: async () => (await import('./update.js')).update },
  { names: ['vacuum'], load: async () => (await import('./vacuum.js')).vacuum },
  { names: ['create'], load: async () => (await import('./create.js')).create },
  { names: ['publish'], load: async () => (await import('./publish.js')).publish },
  { names: ['completion'], load: async () => (await import('./completion.js')).completion },
];

/** Throws `UnknownCommand`. */
export async function findCommand(typed: string): Promise<ImgadmCommand> {
  const entry = commands.find(({ names }) => names.includes(typed));
  if (entry !== undefined) return entry.load();
  throw new SmartadmError('UnknownCommand', `unknown command: "${typed}"`);
}
