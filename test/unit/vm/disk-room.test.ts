/** What is said of disks that find no room, and what is left as it is. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeError, SmartadmError } from '../../../lib/errors.js';
import { hostError } from '../../../lib/host/errors.js';
import type { Host } from '../../../lib/host/host.js';
import type { VmObject } from '../../../lib/schema/generated/vm.js';
import { sayingHowToMakeRoom, withRoomFor } from '../../../lib/vm/disk-room.js';

const mebibyte = 2 ** 20;
const need = {
  root: 'zones/U', volume: 'zones/U/disk2', sizeMiB: 16, bytes: 18 * mebibyte, addedBytes: 2 * mebibyte, laterBytes: 8 * mebibyte,
}; // prettier-ignore
const full = hostError('NoSpace', 'cannot create zones/U/disk2');

/** A host whose root has this quota, in MiB, of which all but `freeMiB` is used. */
const hostWith = (quotaMiB: number | undefined, freeMiB: number) => {
  const quotaBytes = quotaMiB === undefined ? undefined : quotaMiB * mebibyte;
  const found = { quotaBytes, usedBytes: ((quotaMiB ?? 0) - freeMiB) * mebibyte };
  return { datasets: { find: () => Promise.resolve(found) } } as unknown as Host;
};
const failing = (host: Host, cause: Error, of = need) =>
  withRoomFor(host, of, () => Promise.reject(cause)).catch((error: unknown) => error);

describe('a disk without room', () => {
  it('is told with what is left of the room for disks, and what is missing for all that are to come', async () => {
    // A MiB stays with the root, and two were added for this disk alone.
    const error = await failing(hostWith(100, 7), full);
    assert.ok(error instanceof SmartadmError);
    assert.equal(
      describeError(error),
      'no room for disk zones/U/disk2 of 16 MiB: 4 MiB are left of what is set aside for disks',
    );
    assert.deepEqual([error.code, error.info], ['NoSpace', { missingMiB: 20 }]);
  });

  it('is no matter of the quota when the pool is full, or the disk lies elsewhere, or something else failed', async () => {
    const other = hostError('DatasetBusy', 'x');
    for (const [host, cause, of] of [
      [hostWith(100, 20), full, need],
      [hostWith(undefined, 0), full, need],
      [hostWith(100, 7), full, { ...need, volume: 'zones/U-disk2' }],
      [hostWith(100, 7), other, need],
    ] as const) {
      assert.equal(await failing(host, cause, of), cause);
    }
    assert.equal(await withRoomFor(hostWith(0, 0), need, () => Promise.resolve(7)), 7);
  });

  it('gets the command that makes room, from what the machine has, or from what its disks have', async () => {
    const error = await failing(hostWith(100, 7), full);
    const disks: VmObject['disks'] = [
      { zfs_filesystem: 'zones/U/disk0', size: 64 },
      { zfs_filesystem: 'zones/U/disk1', size: 32 },
      { zfs_filesystem: 'other/U-disk7', size: 1000 },
      { media: 'cdrom', path: '/x.iso' },
    ];
    for (const [vm, flexible] of [[{ disks }, 116], [{ disks, flexible_disk_size: 200 }, 220], [{}, 20]] as const) {
      const told = await sayingHowToMakeRoom('update', { uuid: 'U', zfs_filesystem: 'zones/U', ...vm }, () =>
        Promise.reject(error as Error),
      ).catch((failure: unknown) => failure);
      assert.ok(told instanceof SmartadmError);
      assert.match(describeError(told), /^cannot update VM U: no room for disk zones\/U\/disk2 of 16 MiB: /);
      assert.equal(told.hint, `set more aside with: vmadm update U flexible_disk_size=${flexible}`);
    } // prettier-ignore
    const kept = await sayingHowToMakeRoom('update', {}, () => Promise.reject(full)).catch((failure: unknown) => failure); // prettier-ignore
    assert.equal(kept, full);
  });
});
