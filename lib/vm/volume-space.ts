/** How much a pool has to keep for a volume that is written to its last block. Pure. */

/** Bytes of a block of block pointers, and how many of them it holds. */
const indirectBlock = 2 ** 17;
const pointersEach = 2 ** 10;
/** What a volume has of them whatever its size: the objects that describe it. */
const fixedBlocks = 7;
/** Block pointers are kept once more than the data, in up to three copies. */
const pointerCopies = 2;

/** What `refreservation=auto` comes to on ZFS for a volume of `bytes` in blocks of `blockBytes`. */
export function volumeReservation(bytes: number, blockBytes: number): number {
  let blocks = fixedBlocks;
  for (let level = Math.ceil(bytes / blockBytes); level > 1;) {
    level = Math.ceil(level / pointersEach);
    blocks += level;
  }
  return bytes + blocks * pointerCopies * indirectBlock;
}
