/** Waiting for time to pass. `node:timers/promises` can be interrupted, and loads half of Node's streams for that. */

/** Resolves after `ms` milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
