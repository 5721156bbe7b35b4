/**
 * Machines of an illumos host: qemu in zones of brand kvm, bhyve in those of its own. vmadmd, where it runs, is asked for
 * what it does; else qemu is, by its monitor. What starts bhyve is its brand's own.
 */
import { join } from 'node:path';
import { codeOf } from '../../errors.js';
import { hostError } from '../errors.js';
import type { Datasets } from '../datasets.js';
import type { Hvm, HvmInfoType } from '../hvm.js';
import { places } from '../qemu/options.js';
import { openQmp, type Qmp } from '../qemu/qmp.js';
import type { ZoneRecord, Zones } from '../zones.js';
import { connectInZone } from './hvm-socket.js';
import { writeStartScript } from './hvm-start.js';
import type { Programs } from './programs.js';
import type { Vmadmd } from './vmadmd.js';

export interface IllumosHvmOptions {
  readonly at: (path: string) => string;
  readonly zones: Zones;
  readonly datasets: Datasets;
  readonly programs: Programs;
  readonly vmadmd: Vmadmd;
}

/** Until vmadmd itself ends a guest that does not heed the button, should whoever has pressed it be gone by then. */
const stopSeconds = 180;

export function createIllumosHvm({ at, zones, datasets, programs, vmadmd }: IllumosHvmOptions): Hvm {
  async function requireZone(name: string): Promise<ZoneRecord> {
    const record = await zones.find(name);
    if (record === undefined) throw hostError('ZoneNotFound', `there is no zone ${name}`);
    return record;
  }

  async function running(name: string): Promise<ZoneRecord> {
    const record = await requireZone(name);
    if (record.state !== 'running') throw hostError('ZoneBadState', `zone ${name} is ${record.state}, not running`);
    return record;
  }

  const rootOf = ({ zonepath }: ZoneRecord) => join(at(zonepath), 'root');
  const uuidOf = ({ uuid, name }: ZoneRecord) => uuid ?? name;

  const isUp = async ({ name }: ZoneRecord) => (await zones.find(name))?.state === 'running';

  async function withMonitor<T>(zone: ZoneRecord, work: (qmp: Qmp) => Promise<T>): Promise<T> {
    const qmp = await openQmp(await connectInZone(rootOf(zone), places.qmp, () => isUp(zone)));
    try {
      return await work(qmp);
    } finally {
      qmp.close();
    }
  }

  async function bhyvectl({ name, debugId }: ZoneRecord, ...args: readonly string[]): Promise<void> {
    const { status, stderr } = await programs.run('/usr/sbin/bhyvectl', [`--vm=SYSbhyve-${debugId}`, ...args]);
    if (status !== 0) throw hostError('HostFailed', `cannot reach bhyve of zone ${name}: ${stderr.trim()}`);
  }

  /** What bhyve takes for the power button. */
  async function terminate({ name }: ZoneRecord): Promise<void> {
    const runtime = await zones.runtime(name);
    try {
      if (runtime !== undefined) process.kill(runtime.pid, 'SIGTERM');
    } catch (error) {
      // It has just ended by itself.
      if (codeOf(error) !== 'ESRCH') throw error;
    }
  }

  return {
    async prepare(vm, boot = {}) {
      const zone = await requireZone(vm.zonename ?? String(vm.uuid));
      await writeStartScript(vm, boot, { at, datasets, root: rootOf(zone) });
    },
    async powerDown(name) {
      const zone = await running(name);
      if (zone.brand === 'bhyve') return terminate(zone);
      if (await vmadmd.act(uuidOf(zone), 'stop', { timeout: String(stopSeconds) })) return;
      await withMonitor(zone, (qmp) => qmp.execute('system_powerdown'));
    },
    async reset(name) {
      const zone = await running(name);
      if (zone.brand === 'bhyve') return bhyvectl(zone, '--force-reset');
      if (await vmadmd.act(uuidOf(zone), 'reset')) return;
      await withMonitor(zone, (qmp) => qmp.execute('system_reset'));
    },
    async interrupt(name) {
      const zone = await running(name);
      if (zone.brand === 'bhyve') return bhyvectl(zone, '--inject-nmi');
      if (await vmadmd.act(uuidOf(zone), 'sysrq', { request: 'nmi' })) return;
      await withMonitor(zone, (qmp) => qmp.human('nmi 0'));
    },
    async screenshot(name) {
      const zone = await running(name);
      if (zone.brand === 'bhyve') throw hostError('Unsupported', 'bhyve takes no pictures of its screen');
      if (await vmadmd.act(uuidOf(zone), 'sysrq', { request: 'screenshot' })) return;
      await withMonitor(zone, async (qmp) => {
        // A screen that the guest has blanked shows nothing.
        await qmp.human('sendkey shift');
        await qmp.execute('screendump', { filename: places.screenshot });
      });
    },
    async info(name, types) {
      const zone = await running(name);
      const foreign = zone.brand === 'bhyve' ? types.find((type) => type !== 'vnc') : undefined;
      if (foreign !== undefined) throw hostError('Unsupported', `bhyve does not tell of its ${foreign}`);
      const known = await vmadmd.info(uuidOf(zone), types);
      if (known !== undefined) return pick(known, types);
      // Nobody but vmadmd listens for displays.
      const asked = types.filter((type) => type !== 'vnc' && type !== 'spice');
      const none = { vnc: {}, spice: {} };
      if (asked.length === 0) return pick(none, types);
      return withMonitor(zone, async (qmp) => {
        const sections: Record<string, unknown> = { ...none };
        for (const type of asked) sections[type] = await qmp.execute(`query-${type}`);
        return pick(sections, types);
      });
    },
    async reloadDisplays(vm) {
      const zone = await zones.find(vm.zonename ?? String(vm.uuid));
      if (zone?.state !== 'running') return;
      // It reads what is written down. Where it does not run, it will when it starts.
      await vmadmd.act(uuidOf(zone), 'reload_display');
    },
  };
}

function pick(sections: Readonly<Record<string, unknown>>, types: readonly HvmInfoType[]): Record<string, unknown> {
  return Object.fromEntries(types.map((type) => [type, sections[type]]));
}
