/** Machines for tests: zones of brand kvm with a disk that boots in no time, on a host of their own. */
import { chmodSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NicTagConfig } from '../lib/host/linux/config.js';
import { canonicalMac } from '../lib/host/linux/guard.js';
import { createLinuxHvm } from '../lib/host/linux/hvm.js';
import { silentLog, type Log } from '../lib/log.js';
import type { VmObject } from '../lib/schema/generated/vm.js';
import { fakeDatasets } from './fakes/datasets.js';
import { openTestZones, zoneConfig, type TestZone } from './zone-root.js';

/** What the machines say on their first serial line before they echo. */
export const greeting = 'it boots';

/** The start of a disk: it prints a line on the first serial port and then whatever comes in by it. */
export function bootSector(): Buffer {
  const put = [0x50, 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x20, 0x74, 0xfb, 0x58, 0xba, 0xf8, 0x03, 0xee, 0xc3];
  const echo = [0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xfb, 0xba, 0xf8, 0x03, 0xec];
  const print = [0xac, 0x84, 0xc0, 0x74, 0x05];
  const start = [0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0xfc];
  // lodsb and so on to the zero, then echo; `put` comes last but for the text.
  const jump = (opcode: number, from: number, to: number) => [
    opcode,
    (to - from - 3) & 0xff,
    ((to - from - 3) >> 8) & 0xff,
  ];
  const origin = 0x7c00;
  const printAt = start.length + 3;
  const callAt = printAt + print.length;
  const echoAt = callAt + 5;
  const echoCallAt = echoAt + echo.length;
  const putAt = echoCallAt + 3 + 3;
  const textAt = putAt + put.length;
  const text = [...Buffer.from(`${greeting}\r\n\0`)];
  const code = [
    ...start,
    0xbe, (origin + textAt) & 0xff, (origin + textAt) >> 8,
    ...print,
    ...jump(0xe8, callAt, putAt), 0xeb, (printAt - (callAt + 5)) & 0xff,
    ...echo,
    ...jump(0xe8, echoCallAt, putAt), ...jump(0xe9, echoCallAt + 3, echoAt),
    ...put,
    ...text,
  ]; // prettier-ignore
  const sector = Buffer.alloc(512);
  sector.set(code);
  sector.set([0x55, 0xaa], 510);
  return sector;
}

/** The host of {@link openTestZones} with machines, and with `more` nic tags; `close` ends and removes all of it. */
export function openTestMachines(log: Log = silentLog, more: Readonly<Record<string, NicTagConfig>> = {}) {
  const opened = openTestZones(log, more);
  const { at, zones, links } = opened;
  const hvm = createLinuxHvm({ at, zones, links, datasets: fakeDatasets({ at }), log });

  /** Makes an installed zone of brand kvm, with a disk `/disk.img` of 64 MiB in its root. Returns the VM. */
  async function install(name: string, zone: TestZone = {}, vm: Partial<VmObject> = {}): Promise<VmObject> {
    const { attributes, ...rest } = zone;
    await zones.configure(zoneConfig(name, { ...rest, attributes: { brand: 'kvm', ...attributes } }));
    const root = at(`/zones/${name}/root`);
    mkdirSync(join(root, 'tmp'), { recursive: true });
    chmodSync(at(`/zones/${name}`), 0o700);
    writeFileSync(join(root, 'disk.img'), bootSector());
    truncateSync(join(root, 'disk.img'), 64 * 1024 * 1024);
    await zones.mark(name, 'installed');
    return {
      uuid: '0e0d1c26-2036-4212-b00e-0000147ae13e', zonename: name, brand: 'kvm', ram: 64, vcpus: 1,
      disks: [{ path: '/disk.img', model: 'virtio', media: 'disk', boot: true }],
      nics: (zone.vnics ?? []).map(({ physical, mac }) => ({ interface: physical, mac: canonicalMac(mac), model: 'virtio' })),
      ...vm,
    }; // prettier-ignore
  }

  return { ...opened, hvm, install };
}

/** What somebody at the serial line of a machine sees, until it has `wanted` in it. */
export async function seenOn(stream: NodeJS.ReadableStream, wanted: string, limitMs = 30_000): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      end();
      reject(new Error(`${wanted} is not in ${JSON.stringify(text)}`));
    }, limitMs);
    const read = (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (!text.includes(wanted)) return;
      end();
      resolve(text);
    };
    const end = () => {
      clearTimeout(timer);
      stream.off('data', read);
    };
    stream.on('data', read);
  });
}
