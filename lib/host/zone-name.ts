/** Names and zonepaths of zones. */
import { posix } from 'node:path';
import { hostError } from './errors.js';

/** Throws `InvalidName` unless `name` can be that of a zone: it becomes part of paths and of lines of the index. */
export function checkZoneName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name) && name !== 'global' && !name.startsWith('SUNW')) return;
  throw hostError('InvalidName', `${JSON.stringify(name)} is not the name of a zone`);
}

/** Where a zone sees its snapshot `vmsnap-SNAPSHOT`. Throws `InvalidName` for one that would lead elsewhere. */
export function snapshotPlace(snapshot: string): string {
  if (/^[\w.:%-]+$/.test(snapshot) && !/^\.\.?$/.test(snapshot)) return `/checkpoints/${snapshot}`;
  throw hostError('InvalidName', `${JSON.stringify(snapshot)} cannot be shown to a zone`);
}

/** Throws `ZoneInvalid` unless `path` can be the zonepath of zone `name`: absolute, below the root, without `..`. */
export function checkZonepath(name: string, path: string): void {
  if (/^\/[^\0\n"]+$/.test(path) && !path.split('/').includes('..') && posix.normalize(path) !== '/') return;
  throw hostError('ZoneInvalid', `zonepath ${JSON.stringify(path)} of zone ${name} is not an absolute path`);
}
