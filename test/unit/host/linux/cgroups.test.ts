/** Control groups of a host, as its mounts tell. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { codeOf } from '../../../../lib/errors.js';
import { parseCgroupMounts, versionOf, zoneCgroups } from '../../../../lib/host/linux/cgroups.js';

const hybrid = `tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,nodev,noexec,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /elsewhere/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
/dev/sda1 / ext4 rw 0 0
broken
`;

describe('the layout', () => {
  it('of a hybrid host has controllers in either version', () => {
    const layout = parseCgroupMounts(hybrid, 'pids io\n');
    assert.deepEqual(layout, {
      v1: {
        cpu: '/sys/fs/cgroup/cpu,cpuacct', cpuacct: '/sys/fs/cgroup/cpu,cpuacct', memory: '/sys/fs/cgroup/memory',
        'name=systemd': '/sys/fs/cgroup/systemd',
      },
      v2: '/sys/fs/cgroup/unified', v2Controllers: ['pids', 'io'],
    }); // prettier-ignore
    const versions = (['cpu', 'memory', 'pids', 'blkio', 'devices'] as const).map((name) => versionOf(layout, name));
    assert.deepEqual(versions, [1, 1, 2, 2, 2]);
  });

  it('of a host without any has none', () => {
    const layout = parseCgroupMounts('', '');
    assert.equal(versionOf(layout, 'cpu'), undefined);
    assert.equal(versionOf(layout, 'devices'), undefined);
  });

  it('of version 2 lacks what is not switched on', () => {
    assert.equal(versionOf(parseCgroupMounts('c /c cgroup2 rw 0 0\n', 'memory'), 'cpu'), undefined);
  });
});

describe('the groups of a zone', () => {
  const top = mkdtempSync(join(tmpdir(), 'smartadm-cgroups-'));
  after(() => {
    rmSync(top, { recursive: true });
  });
  const groups = zoneCgroups('abc123', parseCgroupMounts(`c ${top} cgroup rw,memory,pids 0 0\n`, ''));
  const zone = join(top, 'smartadm-abc123/zones/z');

  it('carry the identity of the root', () => {
    assert.deepEqual([groups.zone('z'), groups.monitor('z'), groups.pivot], [
      'smartadm-abc123/zones/z', 'smartadm-abc123/monitors/z', 'smartadm-abc123/pivot',
    ]); // prettier-ignore
  });

  it('are written, except for files that the host lacks', async () => {
    mkdirSync(zone, { recursive: true });
    writeFileSync(join(zone, 'pids.max'), '');
    await groups.write('z', [{ controller: 'pids', file: 'pids.max', value: '7' }]);
    assert.equal(readFileSync(join(zone, 'pids.max'), 'utf8'), '7');
    mkdirSync(join(zone, 'memory.max'));
    const refused = [{ controller: 'memory', file: 'memory.max', value: '1' }] as const;
    await assert.rejects(groups.write('z', refused), (error) => codeOf(error) === 'HostFailed');
  });

  it('are there or not', async () => {
    assert.equal(await groups.exists('z'), true);
    assert.equal(await groups.exists('nobody'), false);
  });

  it('hold processes, those of groups inside too', async () => {
    mkdirSync(join(zone, 'inner'), { recursive: true });
    writeFileSync(join(zone, 'cgroup.procs'), '0\n12\n');
    writeFileSync(join(zone, 'inner/cgroup.procs'), '13\n');
    assert.deepEqual([...(await groups.processes('z'))].sort(), [12, 13]);
    assert.deepEqual(await groups.processes('nobody'), []);
  });

  it('tell which files there are', async () => {
    writeFileSync(join(top, 'smartadm-abc123/zones/memory.x'), '');
    assert.deepEqual(await groups.files('memory', ['memory.y', 'memory.x']), ['memory.x']);
  });

  it('of version 2 get the controller whose files are asked for', async () => {
    const unified = join(top, 'unified');
    const second = zoneCgroups('abc123', { v1: {}, v2: unified, v2Controllers: ['memory', 'io'] });
    mkdirSync(join(unified, 'smartadm-abc123/zones'), { recursive: true });
    writeFileSync(join(unified, 'smartadm-abc123/zones/memory.swap.max'), '');
    assert.deepEqual(await second.files('memory', ['memory.swap.max']), ['memory.swap.max']);
    for (const folder of ['', 'smartadm-abc123']) {
      assert.equal(readFileSync(join(unified, folder, 'cgroup.subtree_control'), 'utf8'), '+memory');
    }
    await second.files('blkio', []);
    assert.equal(readFileSync(join(unified, 'cgroup.subtree_control'), 'utf8'), '+io');
  });

  it('together weigh more than one process of the host', async () => {
    const cpu = join(top, 'cpu');
    const third = zoneCgroups('abc123', { v1: { cpu }, v2: undefined, v2Controllers: [] });
    await third.favour();
    mkdirSync(join(cpu, 'smartadm-abc123/zones'), { recursive: true });
    writeFileSync(join(cpu, 'smartadm-abc123/zones/cpu.shares'), '');
    await third.favour();
    assert.equal(readFileSync(join(cpu, 'smartadm-abc123/cpu.shares'), 'utf8'), '10240');
  });
});
