/** What operations are handed: the host, the log, progress and cancellation. Never global. */
import type { Host } from './host/host.js';
import type { Log } from './log.js';

/** One step of long work, for a progress bar or a quiet run. */
export interface Progress {
  /** Announces work of `totalBytes` (undefined when not known). Returns how to report and end it. */
  start(label: string, totalBytes?: number): ProgressTask;
}

export interface ProgressTask {
  /** `bytes` more are done. */
  advance(bytes: number): void;
  done(): void;
}

export interface Context {
  /** Opened on first use; the same object every time. */
  host(): Promise<Host>;
  readonly log: Log;
  /** Tells the user of something that is wrong, but in the way of nothing that was asked for. */
  readonly warn?: ((message: string) => void) | undefined;
  readonly progress: Progress;
  /** Aborted on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Where all absolute paths of the state hang: `SMARTADM_ROOT`, default `/`. */
  readonly root: string;
}
