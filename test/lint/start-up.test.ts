/** What every run of a program has to load before it does anything stays small: `list` is called by scripts all day. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';

interface Output {
  readonly bytes: number;
  readonly entryPoint?: string;
  readonly imports: readonly { readonly path: string; readonly kind: string }[];
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** Bytes of code: what starts a program, and that with the program itself. Commander makes most of vmadm's. */
const budgets = { vmadm: { entry: 16_000, program: 150_000 }, imgadm: { entry: 16_000, program: 40_000 } } as const;

/** Loaded by the commands that need them. */
const heavy = ['got', 'ajv', 'tar-stream', 'cli-table3'];

let outputs: Readonly<Record<string, Output>>;

before(() => {
  if (!existsSync('dist/meta.json')) spawnSync(process.execPath, ['bin/build.mjs'], { stdio: 'inherit' });
  outputs = (JSON.parse(readFileSync('dist/meta.json', 'utf8')) as { outputs: typeof outputs }).outputs;
});

/** All chunks that are loaded together with these. */
function closure(...entries: readonly string[]): readonly Output[] {
  const names = new Set(entries);
  for (const name of names) {
    for (const { path, kind } of outputs[name]?.imports ?? []) {
      if (kind === 'import-statement' && path in outputs) names.add(path);
    }
  }
  return [...names].map((name) => outputs[name]).filter((output) => output !== undefined);
}

/** The chunk that begins with this module. */
function chunkOf(module: string): string {
  const [name] = Object.entries(outputs).find(([, { entryPoint }]) => entryPoint === module) ?? [];
  assert.ok(name, `there is no chunk of ${module}`);
  return name;
}

const bytesOf = (chunks: readonly Output[]) => chunks.reduce((sum, { bytes }) => sum + bytes, 0);

for (const [program, budget] of Object.entries(budgets)) {
  describe(`start of ${program}`, () => {
    it('loads nothing heavy', () => {
      const chunks = closure(`dist/${program}.js`, chunkOf(`lib/cli/${program}/main.ts`));
      const packages = chunks
        .flatMap(({ inputs }) => Object.keys(inputs))
        .map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? '');
      assert.deepEqual([...new Set(packages)].filter((name) => heavy.includes(name)), []); // prettier-ignore
    });

    it(`has an entry of at most ${budget.entry} bytes, and ${budget.program} with the program`, () => {
      const entry = `dist/${program}.js`;
      assert.ok(bytesOf(closure(entry)) <= budget.entry, `the entry has ${bytesOf(closure(entry))} bytes`);
      const all = bytesOf(closure(entry, chunkOf(`lib/cli/${program}/main.ts`)));
      assert.ok(all <= budget.program, `with the program it has ${all} bytes`);
    });
  });
}
