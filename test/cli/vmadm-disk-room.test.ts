/** Disks of a bhyve machine and the room that is set aside for them, on an illumos host, whose ZFS keeps to it. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { vmadm } from '../../lib/cli/vmadm/main.js';
import { runCaptured, type Outcome } from '../vectors/captured-cli.js';
import { onEachHost, type CliHost } from './hosts.js';

interface Vm {
  readonly flexible_disk_size?: number;
  readonly disks: readonly { readonly path: string; readonly size: number }[];
}

onEachHost('room for disks', (open, kind) => {
  // Only there it is enforced.
  if (kind !== 'illumos') return;
  let given: CliHost;
  const run = (argv: readonly string[], stdin?: object) =>
    runCaptured('vmadm', vmadm, argv, { host: given.host, root: given.root, stdin: JSON.stringify(stdin ?? {}) });
  const done = async (argv: readonly string[], stdin?: object): Promise<Outcome> => {
    const outcome = await run(argv, stdin);
    assert.equal(outcome.exit, 0, `${argv.join(' ')}: ${outcome.stderr}`);
    return outcome;
  };
  const get = async (uuid: string) => JSON.parse((await done(['get', uuid])).stdout) as Vm;
  const sizes = async (uuid: string) => (await get(uuid)).disks.map(({ size }) => size);
  const datasets = async (uuid: string) =>
    (await given.host.datasets.list({ root: `zones/${uuid}` })).map(({ name, properties }) => ({ name, properties }));

  let count = 0;
  /** Makes a machine with disks of 64 and 32 MiB. */
  const make = async (more: object = {}) => {
    const uuid = `c1000009-0000-4000-8000-00000000000${(count += 1)}`;
    const disks = [{ size: 64, model: 'virtio', boot: true }, { size: 32, model: 'virtio' }]; // prettier-ignore
    await done(['create'], { brand: 'bhyve', uuid, ram: 256, vcpus: 1, autoboot: false, disks, ...more });
    return uuid;
  };
  const add = (...all: readonly number[]) => ({ add_disks: all.map((size) => ({ size, model: 'virtio' })) });
  /** That a change is refused, leaves nothing, and can be made as the message says. */
  const refusedUntilThereIsRoom = async (uuid: string, change: object, said: string, flexible: number) => {
    const before = await datasets(uuid);
    const refused = await run(['update', uuid], change);
    const way = `vmadm update ${uuid} flexible_disk_size=${flexible}`;
    assert.deepEqual(refused, {
      exit: 1,
      stdout: '',
      stderr: `cannot update VM ${uuid}: no room for disk zones/${uuid}/${said} (set more aside with: ${way})\n`,
    });
    assert.deepEqual(await datasets(uuid), before);
    await done(['update', uuid, `flexible_disk_size=${flexible}`]);
    await done(['update', uuid], change);
  };

  before(async () => {
    given = await open();
  });
  after(() => given.remove());

  it('is none without flexible_disk_size: a disk is refused with its name, its VM, why, and what makes room', async () => {
    const uuid = await make();
    await refusedUntilThereIsRoom(
      uuid, add(16), 'disk2 of 16 MiB: 0 MiB are left of what is set aside for disks', 112,
    ); // prettier-ignore
    assert.deepEqual(await sizes(uuid), [64, 32, 16]);
  });

  it('is told for all disks of an update, also when some of them would fit', async () => {
    const uuid = await make({ flexible_disk_size: 120 });
    await refusedUntilThereIsRoom(
      uuid, add(16, 10, 6), 'disk3 of 10 MiB: 8 MiB are left of what is set aside for disks', 128,
    ); // prettier-ignore
    assert.deepEqual(await sizes(uuid), [64, 32, 16, 10, 6]);
  });

  it('is enough for what flexible_disk_size leaves, to the last MiB, and may be made by the update that needs it', async () => {
    const uuid = await make({ flexible_disk_size: 112 });
    await done(['update', uuid], add(16));
    await done(['update', uuid], { flexible_disk_size: 120, ...add(8) });
    const other = await make();
    await done(['update', other], { flexible_disk_size: 104, ...add(8) });
    assert.deepEqual([await sizes(uuid), await sizes(other)], [[64, 32, 16, 8], [64, 32, 8]]); // prettier-ignore
    const [root] = await given.host.datasets.list({ root: `zones/${uuid}`, depth: 0 });
    await done(['update', uuid, 'flexible_disk_size=200']);
    await done(['update', uuid, 'flexible_disk_size=120']);
    const [again] = await given.host.datasets.list({ root: `zones/${uuid}`, depth: 0 });
    assert.equal(root?.quotaBytes, again?.quotaBytes);
  });

  it('limits how far a disk can grow, too', async () => {
    const uuid = await make();
    const [, { path } = { path: '' }] = (await get(uuid)).disks;
    await refusedUntilThereIsRoom(
      uuid, { update_disks: [{ path, size: 48 }] }, 'disk1 of 48 MiB: 0 MiB are left of what is set aside for disks', 112,
    ); // prettier-ignore
    assert.deepEqual(await sizes(uuid), [64, 48]);
  });

  it('of the pool is another matter', async () => {
    const uuid = await make({ flexible_disk_size: 2 ** 19 });
    const refused = await run(['update', uuid], { flexible_disk_size: 2 ** 22 });
    assert.match(refused.stderr, new RegExp(`^cannot update VM ${uuid}: no space is left in pool zones`));
  });
});
