/** Builds what operations are handed. */
import type { Context, Progress } from '../context.js';
import type { Host } from '../host/host.js';
import type { Log } from '../log.js';

/** Progress that nobody watches. */
export const quietProgress: Progress = { start: () => ({ advance: () => undefined, done: () => undefined }) };

export interface ContextOptions {
  readonly root: string;
  readonly log: Log;
  readonly warn?: (message: string) => void;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** A context whose host is opened when it is first asked for, and how to close it. */
export function createContext(options: ContextOptions): Context & { close(): Promise<void> } {
  let host: Promise<Host> | undefined;
  const open = async (): Promise<Host> => {
    const { openHost } = await import('../host/open.js');
    return openHost({ root: options.root, log: options.log });
  };
  return {
    ...options,
    host: () => (host ??= open()),
    async close() {
      const opened = await host?.catch(() => undefined);
      await opened?.close();
    },
  };
}
