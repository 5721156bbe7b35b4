/** The usage text of vmadm, to the byte. */
import { commands } from './commands.js';

/** Where SmartOS has the program: clients compare the text. */
const programPath = '/usr/sbin/vmadm';

/** What `vmadm help` prints (`vmadm(8)`; the missing blank in the last line is its own). */
export function usageText(): string {
  const lines = commands.flatMap((command) => command.usage);
  return `Usage: ${programPath} <command> [options]\n\n${lines.join('\n')}\n\nFor more detailed information on the use of this command,type 'man vmadm'.\n`;
}
