/** How a promise's end becomes a call. */

/**
 * Calls back with what `outcome` brings, or with its reason. The call is on its own: what the callback throws is an uncaught
 * exception, no rejection that nobody sees.
 */
export function callBack<Told extends readonly unknown[]>(
  callback: (...told: Told) => void,
  outcome: Promise<Readonly<Told>>,
): void {
  outcome.then(
    (told) => {
      process.nextTick(callback, ...told);
    },
    (error: unknown) => {
      process.nextTick(callback, error);
    },
  );
}
