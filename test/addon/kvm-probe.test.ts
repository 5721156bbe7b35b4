/** The guest by which kvm-probe judges: it has to run where guests do, here in an emulator with nothing else in it. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { addonFile } from '../../lib/host/native.js';

const probe = addonFile('kvm-probe', '');
const folder = mkdtempSync(join(tmpdir(), 'smartadm-probe-'));

/** Firmware that copies the guest's memory out of itself to where it belongs, and jumps to its code. */
function firmware(guest: Buffer): Buffer {
  const rom = Buffer.alloc(65_536);
  guest.copy(rom);
  // cli; cld; ds = 0xf000; es = 0; si = di = 0; cx = 0x9000; rep movsb; jmp 0:0x8000
  const copy = [0xfa, 0xfc, 0xb8, 0x00, 0xf0, 0x8e, 0xd8, 0x31, 0xc0, 0x8e, 0xc0, 0x31, 0xf6, 0x31, 0xff];
  rom.set([...copy, 0xb9, 0x00, 0x90, 0xf3, 0xa4, 0xea, 0x00, 0x80, 0x00, 0x00], 0xff00);
  // Where a processor begins: jmp 0xf000:0xff00
  rom.set([0xea, 0x00, 0xff, 0x00, 0xf0], 0xfff0);
  return rom;
}

describe('kvm-probe', () => {
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('says why a device is of no use', () => {
    for (const device of ['/dev/null', '/nonexistent']) {
      const { status, stdout } = spawnSync(probe, [device], { encoding: 'utf8' });
      assert.equal(status, 1);
      assert.match(stdout, /^\S.*\n$/);
    }
    assert.equal(spawnSync(probe, []).status, 2);
  });

  it('has a guest that goes all its steps, from real mode to the local APIC', async () => {
    const guest = spawnSync(probe, ['--guest']);
    assert.equal(guest.status, 0);
    writeFileSync(join(folder, 'rom'), firmware(guest.stdout));
    const said = join(folder, 'said');
    const qemu = spawn('qemu-system-x86_64', [
      '-machine', 'pc', '-accel', 'tcg', '-cpu', 'max', '-m', '16', '-nodefaults', '-display', 'none', '-bios',
      join(folder, 'rom'), '-chardev', `file,id=said,path=${said}`, '-device', 'isa-debugcon,iobase=0xe9,chardev=said',
    ], { stdio: 'ignore' }); // prettier-ignore
    try {
      const read = () => {
        try {
          return [...readFileSync(said)];
        } catch {
          return [];
        }
      };
      for (const deadline = Date.now() + 30_000; Date.now() < deadline && read().length < 9;) await sleep(20);
      assert.deepEqual(read(), [1, 2, 3, 4, 5, 6, 7, 8, 0x4b]);
    } finally {
      qemu.kill('SIGKILL');
    }
  });
});
