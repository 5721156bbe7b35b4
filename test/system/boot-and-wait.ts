/** Boots the zone named on the command line, of the root named there too; for tests that kill who does it. */
import { join } from 'node:path';
import { createLinuxLinks } from '../../lib/host/linux/links.js';
import { createLinuxZones } from '../../lib/host/linux/zones.js';
import { silentLog } from '../../lib/log.js';

const [root = '', name = ''] = process.argv.slice(2);
const at = (path: string) => join(root, path);
const links = createLinuxLinks({ root, at, tags: { admin: {} } });
const zones = createLinuxZones({ root, at, links, log: silentLog, snapshots: () => Promise.resolve([]) });
// What is loaded on first use takes longer than all that follows.
await zones.list();
process.stdout.write('booting\n');
await zones.boot(name);
process.stdout.write('booted\n');
