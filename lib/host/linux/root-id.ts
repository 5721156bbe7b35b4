/** A short identity of the root prefix, for names that the kernel shares between roots: containers, cgroups, links. */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';

/**
 * Six hex digits that stand for `root`; `000000` for the machine's own `/`.
 */
export function rootId(root: string): string {
  const path = realpathSync(root);
  return path === '/' ? '000000' : createHash('sha256').update(path).digest('hex').slice(0, 6);
}
