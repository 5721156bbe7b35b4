/** What runs the records of one kind of file. */
import type { VectorRecord, VectorFolder } from './records.js';

/** Runs one record; the result is what differs, undefined when all is as recorded. */
type RunRecord = (record: VectorRecord) => Promise<string | undefined>;

export interface Runner {
  readonly run: RunRecord;
  /** Takes away what was made for the file. */
  close(): Promise<void> | void;
}

/** Prepares what the records of `file` need. */
export type OpenRunner = (folder: VectorFolder, file: string) => Promise<Runner> | Runner;

/** Milliseconds since the epoch at which the clock of a recording stood. */
export const recordedAt = Date.parse('2026-01-02T03:04:05.678Z');

/** Runs `work` while the clock stands. */
export async function atTime<T>(milliseconds: number, work: () => Promise<T>): Promise<T> {
  const { now } = Date;
  Date.now = () => milliseconds;
  try {
    return await work();
  } finally {
    Date.now = now;
  }
}
