/** create and update fail at each of their steps in turn, and leave the host as it was; snapshots where others are at work. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Context } from '../../../lib/context.js';
import { quietProgress } from '../../../lib/cli/context.js';
import { hostError } from '../../../lib/host/errors.js';
import type { Host } from '../../../lib/host/host.js';
import { writeZoneXml } from '../../../lib/host/zone-xml.js';
import { acquireLock } from '../../../lib/lock.js';
import { silentLog } from '../../../lib/log.js';
import { sleep } from '../../../lib/sleep.js';
import { createVm } from '../../../lib/vm/create.js';
import { createSnapshot, deleteSnapshot, rollbackSnapshot } from '../../../lib/vm/snapshots.js';
import { updateVm } from '../../../lib/vm/update.js';
import { fakeDatasets } from '../../fakes/datasets.js';
import { fakeHvm } from '../../fakes/hvm.js';
import { fakeLinks } from '../../fakes/links.js';
import { fakeZones, type FakeZones } from '../../fakes/zones.js';

const top = mkdtempSync(join(tmpdir(), 'smartadm-steps-'));
after(() => {
  rmSync(top, { recursive: true, force: true });
});

const image = '11111111-1111-4111-8111-111111111111';
const diskImage = '22222222-2222-4222-8222-222222222222';

/** Calls that change something. */
const changing = new Set([
  'create', 'snapshot', 'clone', 'destroy', 'rename', 'set', 'rollback', 'configure', 'mark', 'unconfigure', 'boot', 'refresh',
  'prepare',
]); // prettier-ignore

interface Breakable {
  readonly host: Host;
  readonly context: Context;
  /** The call that changes something and fails, counted from now; none when undefined. */
  failAt(step: number | undefined): void;
  /** Calls since then. */
  readonly calls: readonly string[];
}

async function breakableHost(): Promise<Breakable> {
  const root = mkdtempSync(join(top, 'host-'));
  const at = (path: string) => join(root, path);
  const links = fakeLinks();
  const datasets = fakeDatasets({ at });
  const zones = fakeZones({ links });
  installImage(root, image, { type: 'zone-dataset', os: 'smartos' });
  await datasets.create(`zones/${image}`);
  mkdirSync(at(`/zones/${image}/root/srv`), { recursive: true });
  await datasets.snapshot(`zones/${image}@final`);
  installImage(root, diskImage, { type: 'zvol', os: 'linux', image_size: 16 });
  await datasets.create(`zones/${diskImage}`, { volblocksize: '8192' }, 16 * 2 ** 20);
  await datasets.snapshot(`zones/${diskImage}@final`);

  let [failing, calls]: [number | undefined, string[]] = [undefined, []];
  const counted = <T extends object>(part: T): T =>
    new Proxy(part, {
      get(target, name, receiver) {
        const member: unknown = Reflect.get(target, name, receiver);
        if (typeof member !== 'function' || !changing.has(String(name))) return member;
        return (...args: unknown[]) => {
          calls.push(String(name));
          // Only the one: what takes back comes after it.
          if (calls.length === failing) return Promise.reject(hostError('HostFailed', `broken at ${String(name)}`));
          return (member as (...args: unknown[]) => unknown).apply(target, args);
        };
      },
    });
  const host = {
    zones: counted(zones), datasets: counted(datasets), links, at,
    sysinfo: { read: () => Promise.resolve({ uuid: '', liveImage: '' }) },
    features: { guestOs: 'smartos' },
    hvm: counted(fakeHvm({ zones })),
    close: () => Promise.resolve(),
  } as unknown as Host; // prettier-ignore
  const { signal } = new AbortController();
  return {
    host,
    context: { host: () => Promise.resolve(host), log: silentLog, progress: quietProgress, signal, root },
    failAt(step) {
      [failing, calls] = [step, []];
    },
    get calls() {
      return calls;
    },
  };
}

function installImage(root: string, uuid: string, facts: object): void {
  mkdirSync(join(root, 'var/imgadm/images'), { recursive: true });
  const manifest = { v: 2, uuid, name: 'image', version: '1', ...facts };
  writeFileSync(join(root, `var/imgadm/images/zones-${uuid}.json`), JSON.stringify({ manifest, zpool: 'zones' }));
}

/** All that a command could have left: zones, datasets with their properties, files of the machines. */
async function traces({ host }: Breakable): Promise<unknown> {
  const zones = await host.zones.list();
  const configs = await Promise.all(
    zones.map(async ({ name, state }) => [state, writeZoneXml(await host.zones.config(name))]),
  );
  const datasets = (await host.datasets.list()).map(({ name, type, properties, volsizeBytes }) => ({
    name,
    type,
    properties,
    volsizeBytes,
  }));
  const files = zones.flatMap(({ zonepath }) => filesBelow(host.at(`${zonepath}/config`)));
  return { configs, datasets, files };
}

/** Objects that are empty are as good as none. */
function meaningOf(text: string): unknown {
  const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
  return Object.fromEntries(entries.filter(([, value]) => JSON.stringify(value) !== '{}'));
}

function filesBelow(folder: string): readonly (readonly [string, unknown])[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => statSync(join(folder, name)).isFile());
  return names.sort().map((name) => [name, meaningOf(readFileSync(join(folder, name), 'utf8'))] as const); // prettier-ignore
}

/**
 * Breaks `work` at its first step, its second, … each time on a new host that `prepare` has filled, until it gets through
 * without meeting the break; returns after how many.
 */
async function breakEverywhere<T>(
  prepare: (broken: Breakable) => Promise<T>,
  work: (context: Context, prepared: T) => Promise<unknown>,
): Promise<number> {
  for (let step = 1; ; step += 1) {
    const broken = await breakableHost();
    const prepared = await prepare(broken);
    const before = await traces(broken);
    broken.failAt(step);
    const failure = await work(broken.context, prepared).then(
      () => undefined,
      (error: unknown) => error,
    );
    const last = broken.calls[step - 1];
    broken.failAt(undefined);
    if (last === undefined) {
      assert.equal(failure, undefined);
      return step - 1;
    }
    // That a machine will not start with the host is worth a warning only.
    if (failure === undefined) continue;
    assert.match(failure instanceof Error ? failure.message : '', /broken at/);
    assert.deepEqual(await traces(broken), before, `after step ${step}, ${last}`);
  }
}

const creations = {
  'a zone with a delegated dataset, a volume and marks against deletion': {
    brand: 'joyent', image_uuid: image, delegate_dataset: true, indestructible_zoneroot: true, indestructible_delegated: true,
    quota: 5, tags: { a: 1 }, customer_metadata: { b: 'c' }, routes: { '1.2.3.0/24': '10.0.0.9' },
    filesystems: [{ source: 'create-volume', target: '/srv', type: 'lofs' }],
    nics: [{ nic_tag: 'admin', ips: ['10.0.0.5/24'] }],
  },
  'a bhyve machine with disks': {
    brand: 'bhyve', ram: 256, vcpus: 1, flexible_disk_size: 100,
    disks: [{ image_uuid: diskImage, model: 'virtio', boot: true }, { size: 16, model: 'virtio' }],
  },
  'a kvm machine with disks': {
    brand: 'kvm', ram: 256, autoboot: false, disks: [{ image_uuid: diskImage, model: 'virtio' }, { size: 16, model: 'ide' }],
  },
}; // prettier-ignore

describe('create, broken at each step,', () => {
  for (const [what, payload] of Object.entries(creations)) {
    it(`leaves nothing of ${what}`, async () => {
      const steps = await breakEverywhere(
        () => Promise.resolve(),
        (context) => createVm(context, payload),
      );
      assert.ok(steps >= 7, `only ${steps} steps`);
    });
  }
});

describe('update, broken at each step,', () => {
  it('leaves a zone as it was', async () => {
    const payload = { brand: 'joyent', image_uuid: image, delegate_dataset: true, tags: { a: 1 } };
    const changes = {
      alias: 'new', max_physical_memory: 512, quota: 7, zfs_root_compression: 'lz4', zfs_data_recsize: 4096,
      indestructible_zoneroot: true, indestructible_delegated: true,
      set_tags: { b: 2 }, set_customer_metadata: { c: 'd' }, set_routes: { '1.2.3.0/24': '10.0.0.9' },
      add_nics: [{ nic_tag: 'admin', ips: ['10.0.0.7/24'] }],
    }; // prettier-ignore
    const steps = await breakEverywhere(
      ({ context }) => createVm(context, payload),
      (context, { uuid }) => updateVm(context, uuid, changes),
    );
    assert.ok(steps >= 5, `only ${steps} steps`);
  });

  it('leaves a bhyve machine as it was', async () => {
    const disks = [{ size: 16, model: 'virtio', boot: true }, { size: 16, model: 'virtio' }]; // prettier-ignore
    const payload = { brand: 'bhyve', ram: 256, vcpus: 1, autoboot: false, disks };
    const changes = (uuid: string) => ({
      quota: 3,
      add_disks: [{ size: 8, model: 'nvme' }],
      update_disks: [{ path: `/dev/zvol/rdsk/zones/${uuid}/disk0`, size: 32, compression: 'lz4', boot: false }],
      set_tags: { b: 2 },
    });
    const steps = await breakEverywhere(
      ({ context }) => createVm(context, payload),
      (context, { uuid }) => updateVm(context, uuid, changes(uuid)),
    );
    assert.ok(steps >= 8, `only ${steps} steps`);
  });
});

describe('a snapshot', () => {
  const payload = { brand: 'joyent', image_uuid: image, autoboot: false };
  const snapshotsOf = async ({ host }: Breakable) =>
    (await host.datasets.list({ types: ['snapshot'] }))
      .map(({ name }) => name)
      .filter((name) => name.includes('vmsnap'));

  it('is not gone back to under a zone that somebody else has started meanwhile', async () => {
    const given = await breakableHost();
    const { uuid } = await createVm(given.context, payload);
    await createSnapshot(given.context, uuid, 'a');
    const lock = await acquireLock(given.host.at(`/var/run/vm.${uuid}.config.lockfile`));
    given.failAt(undefined);
    const refused = assert.rejects(rollbackSnapshot(given.context, uuid, 'a'), { code: 'VmBadState' });
    await sleep(50);
    await given.host.zones.boot(uuid);
    lock.release();
    await refused;
    assert.deepEqual(given.calls, ['boot']);
  });

  it('is seen by a zone that runs, and taken all the same where it cannot be', async () => {
    const given = await breakableHost();
    const zones = given.host.zones as FakeZones;
    const { uuid } = await createVm(given.context, { ...payload, autoboot: true });
    await createSnapshot(given.context, uuid, 'a');
    assert.deepEqual(zones.seenSnapshots(uuid), ['a']);
    zones.failNext('showSnapshot', hostError('ZoneInvalid', 'a symlink is there'));
    await createSnapshot(given.context, uuid, 'b');
    assert.deepEqual(zones.seenSnapshots(uuid), ['a']);
    await createSnapshot(given.context, uuid, '..');
    await deleteSnapshot(given.context, uuid, '..');
    zones.failNext('hideSnapshot', hostError('HostFailed', 'umount: busy'));
    await assert.rejects(deleteSnapshot(given.context, uuid, 'a'), { code: 'HostFailed' });
    assert.deepEqual(await snapshotsOf(given), [`zones/${uuid}@vmsnap-a`, `zones/${uuid}@vmsnap-b`]);
    await deleteSnapshot(given.context, uuid, 'a');
    await deleteSnapshot(given.context, uuid, 'b');
    assert.deepEqual([zones.seenSnapshots(uuid), await snapshotsOf(given)], [[], []]);
  });

  it('is taken, and goes, where the configuration cannot be touched', async () => {
    const given = await breakableHost();
    const { uuid } = await createVm(given.context, payload);
    mkdirSync(given.host.at('/etc'), { recursive: true });
    writeFileSync(given.host.at('/etc/zones'), 'no folder');
    await createSnapshot(given.context, uuid, 'a');
    assert.deepEqual(await snapshotsOf(given), [`zones/${uuid}@vmsnap-a`]);
    await deleteSnapshot(given.context, uuid, 'a');
    assert.deepEqual(await snapshotsOf(given), []);
  });
});
