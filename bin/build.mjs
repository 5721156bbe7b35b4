// Builds what is not in git: generated schema code, the bundle in dist/. Run after `npm ci`.
//   --for-tests   in dist/for-tests also programs that take another kind of host by SMARTADM_HOST
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import ts from 'typescript';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const { version } = JSON.parse(await readFile('package.json', 'utf8'));
const common = {
  write: false,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  define: { 'process.env.SMARTADM_VERSION': JSON.stringify(version), 'process.env.SMARTADM_HOST': 'undefined' },
  logLevel: 'warning',
};

/** Digits that tell one program from another. */
const idLength = 32;

/** Commands that are tried to see what they run; `payload` is a file with the payload of a VM of a missing image. */
const nobody = '00000000-0000-4000-8000-000000000000';
const recordedCommands = {
  vmadm: (payload) => [
    ['help'],
    ['list'],
    ['lookup', '-j', 'alias=a'],
    ['get', nobody],
    ['validate', 'create', '-f', payload],
    ['create', '-f', payload],
    ['start', nobody],
    ['delete', nobody],
  ],
  imgadm: () => [['--help'], ['list'], ['get', nobody], ['sources']],
};

/** Node's part in that: runs the commands one after another in one process, and writes down what V8 has compiled. */
const recorder = `
const { readFileSync, writeFileSync } = require('fs');
const { Script } = require('vm');
const [node, program, out, ...commands] = process.argv;
const script = new Script(readFileSync(program, 'latin1'), { filename: program });
const end = process.exit;
process.setMaxListeners(0);
process.getuid = () => 0;
process.exit = () => {
  const command = commands.shift();
  if (command === undefined) {
    writeFileSync(out, script.createCachedData());
    end(0);
  }
  process.argv = [node, program, ...JSON.parse(command)];
  script.runInThisContext()({}, require, {}, program, require('path').dirname(program));
};
process.exit();
process.on('exit', () => end(commands.length > 0 ? 1 : process.exitCode));
`;

generateSchemas();
await programs();
if (process.argv.includes('--for-tests')) await testPrograms();
await library();
await declarations();

function generateSchemas() {
  const done = spawnSync(process.execPath, ['--import', 'tsx', 'lib/schema/generate.ts'], { stdio: 'inherit' });
  if (done.status !== 0) process.exit(1);
}

/**
 * For each command a CommonJS program, which Node starts in two thirds of the time of an ES module with its chunks, V8's
 * own code for it, and a launcher that has Node run it from that. What is imported dynamically is in the program, but
 * not run before it is needed.
 */
async function programs() {
  const result = await build({
    ...common,
    entryPoints: ['bin/vmadm.ts', 'bin/imgadm.ts'],
    outdir: 'dist',
    format: 'cjs',
    metafile: true,
    // Code that V8 has kept cannot import.
    supported: { 'dynamic-import': false },
    define: { ...common.define, 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
  await put('dist/package.json', '{"type":"commonjs"}\n', 0o644);
  await put('dist/meta.json', JSON.stringify(result.metafile), 0o644);
  for (const { path, text } of result.outputFiles) {
    const name = basename(path, '.js');
    const [shebang = ''] = text.split('\n', 1);
    const body = text.slice(shebang.length + 1);
    // Read as Latin-1, which is quicker.
    if (/[^\0-\x7f]/.test(body)) throw new Error(`${name}: not ASCII`);
    const id = createHash('sha256').update(body).digest('hex').slice(0, idLength);
    const program = `/*${id}*/(function (exports, require, module, __filename, __dirname) {${body}\n})`;
    await put(`dist/${name}.program.js`, program, 0o644);
    const code = await recordCode(name);
    await put(`dist/${name}.code`, Buffer.concat([Buffer.from(`/*${id}*/`), code]), 0o644);
    await put(path, `${shebang}\n${launcher(name)}`, 0o755);
  }
}

/** Plain programs, for hosts that stand in for others. */
async function testPrograms() {
  const { 'process.env.SMARTADM_HOST': _fixed, ...define } = common.define;
  const result = await build({
    ...common,
    entryPoints: ['bin/vmadm.ts', 'bin/imgadm.ts'],
    outdir: 'dist/for-tests',
    format: 'cjs',
    define: { ...define, 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
  for (const { path, text } of result.outputFiles) await put(path, text, 0o755);
}

/**
 * Runs the program that lies beside it from code that V8 has compiled before. Code of another program is not offered to
 * V8, which would not notice; V8 refuses that of another V8. Then it is compiled as always.
 */
function launcher(name) {
  const head = idLength + 4;
  return `'use strict';
const { readFileSync } = require('fs');
const { Script } = require('vm');
const file = __dirname + '/${name}.program.js';
const text = readFileSync(file, 'latin1');
let cachedData;
try {
  const code = readFileSync(__dirname + '/${name}.code');
  if (code.latin1Slice(0, ${head}) === text.slice(0, ${head})) cachedData = code.subarray(${head});
} catch {}
const script = new Script(text, { filename: file, cachedData });
script.runInThisContext()(exports, require, module, file, __dirname);
`;
}

/**
 * V8's code for the functions of a program that common commands need: those that run when such commands are tried on a
 * host without anything. Empty where that does not work out: nothing depends on it but time.
 */
async function recordCode(name) {
  const root = await mkdtemp(join(tmpdir(), 'smartadm-build-'));
  try {
    const file = join(root, 'payload.json');
    const payload = {
      brand: 'lx',
      kernel_version: '4.3.0',
      image_uuid: nobody,
      ram: 64,
      nics: [{ nic_tag: 'admin', ips: ['dhcp'] }],
    };
    await writeFile(file, JSON.stringify(payload));
    // A pool that cannot be made: nothing is mounted for this.
    await mkdir(join(root, 'etc/smartadm'), { recursive: true });
    const config = { pools: { zones: { driver: 'btrfs', device: join(root, 'none') } } };
    await writeFile(join(root, 'etc/smartadm/config.json'), JSON.stringify(config));
    const argv = ['-e', recorder, resolve(`dist/${name}.program.js`), join(root, 'code')];
    for (const command of recordedCommands[name](file)) argv.push(JSON.stringify(command));
    const env = { ...process.env, SMARTADM_ROOT: root, NODE_OPTIONS: '' };
    const { status } = spawnSync(process.execPath, argv, { env, stdio: 'ignore', timeout: 60_000 });
    if (status !== 0) throw new Error(`status ${status}`);
    return await readFile(join(root, 'code'));
  } catch (error) {
    console.error(`${name} is not compiled ahead: ${error.message}`);
    return Buffer.alloc(0);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** An ES module, its parts in chunks that are loaded when they are needed. VM.cjs and IMG.cjs load that. */
async function library() {
  const modern = await build({
    ...common,
    entryPoints: ['lib/library/smartadm.ts', 'lib/library/images.ts'],
    outdir: 'dist/library',
    format: 'esm',
    splitting: true,
    // Some dependencies are CommonJS and call require for Node's own modules.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  const callbacks = await build({
    ...common,
    entryPoints: { VM: 'lib/library/callbacks.ts', IMG: 'lib/library/IMG.ts' },
    outdir: 'dist/library',
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    plugins: [
      {
        name: 'beside',
        setup: ({ onResolve }) =>
          onResolve({ filter: /^\.\/(?:smartadm|images)\.js$/ }, ({ path }) => ({ path, external: true })),
      },
    ],
  });
  await rm('dist/library', { recursive: true, force: true });
  await put('dist/library/package.json', '{"type":"module"}\n', 0o644);
  for (const file of [...modern.outputFiles, ...callbacks.outputFiles]) await put(file.path, file.contents, 0o644);
}

/** Types of the library. `npm run check` judges them, so here they are only written down. */
async function declarations() {
  const { config } = ts.readConfigFile('tsconfig.json', (file) => ts.sys.readFile(file));
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, '.');
  const program = ts.createProgram({
    rootNames: ['smartadm', 'images', 'callbacks', 'IMG'].map((name) => `lib/library/${name}.ts`),
    options: { ...options, noEmit: false, noCheck: true, declaration: true, emitDeclarationOnly: true, rootDir: '.', outDir: 'dist/types' },
  }); // prettier-ignore
  const written = [];
  program.emit(undefined, (path, text) => written.push({ path, text }));
  await rm('dist/types', { recursive: true, force: true });
  for (const { path, text } of written) await put(path, text, 0o644);
  // A CommonJS module has to say that the types it names are those of an ES module.
  for (const [from, to] of [
    ['callbacks', 'VM'],
    ['IMG', 'IMG'],
  ]) {
    const { text } = written.find(({ path }) => path.endsWith(`library/${from}.d.ts`));
    const withMode = text.replace(
      /^(import type .* from '\.\/(?:smartadm|images)\.js');$/gms,
      "$1 with { 'resolution-mode': 'import' };",
    );
    await put(`dist/types/lib/library/${to}.d.cts`, withMode, 0o644);
  }
}

async function put(path, contents, mode) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, contents);
  await chmod(`${path}.new`, mode);
  await rename(`${path}.new`, path);
}
