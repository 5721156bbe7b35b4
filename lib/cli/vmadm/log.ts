/** Where vmadm's log records go: a file per process below /var/log/vm/logs, and what VMADM_DEBUG_LEVEL asks for. */
import { appendFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createLog, logLevels, type Log } from '../../log.js';
import { randomUuid } from '../../random.js';
import type { Cli } from '../command.js';

/** Records kept in memory until something goes wrong. */
const keptRecords = 512;

/**
 * The log of one command (`vmadm-cli`, files and environment). With `atOnce` the file is made with the first record,
 * otherwise only when a record of level error or worse comes, beginning with the records before it. A log that cannot be
 * written is no reason to fail.
 */
export function openLog(cli: Cli, atOnce: boolean): Log {
  const root = cli.env['SMARTADM_ROOT'] ?? '/';
  const folder = join(root, 'var/log/vm/logs');
  const file = join(folder, `${Date.now()}-${String(process.pid).padStart(6, '0')}-vmadm.log`);
  const asked = cli.env['VMADM_DEBUG_LEVEL'];
  const debugLevel = levelOf(asked);
  if (debugLevel === undefined && asked !== undefined && asked !== '') {
    cli.err(`warning: VMADM_DEBUG_LEVEL is none of ${Object.keys(logLevels).join(', ')}: ${JSON.stringify(asked)}\n`);
  }
  const debugFile = cli.env['VMADM_DEBUG_FILE'];
  let kept: string[] | undefined = [];
  let broken = false;

  const append = (path: string, text: string): void => {
    if (broken) return;
    try {
      // Where not even the root is there, Node would try for ever in some file systems.
      if (path === file && !existsSync(root)) throw new Error(`there is no ${root}`);
      if (path === file) mkdirSync(folder, { recursive: true });
      appendFileSync(path, text, { mode: 0o600 });
    } catch {
      broken = true;
    }
  };
  const write = (line: string, level: number): void => {
    if (debugLevel !== undefined && level >= debugLevel) {
      if (debugFile === undefined || debugFile === '') cli.err(line);
      else append(debugFile, line);
    }
    if (level < logLevels.info) return;
    if (kept === undefined) {
      append(file, line);
      return;
    }
    kept.push(line);
    if (atOnce || level >= logLevels.error) {
      append(file, kept.join(''));
      kept = undefined;
    } else if (kept.length > keptRecords) kept.shift();
  };
  const requestId = cli.env['REQ_ID'] ?? cli.env['req_id'] ?? randomUuid();
  return createLog('vmadm', { req_id: requestId }, write);
}

function levelOf(name: string | undefined): number | undefined {
  if (name === undefined || !Object.hasOwn(logLevels, name)) return undefined;
  return logLevels[name as keyof typeof logLevels];
}
