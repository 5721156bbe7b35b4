/** Files of a tar archive that have holes, as GNU tar writes them into POSIX headers. */
import { invalidLayer, type EntryData } from './layer-archive.js';

export interface Piece {
  readonly bytes: Buffer;
  readonly offset: number;
}

const mostRegions = 1_000_000;
const blockBytes = 512;

/** The regions with data that `records` tell of, and how long the file is; undefined for a file without holes. */
export function sparseSize(records: ReadonlyMap<string, string>): number | undefined {
  const size = records.get('GNU.sparse.realsize') ?? records.get('GNU.sparse.size');
  return size === undefined ? undefined : natural(size);
}

function natural(text: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw invalidLayer('a sparse file has a length or offset that is no number');
  return value;
}

/** The data of a file with holes, each piece with its place. Throws `StreamInvalid`. */
export async function* sparsePieces(records: ReadonlyMap<string, string>, data: EntryData): AsyncGenerator<Piece> {
  const size = sparseSize(records) ?? 0;
  const listed = records.get('GNU.sparse.map');
  const head: { bytes: Buffer } = { bytes: Buffer.alloc(0) };
  const chunks = data[Symbol.asyncIterator]();
  const numbers = listed === undefined ? await leadingMap(chunks, head) : listed.split(',').map(natural);
  if (numbers.length % 2 !== 0) throw invalidLayer('the map of a sparse file is damaged');
  let end = 0;
  for (let at = 0; at < numbers.length; at += 2) {
    let offset = numbers[at] ?? 0;
    let left = numbers[at + 1] ?? 0;
    if (offset < end || offset + left > size) throw invalidLayer('the map of a sparse file is damaged');
    end = offset + left;
    while (left > 0) {
      if (head.bytes.length === 0) head.bytes = await next(chunks);
      const bytes = head.bytes.subarray(0, left);
      head.bytes = head.bytes.subarray(bytes.length);
      yield { bytes, offset };
      offset += bytes.length;
      left -= bytes.length;
    }
  }
  for (let rest = head.bytes.length; ; rest = 0) {
    if (rest > 0) throw invalidLayer('a sparse file has more data than its map tells');
    const result = await chunks.next();
    if (result.done === true) return;
    if (result.value.length > 0) throw invalidLayer('a sparse file has more data than its map tells');
  }
}

async function next(chunks: AsyncIterator<Buffer>): Promise<Buffer> {
  for (;;) {
    const result = await chunks.next();
    if (result.done === true) throw invalidLayer('a sparse file has less data than its map tells');
    if (result.value.length > 0) return result.value;
  }
}

/** The map that stands before the data: lines with their number, then offsets and lengths, filled up to a block. */
async function leadingMap(chunks: AsyncIterator<Buffer>, head: { bytes: Buffer }): Promise<number[]> {
  const numbers: number[] = [];
  let wanted = 1;
  let taken = 0;
  while (numbers.length < wanted) {
    const line = head.bytes.indexOf(0x0a);
    if (line < 0) {
      if (head.bytes.length > blockBytes) throw invalidLayer('the map of a sparse file is damaged');
      head.bytes = Buffer.concat([head.bytes, await next(chunks)]);
      continue;
    }
    numbers.push(natural(head.bytes.toString('latin1', 0, line)));
    head.bytes = head.bytes.subarray(line + 1);
    taken += line + 1;
    if (numbers.length === 1) wanted = 1 + 2 * (numbers[0] ?? 0);
    if (wanted > mostRegions) throw invalidLayer('the map of a sparse file is too long');
  }
  for (let filling = (blockBytes - (taken % blockBytes)) % blockBytes; filling > 0;) {
    if (head.bytes.length === 0) head.bytes = await next(chunks);
    const skipped = Math.min(filling, head.bytes.length);
    head.bytes = head.bytes.subarray(skipped);
    filling -= skipped;
  }
  return numbers.slice(1);
}
