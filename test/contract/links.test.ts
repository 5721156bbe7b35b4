/** The link contract on the fake and on the kernel. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLinuxLinks } from '../../lib/host/linux/links.js';
import { fakeLinks } from '../fakes/links.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { linksContract } from './links.js';

inOwnNetworkNamespace(import.meta.url);

linksContract('fake', () =>
  Promise.resolve({ links: fakeLinks(), newGuest: () => Promise.resolve(7), close: () => Promise.resolve() }),
);

linksContract('Linux', () => {
  spawnSync('ip', ['link', 'set', 'lo', 'up']);
  const root = mkdtempSync(join(tmpdir(), 'smartadm-links-'));
  const guests: ChildProcess[] = [];
  const at = (path: string) => join(root, path);
  const links = createLinuxLinks({ root, at, tags: { admin: {}, stub0: { etherstub: true } } });
  return Promise.resolve({
    links,
    async newGuest() {
      const guest = spawn('unshare', ['--net', 'sh', '-c', 'echo ready; exec sleep 600'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      guests.push(guest);
      await new Promise((resolve) => guest.stdout.once('data', resolve));
      return guest.pid ?? 0;
    },
    async close() {
      for (const guest of guests) guest.kill('SIGKILL');
      await links.removeAll();
      rmSync(root, { recursive: true, force: true });
    },
  });
});
