/** Owner, mode, extended attributes and times of a file in the tree. */
import type { Attributes } from './attributes.js';
import type { Commands } from './commands.js';
import type { FileReader } from './files.js';
import { FileType } from './attributes.js';

/** Stands for an owner that only a Windows domain knows. */
const nobody = 65534;

/**
 * Sets all of it on `name` in the folder of the commands (empty: on the folder). `existed`: older extended attributes
 * must go first.
 */
export function setAttributes(
  commands: Commands,
  files: FileReader,
  number: number,
  name: Buffer,
  attributes: Attributes,
  existed: boolean,
): void {
  const { uid, gid, mode, accessed, modified } = attributes;
  if (uid === undefined || gid === undefined) files.lose(number, 'owner, who belongs to a Windows domain');
  commands.owner(name, uid ?? nobody, gid ?? nobody, mode);
  if (existed) commands.clearAttributes(name);
  // After the owner, whose change takes capabilities away.
  let hasPosixAcl = false;
  for (const { key, value } of files.extendedAttributes(number, attributes)) {
    hasPosixAcl ||= key.startsWith('system.posix_acl_');
    commands.attribute(number, name, key, value);
  }
  if (attributes.hasAcl && !hasPosixAcl) files.lose(number, 'access control list, of which the mode is kept');
  if ((mode & FileType.mask) !== FileType.symlink && files.lacksSpill(number)) {
    files.lose(number, 'some of its attributes');
  }
  commands.times(name, accessed, modified);
}
