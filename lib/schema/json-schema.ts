/** JSON Schemas derived from the rows: of single values, for the validators, and of a whole VM, for types. */
import type { AnySchemaObject } from 'ajv';
import { diskRows } from './disk.js';
import { filesystemRows } from './filesystem.js';
import { nicRows } from './nic.js';
import { pciDeviceRows } from './pci-device.js';
import { nouns, type Noun, type PropertyRow } from './property.js';
import { snapshotRows } from './snapshot.js';
import { vmRows } from './vm.js';

/** The rows of the members of each kind of array. */
export const memberRows: Readonly<Record<Noun, readonly PropertyRow[]>> = {
  nics: nicRows,
  disks: diskRows,
  filesystems: filesystemRows,
  pci_devices: pciDeviceRows,
  snapshots: snapshotRows,
};

/** Schema of the value of each property of a VM that payloads may hold, in its normal form. */
export function valueSchemas(): Readonly<Record<string, AnySchemaObject>> {
  return Object.fromEntries(vmRows.filter((row) => row.allowed).map((row) => [row.name, valueSchema(row)]));
}

/** The same for members of arrays, under `nics.*.mac`. */
export function memberSchemas(): Readonly<Record<string, AnySchemaObject>> {
  return Object.fromEntries(
    nouns.flatMap((noun) =>
      memberRows[noun].filter((row) => row.allowed).map((row) => [`${noun}.*.${row.name}`, valueSchema(row)]),
    ),
  );
}

const scalar: AnySchemaObject = { type: ['string', 'number', 'boolean'] };

/** Of a value after its spelling has been put right: numbers are numbers, lists are arrays. */
export function valueSchema(row: PropertyRow): AnySchemaObject {
  const limits = {
    ...(row.min === undefined ? {} : { minimum: row.min }),
    ...(row.max === undefined ? {} : { maximum: row.max }),
  };
  const format = row.format === undefined ? {} : { format: row.format };
  switch (row.type) {
    case 'uuid':
      return { type: 'string', format: 'uuid' };
    case 'boolean':
    case 'null':
    case 'object':
      return { type: row.type };
    case 'string':
    case 'zpool':
      return { type: 'string', ...format };
    case 'integer':
    case 'number':
      return { type: row.type, ...limits };
    case 'list':
      return { type: 'array', items: { type: 'string', ...format } };
    case 'flat-object':
      return { type: 'object', additionalProperties: scalar };
    case 'object-array':
      return { type: 'array', items: { type: 'object' } };
  }
}

/** Types of a loaded VM and of its parts, for json-schema-to-typescript. */
export function vmTypesSchema(): AnySchemaObject {
  return vmSchema('definitions');
}

/** Of a loaded VM, with its parts where the draft of JSON Schema wants them. */
export function vmSchema(place: 'definitions' | '$defs'): AnySchemaObject {
  const object = (title: string, rows: readonly PropertyRow[]) => ({
    title,
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(rows.map((row) => [row.name, loadedSchema(row, place)])),
  });
  const own = vmRows.filter((row) => !/^(?:add|update|set|remove)_/.test(row.name));
  const parts = nouns.map((noun) => [typeNames[noun], object(typeNames[noun], memberRows[noun])]);
  return { ...object('VmObject', own), [place]: Object.fromEntries(parts) as unknown };
}

const typeNames = { nics: 'Nic', disks: 'Disk', filesystems: 'Filesystem', pci_devices: 'PciDevice', snapshots: 'Snapshot' } as const; // prettier-ignore

/** Of a value as a loaded VM has it; joined lists are text there. */
function loadedSchema(row: PropertyRow, place: string): AnySchemaObject {
  const described = { description: row.unit === undefined ? row.doc : `${row.doc} (${row.unit})` };
  if (row.noun !== undefined)
    return { ...described, type: 'array', items: { $ref: `#/${place}/${typeNames[row.noun]}` } };
  if (row.type === 'list' && row.store?.in === 'zone') return { ...described, type: 'string' };
  if (row.store !== undefined && 'as' in row.store && row.store.as === 'numbers') {
    return { ...described, type: 'array', items: { type: 'number' } };
  }
  if (row.type === 'flat-object') return { ...described, type: 'object', additionalProperties: scalar };
  // The kernel's ids of a zone that does not run.
  if (row.name === 'zoneid' || row.name === 'zonedid') return { ...described, type: ['integer', 'null'] };
  return { ...described, ...valueSchema(row) };
}
