/** What every run of a program has to load before it does anything stays small: `list` is called by scripts all day. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';

/** A source file, as esbuild reports it. */
interface Input {
  readonly bytes: number;
  readonly imports: readonly { readonly path: string; readonly kind: string; readonly external?: boolean }[];
}

/** Bytes of source: what starts a program, and that with the program itself. Commander makes most of vmadm's. */
const budgets = { vmadm: { entry: 24_000, program: 190_000 }, imgadm: { entry: 24_000, program: 70_000 } } as const;

/** Loaded by the commands that need them. */
const heavy = ['got', 'ajv', 'tar-stream', 'cli-table3', 'chalk'];

let inputs: Readonly<Record<string, Input>>;

before(() => {
  if (!existsSync('dist/meta.json')) spawnSync(process.execPath, ['bin/build.mjs'], { stdio: 'inherit' });
  inputs = (JSON.parse(readFileSync('dist/meta.json', 'utf8')) as { inputs: typeof inputs }).inputs;
});

/** All files that are run as soon as these are; what is imported dynamically waits. */
function closure(...entries: readonly string[]): readonly string[] {
  const names = new Set(entries);
  for (const name of names) {
    assert.ok(name in inputs, `${name} is not in the bundle`);
    for (const { path, kind, external } of inputs[name]?.imports ?? []) {
      if (kind !== 'dynamic-import' && external !== true) names.add(path);
    }
  }
  return [...names];
}

const bytesOf = (files: readonly string[]) => files.reduce((sum, name) => sum + (inputs[name]?.bytes ?? 0), 0);

for (const [program, budget] of Object.entries(budgets)) {
  describe(`start of ${program}`, () => {
    it('loads nothing heavy', () => {
      const files = closure(`bin/${program}.ts`, `lib/cli/${program}/main.ts`);
      const packages = files.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? '');
      assert.deepEqual([...new Set(packages)].filter((name) => heavy.includes(name)), []); // prettier-ignore
    });

    it(`runs at most ${budget.entry} bytes of source, and ${budget.program} with the program`, () => {
      const entry = bytesOf(closure(`bin/${program}.ts`));
      assert.ok(entry <= budget.entry, `the entry has ${entry} bytes`);
      const all = bytesOf(closure(`bin/${program}.ts`, `lib/cli/${program}/main.ts`));
      assert.ok(all <= budget.program, `with the program it has ${all} bytes`);
    });
  });
}
