/**
 * A FAT16 file system with a few files in its root, for firmware and guests to read (ECMA-107, and Microsoft's "FAT: General
 * Overview of On-Disk Format" for long names). Pure.
 */

const sectorBytes = 512;
const sectorsPerCluster = 4;
const clusterBytes = sectorBytes * sectorsPerCluster;
const rootEntries = 512;
const entryBytes = 32;
const rootSectors = (rootEntries * entryBytes) / sectorBytes;
const copies = 2;
const lastCluster = 0xffff;
/** Characters of a long name in one entry, and where they stand. */
const namePlaces = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

const attributes = { label: 0x08, archive: 0x20, longName: 0x0f } as const;

export interface FatFile {
  /** Of characters that FAT allows; at most 255. */
  readonly name: string;
  readonly content: Buffer;
}

/**
 * The beginning of an image of `totalBytes` with `files`, up to the last byte that is not zero: the rest is to be zeros.
 * `serial` is any number, the same content has the same one. Throws `RangeError` for what does not fit.
 */
export function fat16Image(label: string, serial: number, totalBytes: number, files: readonly FatFile[]): Buffer {
  const sectors = Math.floor(totalBytes / sectorBytes);
  const tableSectors = Math.ceil((Math.ceil(sectors / sectorsPerCluster) + 2) / (sectorBytes / 2));
  const rootAt = (1 + copies * tableSectors) * sectorBytes;
  const dataAt = rootAt + rootSectors * sectorBytes;
  const clusters = Math.floor((totalBytes - dataAt) / clusterBytes);
  if (clusters < 4085 || clusters > 65_524) throw new RangeError(`${totalBytes} bytes are no size for FAT16`);
  const used = files.reduce((sum, { content }) => sum + Math.ceil(content.length / clusterBytes), 0);
  if (used > clusters) throw new RangeError('the files do not fit into the file system');

  const image = Buffer.alloc(dataAt + used * clusterBytes);
  writeBootSector(image, label, serial, sectors, tableSectors);
  const table = Buffer.alloc(tableSectors * sectorBytes);
  table.writeUInt16LE(0xfff8, 0);
  table.writeUInt16LE(lastCluster, 2);
  const root: Buffer[] = [directoryEntry(label.padEnd(11).slice(0, 11), attributes.label, 0, 0)];
  let next = 2;
  for (const [index, { name, content }] of files.entries()) {
    const count = Math.ceil(content.length / clusterBytes);
    const short = `FILE${String(index)}`.padEnd(11);
    root.push(...longNameEntries(name, short), directoryEntry(short, attributes.archive, count === 0 ? 0 : next, content.length)); // prettier-ignore
    content.copy(image, dataAt + (next - 2) * clusterBytes);
    for (let cluster = next; cluster < next + count; cluster += 1) {
      table.writeUInt16LE(cluster === next + count - 1 ? lastCluster : cluster + 1, cluster * 2);
    }
    next += count;
  }
  if (root.length > rootEntries) throw new RangeError('there are too many files');
  Buffer.concat(root).copy(image, rootAt);
  for (let copy = 0; copy < copies; copy += 1) table.copy(image, (1 + copy * tableSectors) * sectorBytes);
  return image;
}

function writeBootSector(image: Buffer, label: string, serial: number, sectors: number, tableSectors: number): void {
  // A jump over the parameters, to code that there is none of.
  image.set([0xeb, 0x3c, 0x90]);
  image.write('SMARTADM', 3, 'latin1');
  image.writeUInt16LE(sectorBytes, 11);
  image.writeUInt8(sectorsPerCluster, 13);
  image.writeUInt16LE(1, 14);
  image.writeUInt8(copies, 16);
  image.writeUInt16LE(rootEntries, 17);
  if (sectors < 0x10000) image.writeUInt16LE(sectors, 19);
  else image.writeUInt32LE(sectors, 32);
  // A fixed disk, with the geometry that such disks pretend to have.
  image.writeUInt8(0xf8, 21);
  image.writeUInt16LE(tableSectors, 22);
  image.writeUInt16LE(32, 24);
  image.writeUInt16LE(64, 26);
  image.writeUInt8(0x80, 36);
  image.writeUInt8(0x29, 38);
  image.writeUInt32LE(serial >>> 0, 39);
  image.write(label.padEnd(11).slice(0, 11), 43, 'latin1');
  image.write('FAT16   ', 54, 'latin1');
  image.set([0x55, 0xaa], 510);
}

function directoryEntry(short: string, attribute: number, cluster: number, size: number): Buffer {
  const entry = Buffer.alloc(entryBytes);
  entry.write(short, 0, 'latin1');
  entry.writeUInt8(attribute, 11);
  // 1980-01-01, the first day there is: the same content is the same image.
  entry.writeUInt16LE(0x21, 16);
  entry.writeUInt16LE(0x21, 24);
  entry.writeUInt16LE(cluster, 26);
  entry.writeUInt32LE(size, 28);
  return entry;
}

/** Entries of the long name, the last part first, as they stand before the short one. */
function longNameEntries(name: string, short: string): Buffer[] {
  const sum = [...Buffer.from(short, 'latin1')].reduce((value, byte) => (((value & 1) << 7) + (value >> 1) + byte) & 0xff, 0); // prettier-ignore
  const parts = Math.ceil(name.length / namePlaces.length);
  return Array.from({ length: parts }, (_, at) => {
    const number = parts - at;
    const entry = Buffer.alloc(entryBytes, 0xff);
    entry.writeUInt8(number | (at === 0 ? 0x40 : 0), 0);
    entry.writeUInt8(attributes.longName, 11);
    entry.writeUInt8(0, 12);
    entry.writeUInt8(sum, 13);
    entry.writeUInt16LE(0, 26);
    for (const [index, place] of namePlaces.entries()) {
      const character = (number - 1) * namePlaces.length + index;
      // Filled up with ones after a final zero.
      if (character <= name.length)
        entry.writeUInt16LE(character < name.length ? name.charCodeAt(character) : 0, place);
    }
    return entry;
  });
}
