/** The machine contract on the fake, on qemu, and on the illumos host with what stands in for its qemu and vmadmd. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createIllumosHvm } from '../../lib/host/illumos/hvm.js';
import { illumosLinks } from '../../lib/host/illumos/links.js';
import { platformPrograms } from '../../lib/host/illumos/programs.js';
import { illumosSysinfo } from '../../lib/host/illumos/sysinfo.js';
import { vmadmd } from '../../lib/host/illumos/vmadmd.js';
import { vminfod } from '../../lib/host/illumos/vminfod.js';
import { createIllumosZones } from '../../lib/host/illumos/zones.js';
import { silentLog } from '../../lib/log.js';
import type { VmObject } from '../../lib/schema/generated/vm.js';
import { fakeDatasets } from '../fakes/datasets.js';
import { fakeHvm } from '../fakes/hvm.js';
import { fakeZones } from '../fakes/zones.js';
import { openTestMachines } from '../machines.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { IllumosRoot } from '../stand-ins/root.js';
import { standInVmadmd } from '../stand-ins/vmadmd.js';
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
    hasScreenshot: (name) => existsSync(at(`/zones/${name}/root/tmp/vm.ppm`)),
  });
});

hvmContract('illumos', async () => {
  const root = new IllumosRoot();
  const at = (path: string) => join(root.path, path);
  const programs = platformPrograms(root.path);
  const links = illumosLinks(illumosSysinfo(at, programs));
  const zones = createIllumosZones({ at, programs, links, log: silentLog, vminfod: vminfod({ at }) });
  // What is written down of it, as the daemon reads it again at each request.
  const vms = new Map<string, VmObject>();
  const daemon = await standInVmadmd((uuid) => {
    const vm = vms.get(uuid);
    return vm && { vm, root: at(`/zones/${String(vm.zonename)}/root`) };
  });
  root.write('/tmp/.autoboot_vmadmd', 'booted');
  const datasets = fakeDatasets({ at });
  const hvm = createIllumosHvm({ at, zones, datasets, programs, vmadmd: vmadmd({ at, port: daemon.port }) });
  return {
    zones,
    hvm: {
      ...hvm,
      reloadDisplays: (vm) => {
        vms.set(String(vm.uuid), vm);
        return hvm.reloadDisplays(vm);
      },
    },
    async install(name, more = {}) {
      const uuid = 'c0000000-0000-4000-8000-000000000001';
      await zones.configure(zoneConfig(name, { attributes: { brand: 'kvm' } }), uuid);
      mkdirSync(at(`/zones/${name}`), { mode: 0o700 });
      for (const folder of ['tmp', 'dev']) mkdirSync(at(`/zones/${name}/root/${folder}`), { recursive: true });
      await zones.mark(name, 'installed');
      writeFileSync(at(`/zones/${name}/root/deaf`), '');
      writeFileSync(at(`/zones/${name}/root/disk.img`), '');
      const disks = [{ path: '/disk.img', model: 'virtio', size: 64 }];
      const vm: VmObject = { zonename: name, uuid, brand: 'kvm', disks, ...more };
      vms.set(uuid, vm);
      return vm;
    },
    hasScreenshot: (name) => existsSync(at(`/zones/${name}/root/tmp/vm.ppm`)),
    async close() {
      await daemon.close();
      root.remove();
    },
  };
});
