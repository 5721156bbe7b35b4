/** What every implementation of the machine interface must do. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import type { Hvm } from '../../lib/host/hvm.js';
import type { Zones } from '../../lib/host/zones.js';
import type { VmObject } from '../../lib/schema/generated/vm.js';

export interface HvmUnderTest {
  readonly hvm: Hvm;
  readonly zones: Zones;
  /** Makes an installed zone of brand kvm, with a disk `/disk.img` of 64 MiB. Returns the VM. */
  install(name: string, vm?: Partial<VmObject>): Promise<VmObject>;
  /** Whether the machine's picture is in its root. */
  hasScreenshot(name: string): boolean;
  close(): Promise<void>;
}

export function hvmContract(kind: string, open: () => Promise<HvmUnderTest>): void {
  describe(`machines (${kind})`, () => {
    let tested: HvmUnderTest;
    let hvm: Hvm;
    let zones: Zones;
    let vm: VmObject;

    before(async () => {
      tested = await open();
      ({ hvm, zones } = tested);
      vm = await tested.install('machine', { vcpus: 2, vnc_port: 0, vnc_password: 'sesame' });
      await hvm.prepare(vm);
      await zones.boot('machine');
    });
    after(() => tested.close());

    const rejects = (work: Promise<unknown>, code: string) => assert.rejects(work, (error) => codeOf(error) === code);
    const record = (value: unknown) => value as Readonly<Record<string, unknown>>;

    it('run once their zone has booted, with the processors they are to have', async () => {
      assert.equal((await zones.find('machine'))?.state, 'running');
      const { status, cpus, kvm, ...others } = await hvm.info('machine', ['status', 'cpus', 'kvm']);
      assert.equal(record(status)['running'], true);
      assert.deepEqual(
        (cpus as readonly unknown[]).map((cpu) => [record(cpu)['CPU'], record(cpu)['current']]),
        [
          [0, true],
          [1, false],
        ],
      );
      assert.equal(typeof record(kvm)['enabled'], 'boolean');
      assert.deepEqual(others, {});
    });

    it('tell of their emulator, and of disks by the paths that the VM has for them', async () => {
      const { version, block } = await hvm.info('machine', ['version', 'block']);
      assert.equal(typeof record(record(version)['qemu'])['major'], 'number');
      const [disk] = block as readonly unknown[];
      assert.equal(record(record(disk)['inserted'])['file'], '/disk.img');
    });

    it('have one display that can be reached, with its password', async () => {
      const { vnc, spice } = await hvm.info('machine', ['vnc', 'spice']);
      const { host, port, display, password } = record(vnc);
      assert.equal(typeof host, 'string');
      assert.equal(display, Number(port) >= 5900 ? Number(port) - 5900 : undefined);
      assert.equal(password, 'sesame');
      assert.deepEqual(spice, {});
    });

    it('have their display where it is wanted later', async () => {
      const { vnc: before } = await hvm.info('machine', ['vnc']);
      await hvm.reloadDisplays({ ...vm, vnc_port: -1 });
      assert.deepEqual(await hvm.info('machine', ['vnc']), { vnc: {} });
      await hvm.reloadDisplays({ ...vm, vnc_port: Number(record(before)['port']), vnc_password: 'other' });
      assert.deepEqual(await hvm.info('machine', ['vnc']), { vnc: { ...record(before), password: 'other' } });
    });

    it('can be interrupted, have their picture taken, and be reset', async () => {
      await hvm.interrupt('machine');
      await hvm.screenshot('machine');
      assert.ok(tested.hasScreenshot('machine'));
      await hvm.reset('machine');
      const { status } = await hvm.info('machine', ['status']);
      assert.equal(record(status)['running'], true);
    });

    it('go on when their guest does not heed the power button', async () => {
      await hvm.powerDown('machine');
      assert.equal((await zones.find('machine'))?.state, 'running');
    });

    it('are not prepared with disks that are not there', async () => {
      const disks = [{ path: '/missing.img', model: 'virtio', media: 'disk' }];
      await rejects(hvm.prepare({ ...vm, disks }), 'ZoneInvalid');
      const extra = { path: '/missing.iso', model: 'ide', media: 'cdrom' } as const;
      await rejects(hvm.prepare(vm, { disks: [extra] }), 'ZoneInvalid');
      await rejects(hvm.prepare({ ...vm, zonename: 'nobody' }), 'ZoneNotFound');
    });

    it('answer no more when they have been halted, but for what is fine then', async () => {
      await zones.halt('machine');
      await rejects(hvm.info('machine', ['status']), 'ZoneBadState');
      await rejects(hvm.powerDown('machine'), 'ZoneBadState');
      await rejects(hvm.reset('machine'), 'ZoneBadState');
      await rejects(hvm.interrupt('machine'), 'ZoneBadState');
      await rejects(hvm.screenshot('machine'), 'ZoneBadState');
      await rejects(hvm.reset('nobody'), 'ZoneNotFound');
      await hvm.reloadDisplays(vm);
    });
  });
}
