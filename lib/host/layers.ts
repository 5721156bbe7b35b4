/** What a host does with the layers of container images. Types only. */
import type { Readable } from 'node:stream';

export interface LayerWriter {
  /**
   * Changes the tree in `folder`, which holds the layers below, as the uncompressed tar archive of one more layer says;
   * nothing in it leads out of there. Returns what the target cannot hold. Throws `StreamInvalid` (damaged, truncated,
   * hostile), `StreamUnsupported`, `NoSpace`, what `archive` fails with, or the reason of `signal`. On failure the tree is in
   * no particular state.
   */
  apply(
    folder: string,
    archive: Readable,
    signal: AbortSignal,
  ): Promise<readonly { readonly path: string; readonly what: string }[]>;
}
