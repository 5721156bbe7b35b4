/** The zone contract on the fake and on liblxc. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
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
import { makeZoneRoot, openTestZones } from '../zone-root.js';
import { zonesContract } from './zones.js';

inOwnNetworkNamespace(import.meta.url);

zonesContract('fake', () => {
  const links = fakeLinks();
  return Promise.resolve({
    zones: fakeZones({ links }),
    links,
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
    install: (name) => mkdirSync(at(`/zones/${name}`), { mode: 0o700 }),
    close: () => {
      root.remove();
      return Promise.resolve();
    },
  });
});
