/** Guests with real state and no emulator: what was prepared, which buttons were pressed, what their displays listen on. */
import { hostError } from '../../lib/host/errors.js';
import type { Hvm, HvmBoot, HvmInfoType } from '../../lib/host/hvm.js';
import type { VmObject } from '../../lib/schema/generated/vm.js';
import type { FakeZones } from './zones.js';

/** A guest since its last boot. */
export interface FakeGuest {
  readonly vm: VmObject;
  readonly boot: HvmBoot;
  /** What it has been told, in order: `power`, `reset`, `nmi`, `screenshot`. */
  readonly told: readonly string[];
}

export interface FakeHvm extends Hvm {
  /** Makes the next call of `method` throw `error`. */
  failNext(method: keyof Hvm, error: Error): void;
  /** What the zone's next boot starts, or its last one did. */
  guest(zone: string): FakeGuest | undefined;
}

export interface FakeHvmOptions {
  readonly zones: FakeZones;
  /** Whether a guest shuts down when its power button is pressed. Default true. */
  readonly heedsPower?: (zone: string) => boolean;
  /** Paths of files that may be disks beside those of volumes; default any. */
  readonly isDisk?: (path: string) => boolean;
}

interface Guest {
  vm: VmObject;
  readonly boot: HvmBoot;
  readonly told: string[];
}

const address = '192.0.2.1';
/** What stands in for a port that the kernel chooses. */
const anyPort = 40_000;

export function fakeHvm({ zones, heedsPower = () => true, isDisk = () => true }: FakeHvmOptions): FakeHvm {
  const guests = new Map<string, Guest>();
  const faults = new Map<string, Error>();

  async function begin(method: keyof Hvm): Promise<void> {
    await Promise.resolve();
    const fault = faults.get(method);
    faults.delete(method);
    if (fault !== undefined) throw fault;
  }

  async function running(method: keyof Hvm, zone: string): Promise<Guest> {
    await begin(method);
    const record = await zones.find(zone);
    if (record === undefined) throw hostError('ZoneNotFound', `there is no zone ${zone}`);
    const guest = guests.get(zone);
    if (record.state === 'running' && guest !== undefined) return guest;
    throw hostError('ZoneBadState', `zone ${zone} is ${record.state}, not running`);
  }

  const press = async (method: keyof Hvm, zone: string, what: string) =>
    void (await running(method, zone)).told.push(what);

  function section(guest: Guest, type: HvmInfoType): unknown {
    const { vm } = guest;
    switch (type) {
      case 'status':
        return { running: true, singlestep: false, status: 'running' };
      case 'version':
        return { qemu: { micro: 0, minor: 2, major: 7 }, package: '' };
      case 'kvm':
        return { enabled: false, present: false };
      case 'cpus':
        return Array.from({ length: vm.vcpus ?? 1 }, (_, index) => ({
          CPU: index,
          current: index === 0,
          halted: false,
        }));
      case 'block':
        return (vm.disks ?? []).map((disk, index) => ({
          device: `disk${index}`, locked: false, removable: disk.media === 'cdrom',
          inserted: {
            file: disk.path, ro: disk.media === 'cdrom',
            image: { 'virtual-size': (disk.size ?? 0) * 1024 * 1024 },
          },
        })); // prettier-ignore
      case 'blockstats':
      case 'chardev':
      case 'pci':
        return [];
      case 'vnc':
      case 'spice':
        return displayOf(vm, type);
    }
  }

  return {
    failNext: (method, error) => void faults.set(method, error),
    guest: (zone) => guests.get(zone),
    async prepare(vm, boot = {}) {
      await begin('prepare');
      const name = vm.zonename ?? vm.uuid ?? '';
      if ((await zones.find(name)) === undefined) throw hostError('ZoneNotFound', `there is no zone ${name}`);
      const missing = [...(vm.disks ?? []), ...(boot.disks ?? [])].find(({ path }) => !isDisk(path ?? ''));
      if (missing !== undefined) throw hostError('ZoneInvalid', `there is no disk ${String(missing.path)}`);
      guests.set(name, { vm, boot, told: [] });
    },
    async powerDown(zone) {
      await press('powerDown', zone, 'power');
      if (heedsPower(zone)) await zones.end(zone);
    },
    reset: (zone) => press('reset', zone, 'reset'),
    interrupt: (zone) => press('interrupt', zone, 'nmi'),
    screenshot: (zone) => press('screenshot', zone, 'screenshot'),
    async info(zone, types) {
      const guest = await running('info', zone);
      return Object.fromEntries(types.map((type) => [type, section(guest, type)]));
    },
    async reloadDisplays(vm) {
      await begin('reloadDisplays');
      const guest = guests.get(vm.zonename ?? vm.uuid ?? '');
      if (guest !== undefined) guest.vm = { ...guest.vm, ...vm };
    },
  };
}

/** As a listener for it would be: SPICE where it has a port, else VNC unless that is off. */
function displayOf(vm: VmObject, type: 'vnc' | 'spice'): Readonly<Record<string, unknown>> {
  const isSpice = (vm.spice_port ?? 0) > 0;
  if (isSpice !== (type === 'spice')) return {};
  const wanted = isSpice ? vm.spice_port : vm.vnc_port;
  if (wanted === -1) return {};
  const port = wanted === undefined || wanted === 0 ? anyPort : wanted;
  const password = isSpice ? vm.spice_password : vm.vnc_password;
  return {
    host: address, port,
    ...(!isSpice && port >= 5900 ? { display: port - 5900 } : {}),
    ...(password === undefined || password === '' ? {} : { password }),
    ...(isSpice && vm.spice_opts !== undefined ? { spice_opts: vm.spice_opts } : {}),
  }; // prettier-ignore
}
