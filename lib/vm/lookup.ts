/** Selecting, reducing and sorting VMs by their fields, as `list` and `lookup` do. */
import type { Host } from '../host/host.js';
import type { VmObject } from '../schema/generated/vm.js';
import type { Damaged } from './damaged.js';
import { vmError } from './errors.js';
import { findVm, loadVms, type Expect } from './load.js';
import { padMac } from './zone-values.js';
import { isHvm } from './zone-config-read.js';

/** A VM with the members that only `list` and `lookup` show. */
export type ListedVm = Readonly<Record<string, unknown>>;

/** What a VM must be like: keys with the text, or after `~` the regular expression, that their values have to match. */
export type Filter = ReadonlyMap<string, string>;

/** `BHYV`, `KVM`, `LX` or `OS`, which is also what brands unknown here are. */
function typeOf(brand: string | undefined): string {
  return brand === 'bhyve' ? 'BHYV' : brand === 'kvm' ? 'KVM' : brand === 'lx' ? 'LX' : 'OS';
}

/** The VM with `type`, and with `ram`, undefined or not, for those that have none of their own. */
function listedVm(vm: VmObject): ListedVm {
  const { brand, max_physical_memory: memory } = vm;
  const listed = { ...vm, type: typeOf(brand) };
  return isHvm(brand) ? listed : { ...listed, ram: memory };
}

/** What has to be loaded for a field. */
const loadedFor: Readonly<Record<string, readonly string[]>> = {
  type: ['brand'],
  ram: ['brand', 'ram', 'max_physical_memory'],
};

/**
 * The VMs that fit `filter`, in the order of the host. With `fields` (of which the first component counts) VMs are
 * reduced to these, those that have none of them are left out, and no more is loaded than that takes. One VM is read
 * when the filter names its uuid. VMs that cannot be read are left out where others are looked at, which `damaged` is told;
 * `expect` is told how many these are.
 * Throws `KeyInvalid` for a regular expression that is none.
 */
export async function lookupVms(
  host: Host,
  filter: Filter,
  fields?: readonly string[],
  damaged?: Damaged,
  expect?: Expect,
): Promise<readonly ListedVm[]> {
  const tests = [...filter].map(([key, pattern]) => ({ key, matches: matcher(key, pattern) }));
  const wanted = fields?.map((field) => field.split('.', 1)[0] ?? '');
  const needed = wanted && [...wanted, ...[...filter.keys()].map((key) => key.split('.', 1)[0] ?? '')];
  const loaded = needed?.flatMap((field) => loadedFor[field] ?? [field]);
  const uuid = filter.get('uuid');
  const vms =
    uuid === undefined || uuid === '' || uuid.startsWith('~')
      ? await loadVms(host, loaded, damaged, expect)
      : [await findVm(host, uuid, loaded, damaged)].filter((vm) => vm !== undefined);
  const found: ListedVm[] = [];
  for (const vm of vms) {
    const listed = listedVm(vm);
    if (!tests.every(({ key, matches }) => valuesAt(listed, key).some(matches))) continue;
    const reduced = wanted === undefined ? listed : reduce(listed, wanted);
    if (Object.keys(reduced).length > 0) found.push(reduced);
  }
  return found;
}

function reduce(vm: ListedVm, fields: readonly string[]): ListedVm {
  const reduced: Record<string, unknown> = {};
  for (const name of Object.keys(vm)) if (fields.includes(name)) reduced[name] = vm[name];
  return reduced;
}

function matcher(key: string, pattern: string): (value: unknown) => boolean {
  if (pattern.startsWith('~')) {
    let expression: RegExp;
    try {
      expression = new RegExp(pattern.slice(1), 'i');
    } catch (cause) {
      throw vmError('KeyInvalid', `invalid regular expression for "${key}"`, { cause });
    }
    return (value) => isThere(value) && expression.test(textOf(value));
  }
  const text = /^nics\..*\.mac$/.test(key) ? padMac(pattern) : pattern;
  return (value) => isThere(value) && textOf(value) === text;
}

const isThere = (value: unknown): boolean => value !== undefined && value !== null;

/** The value at `key`; where it has `*` for an index, those of all elements. */
function valuesAt(vm: ListedVm, key: string): readonly unknown[] {
  const [first = '', index, member, ...more] = key.split('.');
  if (index !== '*' || member === undefined || more.length > 0) return [valueAt(vm, key)];
  const list = own(vm, first);
  return Array.isArray(list) ? list.map((element) => own(element, member)) : [];
}

/** The value of a field, one of `nics.0.ip` or one of `tags.role`; undefined where the VM has none. No key goes deeper. */
export function valueAt(vm: ListedVm, key: string): unknown {
  if (!key.includes('.')) return own(vm, key);
  const [first = '', second, third, ...more] = key.split('.');
  const value = own(vm, first);
  if (second === undefined) return value;
  if (more.length > 0 || Array.isArray(value) !== (third !== undefined)) return undefined;
  return third === undefined ? own(value, second) : own(own(value, second), third);
}

/** Own members only: what a VM inherits from JavaScript is nobody's business. Elements of lists by canonical index. */
function own(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  if (Array.isArray(value) && !/^\d+$/.test(name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

/** A value as it is compared and printed: lists with commas, objects as JavaScript names them. */
export function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map((each) => (isThere(each) ? textOf(each) : '')).join(',');
  return typeof value === 'object' ? Object.prototype.toString.call(value) : `${value as string | number | boolean}`;
}

/**
 * Sorts by several keys, each with `-` before it for the reverse order. Values that are missing or mean "nothing" come
 * last, in reverse order first. Equal ones keep their order.
 */
export function sortVms(vms: readonly ListedVm[], keys: readonly string[]): readonly ListedVm[] {
  const orders = keys.map((key) => ({ key: key.replace(/^[-+]/, ''), sign: key.startsWith('-') ? -1 : 1 }));
  const rows = vms.map((vm) => ({ vm, values: orders.map(({ key }) => valueAt(vm, key)) }));
  rows.sort((a, b) => {
    for (const [at, { sign }] of orders.entries()) {
      const order = compare(a.values[at], b.values[at]);
      if (order !== 0) return order * sign;
    }
    return 0;
  });
  return rows.map(({ vm }) => vm);
}

function compare(a: unknown, b: unknown): number {
  const [rank, other] = [rankOf(a), rankOf(b)];
  if (rank !== other) return rank - other;
  if (rank > 0) return 0;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [textOf(a), textOf(b)];
  // Text that is a number compares with numbers as one.
  if (typeof a === 'number' || typeof b === 'number') return Number(left) - Number(right) || 0;
  return left < right ? -1 : left > right ? 1 : 0;
}

function rankOf(value: unknown): number {
  return value === undefined ? 2 : isNothing(value) ? 1 : 0;
}

function isNothing(value: unknown): boolean {
  return value === null || value === false || value === '' || value === 0 || Number.isNaN(value);
}
