/** The machine contract on the fake and on qemu. */
import { existsSync, truncateSync } from 'node:fs';
import { fakeHvm } from '../fakes/hvm.js';
import { fakeZones } from '../fakes/zones.js';
import { openTestMachines } from '../machines.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { zoneConfig } from '../zone-root.js';
import { hvmContract } from './hvm.js';

inOwnNetworkNamespace(import.meta.url);

hvmContract('fake', () => {
  const zones = fakeZones();
  const hvm = fakeHvm({ zones, heedsPower: () => false, isDisk: (path) => path === '/disk.img' });
  return Promise.resolve({
    hvm,
    zones,
    async install(name, vm = {}) {
      await zones.configure(zoneConfig(name, { attributes: { brand: 'kvm' } }));
      await zones.mark(name, 'installed');
      return { zonename: name, brand: 'kvm', disks: [{ path: '/disk.img', model: 'virtio', size: 64 }], ...vm };
    },
    grow: () => undefined,
    hasScreenshot: (name) => hvm.guest(name)?.told.includes('screenshot') === true,
    close: () => Promise.resolve(),
  });
});

hvmContract('Linux', () => {
  const opened = openTestMachines();
  const { at } = opened;
  return Promise.resolve({
    ...opened,
    install: (name, vm) => opened.install(name, {}, vm),
    grow: (name, sizeBytes) => {
      truncateSync(at(`/zones/${name}/root/disk.img`), sizeBytes);
    },
    hasScreenshot: (name) => existsSync(at(`/zones/${name}/root/tmp/vm.ppm`)),
  });
});
