/** The zone contract on the fake and on liblxc. */
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { illumosLinks } from '../../lib/host/illumos/links.js';
import { platformPrograms } from '../../lib/host/illumos/programs.js';
import { illumosSysinfo } from '../../lib/host/illumos/sysinfo.js';
import { vminfod } from '../../lib/host/illumos/vminfod.js';
import { createIllumosZones } from '../../lib/host/illumos/zones.js';
import { silentLog } from '../../lib/log.js';
import { fakeLinks } from '../fakes/links.js';
import { fakeZones } from '../fakes/zones.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { IllumosRoot } from '../stand-ins/root.js';
import { makeZoneRoot, makeZoneSnapshot, openTestZones } from '../zone-root.js';
import { zonesContract } from './zones.js';

inOwnNetworkNamespace(import.meta.url);

zonesContract('fake', () => {
  const links = fakeLinks();
  const made = new Map<string, string[]>();
  const zones = fakeZones({ links, snapshots: (zonepath) => made.get(zonepath) ?? [] });
  return Promise.resolve({
    zones,
    links,
    snapshots: {
      make: (zone, snapshot) => void made.set(`/zones/${zone}`, [...(made.get(`/zones/${zone}`) ?? []), snapshot]),
      seen: (zone) => Promise.resolve(zones.seenSnapshots(zone)),
      atBoot: true,
    },
    makesVnics: true,
    install: () => undefined,
    close: () => Promise.resolve(),
  });
});

zonesContract('Linux', () => {
  const opened = openTestZones();
  return Promise.resolve({
    ...opened,
    index: join(opened.root, 'etc/zones/index'),
    makesVnics: true,
    snapshots: {
      make: (zone, snapshot) => {
        makeZoneSnapshot(opened.at(`/zones/${zone}`), snapshot);
      },
      seen: async (zone) => {
        // What is in them, and that there is no other: each holds its name.
        const { stdout } = await opened.zones.exec(zone, ['sh', '-c', 'cd /checkpoints && for each in *; do echo $(cat $each/file); done']); // prettier-ignore
        return stdout.split('\n').filter((line) => line !== '');
      },
      atBoot: true,
    },
    install: (name) => makeZoneRoot(join(opened.root, 'zones', name)),
  });
});

zonesContract('illumos', () => {
  const root = new IllumosRoot();
  const at = (path: string) => join(root.path, path);
  const programs = platformPrograms(root.path);
  const links = illumosLinks(illumosSysinfo(at, programs));
  return Promise.resolve({
    zones: createIllumosZones({ at, programs, links, log: silentLog, vminfod: vminfod({ at }) }),
    links,
    index: at('/etc/zones/index'),
    makesVnics: false,
    snapshots: {
      make: (zone, snapshot) => mkdirSync(at(`/zones/${zone}/.zfs/snapshot/vmsnap-${snapshot}/root`), { recursive: true }), // prettier-ignore
      seen: () => Promise.resolve(root.lofs().map(([target = '']) => basename(target))),
      atBoot: false,
    },
    install: (name) => {
      mkdirSync(at(`/zones/${name}`), { mode: 0o700 });
      mkdirSync(at(`/zones/${name}/root`));
    },
    close: () => {
      root.remove();
      return Promise.resolve();
    },
  });
});
