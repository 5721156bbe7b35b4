/** Whether the host still has the nic tags that a VM's NICs name (`vmadm-cli`, network tag checks). */
import type { Host } from '../host/host.js';
import type { Nic } from '../schema/generated/vm.js';
import { refused } from './errors.js';

/** Throws `PayloadInvalid` with a line for each unknown tag, in the original's words after `prefix`. */
export async function requireNicTags(host: Host, nics: readonly Nic[], prefix = ''): Promise<void> {
  if (nics.length === 0) return;
  const known = new Set((await host.links.nicTags()).map((tag) => tag.name));
  const unknown = [...new Set(nics.flatMap((nic) => (nic.nic_tag === undefined ? [] : [nic.nic_tag])))].filter(
    (tag) => !known.has(tag) && !tag.includes('/'),
  );
  if (unknown.length > 0) throw refused(prefix + unknown.map((tag) => `Invalid nic tag "${tag}"`).join('\n'));
}
