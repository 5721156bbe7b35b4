import type { Readable } from 'node:stream';

/** Destroys `stream` with the reason of `signal` when that is aborted, or has been. The result lets go of the signal. */
export function endOnAbort(stream: Readable, signal: AbortSignal | undefined): () => void {
  // That may be before anybody reads, who then finds out.
  stream.on('error', () => undefined);
  const abort = (): void => void stream.destroy(signal?.reason instanceof Error ? signal.reason : undefined);
  if (signal?.aborted === true) abort();
  signal?.addEventListener('abort', abort);
  return () => signal?.removeEventListener('abort', abort);
}
