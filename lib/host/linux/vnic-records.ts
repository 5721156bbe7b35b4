/** What was set up for each vnic of a root, kept below /var/run so that it can be taken back whatever happened. */
import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../errors.js';
import type { GuardElement } from './guard.js';
import { checkVnicName } from './link-names.js';

/** Written before anything is done for the vnic, removed when all of it is undone. */
export interface VnicRecord {
  readonly zone: string;
  readonly physical: string;
  /** Host end. */
  readonly link: string;
  readonly nicTag: string;
  readonly vlanId: number;
  readonly mac: string;
  /** Elements in the sets of the guard, but for those of leases (`lease-clients.ts`). */
  readonly elements: readonly GuardElement[];
  /** Address that this host's DHCP server keeps for the vnic. */
  readonly reserved?: string;
}

export interface VnicRecords {
  find(zone: string, physical: string): Promise<VnicRecord | undefined>;
  ofZone(zone: string): Promise<readonly VnicRecord[]>;
  all(): Promise<readonly VnicRecord[]>;
  put(record: VnicRecord): Promise<void>;
  remove(zone: string, physical: string): Promise<void>;
  /** Removes what a killed writer left of a zone without records. */
  tidy(zone: string): Promise<void>;
}

export function vnicRecords(folder: string): VnicRecords {
  const fileOf = (zone: string, physical: string) => {
    checkVnicName(zone, physical);
    return join(folder, zone, `${physical}.json`);
  };
  async function read(file: string): Promise<VnicRecord | undefined> {
    try {
      // Ours alone, written whole: nothing else has to be expected in it.
      return JSON.parse(await readFile(file, 'utf8')) as VnicRecord;
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
      throw error;
    }
  }
  async function names(of: string): Promise<readonly string[]> {
    try {
      return await readdir(of);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  }
  async function ofZone(zone: string): Promise<readonly VnicRecord[]> {
    const files = (await names(join(folder, zone))).filter((name) => name.endsWith('.json') && !name.startsWith('.'));
    const records = await Promise.all(files.map((name) => read(join(folder, zone, name))));
    return records.filter((record) => record !== undefined);
  }
  async function removeFolder(zone: string): Promise<void> {
    await rmdir(join(folder, zone)).catch((error: unknown) => {
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(codeOf(error) ?? '')) throw error;
    });
  }
  return {
    find: (zone, physical) => read(fileOf(zone, physical)),
    ofZone,
    all: async () => (await Promise.all((await names(folder)).map(ofZone))).flat(),
    async put(record) {
      const file = fileOf(record.zone, record.physical);
      await mkdir(join(folder, record.zone), { recursive: true });
      // Whole even if we are killed; a power cut takes what it tells of along, so there is no need to wait for the disk.
      const draft = join(folder, record.zone, `.${record.physical}.${process.pid}`);
      await writeFile(draft, JSON.stringify(record));
      await rename(draft, file);
    },
    async remove(zone, physical) {
      const file = fileOf(zone, physical);
      for (const name of await names(join(folder, zone))) {
        const isOurs = name.startsWith(`.${physical}.`) || [`${physical}.lease`, `${physical}.client`].includes(name);
        if (isOurs) await rm(join(folder, zone, name), { force: true });
      }
      await rm(file, { force: true });
      await removeFolder(zone);
    },
    async tidy(zone) {
      const drafts = (await names(join(folder, zone))).filter((name) => name.startsWith('.'));
      for (const name of drafts) await rm(join(folder, zone, name), { force: true });
      await removeFolder(zone);
    },
  };
}
