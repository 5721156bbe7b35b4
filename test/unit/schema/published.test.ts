/** The published schemas agree with the program: they take what it takes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { brands, type Brand } from '../../../lib/schema/property.js';
import { publishedKinds, publishedSchema, type PublishedKind } from '../../../lib/schema/published.js';
import { vectors } from '../../vectors.js';

interface Judgement {
  readonly id: string;
  readonly action: string;
  readonly brand: Brand | null;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly ok: boolean;
  readonly error: {
    readonly bad_properties?: readonly string[];
    readonly missing_properties?: readonly string[];
  } | null;
}

interface Loaded {
  readonly id: string;
  readonly vm_object?: { readonly brand?: string };
}

const compiled = new Map<string, ValidateFunction>();
/** Strict, but for types: what only narrows another schema has none. */
const ajv = new Ajv2020({ allowUnionTypes: true, strictTypes: false, inlineRefs: false, code: { optimize: false } });

function validator(kind: PublishedKind, brand?: Brand): ValidateFunction {
  const name = `${kind} ${brand ?? ''}`;
  const known = compiled.get(name) ?? ajv.compile(publishedSchema(kind, brand));
  compiled.set(name, known);
  return known;
}

const judgements = (vectors('vm-validate.jsonl') as readonly Judgement[]).filter(
  ({ action }) => action === 'create' || action === 'update',
);

/** Values of other types than the program writes: text for a transition, a list for tags, broken numbers and booleans. */
const oddlyStored: ReadonlySet<string> = new Set([
  'load-010',
  'load-013',
  'load-016',
  'load-019',
  'load-058',
  'load-060',
]);

describe('a published schema', () => {
  it('is one of its dialect, for every kind and brand', () => {
    for (const kind of publishedKinds)
      for (const brand of [undefined, ...brands]) assert.equal(ajv.validateSchema(publishedSchema(kind, brand)), true);
  });

  it('takes every payload that validate takes', () => {
    const refused = judgements.flatMap(({ id, action, brand, payload, ok }) => {
      if (!ok) return [];
      return [undefined, brand ?? undefined].flatMap((of) => {
        const judge = validator(action as 'create' | 'update', of);
        return judge(payload)
          ? []
          : [`${id} ${action} ${String(of)} ${JSON.stringify(payload)}: ${JSON.stringify(judge.errors)}`];
      });
    });
    assert.deepEqual(refused, []);
  });

  it('refuses what the brand does not have, and what lacks what it needs', () => {
    let count = 0;
    for (const { id, action, brand, payload, error } of judgements) {
      const missing = error?.missing_properties?.filter((name) => !name.includes('.')) ?? [];
      const bad = error?.bad_properties?.filter((name) => !/\.\d+\./.test(name)) ?? [];
      if (brand === null || !brands.includes(brand) || missing.length + bad.length === 0) continue;
      count += 1;
      assert.equal(validator(action as 'create' | 'update', brand)(payload), false, id);
      if (action === 'create') assert.equal(validator('create')(payload), false, id);
    }
    assert.ok(count > 100);
  });

  it('takes every VM that is loaded, save those of configurations that no payload makes', () => {
    for (const { id, vm_object: vm } of vectors('vm-load.jsonl') as readonly Loaded[]) {
      if (vm === undefined || oddlyStored.has(id)) continue;
      assert.ok(validator('vm')(vm), `${id}: ${JSON.stringify(validator('vm').errors)}`);
      const brand = brands.find((one) => one === vm.brand);
      if (brand !== undefined) assert.ok(validator('vm', brand)(vm), id);
      assert.equal(validator('vm', brand === 'lx' ? 'joyent' : 'lx')(vm), false, id);
    }
  });

  it('says what a property is, its default by brand, and on which brands it is', () => {
    const { properties } = publishedSchema('create', 'bhyve') as {
      properties: Record<string, Record<string, unknown>>;
    };
    assert.equal(properties['quota']?.['default'], 1);
    assert.equal(properties['package_name'], undefined);
    assert.match(String(properties['ram']?.['description']), /MiB/);
    const all = publishedSchema('create') as { properties: Record<string, Record<string, unknown>> };
    assert.match(String(all.properties['package_name']?.['description']), /Brands: builder, joyent,/);
    assert.equal(all.properties['package_name']?.['deprecated'], true);
  });
});
