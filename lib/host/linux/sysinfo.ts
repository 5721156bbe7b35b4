/** Facts about a Linux machine. */
import { readFileSync } from 'node:fs';
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { dirname } from 'node:path';
import { codeOf } from '../../errors.js';
import { randomUuid } from '../../random.js';
import { sha256Hex } from '../../sha256.js';
import type { Sysinfo, SysinfoReader } from '../sysinfo.js';

export interface LinuxSysinfoOptions {
  readonly at: (path: string) => string;
  /** Name of the pool that holds `/zones`; asked only once. */
  readonly zpool: string | undefined;
}

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** What firmware reports that was never given a number of its own. */
const nobodys = new Set(['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff']);

/** Reads once; the machine does not change under a command. */
export function createLinuxSysinfo({ at, zpool }: LinuxSysinfoOptions): SysinfoReader {
  let known: Promise<Sysinfo> | undefined;
  const read = async (): Promise<Sysinfo> => ({
    uuid: await machineUuid(at('/var/lib/smartadm/machine-uuid')),
    liveImage: release(),
    datacenter: undefined,
    headnodeId: undefined,
    os: 'linux',
    zpool,
  });
  return { read: () => (known ??= read()) };
}

/** The firmware's UUID; else one that follows from machine-id(5); else one made now and kept in `file`. */
async function machineUuid(file: string): Promise<string> {
  const firmware = firstLine('/sys/class/dmi/id/product_uuid').toLowerCase();
  if (uuidPattern.test(firmware) && !nobodys.has(firmware)) return firmware;
  const machineId = firstLine('/etc/machine-id');
  // The id itself is confidential (machine-id(5)): a hash of it stands for it.
  if (/^[0-9a-f]{32}$/.test(machineId)) return uuidFrom(sha256Hex(`smartadm ${machineId}`));
  return keptUuid(file);
}

async function keptUuid(file: string): Promise<string> {
  const before = await readFile(file, 'utf8').catch(() => '');
  if (uuidPattern.test(before.trim())) return before.trim();
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${randomUuid()}\n`);
  try {
    // Of several commands that make one at once the first wins.
    await link(draft, file);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await unlink(draft);
  }
  return (await readFile(file, 'utf8')).trim();
}

function uuidFrom(hex: string): string {
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join('-');
}

function firstLine(file: string): string {
  try {
    return readFileSync(file, 'utf8').split('\n', 1)[0]?.trim() ?? '';
  } catch {
    return '';
  }
}
