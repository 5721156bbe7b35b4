/** Zone configurations on disk: `/etc/zones/NAME.xml`, the index and the debug ids, changed as libzonecfg changes them. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { syncFolder, writeAtomically } from '../../atomic-file.js';
import { codeOf } from '../../errors.js';
import { withLock } from '../../lock.js';
import { hostError } from '../errors.js';
import { checkZoneName, checkZonepath } from '../zone-name.js';
import type { ZoneConfig } from '../zones.js';
import { nextDebugId, readSubordinateIds } from './zone-ids.js';
import { parseIndex, removeFromIndex, upsertIndex, type StoredZoneState, type ZoneIndexEntry } from '../zone-index.js';
import { parseZoneXml, writeZoneXml } from '../zone-xml.js';

export interface ZoneStore {
  /** In the order of the index, without the global zone. `damaged` is told of each line that is passed over. */
  entries(damaged?: (error: Error) => void): Promise<readonly ZoneIndexEntry[]>;
  entry(name: string): Promise<ZoneIndexEntry | undefined>;
  /** Throws `ZoneNotFound`, or `ZoneInvalid` when the file is damaged. */
  config(name: string): Promise<ZoneConfig>;
  configure(config: ZoneConfig, uuid?: string): Promise<void>;
  /** Throws `ZoneNotFound`. */
  mark(name: string, state: StoredZoneState): Promise<void>;
  remove(name: string): Promise<void>;
}

export interface ZoneStoreOptions {
  /** Identity of the root (`root-id.ts`). */
  readonly id: string;
  readonly at: (path: string) => string;
}

/** Runs `work` under the lock `/var/run/zones/FILE`. Only root may look into that folder, as on SmartOS. */
export async function withZoneLock<T>(at: (path: string) => string, file: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(at('/var/run'), { recursive: true });
  mkdirSync(at('/var/run/zones'), { recursive: true, mode: 0o700 });
  return withLock(at(`/var/run/zones/${file}`), work);
}

export function zoneStore({ id, at }: ZoneStoreOptions): ZoneStore {
  const folder = at('/etc/zones');
  const indexFile = join(folder, 'index');
  const debugIdFile = join(folder, 'did.txt');
  const xmlFile = (name: string) => `${folder}/${name}.xml`;

  const changing = <T>(work: () => Promise<T>) => withZoneLock(at, 'index.lock', work);

  async function readIndex(): Promise<string> {
    return (await readIfThere(indexFile)) ?? '';
  }

  /** As `zonecfg_set_did`, and at the same time the zone's range of ids: see {@link nextDebugId}. */
  async function newDebugId(entries: readonly ZoneIndexEntry[]): Promise<number> {
    const last = Number.parseInt((await readIfThere(debugIdFile)) ?? '', 10);
    const taken = entries.map((entry) => entry.debugId);
    const debugId = nextDebugId(
      id,
      Number.isSafeInteger(last) && last > 0 ? last : 0,
      taken,
      await readSubordinateIds(),
    );
    // Without it the next one is found all the same: those that zones have are in the index.
    await writeAtomically(debugIdFile, `${debugId}\n`, { powerCut: 'anything' });
    return debugId;
  }

  return {
    async entries(damaged) {
      const tell = (line: number): void =>
        damaged?.(hostError('ZoneInvalid', `line ${line} of ${indexFile} is damaged and passed over`));
      return parseIndex(await readIndex(), tell).filter((entry) => entry.name !== 'global');
    },
    async entry(name) {
      checkZoneName(name);
      return parseIndex(linesOf(await readIndex(), name)).at(-1);
    },
    async config(name) {
      checkZoneName(name);
      let text: string | undefined;
      try {
        text = await readIfThere(xmlFile(name));
      } catch (cause) {
        throw hostError('ZoneInvalid', `cannot read ${xmlFile(name)}`, { cause });
      }
      if (text === undefined) throw hostError('ZoneNotFound', `there is no zone ${name}`);
      let config: ZoneConfig;
      try {
        config = parseZoneXml(text);
      } catch (cause) {
        throw hostError('ZoneInvalid', `${xmlFile(name)} is damaged`, { cause });
      }
      if (config.attributes['name'] === name) return config;
      throw hostError(
        'ZoneInvalid',
        `${xmlFile(name)} describes another zone, ${config.attributes['name'] ?? 'without name'}`,
      );
    },
    async configure(config, uuid) {
      const { name = '', zonepath = '', brand } = config.attributes;
      checkZoneName(name);
      checkZonepath(name, zonepath);
      mkdirSync(folder, { recursive: true });
      await changing(async () => {
        const index = await readIndex();
        const entries = parseIndex(index);
        const old = entries.find((entry) => entry.name === name);
        const given = Number(config.attributes['debugid'] ?? old?.debugId ?? -1);
        const debugId = given >= 0 ? given : await newDebugId(entries);
        const complete = { ...config, attributes: { ...config.attributes, debugid: String(debugId) } };
        const line: ZoneIndexEntry = {
          name,
          zonepath,
          brand,
          debugId,
          state: old?.state ?? 'configured',
          uuid: uuid ?? old?.uuid,
          ipType: config.attributes['ip-type'] === 'exclusive' ? 'exclusive' : 'shared',
        };
        const changed = upsertIndex(index, line);
        // The file first: a line of the index without one would be a zone that cannot be read.
        await writeAtomically(xmlFile(name), writeZoneXml(complete), { powerCut: 'before' });
        if (changed !== index) await writeAtomically(indexFile, changed, { powerCut: 'before' });
        await syncFolder(folder);
      });
    },
    async mark(name, state) {
      checkZoneName(name);
      await changing(async () => {
        const index = await readIndex();
        const old = parseIndex(index).find((entry) => entry.name === name);
        if (old === undefined) throw hostError('ZoneNotFound', `there is no zone ${name}`);
        // Whatever state a power cut brings back, the zone can be removed; and its configuration is mostly written next.
        const changed = upsertIndex(index, { ...old, state });
        if (old.state !== state) await writeAtomically(indexFile, changed, { powerCut: 'before' });
      });
    },
    async remove(name) {
      checkZoneName(name);
      await changing(async () => {
        const index = await readIndex();
        const changed = removeFromIndex(index, name);
        if (changed !== index) await writeAtomically(indexFile, changed);
        rmSync(xmlFile(name), { force: true });
      });
    },
  };
}

/** The lines of an index that can be those of zone `name`; the others are many, and not looked at. */
function linesOf(index: string, name: string): string {
  let lines = '';
  const start = `${name}:`;
  for (let at = index.indexOf(start); at >= 0; at = index.indexOf(start, at + 1)) {
    const end = index.indexOf('\n', at);
    if (end >= 0 && (at === 0 || index[at - 1] === '\n')) lines += index.slice(at, end + 1);
  }
  return lines;
}

/** Small files, and of many zones in a row: handing each to a thread takes longer than reading it. */
function readIfThere(file: string): Promise<string | undefined> {
  try {
    return Promise.resolve(readFileSync(file, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return Promise.resolve(undefined);
    throw error;
  }
}
