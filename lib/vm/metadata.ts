/** Metadata, tags and routes of a VM: JSON files below its zonepath, outside the root that the guest can reach. */
import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../atomic-file.js';
import { codeOf } from '../errors.js';
import type { Damaged } from './damaged.js';
import { vmError } from './errors.js';
import type { FlatObject } from './spec.js';

export interface VmMetadata {
  readonly customer_metadata: FlatObject;
  readonly internal_metadata: FlatObject;
}

type FileName = 'metadata' | 'tags' | 'routes';

/** `zonepath` is where the zone lies on this host (`host.at`). */
const fileOf = (zonepath: string, name: FileName): string => join(zonepath, 'config', `${name}.json`);

/**
 * Metadata of the VM at `zonepath`; empty where there is none. What does not parse reads as nothing (`vmadm(8)`), which
 * `damaged` is told. Throws `VmDamaged` when the file cannot be read.
 */
export function readMetadata(zonepath: string, damaged?: Damaged): VmMetadata {
  const found = readObject(zonepath, 'metadata', damaged);
  return {
    customer_metadata: (found['customer_metadata'] ?? {}) as FlatObject,
    internal_metadata: (found['internal_metadata'] ?? {}) as FlatObject,
  };
}

/** As {@link readMetadata}. */
export function readTags(zonepath: string, damaged?: Damaged): FlatObject {
  return readObject(zonepath, 'tags', damaged) as FlatObject;
}

/** As {@link readMetadata}. */
export function readRoutes(zonepath: string, damaged?: Damaged): FlatObject {
  return readObject(zonepath, 'routes', damaged) as FlatObject;
}

/** Makes the files of a new VM, with nothing in them, in place of any that came with its image. */
export async function makeConfigFiles(zonepath: string): Promise<void> {
  const folder = join(zonepath, 'config');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o755 });
  const names = ['metadata', 'tags', 'routes'] as const;
  // Nobody reads them before the VM is made, so none has to be safe on the disk yet.
  await Promise.all(names.map((name) => writeFile(fileOf(zonepath, name), '{}\n')));
}

/** Replaces both kinds of metadata, atomically. Makes the folder when it is not there yet. */
export async function writeMetadata(zonepath: string, metadata: VmMetadata): Promise<void> {
  const { internal_metadata, customer_metadata } = metadata;
  await write(zonepath, 'metadata', { internal_metadata, customer_metadata });
}

/** As {@link writeMetadata}. */
export async function writeTags(zonepath: string, tags: FlatObject): Promise<void> {
  await write(zonepath, 'tags', tags);
}

/** As {@link writeMetadata}. */
export async function writeRoutes(zonepath: string, routes: FlatObject): Promise<void> {
  await write(zonepath, 'routes', routes);
}

function readObject(zonepath: string, name: FileName, damaged: Damaged | undefined): Readonly<Record<string, unknown>> {
  const file = fileOf(zonepath, name);
  let text: string;
  try {
    // Small files, and of many VMs in a row: waiting for each would take longer than reading it.
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return {};
    throw vmError('VmDamaged', `cannot read ${file}`, { cause });
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // As below.
  }
  damaged?.(vmError('VmDamaged', `${file} is no JSON object, so it counts as empty`));
  return {};
}

async function write(zonepath: string, name: FileName, value: object): Promise<void> {
  await mkdir(join(zonepath, 'config'), { recursive: true, mode: 0o755 });
  // Without a newline at the end, as in every file that `vmadm(8)` has written.
  await writeAtomically(fileOf(zonepath, name), JSON.stringify(value, null, 2));
}
