/** A short identity of the root prefix, for names that the kernel shares between roots: containers, cgroups, links. */
import { realpathSync } from 'node:fs';
import { sha256Hex } from '../../sha256.js';

/**
 * Six hex digits that stand for `root`; `000000` for the machine's own `/`.
 */
export function rootId(root: string): string {
  const path = realpathSync(root);
  return path === '/' ? '000000' : sha256Hex(path).slice(0, 6);
}
