/** What a machine may use, set and changed by vmadm, and felt by the programs inside. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { inOwnNetworkNamespace } from '../netns.js';
import { openTestHost, payload, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

describe('limits of a running machine', () => {
  let host: TestHost;
  const uuid = randomUUID();
  const update = (...changes: string[]) => host.ok('vmadm', ['update', uuid, ...changes]);
  /** Writes `mib` MiB of what cannot be compressed; the status is that of dd(1). */
  const write = (mib: number) =>
    host.inside(uuid, `rm -f /fill; dd if=/dev/urandom of=/fill bs=1M count=${mib} conv=fsync`);

  before(async () => {
    host = openTestHost();
    await host.install('busybox-1.35.0');
    const made = payload({ uuid, quota: 1, max_physical_memory: 128, max_lwps: 200 });
    await host.ok('vmadm', ['create'], { input: JSON.stringify(made) });
  });
  after(() => host.close());

  it('quota: a writer that goes beyond it is told so, and again beyond a changed one', async () => {
    const within = await write(64);
    assert.equal(within.status, 0, within.stderr);
    const beyond = await host.inside(uuid, 'rm -f /fill; dd if=/dev/zero of=/fill bs=1M count=1100');
    assert.notEqual(beyond.status, 0);
    assert.match(beyond.stderr, /[Qq]uota exceeded/);
    await host.inside(uuid, 'rm -f /fill');
    await update('quota=2');
    const more = await host.inside(uuid, 'dd if=/dev/zero of=/fill bs=1M count=1100');
    assert.equal(more.status, 0, more.stderr);
    await host.inside(uuid, 'rm -f /fill');
  });

  it('memory: a hog is killed, and one that fits a raised limit is not', async () => {
    // A variable of the shell's that doubles until it has 64 MiB, twice what the shell has room for at 96.
    const hog = (doublings: number) =>
      host.inside(
        uuid,
        `x=0123456789abcdef; i=0; while [ $i -lt ${doublings} ]; do x=$x$x; i=$((i+1)); done; echo \${#x}`,
      );
    await update('max_physical_memory=48');
    const killed = await hog(22);
    assert.equal(killed.status, 128 + 9, killed.stdout + killed.stderr);
    await update('max_physical_memory=512');
    const alive = await hog(22);
    assert.equal(alive.stdout, `${16 * 2 ** 22}\n`, alive.stderr);
  });

  it('processes: a fork bomb ends at max_lwps', async () => {
    await update('max_lwps=60');
    const bomb = 'i=0; while [ $i -lt 200 ]; do sleep 5 & i=$((i+1)); done; echo all';
    const stopped = await host.inside(uuid, bomb);
    assert.doesNotMatch(stopped.stdout, /all/);
    await host.inside(uuid, 'killall sleep');
    await update('max_lwps=400');
    const fine = await host.inside(uuid, bomb);
    assert.match(fine.stdout, /all/, fine.stderr);
    await host.inside(uuid, 'killall sleep');
  });

  it('is what get says it is', async () => {
    const vm = JSON.parse(await host.ok('vmadm', ['get', uuid])) as Record<string, unknown>;
    assert.deepEqual([vm['quota'], vm['max_physical_memory'], vm['max_lwps']], [2, 512, 400]);
  });
});
