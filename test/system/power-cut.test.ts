/** A machine that create has said is made is there after a power cut: what the disk holds at that moment is looked at. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { inOwnNetworkNamespace } from '../netns.js';
import { openTestHost, payload, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

describe('a power cut right after create', () => {
  let host: TestHost;
  before(async () => {
    host = openTestHost();
    await host.install('busybox-1.35.0');
  });
  after(() => host.close());

  function done(file: string, ...args: string[]): void {
    const { status, stderr } = spawnSync(file, args, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }

  it('takes nothing of it', async () => {
    const made: (readonly [uuid: string, copy: string, names: readonly string[]])[] = [];
    for (const [more, names] of [
      [{ autoboot: false }, ['config', 'root']],
      [{ autoboot: true }, ['config', 'root']],
      [{ autoboot: false, delegate_dataset: true }, ['config', 'data', 'root']],
    ] as const) {
      const uuid = randomUUID();
      await host.ok('vmadm', ['create'], { input: JSON.stringify(payload({ uuid, ...more })) });
      const copy = host.at(`/copy-${made.length}`);
      done('cp', '--sparse=always', host.at('/var/lib/smartadm/zones.btrfs'), copy);
      made.push([uuid, copy, names]);
    }
    // The copies are file systems of the same identity: never two at once.
    await host.goDown();
    const place = host.at('/copy');
    mkdirSync(place);
    for (const [uuid, copy, names] of made) {
      done('mount', '-o', 'loop', copy, place);
      try {
        const found = existsSync(join(place, uuid)) ? readdirSync(join(place, uuid)) : [];
        assert.deepEqual(found.filter((name) => name !== 'cores').sort(), names);
        assert.equal(readdirSync(join(place, uuid, 'config')).length, 3);
      } finally {
        done('umount', place);
      }
    }
  });
});
