/** Names of one directory, or of a part of it, and what they stand for, packed: about 40 bytes and the name for each. */

const noEntry = 0;
const fewSlots = 64;
/** Tables with more are not kept for the next directory, which would have to clear them. */
const mostSlotsKept = 8192;

export class NameTable {
  private names = Buffer.allocUnsafe(1024);
  private namesSize = 0;
  /** End of each name; it starts where the one before ends. */
  private ends = new Uint32Array(fewSlots / 2);
  private objects = new Float64Array(fewSlots / 2);
  /** Entry + 1 by hash; twice as many slots as entries at least. */
  private slots = new Uint32Array(fewSlots);
  private count = 0;

  add(name: Buffer, object: number): void {
    if (this.count * 2 >= this.slots.length) this.grow();
    if (this.namesSize + name.length > this.names.length) {
      const names = Buffer.allocUnsafe(Math.max(this.names.length * 2, this.namesSize + name.length));
      this.names.copy(names, 0, 0, this.namesSize);
      this.names = names;
    }
    this.namesSize += name.copy(this.names, this.namesSize);
    this.ends[this.count] = this.namesSize;
    this.objects[this.count] = object;
    this.count += 1;
    this.slots[this.freeSlot(name)] = this.count;
  }

  /** Forgets all, for another directory: memory for each would wait long for the garbage collector. */
  clear(): void {
    this.count = this.namesSize = 0;
    if (this.slots.length <= mostSlotsKept) {
      this.slots.fill(noEntry);
      return;
    }
    this.names = Buffer.allocUnsafe(1024);
    this.ends = new Uint32Array(fewSlots / 2);
    this.objects = new Float64Array(fewSlots / 2);
    this.slots = new Uint32Array(fewSlots);
  }

  /** The object of a name; undefined where there is none of it. */
  find(name: Buffer): number | undefined {
    const mask = this.slots.length - 1;
    for (let slot = hash(name) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.slots[slot] ?? noEntry;
      if (entry === noEntry) return undefined;
      if (this.name(entry - 1).equals(name)) return this.objects[entry - 1];
    }
  }

  private name(entry: number): Buffer {
    return this.names.subarray(entry === 0 ? 0 : this.ends[entry - 1], this.ends[entry]);
  }

  private freeSlot(name: Buffer): number {
    const mask = this.slots.length - 1;
    let slot = hash(name) & mask;
    while (this.slots[slot] !== noEntry) slot = (slot + 1) & mask;
    return slot;
  }

  private grow(): void {
    const size = this.slots.length;
    const ends = new Uint32Array(size);
    ends.set(this.ends);
    this.ends = ends;
    const objects = new Float64Array(size);
    objects.set(this.objects);
    this.objects = objects;
    this.slots = new Uint32Array(size * 2);
    for (let entry = 0; entry < this.count; entry += 1) this.slots[this.freeSlot(this.name(entry))] = entry + 1;
  }
}

/** Which of `parts` parts of a directory a name belongs to. */
export function partOf(name: Buffer, parts: number): number {
  return parts === 1 ? 0 : (hash(name) >>> 8) % parts;
}

/** FNV-1a, mixed once more, since only the low bits are used. */
function hash(name: Buffer): number {
  let value = 0x811c9dc5;
  for (const byte of name) value = Math.imul(value ^ byte, 0x01000193);
  return Math.imul(value ^ (value >>> 15), 0x2c1b3c6d) >>> 0;
}
