/** The signals that people and programs end us with. */

/** Those that work is asked to stop by. */
const ending = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Those that only matter to who takes them all. */
const others = ['SIGQUIT', 'SIGUSR2', 'SIGWINCH'] as const;

export interface Signals {
  /** The first signal that asked work to stop. */
  received(): NodeJS.Signals | undefined;
  /** Gives every signal to `taker`, and nothing here ends by one, until the function that is returned is called. */
  readonly take: (taker: (signal: NodeJS.Signals) => void) => () => void;
}

/** The first signal aborts `work`, which stops and undoes itself; the second one calls `end`. */
export function listenForSignals(work: AbortController, end: (signal: NodeJS.Signals) => void): Signals {
  let received: NodeJS.Signals | undefined;
  let taker: ((signal: NodeJS.Signals) => void) | undefined;
  for (const signal of ending) {
    process.on(signal, () => {
      if (taker !== undefined) {
        taker(signal);
        return;
      }
      if (received !== undefined) end(signal);
      received = signal;
      work.abort(new Error('interrupted'));
    });
  }
  return {
    received: () => received,
    take(next) {
      taker = next;
      for (const signal of others) process.on(signal, next);
      return () => {
        taker = undefined;
        for (const signal of others) process.off(signal, next);
      };
    },
  };
}
