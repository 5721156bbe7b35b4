/** Names of zones. */
import { hostError } from './errors.js';

/** Throws `InvalidName` unless `name` can be that of a zone: it becomes part of paths and of lines of the index. */
export function checkZoneName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name) && name !== 'global' && !name.startsWith('SUNW')) return;
  throw hostError('InvalidName', `${JSON.stringify(name)} is not the name of a zone`);
}
