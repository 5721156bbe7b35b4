/** All commands of vmadm, by name; each is loaded when it is called. */
import type { Command } from '../command.js';

export interface CommandEntry {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Its lines of the usage text; none for commands that `vmadm(8)` keeps out of it. */
  readonly usage: readonly string[];
  readonly load: () => Promise<Command>;
}

/** In the order of the usage text. */
export const commands: readonly CommandEntry[] = [
  { name: 'create', usage: ['create [-f <filename>]'], load: async () => (await import('./create.js')).create },
  { name: 'create-snapshot', usage: ['create-snapshot <uuid> <snapname>'], load: async () => (await import('./snapshots.js')).createSnapshot },
  { name: 'console', usage: ['console <uuid>'], load: async () => (await import('./console.js')).consoleCommand },
  { name: 'delete', aliases: ['destroy'], usage: ['delete <uuid>'], load: async () => (await import('./delete.js')).deleteCommand },
  { name: 'delete-snapshot', usage: ['delete-snapshot <uuid> <snapname>'], load: async () => (await import('./snapshots.js')).deleteSnapshot },
  { name: 'events', usage: ['events [-fjr] [uuid]'], load: async () => (await import('./events.js')).events },
  { name: 'get', aliases: ['json'], usage: ['get <uuid>'], load: async () => (await import('./get.js')).get },
  { name: 'info', usage: ['info <uuid> [type,...]'], load: async () => (await import('./info.js')).info },
  { name: 'install', usage: ['install <uuid>'], load: async () => (await import('./install.js')).install },
  { name: 'kill', usage: ['kill [-s SIGNAL|-SIGNAL] <uuid>'], load: async () => (await import('./kill.js')).kill },
  { name: 'list', usage: ['list [-p] [-H] [-o field,...] [-s field,...] [field=value ...]'], load: async () => (await import('./list.js')).list },
  { name: 'lookup', usage: ['lookup [-j|-1] [-o field,...] [field=value ...]'], load: async () => (await import('./lookup.js')).lookup },
  { name: 'reboot', usage: ['reboot <uuid> [-F]'], load: async () => (await import('./reboot.js')).reboot },
  { name: 'receive', aliases: ['recv'], usage: ['receive [-f <filename>]'], load: async () => (await import('./receive.js')).receive },
  { name: 'reprovision', usage: ['reprovision <uuid> [-f <filename>]'], load: async () => (await import('./reprovision.js')).reprovision },
  { name: 'rollback-snapshot', usage: ['rollback-snapshot <uuid> <snapname>'], load: async () => (await import('./snapshots.js')).rollbackSnapshot },
  { name: 'send', usage: ['send <uuid> [target]'], load: async () => (await import('./send.js')).send },
  { name: 'start', aliases: ['boot'], usage: ['start <uuid> [option=value ...]'], load: async () => (await import('./start.js')).start },
  { name: 'stop', aliases: ['halt'], usage: ['stop <uuid> [-F] [-t timeout]'], load: async () => (await import('./stop.js')).stop },
  { name: 'sysrq', aliases: ['sysreq'], usage: ['sysrq <uuid> <nmi|screenshot>'], load: async () => (await import('./info.js')).sysrq },
  { name: 'update', usage: ['update <uuid> [-f <filename>]', ' -or- update <uuid> property=value [property=value ...]'], load: async () => (await import('./update.js')).update },
  { name: 'validate', usage: ['validate create [-f <filename>]', 'validate update <brand> [-f <filename>]'], load: async () => (await import('./validate.js')).validate },
  { name: 'autoboot', usage: [], load: async () => (await import('./autoboot.js')).autoboot },
  { name: 'doctor', usage: [], load: async () => (await import('./doctor.js')).doctor },
  { name: 'exec', usage: [], load: async () => (await import('./exec.js')).exec },
  { name: 'schema', usage: [], load: async () => (await import('./schema.js')).schema },
  { name: 'setup', usage: [], load: async () => (await import('./setup.js')).setup },
  { name: 'version', usage: [], load: async () => (await import('./version.js')).version },
]; // prettier-ignore
