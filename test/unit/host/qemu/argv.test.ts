/** Command lines of the emulator: those of SmartOS as recorded, ours accepted by a real qemu, and values that stay values. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import type { HvmBoot } from '../../../../lib/host/hvm.js';
import { qemuArguments } from '../../../../lib/host/qemu/argv.js';
import { metadataFile } from '../../../../lib/host/qemu/options.js';
import type { QemuResources } from '../../../../lib/host/qemu/resources.js';
import { smartosCommand, startScript } from '../../../../lib/host/qemu/smartos-argv.js';
import { splitWords } from '../../../../lib/host/qemu/words.js';
import type { VmObject } from '../../../../lib/schema/generated/vm.js';

const uuid = '54f1cc77-68f1-42ab-acac-5c4f64f5d6e0';
const kvm: VmObject = {
  uuid, brand: 'kvm', ram: 1024, vcpus: 2, hostname: 'kvm1', resolvers: ['8.8.8.8'],
  platform_buildstamp: '20240101T000000Z',
  disks: [{ path: `/dev/zvol/rdsk/zones/${uuid}-disk0`, model: 'virtio', boot: true, media: 'disk' }],
  nics: [{
    interface: 'net0', mac: 'b2:00:00:00:00:01', model: 'virtio', primary: true, ips: ['10.0.0.6/24'], gateway: '10.0.0.1',
    gateways: ['10.0.0.1'],
  }],
}; // prettier-ignore

const disk = (path: string, model: string, more: object = {}) => ({ path, model, ...more });

function resourcesFor(vm: VmObject, boot: HvmBoot = {}): QemuResources {
  const disks = [...(vm.disks ?? []), ...(boot.disks ?? [])];
  return {
    accelerator: 'tcg',
    disks: disks.map((_disk, index) => ({ file: `/dev/fdset/${index + 1}`, readOnly: false })),
    nics: (vm.nics ?? []).map((_nic, index) => ({ fd: 20 + index })),
    firmware: vm.bootrom === 'uefi' ? { code: '/code.fd', variables: '/variables.fd' } : undefined,
    spice: true,
  };
}
const ours = (vm: VmObject, boot: HvmBoot = {}) => qemuArguments(vm, boot, resourcesFor(vm, boot));

/** Values of all options of that name; of JSON, as objects. */
function valuesOf(args: readonly string[], option: string): Record<string, unknown>[] {
  return args.flatMap((argument, at) => {
    if (argument !== option) return [];
    const value = args[at + 1] ?? '';
    return [value.startsWith('{') ? (JSON.parse(value) as Record<string, unknown>) : { text: value }];
  });
}
const textOf = (args: readonly string[], option: string) => valuesOf(args, option)[0]?.['text'];
const deviceOf = (args: readonly string[], key: string, value: unknown) =>
  valuesOf(args, '-device').find((device) => device[key] === value);

describe("SmartOS's command line", () => {
  it('is that of the worked example', () => {
    const { args, raw } = smartosCommand(kvm);
    assert.equal(raw, '');
    assert.deepEqual(args, [
      '-m', '1024', '-name', uuid, '-uuid', uuid, '-cpu', 'qemu64', '-smp', '2',
      '-drive', `file=/dev/zvol/rdsk/zones/${uuid}-disk0,if=virtio,index=0,media=disk,boot=on`,
      '-boot', 'order=cd',
      '-device', 'virtio-net-pci,mac=b2:00:00:00:00:01,tx=timer,x-txtimer=200000,x-txburst=128,vlan=0',
      '-net', 'vnic,name=net0,vlan=0,ifname=net0,ip=10.0.0.6,netmask=255.255.255.0,gateway_ip=10.0.0.1,hostname=kvm1,dns_ip0=8.8.8.8',
      '-smbios', `type=1,manufacturer=Joyent,product=SmartDC HVM,version=7.20240101T000000Z,serial=${uuid},uuid=${uuid},sku=001,family=Virtual Machine`,
      '-pidfile', '/tmp/vm.pid', '-vga', 'std',
      '-chardev', 'socket,id=qmp,path=/tmp/vm.qmp,server,nowait', '-qmp', 'chardev:qmp',
      '-chardev', 'socket,id=serial0,path=/tmp/vm.console,server,nowait', '-serial', 'chardev:serial0',
      '-chardev', 'socket,id=serial1,path=/tmp/vm.ttyb,server,nowait', '-serial', 'chardev:serial1',
      '-vnc', 'unix:/tmp/vm.vnc', '-parallel', 'none', '-usb', '-usbdevice', 'tablet', '-k', 'en-us',
    ]); // prettier-ignore
  });

  it('has disks of one boot after the others, in the boot order of that boot', () => {
    const boot: HvmBoot = { order: 'cd,once=d', disks: [{ path: '/x.iso', model: 'ide', media: 'cdrom' }] };
    const { args } = smartosCommand(kvm, boot);
    assert.ok(args.includes('file=/x.iso,if=ide,index=1,media=cdrom'));
    assert.equal(textOf(args, '-boot'), 'order=cd,once=d');
  });

  it('has SPICE and passwords where they are set', () => {
    const { args } = smartosCommand({ ...kvm, vnc_password: 'x', spice_port: 0, spice_opts: 'streaming-video=off' });
    assert.equal(textOf(args, '-vnc'), 'unix:/tmp/vm.vnc,password');
    assert.equal(textOf(args, '-spice'), 'sock=/tmp/vm.spice,disable-ticketing,streaming-video=off');
    const off = smartosCommand({ ...kvm, spice_port: -1 }).args;
    assert.equal(textOf(off, '-spice'), undefined);
  });

  it('leaves display and pointer to qemu_opts', () => {
    const command = smartosCommand({ ...kvm, qemu_opts: '-vnc "none"', qemu_extra_opts: "-global 'a b'" });
    assert.ok(!command.args.includes('-usb'));
    assert.match(startScript(command), / "chardev:serial1" -vnc "none" -global 'a b'\n/);
  });

  it('reaches the emulator through a real shell as it is, whatever is in the values', () => {
    const folder = mkdtempSync(join(tmpdir(), 'smartadm-argv-'));
    try {
      const vm = { ...kvm, hostname: '$(id) `id` "x" \\ !', qemu_extra_opts: `-extra 'two words' "$HOME"` };
      const command = smartosCommand(vm);
      const print = join(folder, 'print');
      writeFileSync(print, '#!/bin/sh\nshift\nprintf "%s\\0" "$@"\n', { mode: 0o755 });
      const script = startScript(command)
        .replace('exec >/tmp/vm.startvm.log 2>&1\n', '')
        .replaceAll('/smartdc/bin/qemu-exec', print);
      const done = spawnSync('bash', ['-c', script], {
        encoding: 'utf8',
        env: { HOME: '/home/x', PATH: '/usr/bin:/bin' },
      });
      assert.deepEqual(done.stdout.split('\0').slice(0, -1), [...command.args, '-extra', 'two words', '/home/x']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the file of metadata', () => {
  it('has the internal metadata alone', () => {
    assert.equal(metadataFile({ internal_metadata: { a: 1 } }), '{\n  "internal_metadata": {\n    "a": 1\n  }\n}\n');
    assert.equal(metadataFile({}), '{\n  "internal_metadata": {}\n}\n');
  });
});

describe('our command line', () => {
  it('keeps the guest in its emulator and the emulator in its zone', () => {
    const args = ours(kvm);
    for (const flag of ['-nodefaults', '-no-user-config']) assert.ok(args.includes(flag));
    assert.equal(textOf(args, '-sandbox'), 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny');
    assert.equal(textOf(args, '-accel'), 'tcg');
    assert.ok(!args.includes('-pidfile') && !args.includes('-daemonize') && !args.includes('-runas'));
  });

  it('tells guests what machine they are on by the same facts as SmartOS', () => {
    assert.equal(textOf(ours(kvm), '-smbios'), textOf(smartosCommand(kvm).args, '-smbios'));
  });

  it('never says a password', () => {
    const args = ours({ ...kvm, vnc_password: 'secret-1', spice_port: 0, spice_password: 'secret-2' });
    assert.equal(textOf(args, '-vnc'), 'unix:/tmp/vm.vnc');
    assert.ok(args.includes('unix:/tmp/vm.vnc-locked,id=locked,password=on'));
    assert.equal(textOf(args, '-spice'), 'unix=on,addr=/tmp/vm.spice');
    assert.doesNotMatch(args.join('\n'), /secret/);
  });

  it('takes inherited taps and opened disks', () => {
    const args = ours(kvm);
    assert.deepEqual(valuesOf(args, '-netdev'), [{ type: 'tap', id: 'net0', fd: '20' }]);
    assert.deepEqual(valuesOf(args, '-blockdev')[0], {
      driver: 'raw', 'node-name': 'disk0', discard: 'unmap',
      file: { driver: 'file', filename: '/dev/fdset/1', discard: 'unmap' },
    }); // prettier-ignore
    assert.equal(deviceOf(args, 'id', 'nic0')?.['mac'], 'b2:00:00:00:00:01');
  });

  it('boots by the order given, cdroms of this boot included', () => {
    const boot: HvmBoot = { order: 'dc', disks: [{ path: '/x.iso', model: 'ide', media: 'cdrom' }] };
    const args = ours(kvm, boot);
    assert.deepEqual(
      [deviceOf(args, 'id', 'disk1')?.['bootindex'], deviceOf(args, 'id', 'disk0')?.['bootindex']],
      [0, 100],
    );
    assert.equal(deviceOf(args, 'id', 'disk1')?.['driver'], 'ide-cd');
    assert.equal(deviceOf(args, 'id', 'nic0')?.['romfile'], '');
    const once = ours(kvm, { ...boot, order: 'cd,once=d' });
    assert.equal(deviceOf(once, 'id', 'disk1')?.['bootindex'], undefined);
    assert.equal(textOf(once, '-boot'), 'order=cd,once=d');
    const network = ours({ ...kvm, boot: 'order=nc' });
    assert.equal(deviceOf(network, 'id', 'nic0')?.['bootindex'], 0);
    assert.equal(deviceOf(network, 'id', 'nic0')?.['romfile'], undefined);
  });

  it('has the disks of a bhyve guest where its payload says', () => {
    const disks = [
      disk('/0', 'virtio', { boot: true, pci_slot: '0:4:0' }),
      disk('/1', 'nvme', { pci_slot: '0:4:1', guest_block_size: '512/4096' }),
      disk('/2', 'ahci', { pci_slot: '3', media: 'cdrom' }),
      disk('/3', 'virtio', { pci_slot: '1:2:0', notrim: true }),
    ];
    const nics = ['net0', 'net1'].map((name) => ({
      interface: name,
      mac: 'b2:00:00:00:00:01',
      primary: name === 'net1',
    }));
    const args = ours({ uuid, brand: 'bhyve', disks, nics, bootrom: 'uefi' });
    const placed = (key: string, value: string) => {
      const { bus, addr } = deviceOf(args, key, value) ?? {};
      return [bus, addr];
    };
    assert.deepEqual(placed('id', 'disk0'), ['pcie.0', '04.0']);
    assert.deepEqual(placed('id', 'disk1'), ['pcie.0', '04.1']);
    assert.equal(deviceOf(args, 'id', 'disk1')?.['physical_block_size'], 4096);
    assert.deepEqual(placed('id', 'ahci-disk2'), ['pcie.0', '03.0']);
    assert.deepEqual(placed('id', 'disk3'), ['pci1', '02.0']);
    assert.deepEqual(placed('id', 'nic0'), ['pcie.0', '06.1']);
    assert.deepEqual(placed('id', 'nic1'), ['pcie.0', '06.0']);
    assert.deepEqual(placed('driver', 'VGA'), ['pcie.0', '1e.0']);
    assert.match(String(textOf(args, '-machine')), /pflash0=uefi-code,pflash1=uefi-variables/);
    assert.equal(textOf(args, '-cpu'), 'max');
  });

  it('has no frame buffer for a bhyve guest without VNC', () => {
    const args = ours({ uuid, brand: 'bhyve', vnc_port: -1 });
    assert.ok(!args.includes('-vnc') && deviceOf(args, 'driver', 'VGA') === undefined);
  });

  it('passes on what the operator wrote, split as a shell does', () => {
    const args = ours({ ...kvm, qemu_opts: '-vnc none', qemu_extra_opts: `-fw_cfg 'name=opt/x,string=a b'` });
    assert.deepEqual(args.slice(-4), ['-vnc', 'none', '-fw_cfg', 'name=opt/x,string=a b']);
    assert.equal(deviceOf(args, 'driver', 'usb-tablet'), undefined);
    assert.deepEqual(ours({ uuid, brand: 'bhyve', bhyve_extra_opts: '-d\tguest_errors' }).slice(-2), [
      '-d',
      'guest_errors',
    ]);
  });

  for (const [what, more, code] of [
    ['a processor that is options', { cpu_type: 'host,enforce=on' }, 'ZoneInvalid'],
    ['a boot order that is options', { boot: 'order=c,splash=/etc/shadow' }, 'ZoneInvalid'],
    ['an unknown model', { disks: [disk('/x', 'floppy')] }, 'ZoneInvalid'],
    ['an unknown model that every object has', { nics: [{ ...kvm.nics?.[0], model: 'constructor' }] }, 'ZoneInvalid'],
    ['a graphics adapter that is options', { vga: 'std,x' }, 'ZoneInvalid'],
    ['SPICE options that listen elsewhere', { spice_port: 0, spice_opts: 'a=b,addr=/x' }, 'ZoneInvalid'],
    ['a slot that is taken', { brand: 'bhyve', disks: [disk('/x', 'virtio', { pci_slot: '6:0' })] }, 'ZoneInvalid'],
    ['a firmware that is none', { brand: 'bhyve', bootrom: 'coreboot' }, 'ZoneInvalid'],
    ['PCI devices of the host', { brand: 'bhyve', pci_devices: [{ path: '/devices/x' }] }, 'Unsupported'],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => ours({ ...kvm, ...more } as VmObject), { code });
    });
  }
});

describe('words of an operator', () => {
  it('are what a real shell makes of them, where that expands nothing', () => {
    const piece = fc.constantFrom(' ', '\t', '\n', "'", '"', '\\', 'a', 'b', ',', '=', '-', '\\"', '"x y"', "'p q'");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        // A line that a shell would go on reading has no words of its own.
        const text = pieces.join('').replaceAll('\\\n', '').replace(/\\+$/, '');
        const shell = spawnSync('sh', ['-c', `printf '%s\\0' x ${text.replaceAll('\n', ' ')}`], { encoding: 'utf8' });
        if (shell.status !== 0 || shell.stderr !== '') {
          assert.throws(() => splitWords('qemu_opts', text), {
            code: 'ZoneInvalid',
            message: /^qemu_opts has a quote/,
          });
        } else {
          assert.deepEqual(
            splitWords('qemu_opts', text).map((word) => word.replaceAll('\n', ' ')),
            shell.stdout.split('\0').slice(1, -1),
          );
        }
      }),
      { numRuns: 150 },
    );
  });
});

/** Values that try to become more than values. */
const hostile = fc.oneof(
  fc.constantFrom(
    'x,file=/etc/shadow', ',file=/etc/shadow', 'x,,y', '-drive', '" -drive file=/etc/shadow "', "' -chardev file,path=/x '",
    '{"driver":"file","filename":"/etc/shadow"}', 'x\n-drive', 'a=b', '$(id)', '`id`', '\u0000', 'on,readonly=off', '',
  ),
  fc.string({ unit: 'grapheme' }),
); // prettier-ignore

/** A VM whose every string is one of these, or is as it should be. */
const hostileVm = fc
  .record({
    brand: fc.constantFrom('kvm', 'bhyve'),
    words: fc.dictionary(
      fc.constantFrom('hostname', 'alias', 'platform_buildstamp', 'cpu_type', 'boot', 'vga', 'bootrom', 'com1', 'com2', 'vnc_password', 'spice_password', 'spice_opts', 'uuid'), // prettier-ignore
      hostile,
    ),
    disk: fc.dictionary(fc.constantFrom('path', 'model', 'media', 'pci_slot', 'guest_block_size', 'uuid'), hostile),
    nic: fc.dictionary(fc.constantFrom('mac', 'interface', 'model', 'ip', 'gateway', 'netmask', 'nic_tag'), hostile),
    boot: fc.option(hostile, { nil: undefined }),
  })
  .map(({ brand, words, disk: bad, nic, boot }) => ({
    vm: {
      uuid, brand, spice_port: 0, ...words,
      disks: [{ path: '/p', model: 'virtio', ...(brand === 'bhyve' ? { pci_slot: '0:4:0' } : {}), ...bad }],
      nics: [{ interface: 'net0', mac: 'b2:00:00:00:00:01', model: 'virtio', ips: ['10.0.0.6/24'], primary: true, ...nic }],
    },
    boot: boot === undefined ? {} : { order: boot },
  })); // prettier-ignore

/** What an option list of qemu is to qemu: members at single commas, doubled ones standing for one. */
function membersOf(value: string): string[] {
  return value.replaceAll(',,', '\u0001').split(',').map((member) => (member.split('=', 1)[0] ?? '')); // prettier-ignore
}

describe('no value of a property', () => {
  const keysOf = (args: readonly string[]) => {
    const keys: Record<string, Set<string>> = {};
    for (let at = 0; at < args.length;) {
      const option = args[at] ?? '';
      const hasValue = !['-nodefaults', '-no-user-config', '-usb'].includes(option);
      const value = hasValue ? (args[at + 1] ?? '') : '';
      const members = value.startsWith('{') ? [`json:${keysOfJson(JSON.parse(value)).join(' ')}`] : membersOf(value);
      const known = (keys[option] ??= new Set());
      // Of a list, names of members; a single value is none.
      if (value.startsWith('{') || value.includes('=')) for (const member of members) known.add(member);
      at += hasValue ? 2 : 1;
    }
    return keys;
  };
  const keysOfJson = (value: unknown): string[] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, inner]) => [key, ...keysOfJson(inner)])
      : [];

  /** Members that each option may ever have. */
  const allowed: Readonly<Record<string, RegExp>> = {
    '-name': /^guest$/,
    '-smbios': /^(?:type|manufacturer|product|version|serial|uuid|sku|family)$/,
    '-machine': /^(?:q35|vmport|dump-guest-core|pflash0|pflash1)$/,
    '-rtc': /^base$/,
    '-sandbox': /^(?:on|obsolete|elevateprivileges|spawn|resourcecontrol)$/,
    '-boot': /^(?:order|once|menu|strict|reboot-timeout)$/,
    '-chardev': /^(?:socket|null|id|path|server|wait|nowait)$/,
    '-mon': /^(?:chardev|mode)$/,
    '-vnc': /^(?:unix:\/tmp\/vm\.vnc(?:-locked)?|id|password)$/,
    '-drive': /^(?:file|if|index|media|boot)$/,
    '-net': /^(?:nic|vnic|macaddr|vlan|name|model|ifname|ip|netmask|gateway_ip|hostname|dns_ip\d)$/,
  };
  const ofDevice = /^(?:virtio-net-pci|mac|tx|x-txtimer|x-txburst|vlan|json:[\w -]+)$/;

  function check(args: readonly string[]): void {
    for (const [option, keys] of Object.entries(keysOf(args))) {
      assert.match(option, /^-[a-z-]+$/, 'options stand at their places');
      const pattern = allowed[option] ?? (option === '-spice' || option === '-cpu' ? /^[^]*$/ : ofDevice);
      for (const key of keys) assert.match(key, pattern, `${option} ${key}`);
    }
  }

  const attempt = (make: () => readonly string[]): readonly string[] => {
    try {
      return make();
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'ZoneInvalid');
      return [];
    }
  };

  it('ever becomes an option of the emulator, or a member of one', () => {
    fc.assert(
      fc.property(hostileVm, ({ vm, boot }) => {
        check(attempt(() => ours(vm, boot)));
        check(attempt(() => smartosCommand(vm, boot).args));
      }),
      { numRuns: 2000 },
    );
  });
});

const program = '/usr/bin/qemu-system-x86_64';

describe('a real qemu', { skip: existsSync(program) ? false : 'qemu is not installed' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'smartadm-argv-'));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const many = Array.from({ length: 7 }, (_, index) => disk(`/${index}`, 'ide'));
  for (const [what, more, boot] of [
    [
      'of brand kvm with disks of all models',
      {
        disks: [
          disk('/a', 'virtio', { boot: true }),
          disk('/b', 'scsi'),
          disk('/c', 'ide', { media: 'cdrom' }),
          ...many,
        ],
        nics: [],
      },
      { order: 'dc' },
    ],
    [
      'of brand kvm with a cdrom for one boot',
      { nics: [], vga: 'cirrus', qemu_extra_opts: '-msg timestamp=on' },
      { order: 'cd,once=d', disks: [disk('/x', 'ide', { media: 'cdrom' })] },
    ],
    [
      'of brand bhyve',
      {
        brand: 'bhyve',
        nics: [],
        disks: [
          disk('/a', 'virtio', { pci_slot: '0:4:0', guest_block_size: '512/4096' }),
          disk('/b', 'nvme', { pci_slot: '0:4:1' }),
          disk('/c', 'ahci', { pci_slot: '0:3:0', media: 'cdrom' }),
          disk('/d', 'virtio', { pci_slot: '1:2:0', notrim: true }),
        ],
      },
      {},
    ],
    ['with paths full of commas', { nics: [], disks: [disk('/a,readonly=on', 'virtio'), disk('/b', 'virtio')] }, {}],
  ] as const) {
    // prettier-ignore
    it(`takes the command line of a guest ${what}`, () => {
      const vm = { ...kvm, ram: 64, ...more } as unknown as VmObject;
      const resources = resourcesFor(vm, boot as HvmBoot);
      const disks = resources.disks.map((_disk, index) => {
        const file = join(folder, `disk,file=${index}`);
        writeFileSync(file, Buffer.alloc(65_536));
        return { file, readOnly: false };
      });
      const args = qemuArguments(vm, boot as HvmBoot, { ...resources, disks }).map((each) => each.replaceAll('/tmp/vm.', `${folder}/vm.`));
      const done = spawnSync(program, ['-S', ...args, '-monitor', 'stdio'], { input: 'info block\nquit\n', encoding: 'utf8', timeout: 60_000 });
      assert.equal(done.stderr, '');
      assert.equal(done.status, 0);
      for (const [index] of disks.entries()) assert.match(done.stdout, new RegExp(`disk${index}: .*disk,file=${index} \\(raw`));
    });
  }
});
