/** imgadm's log: records on standard error, silent unless asked for (`imgadm(8)`, logging). */
import { createLog, logLevels, type Log, type LogFields, type LogLevel } from '../../log.js';
import type { Cli } from '../command.js';

/** The level at which records are written: `-v` means all, then `IMGADM_LOG_LEVEL`, then warnings. */
export function logLevelOf(env: NodeJS.ProcessEnv, verbose: boolean): number {
  if (verbose) return logLevels.trace;
  const name = env['IMGADM_LOG_LEVEL'] ?? '';
  return Object.hasOwn(logLevels, name) ? logLevels[name as LogLevel] : logLevels.warn;
}

export function openLog(cli: Cli, level: number, requestId: string): Log {
  const log = createLog('imgadm', { req_id: requestId }, (line, at) => {
    if (at >= level) cli.err(line);
  });
  return level > logLevels.trace ? log : withSource(log);
}

/** Adds to each record where it was written. */
function withSource(log: Log): Log {
  const located =
    (name: LogLevel) =>
    (fields: LogFields, message: string): void => {
      log[name]({ ...fields, src: caller() }, message);
    };
  return {
    trace: located('trace'), debug: located('debug'), info: located('info'),
    warn: located('warn'), error: located('error'), fatal: located('fatal'),
  }; // prettier-ignore
}

/** The place that called the log: the fourth line of a stack taken here. */
function caller(): { readonly file: string; readonly line: number; readonly func?: string } | undefined {
  const frame = new Error().stack?.split('\n')[3] ?? '';
  const [, func, file = '', line = ''] = /at (?:(.*) \()?(?:file:\/\/)?(.*):(\d+):\d+\)?$/.exec(frame) ?? [];
  if (file === '') return undefined;
  return { file, line: Number(line), ...(func === undefined ? {} : { func }) };
}
