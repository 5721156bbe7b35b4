/** Imports point one way: bin → library → cli → vm → img → host; what lies directly in lib/ is below all of them. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';

/** Rooms from the top down. A room may import itself and those to its right. */
const order = ['bin', 'lib/library', 'lib/cli', 'lib/vm', 'lib/img', 'lib/host', 'lib/schema', 'lib'];

function roomOf(file: string): number {
  return order.findIndex((room) => file.startsWith(`${room}/`));
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const found = text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g);
  return [...found].map((match) => normalize(join(dirname(file), match[1] ?? '')));
}

/**
 * Each import of `file` that climbs. `lib/context.ts` and `lib/schema` may name types of the host, which they hand on;
 * `lib/lock.ts` needs the loader of addons.
 */
function climbs(file: string, imports: readonly string[]): string[] {
  const from = roomOf(file);
  return imports.filter((target) => {
    const to = roomOf(target);
    if (to === -1 || to >= from) return false;
    if (file === 'lib/lock.ts' && target.startsWith('lib/host/native')) return false;
    return !(file === 'lib/context.ts' && target.startsWith('lib/host/'));
  });
}

/** A circle of files that import each other, in the order of their imports; undefined for none. */
function circleIn(imported: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>();
  const from = (file: string, way: readonly string[]): readonly string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const target of imported.get(file) ?? []) {
      const circle = from(target, [...way, file]);
      if (circle !== undefined) return circle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of imported.keys()) {
    const circle = from(file, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

const sources = ['bin', 'lib'].flatMap((top) =>
  readdirSync(top, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('generated/'))
    .map((name) => join(top, name)),
);

describe('rooms', () => {
  it('import only themselves and rooms below', () => {
    const wrong = sources.flatMap((file) => climbs(file, importsOf(file)).map((target) => `${file} imports ${target}`));
    assert.deepEqual(wrong, []);
  });

  it('would be caught climbing', () => {
    assert.deepEqual(climbs('lib/img/list.ts', ['lib/vm/load.js']), ['lib/vm/load.js']);
    assert.deepEqual(climbs('lib/host/open.ts', ['lib/errors.js', 'lib/cli/main.js']), ['lib/cli/main.js']);
  });

  it('of operations hold no files that import each other, be it for a type or when they are needed', () => {
    const operations = sources.filter((file) => /^lib\/(?:vm|img)\//.test(file));
    const imported = new Map(
      operations.map((file) => [file, importsOf(file).map((target) => target.replace(/\.js$/, '.ts'))]),
    );
    assert.equal(circleIn(imported)?.join(' imports '), undefined);
    assert.deepEqual(circleIn(new Map([['a', ['b']], ['b', ['c', 'd']], ['d', ['b']]])), ['b', 'd', 'b']); // prettier-ignore
  });

  it('ask for the platform in one place only', () => {
    const asking = sources.filter((file) => readFileSync(file, 'utf8').includes('process.platform'));
    assert.deepEqual(
      asking.filter((file) => file !== 'lib/host/open.ts'),
      [],
    );
  });
});
