/** Content of the objects that are kept in the ledger: directories, tables, values of attributes. */
import { invalid, unsupported } from './bytes.js';
import type { Ledger } from './ledger.js';

/** Most pieces of one object that are looked at, so that no stream costs more time than its length is worth. */
const mostPieces = 4_000_000;

/** Reads the content whose newest piece is at `newest` (0: none). What was never written reads as zeros. */
export class Content {
  private readonly ledger: Ledger;
  /** Offset of each piece, ascending, with its length and the position of its bytes. */
  private offsets: number[] = [];
  private lengths: number[] = [];
  private positions: number[] = [];

  constructor(ledger: Ledger, newest: number) {
    this.ledger = ledger;
    const last = newest === 0 ? undefined : ledger.readPiece(newest);
    if (last === undefined) return;
    // Mostly there is one.
    if (last.older === 0 && last.bytesAt !== 0) {
      this.add(last.offset, last.length, last.bytesAt);
      return;
    }
    const pieces = [];
    for (let at = newest; at !== 0;) {
      const piece = ledger.readPiece(at);
      pieces.push(piece);
      if (pieces.length > mostPieces) throw unsupported(`an object has more than ${mostPieces} pieces`);
      if (piece.older >= at) throw invalid('pieces of an object in a circle');
      at = piece.older;
    }
    const current = new Map<number, { length: number; bytesAt: number }>();
    let steps = 0;
    for (let piece = pieces.pop(); piece !== undefined; piece = pieces.pop()) {
      if (piece.bytesAt !== 0) {
        current.set(piece.offset, piece);
        continue;
      }
      const end = piece.offset + piece.length;
      for (const offset of current.keys()) {
        if (offset >= piece.offset && offset < end) current.delete(offset);
      }
      steps += current.size;
      if (steps > 100 * mostPieces) throw unsupported('an object was freed in too many pieces');
    }
    for (const [offset, { length, bytesAt }] of [...current].sort(([a], [b]) => a - b)) {
      this.add(offset, length, bytesAt);
    }
  }

  /** Bytes that have been written. */
  get size(): number {
    return this.lengths.reduce((sum, length) => sum + length, 0);
  }

  get empty(): boolean {
    return this.offsets.length === 0;
  }

  /** Where the last piece ends. */
  get end(): number {
    return (this.offsets.at(-1) ?? 0) + (this.lengths.at(-1) ?? 0);
  }

  /** `size` bytes from `offset` on. */
  read(offset: number, size: number): Buffer {
    let at = this.firstEndingAfter(offset);
    // Mostly one piece is one block.
    if (this.offsets[at] === offset && this.lengths[at] === size)
      return this.ledger.read(this.positions[at] ?? 0, size);
    const result = Buffer.alloc(size);
    for (; at < this.offsets.length; at += 1) {
      const from = Math.max(this.offsets[at] ?? 0, offset);
      const to = Math.min((this.offsets[at] ?? 0) + (this.lengths[at] ?? 0), offset + size);
      if (from >= offset + size) break;
      if (to <= from) continue;
      this.ledger
        .read((this.positions[at] ?? 0) + from - (this.offsets[at] ?? 0), to - from)
        .copy(result, from - offset);
    }
    return result;
  }

  private add(offset: number, length: number, bytesAt: number): void {
    this.offsets.push(offset);
    this.lengths.push(length);
    this.positions.push(bytesAt);
  }

  private firstEndingAfter(offset: number): number {
    let low = 0;
    let high = this.offsets.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.offsets[middle] ?? 0) + (this.lengths[middle] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
