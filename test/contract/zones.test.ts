/** The zone contract on the fake and on liblxc. */
import { join } from 'node:path';
import { fakeLinks } from '../fakes/links.js';
import { fakeZones } from '../fakes/zones.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { makeZoneRoot, openTestZones } from '../zone-root.js';
import { zonesContract } from './zones.js';

inOwnNetworkNamespace(import.meta.url);

zonesContract('fake', () => {
  const links = fakeLinks();
  return Promise.resolve({
    zones: fakeZones({ links }),
    links,
    install: () => undefined,
    close: () => Promise.resolve(),
  });
});

zonesContract('Linux', () => {
  const opened = openTestZones();
  return Promise.resolve({ ...opened, install: (name) => makeZoneRoot(join(opened.root, 'zones', name)) });
});
