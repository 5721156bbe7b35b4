/** What gyp makes of the build on illumos, which it calls solaris. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, it } from 'node:test';
import { fileURLToPath } from 'node:url';

interface Target {
  readonly target_name: string;
  readonly type: string;
  readonly sources: readonly string[];
  readonly dependencies?: readonly string[];
  readonly configurations: Readonly<Record<string, { readonly defines: readonly string[] }>>;
}

const top = fileURLToPath(new URL('../..', import.meta.url));
const shared = ['arguments.cc', 'error.cc', 'results.cc', 'native_error.cc'];
/** Of these, Linux has one of its own. */
const besides = ['codec', 'posix', 'tree'];
let scratch: string;

before(() => {
  // gyp writes beside what it reads.
  scratch = mkdtempSync(join(tmpdir(), 'solaris-build-'));
  symlinkSync(join(top, 'node_modules'), join(scratch, 'node_modules'));
  for (const folder of ['addon', 'test/stand-ins']) {
    mkdirSync(join(scratch, folder), { recursive: true });
    copyFileSync(join(top, folder, 'binding.gyp'), join(scratch, folder, 'binding.gyp'));
  }
});
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

/** The targets of a folder, as gyp would have them made on a system. */
function targetsOf(folder: string, os: 'linux' | 'solaris'): ReadonlyMap<string, Target> {
  const gyp = join(top, 'node_modules/node-gyp');
  const settings = {
    OS: os, library: 'shared_library', visibility: 'default', node_root_dir: scratch, node_gyp_dir: gyp, node_lib_file: 'none',
    module_root_dir: join(scratch, folder), node_engine: 'v8', target_arch: 'x64', host_arch: 'x64', standalone_static_library: '1',
  }; // prettier-ignore
  const program = `
import ast, json, sys
sys.path.insert(0, sys.argv[1])
import gyp
status = gyp.main(sys.argv[2:])
print(json.dumps(ast.literal_eval(open('binding.gypd').read())) if status == 0 else status)
`;
  const args = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`);
  const { stdout, stderr } = spawnSync(
    'python3',
    [
      '-c', program, join(gyp, 'gyp/pylib'), 'binding.gyp', '--depth=.', '-f', 'gypd', '-I', join(gyp, 'addon.gypi'), ...args,
    ],
    { cwd: join(scratch, folder), encoding: 'utf8' },
  ); // prettier-ignore
  assert.match(stdout, /^\{/, stderr);
  const { targets } = JSON.parse(stdout) as { readonly targets: readonly Target[] };
  return new Map(targets.map((target) => [target.target_name, target]));
}

it('on illumos the addons of its host are made, of sources that are there and that the tests try on Linux, too', () => {
  const made = targetsOf('addon', 'solaris');
  const addons = ['codec', 'dladm', 'kstat', 'posix', 'rootfs', 'sysevent', 'tree', 'zfs', 'zonecfg'];
  assert.deepEqual([...made.keys()].sort(), ['boundary', ...addons]);
  const tried = targetsOf('test/stand-ins', 'linux');
  for (const [name, target] of made) {
    for (const source of target.sources) assert.ok(existsSync(join(top, 'addon', source)), source);
    const { defines } = Object.values(target.configurations)[0] ?? { defines: [] };
    for (const define of ['_REENTRANT', '__EXTENSIONS__']) assert.ok(defines.includes(define), `${name} ${define}`);
    assert.equal(target.type, name === 'boundary' ? 'static_library' : 'loadable_module');
    // These two are made by the build on Linux itself.
    if (name === 'boundary' || name === 'rootfs') continue;
    const there = tried.get(besides.includes(name) ? `${name}-illumos` : name);
    const names = there?.sources.map((source) => basename(source)).filter((source) => !shared.includes(source));
    assert.deepEqual(names?.sort(), target.sources.map((source) => basename(source)).sort(), name);
  }
  const used = [...made.values()].flatMap(({ sources }) => sources.map((source) => basename(source)));
  const folders = ['addon/src/illumos', 'addon/src/illumos/codec'];
  const ours = folders.flatMap((folder) => readdirSync(join(top, folder)).filter((name) => name.endsWith('.cc')));
  assert.deepEqual(ours.filter((name) => !used.includes(name)), []); // prettier-ignore
  assert.deepEqual(made.get('boundary')?.sources.map((source) => basename(source)), shared); // prettier-ignore
});
