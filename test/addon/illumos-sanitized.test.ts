/** The addons of illumos and the libraries behind them with address and undefined behaviour sanitizers in all that is ours. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { addPools } from '../stand-ins/pool.js';
import { IllumosRoot } from '../stand-ins/root.js';

interface Target {
  readonly target_name: string;
  readonly product_name?: string;
  readonly sources: readonly string[];
  readonly include_dirs?: readonly string[];
  readonly libraries?: readonly string[];
}

/** What each script of `leaks/` needs to be there, and the libraries that its addon finds. */
const addons: Readonly<Record<string, { readonly needs: readonly string[]; readonly prepare: (root: IllumosRoot) => void }>> = {
  zonecfg: {
    needs: ['stand-in-zonecfg'],
    prepare: (root) => {
      root.write('/etc/zones/damaged.xml', '<zone');
    },
  },
  kstat: {
    needs: ['stand-in-kstat'],
    prepare: (root) => {
      root.run('zone1', 7, 2);
    },
  },
  sysevent: { needs: ['stand-in-nvpair', 'stand-in-sysevent'], prepare: () => undefined },
  dladm: {
    needs: ['stand-in-zonecfg', 'stand-in-dladm'],
    prepare: (root) => {
      root.addLink(1, { name: 'e1000g0', class: 1, flags: 3, mac: '00:50:56:00:00:01' });
      root.addLink(2, { name: 'aggr0', class: 4, flags: 3, mac: '00:50:56:00:00:09', ports: 'e1000g0' });
    },
  },
  zfs: {
    needs: ['stand-in-nvpair', 'stand-in-zfs-core', 'stand-in-zfs'],
    prepare: (root) => {
      addPools(root);
    },
  },
}; // prettier-ignore

const top = fileURLToPath(new URL('../..', import.meta.url));
const standIns = join(top, 'test/stand-ins');
/** Made again only where something has changed. */
const made = join(standIns, 'build/sanitized');
const makefilePath = join(made, 'Makefile');
/** Of undefined behaviour, what can be looked for in little time: it takes as long again to compile all checks. */
const sanitize =
  '-fsanitize=address,bounds,shift,signed-integer-overflow,return,unreachable,enum,bool -fno-sanitize-recover=all -fno-omit-frame-pointer';

function standardOutput(file: string, args: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync(file, args, { encoding: 'utf8', cwd: top });
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

/** The targets of `test/stand-ins/binding.gyp`, which is a literal of Python. */
function targets(): ReadonlyMap<string, Target> {
  const program = 'import ast, json, sys; print(json.dumps(ast.literal_eval(open(sys.argv[1]).read())))';
  const all = JSON.parse(standardOutput('python3', ['-c', program, join(standIns, 'binding.gyp')])) as {
    readonly targets: readonly Target[];
  };
  return new Map(all.targets.map((target) => [target.target_name, target]));
}

/** Says `make` how these are made: each source once, whatever it becomes a part of. */
function makefile(names: readonly string[]): string {
  const known = targets();
  const settings = /"nodedir": "(.*)"/.exec(readFileSync(join(standIns, 'build/config.gypi'), 'utf8'));
  const folders = [
    join(top, 'node_modules/node-addon-api'), join(settings?.[1] ?? '/usr', 'include/node'), join(top, 'addon/src'),
    join(top, 'addon/include/illumos'), '/usr/include/libxml2',
  ]; // prettier-ignore
  const flags = `-std=c++20 -fexceptions -fPIC -O0 -pthread ${sanitize} -DNAPI_VERSION=9 -DNODE_ADDON_API_CPP_EXCEPTIONS_ALL`;
  const compile = `g++ ${flags} ${folders.map((folder) => `-I${folder}`).join(' ')} -MMD -MP -c -o $@`;
  const objects = new Map<string, string>();
  const rules: string[] = [];
  const products: string[] = [];
  for (const name of names) {
    const target = known.get(name);
    assert.ok(target !== undefined, `there is no target ${name}`);
    const parts = target.sources.map((source) => {
      const file = join(standIns, source.replace('<(addon)', '../../addon'));
      const object = join(made, 'objects', `${basename(join(file, '..'))}-${basename(file)}.o`);
      objects.set(object, file);
      return object;
    });
    const product = join(made, target.product_name === undefined ? `${name}.node` : `${target.product_name}.so.1`);
    products.push(product);
    const libraries = (target.libraries ?? []).map((each) => each.replace('<(made)', made)).join(' ');
    const soname = target.product_name === undefined ? '' : `-Wl,-soname,${target.product_name}.so.1`;
    // They have to be there when it is linked.
    const before = [...libraries.matchAll(/-l:(lib\S+)/g)].map(([, file = '']) => join(made, file));
    const order = before.length === 0 ? '' : `| ${before.join(' ')}`;
    rules.push(
      `${product}: ${parts.join(' ')} ${order}\n\tg++ -shared -pthread ${sanitize} ${soname} -Wl,-rpath,'$$ORIGIN' -o $@ ${parts.join(' ')} ${libraries}\n`,
    );
  }
  for (const [object, file] of objects) rules.push(`${object}: ${file} ${makefilePath}\n\t${compile} ${file}\n`);
  const dependencies = [...objects.keys()].map((object) => object.replace(/o$/, 'd'));
  return `all: ${products.join(' ')}\n\n${rules.join('\n')}\n-include ${dependencies.join(' ')}\n`;
}

describe('under the sanitizers', () => {
  before(() => {
    mkdirSync(join(made, 'objects'), { recursive: true });
    const rules = makefile([...new Set(Object.entries(addons).flatMap(([name, { needs }]) => [...needs, name]))]);
    // Everything is made again when it is another one.
    if (!existsSync(makefilePath) || readFileSync(makefilePath, 'utf8') !== rules) writeFileSync(makefilePath, rules);
    standardOutput('make', ['-s', '-j2', '-f', makefilePath]);
  });

  for (const [name, { prepare }] of Object.entries(addons)) {
    it(`${name} keeps to its own memory and to what the language defines`, () => {
      const root = new IllumosRoot();
      try {
        prepare(root);
        const script = fileURLToPath(new URL(`leaks/${name}.mjs`, import.meta.url));
        const libraries = ['libasan.so', 'libubsan.so', 'libstdc++.so'].map((file) => standardOutput('g++', [`-print-file-name=${file}`])); // prettier-ignore
        const done = spawnSync(process.execPath, ['--expose-gc', script, join(made, `${name}.node`)], {
          encoding: 'utf8',
          // What is lost, valgrind knows better: it tells Node's own from ours.
          env: { ...process.env, LD_LIBRARY_PATH: made, LD_PRELOAD: libraries.join(' '), ASAN_OPTIONS: 'detect_leaks=0', UBSAN_OPTIONS: 'print_stacktrace=1' },
        }); // prettier-ignore
        assert.deepEqual([done.stdout, done.stderr, done.signal], ['exercised\n', '', null]);
      } finally {
        root.remove();
      }
    });
  }
});
