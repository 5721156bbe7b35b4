/** Facts about an illumos machine, as its own `sysinfo(8)` has them. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { codeOf } from '../../errors.js';
import { hostError } from '../errors.js';
import type { Sysinfo, SysinfoReader } from '../sysinfo.js';
import type { Programs } from './programs.js';

/** A network interface, or a vnic of the global zone, as sysinfo lists it. */
interface Interface {
  readonly 'NIC Names'?: readonly string[];
  readonly 'Link Status'?: string;
  readonly 'MAC Address'?: string;
  readonly ip4addr?: string;
}

/** The members that we read. */
export interface SysinfoDocument {
  readonly UUID?: string;
  readonly 'Live Image'?: string;
  readonly 'SDC Version'?: string;
  readonly 'Datacenter Name'?: string;
  readonly 'Headnode ID'?: string;
  readonly Zpool?: string;
  readonly 'Bhyve Capable'?: boolean;
  readonly 'Network Interfaces'?: Readonly<Record<string, Interface>>;
  readonly 'Virtual Network Interfaces'?: Readonly<Record<string, Interface>>;
}

export interface IllumosSysinfo extends SysinfoReader {
  /** All of it. Throws `HostFailed` when the platform cannot say. */
  document(): Promise<SysinfoDocument>;
}

/** Where the platform keeps what sysinfo said last, as the original reads it. */
const cacheFile = '/tmp/.sysinfo.json';

export function illumosSysinfo(at: (path: string) => string, programs: Programs): IllumosSysinfo {
  let known: Promise<SysinfoDocument> | undefined;
  const document = () => (known ??= readDocument(at(cacheFile), programs));
  return { document, read: async () => toSysinfo(await document()) };
}

async function readDocument(cache: string, programs: Programs): Promise<SysinfoDocument> {
  const cached = await readOwn(cache);
  if (cached !== undefined) {
    const parsed = parse(cached);
    if (parsed !== undefined) return parsed;
  }
  const { status, stdout, stderr } = await programs.run('/usr/bin/sysinfo', []);
  const parsed = status === 0 ? parse(stdout) : undefined;
  if (parsed === undefined) throw hostError('HostFailed', `sysinfo says nothing that can be read: ${stderr.trim()}`);
  return parsed;
}

/** A file of our own; undefined where there is none: everybody may write into the folder that it lies in. */
async function readOwn(path: string): Promise<string | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: unknown) => {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ELOOP') return undefined;
      throw error;
    },
  );
  try {
    const found = await file?.stat();
    const isOwn = found?.isFile() === true && found.uid === process.getuid?.();
    return isOwn ? await file?.readFile('utf8') : undefined;
  } finally {
    await file?.close();
  }
}

function parse(text: string): SysinfoDocument | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    // Written at this moment, perhaps.
    return undefined;
  }
}

function toSysinfo(document: SysinfoDocument): Sysinfo {
  const { 'SDC Version': sdcVersion } = document;
  return {
    uuid: document.UUID ?? '',
    liveImage: document['Live Image'] ?? '',
    ...(sdcVersion === undefined ? {} : { sdcVersion }),
    datacenter: document['Datacenter Name'],
    headnodeId: document['Headnode ID'],
    os: 'smartos',
    zpool: document.Zpool,
  };
}
