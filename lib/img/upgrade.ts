/** Brings the data of older versions of imgadm up to date: what imgadm 1 kept below `/var/db/imgadm`, sources without a type. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../context.js';
import { codeOf, describeError } from '../errors.js';
import { dataVersion, sourcesOf, type ImgadmConfig } from './config.js';
import { imgError } from './errors.js';
import { listImages } from './list.js';
import { isFields, upgradeManifest, type Manifest } from './manifest.js';
import { normalizeSourceUrl } from './sources/url.js';
import type { SourceConfig } from './sources/source.js';
import { writeRecord } from './store.js';
import { valueText } from './json-values.js';

const legacyFolder = '/var/db/imgadm';
const legacyDefault = 'https://datasets.tritondatacenter.com/datasets/';

/** The upgraded configuration; undefined when it needs none. `warn` is told what was taken over. */
export async function upgradeData(
  ctx: Context,
  config: ImgadmConfig,
  warn: (line: string) => void,
): Promise<ImgadmConfig | undefined> {
  const from = versionParts(config.upgradedToVer ?? '1.0.0');
  if (compareVersions(from, versionParts(dataVersion)) >= 0) return undefined;
  let current = config;
  if (compareVersions(from, [2, 0, 0]) < 0) {
    await upgradeRecords(ctx, warn);
    current = await takeOverSources(ctx, current, warn);
  }
  const typed = current.sources?.map((source): SourceConfig => {
    if ((source.type as string | undefined) !== undefined) return source;
    return { ...source, type: /\/datasets\/?$/.test(source.url) ? 'dsapi' : 'imgapi' };
  });
  return { ...current, ...(typed === undefined ? {} : { sources: typed.map(inOrder) }), upgradedToVer: dataVersion };
}

function inOrder({ type, url, ...rest }: SourceConfig): SourceConfig {
  return { type, url, ...rest };
}

function versionParts(given: unknown): readonly number[] {
  const version = valueText(given);
  const parts = version.split('.').map(Number);
  if (parts.length === 3 && parts.every((part) => Number.isSafeInteger(part) && part >= 0)) return parts;
  throw imgError(
    'UpgradeError',
    `could not determine appropriate upgrader: currVer=${version} highestUpVer=${dataVersion}`,
  );
}

function compareVersions(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((part, index) => part !== b[index]);
  return at === -1 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

/** Makes records of installed images from what imgadm 1 knew of them. */
async function upgradeRecords(ctx: Context, warn: (line: string) => void): Promise<void> {
  let unnamed: readonly { readonly uuid: string; readonly zpool: string }[];
  try {
    const images = await listImages(ctx);
    unnamed = images
      .filter(({ manifest }) => !manifest.name)
      .map(({ manifest, zpool }) => ({ uuid: manifest.uuid, zpool }));
  } catch (err) {
    ctx.log.debug({ err }, 'cannot list images to upgrade');
    return;
  }
  for (const { uuid, zpool } of unnamed) {
    const path = join(ctx.root, legacyFolder, `${uuid}.json`);
    try {
      const legacy: unknown = JSON.parse(await readFile(path, 'utf8'));
      if (!isFields(legacy)) throw new Error('it is not an object');
      const source = legacy['_url'];
      const manifest = upgradeManifest(legacy) as unknown as Manifest;
      await writeRecord(ctx, { manifest, zpool, ...(typeof source === 'string' ? { source } : {}) });
      warn(`Upgraded image ${uuid} data`);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') continue;
      warn(`imgadm: warning: could not load image ${uuid} info from ${path} for upgrade: ${describeError(error)}`);
    }
  }
}

/** Adds the sources of imgadm 1 to a configuration that has none of its own. */
async function takeOverSources(
  ctx: Context,
  config: ImgadmConfig,
  warn: (line: string) => void,
): Promise<ImgadmConfig> {
  if (config.sources !== undefined) return config;
  let text: string;
  try {
    text = await readFile(join(ctx.root, legacyFolder, 'sources.list'), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return config;
    throw error;
  }
  const urls = text.split('\n').map((line) => line.replace(/#.*/, '').trim()).filter((line) => line !== ''); // prettier-ignore
  if (urls.length === 0 || (urls.length === 1 && urls[0] === legacyDefault)) return config;
  const [modern] = sourcesOf({ dockerImportSkipUuids: true });
  const sources: SourceConfig[] = modern === undefined ? [] : [modern];
  for (const url of urls) {
    if (url === legacyDefault || sources.some((known) => normalizeSourceUrl(known.url) === normalizeSourceUrl(url)))
      continue;
    sources.push({ type: 'dsapi', url });
    warn(`Upgrade: imported image source "${url}"`);
  }
  return { ...config, sources };
}
