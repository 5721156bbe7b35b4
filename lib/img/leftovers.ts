/** Removes what commands that were killed have left: datasets half received, records whose image never came to be, files of images that did. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../context.js';
import { codeOf } from '../errors.js';
import type { Dataset } from '../host/datasets.js';
import { acquireLock } from '../lock.js';
import { datasetOf, downloadsFolder, imageLockPath, recordsFolder, removeRecord } from './store.js';

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const partialName = new RegExp(`^([a-zA-Z][a-zA-Z0-9._:-]*)/(${uuid})-partial$`);
const fileName = new RegExp(`^(${uuid})\\.file(?:\\.partial)?$`);
const recordName = new RegExp(`^([a-zA-Z][a-zA-Z0-9._:-]*)-(${uuid})\\.json$`);

/**
 * Cleans up after others, given all datasets of the host. Whatever is being worked on, and so locked, is left alone, as
 * are records of pools that are not there at the moment.
 */
export async function removeLeftovers(ctx: Context, all: readonly Dataset[]): Promise<void> {
  const { datasets } = await ctx.host();
  const names = new Set(all.map(({ name }) => name));
  const pools = new Set((await datasets.pools()).map(({ name }) => name));
  for (const { name, type } of all) {
    const [, , image] = partialName.exec(name) ?? [];
    if (image === undefined || type === 'snapshot') continue;
    await unlessLocked(ctx, image, async () => {
      ctx.log.info({ dataset: name }, 'removing what an interrupted command left');
      if ((await datasets.find(name)) !== undefined) await datasets.destroy(name, { recursive: true });
    });
  }
  for (const file of await filesIn(downloadsFolder(ctx.root))) {
    const [, image] = fileName.exec(file) ?? [];
    // Nobody can want it any more.
    if (image === undefined || ![...pools].every((pool) => names.has(datasetOf(pool, image)))) continue;
    await unlessLocked(ctx, image, () => rm(join(downloadsFolder(ctx.root), file), { force: true }));
  }
  for (const file of await filesIn(recordsFolder(ctx.root))) {
    const [, pool, image] = recordName.exec(file) ?? [];
    if (pool === undefined || image === undefined || !pools.has(pool) || names.has(datasetOf(pool, image))) continue;
    await unlessLocked(ctx, image, async () => {
      if ((await datasets.find(datasetOf(pool, image))) === undefined) await removeRecord(ctx, pool, image);
    });
  }
}

async function filesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function unlessLocked(ctx: Context, image: string, work: () => Promise<void>): Promise<void> {
  try {
    const lock = await acquireLock(imageLockPath(ctx.root, image), { wait: false });
    try {
      await work();
    } finally {
      lock.release();
    }
  } catch (err) {
    // Cleaning is a service to others: it is no reason to fail.
    if (codeOf(err) !== 'LockHeld') ctx.log.warn({ err, image }, 'cannot remove leftovers');
  }
}
