/** JSON Schemas for others: of payloads as users write them, and of VMs as `get` prints them. From the rows; pure. */
import type { AnySchemaObject } from 'ajv';
import { rowAllows } from './allowed.js';
import { schemaFormats } from './formats.js';
import { memberRows, valueSchema, vmSchema } from './json-schema.js';
import { brands, type Brand, type Noun, type PropertyRow } from './property.js';
import { vmRows } from './vm.js';

export const publishedKinds = ['create', 'update', 'vm'] as const;
export type PublishedKind = (typeof publishedKinds)[number];

const dialect = 'https://json-schema.org/draft/2020-12/schema';

/**
 * The schema of payloads of `create` or `update`, or of a loaded VM; of one brand, or of all. It takes what
 * `vmadm validate` takes, in all spellings but arrays within arrays. What depends on the host or on other properties is left to `validate`.
 */
export function publishedSchema(kind: PublishedKind, brand?: Brand): AnySchemaObject {
  const title = `${kind === 'vm' ? 'VM' : `payload of vmadm ${kind}`}${brand === undefined ? '' : `, brand ${brand}`}`;
  const schema = kind === 'vm' ? loaded(brand) : payload(kind, brand);
  return { $schema: dialect, ...schema, title };
}

function loaded(brand: Brand | undefined): AnySchemaObject {
  const own = brand === undefined ? {} : { allOf: [{ properties: { brand: { const: brand } } }] };
  return withoutRules({ ...vmSchema('$defs'), ...own }) as AnySchemaObject;
}

function payload(kind: 'create' | 'update', brand: Brand | undefined): AnySchemaObject {
  const on = brand === undefined ? brands : [brand];
  const letter = kind === 'create' ? 'c' : 'u';
  const rows = vmRows.filter((row) => on.some((one) => rowAllows(row, one, [letter])));
  const lists = rows.filter((row) => row.noun !== undefined);
  return {
    type: 'object',
    additionalProperties: false,
    properties: {
      ...Object.fromEntries(rows.map((row) => [row.name, described(row, ownSchema(row), brand)])),
      // Every other property may have whatever value the brand allows it; this one says what brand it is.
      ...(kind === 'create' ? { brand: { enum: [...on] } } : {}),
    },
    // Which defaults to joyent when a VM is made; `validate` insists on it.
    ...(kind === 'create' ? { required: ['brand', ...(brand === undefined ? [] : requiredOf(brand))] } : {}),
    ...(kind === 'create' && brand === undefined ? { allOf: brands.map((one) => narrowed(one, rows)) } : {}),
    $defs: Object.fromEntries(lists.map((row) => [row.name, elementSchema(row, on, brand)])),
  };
}

/** What `create` of one brand demands and forbids, among the properties of all. */
function narrowed(brand: Brand, rows: readonly PropertyRow[]): AnySchemaObject {
  const forbidden = rows
    .filter((row) => !rowAllows(row, brand, ['c']))
    .map((row): [string, AnySchemaObject | boolean] => [row.name, false]);
  const lists = rows.flatMap((row): [string, AnySchemaObject][] => {
    if (row.noun === undefined || !rowAllows(row, brand, ['c'])) return [];
    const members = membersOf(row, brands).filter((member) => !rowAllows(member, brand, lettersOf(row)));
    const properties = Object.fromEntries(members.map((member) => [member.name, false]));
    return members.length === 0 ? [] : [[row.name, { items: { properties } }]];
  });
  return {
    if: { properties: { brand: { const: brand } }, required: ['brand'] },
    then: { required: requiredOf(brand), properties: Object.fromEntries([...forbidden, ...lists]) },
  };
}

function requiredOf(brand: Brand): string[] {
  return vmRows.filter((row) => row.name !== 'brand' && row.required?.includes(brand)).map((row) => row.name);
}

function lettersOf(list: PropertyRow): readonly string[] {
  return [list.name.startsWith('update_') ? 'u' : 'a'];
}

function membersOf(list: PropertyRow, on: readonly Brand[]): readonly PropertyRow[] {
  return memberRows[list.noun as Noun].filter((row) => on.some((brand) => rowAllows(row, brand, lettersOf(list))));
}

function elementSchema(list: PropertyRow, on: readonly Brand[], brand: Brand | undefined): AnySchemaObject {
  const members = membersOf(list, on);
  return {
    // Null elements and lists are taken for objects without members.
    type: ['object', 'array', 'null'],
    additionalProperties: false,
    properties: Object.fromEntries(members.map((row) => [row.name, described(row, spelled(row), brand)])),
  };
}

function ownSchema(row: PropertyRow): AnySchemaObject {
  return row.noun === undefined ? spelled(row) : { type: 'array', items: { $ref: `#/$defs/${row.name}` } };
}

/** Values in every spelling that payloads may have. */
function spelled(row: PropertyRow): AnySchemaObject {
  const normal = withPatterns(valueSchema(row)) as AnySchemaObject;
  switch (row.type) {
    case 'boolean':
      return { enum: [true, false, 1, '1', 'true', 'false'] };
    case 'integer':
    case 'number':
      return { anyOf: [normal, text, unset, { type: 'array', items: { anyOf: [normal, text] }, maxItems: 1 }] };
    case 'string':
      return row.format === undefined ? { anyOf: [{ type: 'string' }, unset] } : { anyOf: [normal, blank, unset] };
    case 'list': {
      const { items } = normal as { readonly items: AnySchemaObject };
      const { pattern = '^[^,]*$' } = items as { readonly pattern?: string };
      const element = row.format === undefined ? { type: ['string', 'number'], pattern } : { type: 'string', pattern };
      return {
        anyOf: [
          { type: 'array', items: element },
          { type: 'string', pattern: joined(pattern) },
        ],
      };
    }
    case 'flat-object':
      // An array is an object with numbers for names.
      return { ...normal, type: ['object', 'array'], items: normal['additionalProperties'] as unknown };
    default:
      return normal;
  }
}

const blank: AnySchemaObject = { type: 'string', pattern: '^\\s*$' };
/** Takes the value away. */
const unset: AnySchemaObject = { enum: [null, []] };
/** A number in digits, or nothing, which unsets. */
const text: AnySchemaObject = {
  type: 'string',
  pattern: '^\\s*(?:[+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?|0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+)?\\s*$',
};

/** Text of elements with commas between them; empty ones do not count. */
function joined(pattern: string): string {
  const element = pattern.replace(/^\^/, '').replace(/\$$/, '');
  return `^(?:${element})?(?:,(?:${element})?)*$`;
}

/** Our formats are no standard ones, so they are published as patterns. */
function withPatterns(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withPatterns);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]: [string, unknown]) =>
      key === 'format' && typeof value === 'string' && Object.hasOwn(schemaFormats, value)
        ? ['pattern', schemaFormats[value as keyof typeof schemaFormats].source]
        : [key, withPatterns(value)],
    ),
  );
}

/** Whatever is stored is shown, also what no payload could store today. */
function withoutRules(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutRules);
  if (typeof schema !== 'object' || schema === null) return schema;
  const isRule = (key: string, value: unknown): boolean =>
    /^(?:format|minimum|maximum)$/.test(key) && typeof value !== 'object';
  return Object.fromEntries(
    Object.entries(schema).flatMap(([key, value]: [string, unknown]) =>
      isRule(key, value) ? [] : [[key, withoutRules(value)]],
    ),
  );
}

/** With what people and editors want to know. */
function described(row: PropertyRow, schema: AnySchemaObject, brand: Brand | undefined): AnySchemaObject {
  const on = [...new Set((row.allowed ?? []).flatMap(([, found]) => found))];
  const parts = [
    row.doc,
    ...(row.unit === undefined ? [] : [`Unit: ${row.unit}.`]),
    ...(brand !== undefined || on.length === brands.length ? [] : [`Brands: ${on.join(', ')}.`]),
  ];
  const usual = defaultOf(row, brand);
  return {
    ...(parts.join('') === '' ? {} : { description: parts.join(' ') }),
    ...(row.deprecated === true ? { deprecated: true } : {}),
    ...(usual === undefined ? {} : { default: usual }),
    ...schema,
  };
}

/** Undefined also where brands differ and none is named. */
function defaultOf({ default: usual }: PropertyRow, brand: Brand | undefined): unknown {
  const byBrand = typeof usual === 'object' && usual !== null && 'joyent' in usual;
  if (!byBrand) return usual;
  return brand === undefined ? undefined : (usual as Readonly<Record<string, unknown>>)[brand];
}
