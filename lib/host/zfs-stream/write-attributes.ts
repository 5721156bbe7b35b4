/** Attributes of files as ZFS stores them: which there are, in which orders, and the bytes of one file. */
import { invalid, roundUp } from './bytes.js';
import { FileType } from './attributes.js';
import type { Moment } from './write-source.js';

/** Names, lengths and classes of the attributes that every ZFS knows, in the order of their numbers. */
const registered: readonly (readonly [name: string, length: number, byteClass: number])[] = [
  ['ZPL_ATIME', 16, 0], ['ZPL_MTIME', 16, 0], ['ZPL_CTIME', 16, 0], ['ZPL_CRTIME', 16, 0], ['ZPL_GEN', 8, 0],
  ['ZPL_MODE', 8, 0], ['ZPL_SIZE', 8, 0], ['ZPL_PARENT', 8, 0], ['ZPL_LINKS', 8, 0], ['ZPL_XATTR', 8, 0],
  ['ZPL_RDEV', 8, 0], ['ZPL_FLAGS', 8, 0], ['ZPL_UID', 8, 0], ['ZPL_GID', 8, 0], ['ZPL_PAD', 32, 0],
  ['ZPL_ZNODE_ACL', 88, 3], ['ZPL_DACL_COUNT', 8, 0], ['ZPL_SYMLINK', 0, 3], ['ZPL_SCANSTAMP', 32, 3],
  ['ZPL_DACL_ACES', 0, 4],
]; // prettier-ignore

/** Entries of the registry of a new filesystem. */
export const newRegistry: readonly (readonly [string, bigint])[] = registered.map(([name, length, kind], number) => [
  name,
  BigInt(length * 2 ** 24 + kind * 2 ** 16 + number),
]);

// ZFS expects the first seven where they are.
const always = [
  'ZPL_MODE', 'ZPL_SIZE', 'ZPL_GEN', 'ZPL_UID', 'ZPL_GID', 'ZPL_PARENT', 'ZPL_FLAGS', 'ZPL_ATIME', 'ZPL_MTIME',
  'ZPL_CTIME', 'ZPL_CRTIME', 'ZPL_LINKS',
]; // prettier-ignore
const acl = ['ZPL_DACL_COUNT', 'ZPL_DACL_ACES'];

/** Each set of attributes that occurs, in the order in which they are stored. */
const layouts = {
  plain: [...always, ...acl],
  device: [...always, 'ZPL_RDEV', ...acl],
  symlink: [...always, ...acl, 'ZPL_SYMLINK'],
  plainWithMore: [...always, ...acl, 'ZPL_XATTR'],
  deviceWithMore: [...always, 'ZPL_RDEV', ...acl, 'ZPL_XATTR'],
  symlinkWithMore: [...always, ...acl, 'ZPL_SYMLINK', 'ZPL_XATTR'],
  target: ['ZPL_SYMLINK'],
  targetWithMore: ['ZPL_SYMLINK', 'ZPL_XATTR'],
} as const;

type LayoutName = keyof typeof layouts;

/** First number of a layout that is not taken by ZFS itself. */
const firstLayout = 2;
const mostLayouts = 1023;

/** Numbers of the layouts above in one filesystem. */
export interface LayoutTable {
  readonly number: Readonly<Record<LayoutName, number>>;
  /** All layouts of the filesystem, those that were there before first. */
  readonly entries: readonly (readonly [name: string, numbers: readonly number[]])[];
  /** Whether any is new. */
  readonly grown: boolean;
}

/**
 * Adds to the layouts of a filesystem what it lacks. Layouts never change: the same ones get the same numbers each time.
 * Throws `StreamInvalid` where the registry lacks an attribute.
 */
export function layoutTable(
  registry: ReadonlyMap<string, number>,
  known: readonly (readonly [name: string, numbers: readonly number[]])[],
): LayoutTable {
  const entries = [...known];
  const byContent = new Map(known.map(([name, numbers]) => [numbers.join(), Number(name)]));
  let next = Math.max(firstLayout, ...[...byContent.values()].map((number) => number + 1));
  const number = Object.fromEntries(
    Object.entries(layouts).map(([layout, names]) => {
      const numbers = names.map((name) => {
        const found = registry.get(name);
        if (found === undefined) throw invalid(`its registry lacks ${name}`);
        return found;
      });
      let is = byContent.get(numbers.join());
      if (is === undefined) {
        is = next++;
        if (is > mostLayouts) throw invalid('it has too many attribute layouts');
        entries.push([String(is), numbers]);
      }
      return [layout, is];
    }),
  ) as Record<LayoutName, number>;
  return { number, entries, grown: entries.length > known.length };
}

/** The layouts of a new filesystem. */
export function newLayouts(): LayoutTable {
  return layoutTable(new Map(registered.map(([name], number) => [name, number])), []);
}

/** What is stored of a file. */
export interface StoredAttributes {
  /** With type bits. */
  readonly mode: number;
  readonly size: number;
  readonly generation: bigint;
  readonly uid: number;
  readonly gid: number;
  readonly parent: number;
  readonly links: number;
  readonly accessed: Moment;
  readonly modified: Moment;
  readonly changed: Moment;
  readonly born: Moment;
  readonly device?: readonly [major: number, minor: number] | undefined;
  readonly target?: Buffer | undefined;
  /** Object of the directory of extended attributes. */
  readonly more?: number | undefined;
  /** Is itself a part of extended attributes. */
  readonly ofAttributes?: boolean;
}

const mostBonus = 320;

/** The bonus of a file's object, and the spill block for what does not fit there. */
export function packAttributes(
  file: StoredAttributes,
  table: LayoutTable,
): { readonly bonus: Buffer; readonly spill?: Buffer } {
  const { device, target, more } = file;
  const kind = device !== undefined ? 'device' : target !== undefined ? 'symlink' : 'plain';
  const layout = more === undefined ? kind : (`${kind}WithMore` as const);
  const head = alwaysStored(file);
  if (device !== undefined) head.push(deviceNumber(device));
  const aces = aclOf(file.mode);
  head.push(u64(aces.length / 8));
  const after = more === undefined ? [] : [u64(more)];
  const whole = part(table.number[layout], [
    ...head, { variable: aces }, ...(target === undefined ? [] : [{ variable: target }]), ...after,
  ]); // prettier-ignore
  if (whole.length <= mostBonus || target === undefined) return { bonus: whole };
  const rest = part(more === undefined ? table.number.target : table.number.targetWithMore, [{ variable: target }, ...after]); // prettier-ignore
  const spill = Buffer.alloc(roundUp(rest.length, 512));
  rest.copy(spill);
  return { bonus: part(table.number.plain, [...head, { variable: aces }]), spill };
}

type Value = Buffer | { readonly variable: Buffer };

function part(layout: number, values: readonly Value[]): Buffer {
  const variable = values.flatMap((value) => (Buffer.isBuffer(value) ? [] : [value.variable.length]));
  const head = Math.max(8, roundUp(6 + 2 * variable.length, 8));
  const all = values.map((value) => (Buffer.isBuffer(value) ? value : value.variable));
  const bytes = Buffer.alloc(all.reduce((size, value) => roundUp(size, 8) + value.length, head));
  bytes.writeUInt32LE(0x2f505a, 0);
  bytes.writeUInt16LE(((head / 8) << 10) | layout, 4);
  for (const [index, length] of variable.entries()) bytes.writeUInt16LE(length, 6 + index * 2);
  let at = head;
  for (const value of all) {
    at = roundUp(at, 8);
    at += value.copy(bytes, at);
  }
  return bytes;
}

function alwaysStored(file: StoredAttributes): Value[] {
  const bytes = Buffer.allocUnsafe(128);
  const fields = [
    file.mode, file.size, file.generation, file.uid, file.gid, file.parent, flagsOf(file), ...pair(file.accessed),
    ...pair(file.modified), ...pair(file.changed), ...pair(file.born), file.links,
  ]; // prettier-ignore
  for (const [index, field] of fields.entries()) bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(field)), index * 8);
  return [bytes];
}

const pair = ({ seconds, nanoseconds }: Moment): [bigint, number] => [seconds, nanoseconds];

/** Archive, changed since a scan for viruses, inherited by itself, an ACL that says no more than the mode. */
const usualFlags = 0x40800000044n;

function flagsOf({ mode, ofAttributes = false }: StoredAttributes): bigint {
  return usualFlags | ((mode & 0o111) === 0o111 ? 0x100n : 0n) | (ofAttributes ? 1n : 0n);
}

/** As illumos keeps it, and every reader understands. */
function deviceNumber([major, minor]: readonly [number, number]): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(minor, 0);
  bytes.writeUInt32LE(major, 4);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value % 2 ** 32, 0);
  bytes.writeUInt32LE(Math.floor(value / 2 ** 32), 4);
  return bytes;
}

const Who = { owner: 0x1000, group: 0x2040, everyone: 0x4000 } as const;

/** The access control entries that say what a mode says. */
function aclOf(mode: number): Buffer {
  const isDirectory = (mode & FileType.mask) === FileType.directory;
  const rights = [
    { bit: 4, mask: 1 },
    { bit: 2, mask: isDirectory ? 0x46 : 6 },
    { bit: 1, mask: 0x20 },
  ];
  const masks = { allow0: 0, deny1: 0, deny2: 0, owner: 0x1e0198, group: 0x120088, everyone: 0x120088 };
  for (const { bit, mask } of rights) {
    const [owner, group, other] = [mode & (bit << 6), mode & (bit << 3), mode & bit].map((each) => each !== 0);
    if (owner !== true && (group === true || other === true)) masks.deny1 |= mask;
    if (group !== true && other === true) masks.deny2 |= mask;
    if (owner === true && group !== true && other === true) masks.allow0 |= mask;
    if (owner === true) masks.owner |= mask;
    if (group === true) masks.group |= mask;
    if (other === true) masks.everyone |= mask;
  }
  const [allow, deny] = [0, 1];
  const entries = [
    [allow, Who.owner, masks.allow0],
    [deny, Who.owner, masks.deny1],
    [deny, Who.group, masks.deny2],
    [allow, Who.owner, masks.owner],
    [allow, Who.group, masks.group],
    [allow, Who.everyone, masks.everyone],
  ].filter(([, , mask]) => mask !== 0);
  const bytes = Buffer.alloc(entries.length * 8);
  for (const [index, [type = 0, who = 0, mask = 0]] of entries.entries()) {
    bytes.writeUInt16LE(type, index * 8);
    bytes.writeUInt16LE(who, index * 8 + 2);
    bytes.writeUInt32LE(mask, index * 8 + 4);
  }
  return bytes;
}
