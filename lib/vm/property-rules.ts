/** What the property rows allow: which brand may use which property in which action. */
import { rowAllows } from '../schema/allowed.js';
import { memberRows } from '../schema/json-schema.js';
import { nouns, type Brand, type Noun, type PropertyRow } from '../schema/property.js';
import { vmRows } from '../schema/vm.js';
import type { Adjustment, PayloadAction } from './spec.js';

const rows: ReadonlyMap<string, PropertyRow> = new Map(vmRows.map((row) => [row.name, row]));

const members: Readonly<Record<Noun, ReadonlyMap<string, PropertyRow>>> = {
  nics: byName('nics'),
  disks: byName('disks'),
  filesystems: byName('filesystems'),
  pci_devices: byName('pci_devices'),
  snapshots: byName('snapshots'),
};

function byName(noun: Noun): ReadonlyMap<string, PropertyRow> {
  return new Map(memberRows[noun].map((row) => [row.name, row]));
}

/** Kinds of resources that payloads may hold lists of. */
export type ListNoun = Exclude<Noun, 'snapshots'>;
export const listNouns: readonly ListNoun[] = ['disks', 'nics', 'filesystems', 'pci_devices'];

/** The row of a property of a VM or payload; undefined for names nobody knows. */
export function rowOf(name: string): PropertyRow | undefined {
  return rows.get(name);
}

export function memberRowOf(noun: Noun, name: string): PropertyRow | undefined {
  return members[noun].get(name);
}

/** The noun whose elements a property lists, for `nics`, `add_nics` and `update_nics`. */
export function nounOf(name: string): Noun | undefined {
  return rows.get(name)?.noun;
}

/** Whether a payload may have the property. An action other than the three allows nothing. */
export function isAllowed(name: string, brand: Brand, action: string): boolean {
  const letter = { create: 'c', receive: 'r', update: 'u' }[action];
  return letter !== undefined && rowAllows(rows.get(name), brand, [letter]);
}

/** Whether the elements of a list, `update_nics` say, may have the member. */
export function isMemberAllowed(list: string, noun: Noun, member: string, brand: Brand, action: string): boolean {
  const adds = list.startsWith('update_') ? 'u' : 'a';
  return rowAllows(members[noun].get(member), brand, action === 'receive' && adds === 'a' ? ['a', 'r'] : [adds]);
}

/** Properties that a payload cannot do without. */
export function requiredFor(brand: Brand, action: string): readonly string[] {
  if (action !== 'create' && action !== 'receive') return [];
  return vmRows.filter((row) => row.required?.includes(brand)).map((row) => row.name);
}

/** Names for which looking for a similar one is worth the while, and how many of a payload are looked at. */
const longestGuess = 40;
const guesses = 100;

/**
 * Says what became of properties that are not allowed: dropped, with the nearest name that exists where there is a likely
 * one. `names` are as `vmadm validate` reports them (`alias`, `nics.*.mtu`).
 */
export function ignored(names: readonly string[], brand: Brand, action: PayloadAction): readonly Adjustment[] {
  const lists = new Set(names.flatMap((name) => nounOf(name) ?? []));
  // Where a whole list is left out, its members need no mention.
  const said = names.filter((name) => !lists.has(name.split('.*.')[0] as Noun) || !name.includes('.*.'));
  return said.map((property, index) => {
    const known = isKnown(property);
    const near = known || index >= guesses ? undefined : nearest(property);
    const detail = known
      ? `not allowed in ${action} of ${brand}`
      : `unknown${near === undefined ? '' : `, did you mean ${near}?`}`;
    return { property, kind: 'ignored', detail, ...(near === undefined ? {} : { nearest: near }) };
  });
}

function isKnown(property: string): boolean {
  const [noun = '', member] = property.split('.*.');
  return member === undefined ? rows.has(property) : nouns.some((one) => one === noun && members[one].has(member));
}

/** The known name closest to one that is not, when it is close enough to be a slip. */
function nearest(property: string): string | undefined {
  if (property.length > longestGuess) return undefined;
  const [noun = '', member] = property.split('.*.');
  const known = member === undefined ? undefined : nouns.find((one) => one === noun);
  const candidates = known === undefined ? [...rows.keys()] : [...members[known].keys()];
  const wanted = (known === undefined ? property : (member ?? '')).toLowerCase();
  let best: string | undefined;
  let least = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate, least);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best === undefined || known === undefined ? best : `${known}.*.${best}`;
}

/** Letters to insert, remove or change, or neighbours to swap; `limit` or more when it is at least that. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let earlier: number[] = [];
  let before = Array.from({ length: b.length + 1 }, (_one, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (before[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwapped ? (earlier[j - 2] ?? 0) + 1 : change;
      row.push(Math.min(change, swap, (before[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    [earlier, before] = [before, row];
  }
  return before[b.length] ?? limit;
}
