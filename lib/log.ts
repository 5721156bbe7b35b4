/** Structured log records in bunyan's layout; where they go is the caller's affair. */
import { hostname } from 'node:os';

export const logLevels = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 } as const;
export type LogLevel = keyof typeof logLevels;

export interface Log {
  trace(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  fatal(fields: LogFields, message: string): void;
}

export type LogFields = Readonly<Record<string, unknown>>;

/**
 * A log that hands each finished line (JSON with a newline) and its numeric level to `write`. Errors under `err` are
 * written as bunyan does: message, name, code, stack.
 */
export function createLog(name: string, fixed: LogFields, write: (line: string, level: number) => void): Log {
  const host = hostname();
  const at =
    (level: number) =>
    (fields: LogFields, message: string): void => {
      const { err, ...rest } = fields;
      const shown = err instanceof Error ? { err: serializeError(err) } : err === undefined ? {} : { err };
      const record = {
        name, hostname: host, pid: process.pid, level, ...fixed, ...rest, ...shown,
        msg: message, time: new Date().toISOString(), v: 0,
      }; // prettier-ignore
      write(
        `${JSON.stringify(record, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}\n`,
        level,
      );
    };
  return {
    trace: at(10), debug: at(20), info: at(30), warn: at(40), error: at(50), fatal: at(60),
  }; // prettier-ignore
}

/** A log that keeps nothing. */
export const silentLog: Log = createLog('smartadm', {}, () => undefined);

function serializeError(error: Error): Record<string, unknown> {
  const code = 'code' in error ? { code: error.code } : {};
  return { message: error.message, name: error.name, ...code, stack: error.stack };
}
