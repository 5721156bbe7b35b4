/** Makes entries of the tree whose content did not come as blocks: links, devices, empty files. */
import { FileType, type Attributes } from './attributes.js';
import type { ObjectSet } from './apply.js';
import { invalid, unsupported } from './bytes.js';
import type { FileReader } from './files.js';
import { ObjectFlag, type Row } from './objects.js';

/** Makes an object that has no file of its own yet; false when the stream lacks what it needs. */
export function makeEntry(
  set: ObjectSet,
  files: FileReader,
  { table, row }: Row,
  number: number,
  name: Buffer,
  attributes: Attributes,
): boolean {
  const { commands } = set;
  switch (attributes.mode & FileType.mask) {
    case FileType.file:
      if (!table.has(row, ObjectFlag.file)) throw invalid('a file that is none');
      if (table.extent.get(row) > 0 && (table === set.base || table.has(row, ObjectFlag.kept))) {
        throw unsupported(`it gives a name to file ${number}, which had none in the origin`);
      }
      commands.makeNode(name, attributes.mode, 0, 0);
      if (attributes.size > 0) {
        commands.edit(name);
        commands.resize(attributes.size);
      }
      return true;
    case FileType.symlink: {
      const target = files.symlinkTarget(table, row, attributes);
      if (target === undefined) {
        files.lose(number, 'symbolic link, as the stream lacks its target');
        return false;
      }
      commands.symlink(name, target);
      return true;
    }
    case FileType.fifo:
    case FileType.socket:
      commands.makeNode(name, attributes.mode, 0, 0);
      return true;
    case FileType.blockDevice:
    case FileType.characterDevice: {
      const [major, minor] = deviceNumbers(attributes.device);
      if (major >= 2 ** 12 || minor >= 2 ** 20) {
        files.lose(number, `device ${major},${minor}, whose numbers are too large here`);
        return false;
      }
      commands.makeNode(name, attributes.mode, major, minor);
      return true;
    }
    default:
      files.lose(number, 'a kind of file that does not exist here');
      return false;
  }
}

/** Linux packs both numbers into 32 bits, illumos gives each 32. */
function deviceNumbers(device: number): [major: number, minor: number] {
  const minors = device < 2 ** 32 ? 2 ** 20 : 2 ** 32;
  return [Math.floor(device / minors), device % minors];
}
