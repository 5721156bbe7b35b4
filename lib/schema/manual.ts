/** The part of vmadm(8) that is about properties, from the rows, as mdoc(7). Pure. */
import { diskRows } from './disk.js';
import { filesystemRows } from './filesystem.js';
import { nicRows } from './nic.js';
import { pciDeviceRows } from './pci-device.js';
import { brands, type Brand, type PropertyRow } from './property.js';
import { snapshotRows } from './snapshot.js';
import { vmRows } from './vm.js';

const members = [
  ['Members of nics', nicRows],
  ['Members of disks', diskRows],
  ['Members of filesystems', filesystemRows],
  ['Members of pci_devices', pciDeviceRows],
  ['Members of snapshots', snapshotRows],
] as const;

const ownVerbs: Readonly<Record<string, string>> = { c: 'create', r: 'receive', u: 'update' };
const memberVerbs: Readonly<Record<string, string>> = { a: 'add', u: 'update', r: 'receive' };

/** The section, from its heading to before the next one. */
function propertiesSection(): string {
  const introduction = `.Sh PROPERTIES
In parentheses: the type of the value, its unit, its least and greatest value and
its default;
what may be done with it, and on which brands if not on all;
whether an update reaches a running machine
.Pq live ;
and the heading of its column in
.Cm list ,
where it can be a column.
What cannot be set is computed.
`;
  const nouns = members.map(([title, rows]) => `.Ss ${title}\n${list(rows, memberVerbs)}`);
  return `${introduction}${list(vmRows, ownVerbs)}${nouns.join('')}`;
}

/** A manual with the section as it follows from the rows, in place of the one it has. */
export function withProperties(manual: string): string {
  return manual.replace(/^\.Sh PROPERTIES\n[^]*?(?=^\.Sh )/m, () => propertiesSection());
}

function list(rows: readonly PropertyRow[], verbs: Readonly<Record<string, string>>): string {
  const sorted = [...rows].sort((a, b) => (a.name < b.name ? -1 : 1));
  const items = sorted.map((row) => `.It Va ${row.name}\n${wrapped(`(${facts(row, verbs)})`)}${sentences(row)}`);
  return `.Bl -tag -width Ds\n${items.join('')}.El\n`;
}

function facts(row: PropertyRow, verbs: Readonly<Record<string, string>>): string {
  const { type, unit, min, max, default: usual, deprecated, live, list: column } = row;
  const value = [
    type.replace('-', ' '),
    unit,
    ...(min === undefined || max === undefined
      ? [min === undefined ? undefined : `at least ${min}`]
      : [`${min} to ${max}`]),
    ...(usual === undefined ? [] : [`default ${defaultText(usual)}`]),
  ];
  const all = [
    value.filter((part) => part !== undefined).join(', '),
    ...(row.allowed ?? []).map(
      ([letters, on]) =>
        `${letters
          .split('')
          .map((letter) => verbs[letter])
          .join(', ')}${where(on)}`,
    ),
    ...(live === undefined ? [] : [`live${where(live)}`]),
    ...(column === undefined ? [] : [`column ${column[0]}`]),
    ...(deprecated === true ? ['deprecated'] : []),
  ];
  return all.join('; ');
}

function where(on: readonly Brand[]): string {
  return on.length === brands.length ? '' : ` on ${on.join(', ')}`;
}

/** Where brands differ, each value with its brands. */
function defaultText(usual: unknown): string {
  if (typeof usual !== 'object' || usual === null) return String(usual);
  if (Object.keys(usual).length === 0) return JSON.stringify(usual);
  const byValue = new Map<string, string[]>();
  for (const [brand, value] of Object.entries(usual)) {
    byValue.set(String(value), [...(byValue.get(String(value)) ?? []), brand]);
  }
  return [...byValue].map(([value, on]) => `${value} on ${on.join(', ')}`).join('; ');
}

/** The row's text, one sentence a line. */
function sentences({ doc }: PropertyRow): string {
  if (doc === '') return '';
  const lines = doc.replace(/([.!?]) (?=[A-Z])/g, '$1\n').split('\n');
  return lines.map(wrapped).join('');
}

const lineLength = 80;

/** Lines of text that roff prints as it is. */
function wrapped(text: string): string {
  const lines = [''];
  for (const word of text.replaceAll('\\', '\\e').split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + word.length >= lineLength) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map((line) => `${line.replace(/^(?=[.'])/, '\\&')}\n`).join('');
}
