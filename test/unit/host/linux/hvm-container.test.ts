/** What liblxc and zone-start are told of an emulator: nothing that comes from a VM becomes more than one value. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { codeOf } from '../../../../lib/errors.js';
import { parseCgroupMounts } from '../../../../lib/host/linux/cgroups.js';
import { emulatorContainer, emulatorList } from '../../../../lib/host/linux/hvm-container.js';
import { emulatorUser, type HvmPlan } from '../../../../lib/host/linux/hvm-plan.js';
import type { LxcFacts, LxcVnic } from '../../../../lib/host/linux/lxc-config.js';
import { zoneConfig } from '../../../zone-root.js';

const plan: HvmPlan = {
  argv: ['/usr/bin/qemu', '-name', 'guest=a b\tc,,d'],
  binds: [{ source: '/usr/lib/libc.so.6', target: '/lib/libc.so.6' }],
  own: ['/rom.bin'],
  files: [
    { fd: 100, writable: true, base: '', path: '/zones/disk.raw' },
    { fd: 101, writable: false, base: '/zones/z/root', path: '/install.iso' },
  ],
  taps: [{ fd: 400, physical: 'net0' }],
  kvm: undefined,
  disks: [],
  displays: [],
};

const vnic: LxcVnic = {
  spec: {
    physical: 'net0', nicTag: 'admin', mac: '2:8:20:0:0:1', vlanId: 0, addresses: [], gateways: [], mtu: 1400,
    allowIpSpoofing: false, allowMacSpoofing: false, allowDhcpSpoofing: false, allowedIps: [],
  },
  primary: true,
  carrier: 'br0',
  hostName: 'v1',
  addressing: { addresses: [], gateways: [], resolvers: [] },
}; // prettier-ignore

const facts: LxcFacts = {
  root: '/zones/z/root',
  firstId: 1_000_000,
  layout: parseCgroupMounts('cgroup /c/devices cgroup rw,devices 0 0\n', ''),
  groups: { zone: 'z', monitor: 'm', pivot: 'p' },
  limits: [],
  lockedBytes: undefined,
  vnics: [vnic],
  sources: [],
  seccompProfile: '/run/seccomp',
  appArmorProfile: 'unconfined',
  lxcfs: '/var/lib/lxcfs',
};

const rejects = (work: () => unknown) => {
  assert.throws(work, (error) => codeOf(error) === 'ZoneInvalid');
};

describe('the list for zone-start', () => {
  it('has a line for each thing, and arguments as they are', () => {
    assert.deepEqual(emulatorList(plan, [vnic], 1_000_000).split('\n'), [
      'bind\t/usr/lib/libc.so.6\t/lib/libc.so.6',
      'own\t/rom.bin\t/rom.bin',
      'open\t100\trw\t\t/zones/disk.raw',
      'open\t101\tro\t/zones/z/root\t/install.iso',
      'tap\t400\tv1\tbr0\t1400',
      'argument\t/usr/bin/qemu',
      'argument\t-name',
      'argument\tguest=a b\tc,,d',
      '',
    ]);
  });

  it('gives the device that runs guests to the user of the emulator, in the ids of the host', () => {
    const list = emulatorList({ ...plan, kvm: '/dev/kvm' }, [vnic], 1_000_000);
    assert.ok(list.includes(`\ndevice\t/dev/kvm\t${1_000_000 + emulatorUser}\n`));
  });

  it('refuses what would be a line of its own, or a field', () => {
    rejects(() => emulatorList({ ...plan, argv: ['/usr/bin/qemu', 'x\nbind\t/etc\t/etc'] }, [vnic], 1));
    rejects(() => emulatorList({ ...plan, argv: ['/usr/bin/qemu', 'x\0y'] }, [vnic], 1));
    rejects(() => emulatorList({ ...plan, own: ['/rom\t/etc'] }, [vnic], 1));
    const file = { fd: 100, writable: true, base: '/zones/z/root\t/etc', path: 'passwd' };
    rejects(() => emulatorList({ ...plan, files: [file] }, [vnic], 1));
  });

  it('refuses taps of vnics that the zone has no more', () => {
    rejects(() => emulatorList(plan, [], 1));
  });
});

describe('the container of an emulator', () => {
  it('has no right, no network, no device and no file system but its own', async () => {
    const { container, seccomp } = await emulatorContainer(zoneConfig('z'), plan, facts, '/run/z');
    const lines = container.split('\n');
    for (const line of [
      'lxc.rootfs.path = dir:/run/z/rootfs', 'lxc.cap.keep = none', 'lxc.no_new_privs = 1', 'lxc.net.0.type = empty',
      `lxc.init.uid = ${emulatorUser}`, `lxc.init.gid = ${emulatorUser}`, 'lxc.autodev = 0', 'lxc.prlimit.core = 0',
      'lxc.mount.entry = /run/z/temporary tmp none bind,idmap=container,nosuid,nodev,noexec 0 0',
    ]) assert.ok(lines.includes(line), line); // prettier-ignore
    assert.equal(lines.filter((line) => line.startsWith('lxc.mount')).length, 1);
    const devices = lines.filter((line) => line.startsWith('lxc.cgroup.devices'));
    assert.deepEqual(devices, ['lxc.cgroup.devices.deny = a', 'lxc.cgroup.devices.allow = c 1:3 rwm']);
    assert.ok(!container.includes('lxc.init.cmd'));
    assert.match(seccomp, /^mount errno 1$/m);
    assert.match(seccomp, /^ioctl errno 1 \[1,0x400454cb,SCMP_CMP_MASKED_EQ,0xffffffff\]$/m);
  });
});
