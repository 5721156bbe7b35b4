/** The link contract on the fake, on the kernel, and what of it every host has on dladm.node and what stands in for libdladm. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { illumosLinks } from '../../lib/host/illumos/links.js';
import { platformPrograms } from '../../lib/host/illumos/programs.js';
import { illumosSysinfo } from '../../lib/host/illumos/sysinfo.js';
import { createLinuxLinks } from '../../lib/host/linux/links.js';
import { fakeLinks } from '../fakes/links.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { IllumosHost } from '../stand-ins/host.js';
import { hostLinksContract, linksContract } from './links.js';

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

hostLinksContract('illumos', () => {
  const host = new IllumosHost();
  host.addLink(10, { name: 'stub0', class: 16, flags: 3, mac: '' });
  const sysinfo = illumosSysinfo((path) => host.path + path, platformPrograms(host.path));
  let vnics = 0;
  return Promise.resolve({
    links: illumosLinks(sysinfo),
    addVnic(zone) {
      // The platform makes it, when the zone becomes ready.
      vnics += 1;
      host.run(zone, vnics, 4);
      host.addLink(10 + vnics, { name: 'net0', class: 8, flags: 0x201, mac: `02:08:20:00:00:0${vnics}`, zone });
      return Promise.resolve();
    },
    halt: (zone) => {
      host.stop(zone);
    },
    close() {
      host.remove();
      return Promise.resolve();
    },
  });
});
