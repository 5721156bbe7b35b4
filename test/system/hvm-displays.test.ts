/** Screens of machines on a Linux host: who is listened to, where, and who is let in, as clients of VNC and SPICE see it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { constants, createCipheriv, createPublicKey, publicEncrypt, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findEmulator } from '../../lib/host/linux/hvm-programs.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { eventually, openTestHost, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);
// Displays listen there where the host has no network of its own.
spawnSync('ip', ['link', 'set', 'lo', 'up']);

interface Screen {
  readonly host: string;
  readonly port: number;
  readonly password?: string;
}

let host: TestHost;
before(() => {
  host = openTestHost();
});
after(() => host.close());

const disks = [{ size: 16, model: 'virtio', boot: true }];

async function make(more: object): Promise<string> {
  const uuid = randomUUID();
  const payload = { brand: 'kvm', uuid, ram: 64, vcpus: 1, disks, ...more };
  await host.ok('vmadm', ['create'], { input: JSON.stringify(payload) });
  return uuid;
}

async function update(uuid: string, changes: object): Promise<{ applied: string[]; pending_reboot: string[] }> {
  const said = await host.ok('vmadm', ['update', uuid, '--json'], { input: JSON.stringify(changes) });
  return JSON.parse(said) as { applied: string[]; pending_reboot: string[] };
}

async function screens(uuid: string): Promise<{ readonly vnc: Partial<Screen>; readonly spice: Partial<Screen> }> {
  const said = await host.ok('vmadm', ['info', uuid, 'vnc,spice']);
  return JSON.parse(said) as { readonly vnc: Partial<Screen>; readonly spice: Partial<Screen> };
}

/** Sends what `answer` makes of what has come, step by step, each when `bytes` have come; returns what came last. */
async function talk(
  { host: address, port }: Partial<Screen>,
  steps: readonly (readonly [bytes: number, answer: (came: Buffer) => Buffer])[],
  last: number,
): Promise<Buffer> {
  const socket = connect(port ?? 0, address);
  let came = Buffer.alloc(0);
  let ended: Error | undefined;
  socket.on('data', (chunk: Buffer) => (came = Buffer.concat([came, chunk])));
  socket.on('error', (error) => (ended = error)).on('close', () => (ended ??= new Error('nobody is listening')));
  const next = async (bytes: number): Promise<Buffer> => {
    await eventually(`${bytes} bytes`, () => Promise.resolve(came.length >= bytes || ended !== undefined));
    if (came.length < bytes) throw ended ?? new Error('too few bytes');
    const taken = came.subarray(0, bytes);
    came = came.subarray(bytes);
    return taken;
  };
  try {
    for (const [bytes, answer] of steps) socket.write(answer(await next(bytes)));
    return await next(last);
  } finally {
    socket.destroy();
  }
}

const version = Buffer.from('RFB 003.008\n');

/** Ways in that VNC offers: 1 for all, 2 with a password. */
async function vncWaysIn(screen: Partial<Screen>): Promise<readonly number[]> {
  return [...(await talk(screen, [[12, () => version]], 2))].slice(1);
}

/** Whether VNC lets somebody in with a password. */
async function vncTakes(screen: Partial<Screen>, password: string): Promise<boolean> {
  // DES with each byte of the key mirrored; three times the same key is DES itself.
  const bits = [0, 1, 2, 3, 4, 5, 6, 7];
  const mirror = (byte: number) => bits.reduce((sum, bit) => sum | (((byte >> bit) & 1) << (7 - bit)), 0);
  const key = [...Buffer.from(password.padEnd(8, '\0'))].map(mirror);
  const encrypt = (challenge: Buffer) => {
    const cipher = createCipheriv('des-ede3', Buffer.from([...key, ...key, ...key]), null);
    return cipher.setAutoPadding(false).update(challenge);
  };
  const result = await talk(
    screen,
    [
      [12, () => version],
      [2, () => Buffer.from([2])],
      [16, encrypt],
    ],
    4,
  );
  return result.readUInt32BE() === 0;
}

/** Whether SPICE lets somebody in with a password; any does where none is set. */
async function spiceTakes(screen: Partial<Screen>, password: string): Promise<boolean> {
  const hello = Buffer.alloc(16 + 18);
  hello.write('REDQ');
  // Version 2.2, the length of what follows, and in that the main channel, without capabilities.
  for (const [offset, value] of [[4, 2], [8, 2], [12, 18], [30, 18]] as const) hello.writeUInt32LE(value, offset); // prettier-ignore
  hello[20] = 1;
  const ticket = (reply: Buffer) => {
    assert.equal(reply.toString('latin1', 0, 4), 'REDQ');
    assert.equal(reply.readUInt32LE(16), 0);
    const key = createPublicKey({ key: reply.subarray(20, 182), format: 'der', type: 'spki' });
    return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING }, Buffer.from(`${password}\0`));
  };
  // A reply may have capabilities, of which there are two words here.
  const result = await talk(screen, [[0, () => hello], [16 + 178 + 8, ticket]], 4); // prettier-ignore
  return result.readUInt32LE() === 0;
}

/** Command lines of all processes. */
function processes(): string {
  const texts = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1') + readFileSync(`/proc/${pid}/environ`, 'latin1');
    } catch {
      return '';
    }
  }); // prettier-ignore
  return texts.join('\n');
}

describe('the VNC of a machine', () => {
  it('is open to all who get to the loopback address, where the host has no network of its own', async () => {
    const uuid = await make({ vnc_port: 5901 });
    const { vnc, spice } = await screens(uuid);
    assert.deepEqual([vnc, spice], [{ host: '127.0.0.1', port: 5901, display: 1 }, {}]);
    assert.deepEqual(await vncWaysIn(vnc), [1]);
    await host.ok('vmadm', ['delete', uuid]);
  });

  it('is listened for on the network admin, where that is a bridge of the host', async () => {
    const ip = (...words: readonly string[]) => spawnSync('ip', words, { encoding: 'utf8' });
    ip('link', 'add', 'br-admin', 'type', 'bridge');
    ip('address', 'add', '10.9.0.1/24', 'dev', 'br-admin');
    assert.equal(ip('link', 'set', 'br-admin', 'up').status, 0);
    const file = host.at('/etc/smartadm/config.json');
    const config = readFileSync(file, 'utf8');
    const { nicTags, ...others } = JSON.parse(config) as { readonly nicTags: object };
    writeFileSync(file, JSON.stringify({ ...others, nicTags: { ...nicTags, admin: { bridge: 'br-admin' } } }));
    const uuid = await make({ vnc_port: 5902 });
    const { vnc } = await screens(uuid);
    assert.deepEqual(vnc, { host: '10.9.0.1', port: 5902, display: 2 });
    assert.deepEqual(await vncWaysIn(vnc), [1]);
    await assert.rejects(vncWaysIn({ ...vnc, host: '127.0.0.1' }), /ECONNREFUSED/);
    await host.ok('vmadm', ['delete', uuid]);
    writeFileSync(file, config);
  });

  it('gets a password, another one and none while the machine runs', async () => {
    const uuid = await make({});
    const wanted = 'rosebud7';
    assert.deepEqual(await update(uuid, { vnc_password: wanted }), {
      uuid, applied: ['vnc_password'], pending_reboot: [], ignored: [], adjusted: [],
    }); // prettier-ignore
    const { vnc } = await screens(uuid);
    assert.equal(vnc.password, wanted);
    assert.deepEqual(await vncWaysIn(vnc), [2]);
    assert.deepEqual([await vncTakes(vnc, wanted), await vncTakes(vnc, 'guessed')], [true, false]);
    assert.ok(!processes().includes(wanted));
    await update(uuid, { vnc_password: 'another' });
    const changed = (await screens(uuid)).vnc;
    assert.deepEqual([await vncTakes(changed, wanted), await vncTakes(changed, 'another')], [false, true]);
    await update(uuid, { vnc_password: '' });
    assert.deepEqual(await vncWaysIn((await screens(uuid)).vnc), [1]);
    await host.ok('vmadm', ['delete', uuid]);
  });
});

/** Why there is no SPICE here. */
async function spiceLack(): Promise<string | false> {
  const folder = mkdtempSync(join(tmpdir(), 'smartadm-emulator-'));
  const { spice } = await findEmulator((path) => join(folder, path));
  rmSync(folder, { recursive: true });
  return !spice && 'qemu comes without SPICE here (Debian: qemu-system-modules-spice)';
}

const lack = await spiceLack();

describe('the SPICE of a machine', { skip: lack }, () => {
  const password = 'a-longer-secret';
  let uuid: string;

  it('is listened for at the port of its row, instead of VNC, and asks for the password', async () => {
    uuid = await make({ autoboot: false });
    // Of a machine without an image, creation drops them.
    await update(uuid, { spice_port: 5931, spice_password: password, spice_opts: 'streaming-video=off' });
    await host.ok('vmadm', ['start', uuid]);
    const found = await screens(uuid);
    assert.deepEqual(found, {
      vnc: {},
      spice: { host: '127.0.0.1', port: 5931, password, spice_opts: 'streaming-video=off' },
    });
    const listening = spawnSync('ss', ['-Hltn', 'sport = :5931'], { encoding: 'utf8' }).stdout;
    assert.match(listening, /^LISTEN .* 127\.0\.0\.1:5931 .*\n$/);
    assert.deepEqual(
      [await spiceTakes(found.spice, password), await spiceTakes(found.spice, 'guessed')],
      [true, false],
    );
    assert.ok(!processes().includes(password));
  });

  it('gets another password while the machine runs', async () => {
    const { applied } = await update(uuid, { spice_password: 'another' });
    assert.deepEqual(applied, ['spice_password']);
    const { spice: found } = await screens(uuid);
    assert.deepEqual([await spiceTakes(found, password), await spiceTakes(found, 'another')], [false, true]);
  });

  it('that is to ask no more is closed until the next boot, as the command says', async () => {
    const { pending_reboot: pending } = await update(uuid, { spice_password: '' });
    assert.deepEqual(pending, ['spice_password']);
    const { spice: found } = await screens(uuid);
    for (const tried of [password, 'another', '']) assert.equal(await spiceTakes(found, tried), false);
    await host.ok('vmadm', ['stop', uuid, '-F']);
    await host.ok('vmadm', ['start', uuid]);
    assert.ok(await spiceTakes((await screens(uuid)).spice, 'anything'));
    await host.ok('vmadm', ['delete', uuid]);
  });

  it('that a machine was started without comes with its next boot', async () => {
    const plain = await make({ vnc_port: 0 });
    const { applied, pending_reboot: pending } = await update(plain, { spice_port: 5932 });
    assert.deepEqual([applied, pending], [[], ['spice_port']]);
    assert.deepEqual([(await screens(plain)).spice, await vncWaysIn((await screens(plain)).vnc)], [{}, [1]]);
    await host.ok('vmadm', ['delete', plain]);
  });
});
