/** The configuration as commands work with it. */
import type { Context } from '../context.js';
import { changeConfig, dataVersion, readConfig, sourcesOf, type ImgadmConfig } from './config.js';
import { requireSourceType } from './sources/open.js';

/**
 * The configuration, brought up to date: data of older versions is upgraded first (`imgadm(8)`, upgrade), `warn` being
 * told what was done. Throws `ConfigError` and `UpgradeError`.
 */
export async function loadConfig(ctx: Context, warn: (line: string) => void): Promise<ImgadmConfig> {
  let config = await readConfig(ctx);
  if (config.upgradedToVer === undefined || config.upgradedToVer !== dataVersion) {
    const { upgradeData } = await import('./upgrade.js');
    await changeConfig(ctx, (current) => upgradeData(ctx, current, warn));
    config = await readConfig(ctx);
  }
  for (const source of sourcesOf(config)) requireSourceType(source);
  return config;
}
