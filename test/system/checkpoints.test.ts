/** Snapshots as the zone itself sees them, on a real host. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { inOwnNetworkNamespace } from '../netns.js';
import { busyboxImage, eventually, openTestHost, payload, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

describe('a snapshot', () => {
  let host: TestHost;
  const uuid = randomUUID();
  const inside = async (line: string) => (await host.inside(uuid, line)).stdout;
  const vmadm = (command: string, ...args: string[]) => host.ok('vmadm', [command, uuid, ...args]);
  const seen = () => inside('ls /checkpoints');
  const mounts = () => inside('grep -c " /checkpoints/" /proc/self/mountinfo');

  before(async () => {
    host = openTestHost();
    await host.install('busybox-1.35.0');
    await host.ok('vmadm', ['create'], { input: JSON.stringify(payload({ uuid })) });
    await host.inside(uuid, 'echo before > /state; chown 7:8 /state');
  });
  after(() => host.close());

  it('is seen below /checkpoints as it was, and cannot be written to', async () => {
    const done = await host.vmadm(['create-snapshot', uuid, 'one']);
    assert.deepEqual(done, { status: 0, stdout: '', stderr: `Created snapshot one for VM ${uuid}\n` });
    await inside('echo after > /state');
    assert.equal(await inside('cat /checkpoints/one/state /state'), 'before\nafter\n');
    assert.equal(await inside('stat -c %u:%g /checkpoints/one/state'), '7:8\n');
    assert.match((await host.inside(uuid, 'echo x > /checkpoints/one/state')).stderr, /Read-only file system/);
    // Not by those either who may change mounts of their own.
    const forced = 'mount -o remount,bind,rw /checkpoints/one; echo x > /checkpoints/one/state';
    assert.match((await host.inside(uuid, forced)).stderr, /Read-only file system/);
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), /checkpoints/);
  });

  it('is seen again after each start, also by a reboot from inside', async () => {
    await vmadm('stop');
    await vmadm('start');
    assert.equal(await inside('cat /checkpoints/one/state'), 'before\n');
    await vmadm('create-snapshot', 'two');
    await host.inside(uuid, 'reboot -f');
    await eventually('the zone sees both', async () => (await mounts()) === '2\n');
    assert.equal(await inside('cat /checkpoints/one/state /checkpoints/two/state'), 'before\nafter\n');
  });

  it('goes with delete-snapshot, also while somebody holds a file in it open', async () => {
    const held = host.inside(uuid, 'cd /checkpoints/one && exec 3<state && touch /held && sleep 3 && cat <&3');
    await eventually('it is held', async () => (await inside('ls /held')) === '/held\n');
    await vmadm('delete-snapshot', 'one');
    assert.equal(await seen(), 'two\n');
    assert.equal(await mounts(), '1\n');
    assert.equal((await held).stdout, 'before\n');
    await vmadm('stop');
    await vmadm('delete-snapshot', 'two');
    await vmadm('start');
    assert.equal(await seen(), '');
  });

  it('is not seen where the guest has something else, and nobody is told', async () => {
    const outside = host.at('/outside');
    for (const trap of [`ln -s ${outside}`, 'ln -s ../../..', 'ln -s /etc', 'touch', 'mknod -m 666']) {
      const planted = `rm -rf /checkpoints; ${trap} /checkpoints${trap.startsWith('mknod') ? ' p' : ''}`;
      assert.equal((await host.inside(uuid, planted)).status, 0, planted);
      const done = await host.vmadm(['create-snapshot', uuid, 'trapped']);
      assert.deepEqual(done, { status: 0, stdout: '', stderr: `Created snapshot trapped for VM ${uuid}\n` });
      await vmadm('reboot', '-F');
      assert.equal(await mounts(), '0\n');
      const gone = await host.vmadm(['delete-snapshot', uuid, 'trapped']);
      assert.deepEqual(gone, { status: 0, stdout: '', stderr: `Deleted snapshot trapped for VM ${uuid}\n` });
    }
    assert.equal(await inside('ls /etc/trapped 2>&1 | grep -c trapped: '), '1\n');
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), /trapped/);
    await inside('rm /checkpoints');
  });

  it('that the guest keeps to itself is removed all the same', async () => {
    await vmadm('create-snapshot', 'kept');
    await inside('umount /checkpoints/kept; touch /checkpoints/kept/mine');
    await vmadm('delete-snapshot', 'kept');
    assert.equal(await inside('ls /checkpoints/kept'), 'mine\n');
    await inside('rm -r /checkpoints');
    await vmadm('create-snapshot', 'moved');
    await inside('mkdir /elsewhere; mount -o bind /checkpoints/moved /elsewhere');
    await vmadm('delete-snapshot', 'moved');
    assert.match(await vmadm('get'), /"snapshots": \[\]/);
    await inside('umount /elsewhere');
  });

  it("is in nobody's way: rollback, reprovision and delete", async () => {
    // prettier-ignore
    await vmadm('create-snapshot', 'early');
    await vmadm('create-snapshot', 'late');
    await vmadm('rollback-snapshot', 'early');
    assert.equal(await inside('grep -o "/checkpoints/[a-z]*" /proc/self/mountinfo'), '/checkpoints/early\n');
    await host.ok('vmadm', ['reprovision', uuid], { input: JSON.stringify({ image_uuid: busyboxImage }) });
    assert.equal(await mounts(), '0\n');
    await vmadm('create-snapshot', 'last');
    assert.equal(await mounts(), '1\n');
    await vmadm('delete');
    assert.deepEqual(
      readdirSync(host.at('/zones')).filter((name) => name.includes(uuid)),
      [],
    );
  });
});
