/** Guests of a Linux host: qemu as the init of a zone that holds nothing else. */
import { constants } from 'node:fs';
import { copyFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../errors.js';
import type { Log } from '../../log.js';
import type { Disk, VmObject } from '../../schema/generated/vm.js';
import type { Datasets } from '../datasets.js';
import { hostError } from '../errors.js';
import type { ExtraDisk, Hvm } from '../hvm.js';
import { needsUefi, qemuArguments } from '../qemu/argv.js';
import { hasPassword, listed, places } from '../qemu/options.js';
import { openQmp, type Qmp } from '../qemu/qmp.js';
import type { QemuResources } from '../qemu/resources.js';
import { connectSocket } from '../qemu/socket.js';
import { zoneRoot } from '../zone-root.js';
import type { Zones } from '../zones.js';
import { findAcceleration } from './hvm-acceleration.js';
import { setPasswords } from './hvm-awake.js';
import { hvmDisplays } from './hvm-displays.js';
import { hvmPlans, type HvmPlan, type PlannedDisplay, type PlannedFile } from './hvm-plan.js';
import { bindsOf, findEmulator, findFirmware } from './hvm-programs.js';
import { emulatorSection } from './hvm-sections.js';
import type { LinuxLinks } from './links.js';
import { checkZoneName } from '../zone-name.js';

export interface LinuxHvmOptions {
  readonly at: (path: string) => string;
  readonly zones: Zones;
  readonly datasets: Datasets;
  readonly links: LinuxLinks;
  readonly log: Log;
}

/** Numbers of what an emulator inherits: files, then taps. Its VM has fewer of each than fit in between. */
const firstFile = 100;
const firstTap = 400;

/** Where the variables of a VM's UEFI firmware are kept, in its zonepath. */
const variablesFile = 'uefi-variables.fd';

export function createLinuxHvm({ at, zones, datasets, links, log }: LinuxHvmOptions): Hvm {
  const plans = hvmPlans(at);
  const displays = hvmDisplays({ at, links });

  /** Root of a zone, with what was planned for its boot. Throws `ZoneNotFound`, `ZoneBadState` unless it runs. */
  async function running(zone: string): Promise<{ readonly root: string; readonly plan: HvmPlan }> {
    const record = await zones.find(zone);
    if (record === undefined) throw hostError('ZoneNotFound', `there is no zone ${zone}`);
    const plan = record.state === 'running' ? await plans.read(zone) : undefined;
    if (plan === undefined) throw hostError('ZoneBadState', `zone ${zone} is ${record.state}, not running`);
    return { root: join(at(record.zonepath), 'root'), plan };
  }

  async function withMonitor<T>(root: string, work: (qmp: Qmp) => Promise<T>): Promise<T> {
    const qmp = await openQmp(await connectSocket(join(root, places.qmp)));
    try {
      return await work(qmp);
    } finally {
      qmp.close();
    }
  }

  async function tell(zone: string, work: (qmp: Qmp) => Promise<unknown>): Promise<void> {
    const { root } = await running(zone);
    await withMonitor(root, work);
  }

  /** Where a disk is on this host. Throws `ZoneInvalid` when it is not there. */
  async function fileOf(disk: Disk | ExtraDisk, root: string): Promise<Omit<PlannedFile, 'fd'>> {
    const path = disk.path ?? '';
    const writable = disk.media !== 'cdrom';
    const volume = ('zfs_filesystem' in disk ? disk.zfs_filesystem : undefined) ?? /^\/dev\/zvol\/r?dsk\/(.+)$/.exec(path)?.[1]; // prettier-ignore
    if (volume !== undefined) {
      const device = (await datasets.find(volume))?.device;
      if (device !== undefined) return { writable, base: '', path: device };
    } else if (path.startsWith('/dev/')) {
      // One of the host's own.
      const found = await stat(path).catch(() => undefined);
      if (found?.isBlockDevice() === true) return { writable, base: '', path };
    } else if ((await zoneRoot(root).kindOf(path)) === 'file') {
      return { writable, base: root, path };
    }
    throw hostError('ZoneInvalid', `there is no disk ${path}`);
  }

  /** The VM's own variables, made from those that its firmware comes with. */
  async function variablesOf(zonepath: string, fresh: string): Promise<string> {
    await copyFile(fresh, join(zonepath, variablesFile), constants.COPYFILE_EXCL).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    return variablesFile;
  }

  return {
    async prepare(vm, boot = {}) {
      const name = vm.zonename ?? String(vm.uuid);
      checkZoneName(name);
      const record = await zones.find(name);
      if (record === undefined) throw hostError('ZoneNotFound', `there is no zone ${name}`);
      const zonepath = at(record.zonepath);
      const root = join(zonepath, 'root');
      const [emulator, kvm] = await Promise.all([findEmulator(at), findAcceleration({ at, log })]);
      const disks = [...(vm.disks ?? []), ...(boot.disks ?? [])];
      const found = await Promise.all(disks.map((disk) => fileOf(disk, root)));
      const files = found.map((file, index): PlannedFile => ({ fd: firstFile + index, ...file }));
      const taps = (vm.nics ?? []).map((nic, index) => ({ fd: firstTap + index, physical: nic.interface ?? '' }));
      const firmware = needsUefi(vm) ? await findFirmware() : undefined;
      const fdset = (file: PlannedFile) => `/dev/fdset/${file.fd}`;
      const resources: QemuResources = {
        accelerator: kvm === undefined ? 'tcg' : 'kvm',
        disks: files.map((file) => ({ file: fdset(file), readOnly: !file.writable })),
        nics: taps.map(({ fd }) => ({ fd })),
        firmware: firmware && { code: firmware.code, variables: `/dev/fdset/${firstFile + files.length}` },
        spice: emulator.spice,
      };
      const argv = qemuArguments(vm, boot, resources);
      const inherited: readonly PlannedFile[] = firmware === undefined ? files : [
        ...files,
        { fd: firstFile + files.length, writable: true, base: zonepath, path: await variablesOf(zonepath, firmware.variables) },
      ]; // prettier-ignore
      // Its sockets are made there by another user than root.
      await zoneRoot(root).makeDirectory('/tmp', 0o1777);
      await plans.write(name, {
        argv: [emulator.path, ...inherited.flatMap(({ fd }, index) => handedOver(fd, disks[index]?.path)), ...argv],
        binds: [...emulator.binds, ...(firmware === undefined ? [] : await bindsOf([firmware.code]))],
        own: await ownFirmware(vm, root),
        files: inherited,
        taps,
        kvm,
        disks: files.map((file, index) => ({ path: disks[index]?.path ?? '', file: fdset(file) })),
        displays: displaysOf(vm, argv),
      });
    },
    powerDown: (zone) => tell(zone, (qmp) => qmp.execute('system_powerdown')),
    reset: (zone) => tell(zone, (qmp) => qmp.execute('system_reset')),
    interrupt: (zone) => tell(zone, (qmp) => qmp.execute('inject-nmi')),
    screenshot: (zone) =>
      tell(zone, async (qmp) => {
        // A screen that the guest has blanked shows nothing.
        await qmp.human('sendkey shift');
        await qmp.execute('screendump', { filename: places.screenshot });
      }),
    async info(zone, types) {
      const { root, plan } = await running(zone);
      const asked = types.filter((type) => type !== 'vnc' && type !== 'spice');
      const sections = new Map<string, unknown>();
      if (asked.length > 0) {
        await withMonitor(root, async (qmp) => {
          for (const type of asked) sections.set(type, await emulatorSection(qmp, type, plan));
        });
      }
      for (const type of ['vnc', 'spice'] as const) {
        if (types.includes(type)) sections.set(type, await displaySection(zone, type, plan));
      }
      return Object.fromEntries(types.map((type) => [type, sections.get(type)]));
    },
    async reloadDisplays(vm) {
      const name = vm.zonename ?? String(vm.uuid);
      const runtime = await zones.runtime(name);
      if (runtime === undefined) return;
      const { root, plan } = await running(name);
      // What it has been started without comes with its next boot.
      const wanted = displaysOf(vm, plan.argv);
      for (const { kind } of [...plan.displays, ...wanted]) await displays.close(name, kind);
      // Where a password cannot be set, nobody is let in.
      await withMonitor(root, (qmp) => setPasswords(qmp, wanted, plan.displays));
      await plans.write(name, { ...plan, displays: wanted });
      for (const display of wanted) await displays.listen(name, runtime.pid, root, display);
    },
  };

  async function displaySection(zone: string, kind: PlannedDisplay['kind'], plan: HvmPlan): Promise<unknown> {
    const listener = await displays.find(zone, kind);
    if (listener === undefined) return {};
    const { password, options } = plan.displays.find((display) => display.kind === kind) ?? {};
    return {
      ...listener,
      ...(kind === 'vnc' && listener.port >= 5900 ? { display: listener.port - 5900 } : {}),
      ...(password === undefined ? {} : { password }),
      ...(options === undefined ? {} : { spice_opts: options }),
    };
  }
}

/** How the emulator is told of a file that it inherits: as a set of one, with the number of its descriptor. */
function handedOver(fd: number, name = variablesFile): readonly string[] {
  return ['-add-fd', `fd=${fd},set=${fd},opaque=${listed(name)}`];
}

/** A firmware of the operator's, in the zone. Throws `ZoneInvalid` when it is not there. */
async function ownFirmware({ brand, bootrom = '' }: VmObject, root: string): Promise<readonly string[]> {
  if (brand !== 'bhyve' || !bootrom.startsWith('/')) return [];
  const isPlain = !bootrom.split('/').some((part) => part === '..' || part === '.');
  if (isPlain && (await zoneRoot(root).kindOf(bootrom)) === 'file') return [bootrom];
  throw hostError('ZoneInvalid', `there is no firmware ${bootrom} in the zone`);
}

/** One display is to be reached from outside, SPICE where it has a port, else VNC: of those that the emulator was told of. */
function displaysOf(vm: VmObject, argv: readonly string[]): readonly PlannedDisplay[] {
  const has = (kind: PlannedDisplay['kind']) => argv.some((word) => word.includes(places[kind]));
  const spicePort = has('spice') ? (vm.spice_port ?? -1) : -1;
  const vncPort = spicePort > 0 ? -1 : (vm.vnc_port ?? 0);
  const set = (password: string | undefined) => (hasPassword(password) ? password : undefined);
  const vnc: PlannedDisplay = { kind: 'vnc', port: vncPort, password: set(vm.vnc_password) };
  const spice: PlannedDisplay = {
    kind: 'spice', port: spicePort > 0 ? spicePort : -1, password: set(vm.spice_password),
    options: vm.spice_opts === '' ? undefined : vm.spice_opts,
  }; // prettier-ignore
  return [vnc, spice].filter(({ kind }) => has(kind));
}
