// Builds what is not in git: generated schema code, the bundle in dist/. Run after `npm ci`.
//   --for-tests   in dist/for-tests also programs that take another kind of host by SMARTADM_HOST
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
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
/** Bytes at the beginning of a program, and of its code, in which what tells of the rest lies. */
const headSize = 16 * 1024;

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

/**
 * Runs the parts of a program, the first one and those that it requires: `segmentOf` says in which segment each lies,
 * `compile` makes the functions of a segment.
 */
const loader = `function run(segmentOf, compile, require, file, folder) {
  const segments = [];
  const modules = [];
  const load = (part) => {
    if (typeof part === 'string') return require(part);
    if (modules[part] === undefined) {
      modules[part] = { exports: {} };
      const segment = (segments[segmentOf[part]] ??= compile(segmentOf[part]));
      segment[part](modules[part].exports, load, modules[part], file, folder);
    }
    return modules[part].exports;
  };
  load(0);
  return modules;
}`;

/**
 * Node's part in trying commands: runs them one after another in one process, and writes down which parts each has loaded
 * and what V8 has compiled of each segment.
 */
const recorder = `
${loader}
const { readFileSync, writeFileSync } = require('fs');
const { Script } = require('vm');
const [node, tried, program, out, ...commands] = process.argv;
const text = readFileSync(tried, 'latin1');
const { segmentOf, segments } = JSON.parse(text.slice(2, text.indexOf('*/')));
const scripts = [];
const compile = (segment) =>
  (scripts[segment] ??= new Script(text.slice(...segments[segment]), { filename: program })).runInThisContext();
const end = process.exit;
const loaded = [];
process.setMaxListeners(0);
process.getuid = () => 0;
process.exit = () => {
  const command = commands.shift();
  if (command === undefined) {
    const uses = loaded.map((modules) => Object.keys(modules).map(Number));
    const codes = segments.map((_, at) => scripts[at]?.createCachedData().toString('base64') ?? '');
    writeFileSync(out, JSON.stringify({ uses, codes }));
    end(0);
  }
  process.argv = [node, program, ...JSON.parse(command)];
  loaded.push(run(segmentOf, compile, require, program, require('path').dirname(program)));
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
 * For each command a program of parts, V8's own code for them, and a launcher that has Node run them from that. Parts are
 * what is imported together; those that the same commands need lie in one segment, of which nothing is read before it is
 * needed. Start-up is mostly reading: the whole of vmadm takes three times as long as what `vmadm list` needs of it.
 */
async function programs() {
  const metafiles = [];
  for (const name of ['vmadm', 'imgadm']) {
    const { parts, metafile, shebang } = await makeParts(name);
    metafiles.push(metafile);
    const tried = await record(
      name,
      programOf(
        parts,
        parts.map((_, part) => [part]),
      ),
    );
    const { program, id } = programOf(parts, segmentsOf(parts.length, tried?.uses ?? []));
    await put(`dist/${name}.program.js`, program, 0o644);
    const codes = (await record(name, { program, id }))?.codes ?? [];
    await put(`dist/${name}.code`, codeOf(id, codes), 0o644);
    await put(`dist/${name}.js`, `${shebang}\n${launcher(name)}`, 0o755);
  }
  await put('dist/package.json', '{"type":"commonjs"}\n', 0o644);
  await put(
    'dist/meta.json',
    JSON.stringify({ inputs: Object.assign({}, ...metafiles.map(({ inputs }) => inputs)) }),
    0o644,
  );
}

/** The parts of a command, the one that starts it first: functions as CommonJS has them, which require others by number. */
async function makeParts(name) {
  const split = await build({
    ...common,
    entryPoints: [`bin/${name}.ts`],
    outdir: 'dist',
    format: 'esm',
    splitting: true,
    metafile: true,
  });
  const starts = ({ path }) => path === resolve(`dist/${name}.js`);
  const files = split.outputFiles.sort((a, b) => starts(b) - starts(a));
  const numberOf = new Map(files.map(({ path }, number) => [basename(path), number]));
  const [{ text: first }] = files;
  const shebang = first.slice(0, first.indexOf('\n'));
  const parts = await Promise.all(
    files.map(async ({ path, text }) => {
      const { code } = await transform(text, {
        ...{ format: 'cjs', platform: 'node', target: common.target, minifySyntax: true, minifyWhitespace: true },
        // Code that V8 has kept cannot import.
        supported: { 'dynamic-import': false },
        define: { 'import.meta.url': 'importMetaUrl' },
      });
      const body = code
        .replace(/^#!.*\n/, '')
        .replace(/\brequire\("\.\/([\w-]+\.js)"\)/g, (_, other) => `require(${numberOf.get(other)})`)
        // The exports themselves, not a copy of them; marked as a copy would be, or importers took all for the default.
        .replace(
          'module.exports=__toCommonJS(stdin_exports);',
          'module.exports=Object.defineProperty(stdin_exports,"__esModule",{value:true});',
        )
        .trimEnd();
      // Bytes are counted as characters, and read as Latin-1, which is quicker.
      if (/[^\0-\x7f]/.test(body)) throw new Error(`${path}: not ASCII`);
      const url = body.includes('importMetaUrl')
        ? "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;"
        : '';
      return `function (exports, require, module, __filename, __dirname) {${url}${body}\n}`;
    }),
  );
  return { parts, metafile: split.metafile, shebang };
}

/** Parts that the same of the tried commands have loaded lie together, and each of the others by itself. */
function segmentsOf(count, uses) {
  const segments = new Map();
  for (let part = 0; part < count; part += 1) {
    const users = uses.flatMap((parts, command) => (parts.includes(part) ? [command] : []));
    const key = users.length === 0 ? `part ${part}` : users.join();
    segments.set(key, [...(segments.get(key) ?? []), part]);
  }
  return [...segments.values()];
}

/** The file of a program: a head, in which it says where its segments lie, and these, each an object of parts. */
function programOf(parts, segments) {
  const texts = segments.map((numbers) => `({${numbers.map((part) => `${part}:${parts[part]}`).join(',\n')}})\n`);
  const id = createHash('sha256').update(texts.join('')).digest('hex').slice(0, idLength);
  const segmentOf = parts.map((_, part) => segments.findIndex((numbers) => numbers.includes(part)));
  return { id, program: Buffer.concat([headOf({ id, segmentOf }, texts), Buffer.from(texts.join(''))]) };
}

function codeOf(id, codes) {
  const pieces = codes.map((code) => Buffer.from(code, 'base64'));
  return Buffer.concat([headOf({ id }, pieces), ...pieces]);
}

/** Tells of pieces that follow it where they begin and end. */
function headOf(facts, pieces) {
  let at = headSize;
  const segments = pieces.map(({ length }) => [at, (at += length)]);
  const head = `/*${JSON.stringify({ ...facts, segments })}*/`;
  if (head.length >= headSize) throw new Error('too many segments');
  return Buffer.from(`${head.padEnd(headSize - 1)}\n`);
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
  return `'use strict';
const { openSync, readSync } = require('fs');
const { Script } = require('vm');
const file = __dirname + '/${name}.program.js';
const read = (fd, [from, to]) => {
  const bytes = Buffer.allocUnsafeSlow(to - from);
  return bytes.subarray(0, readSync(fd, bytes, 0, to - from, from));
};
const open = (path) => {
  const fd = openSync(path);
  const head = read(fd, [0, ${headSize}]).latin1Slice();
  return { fd, ...JSON.parse(head.slice(2, head.indexOf('*/'))) };
};
const program = open(file);
let code;
try {
  code = open(__dirname + '/${name}.code');
} catch {}
const compile = (segment) => {
  const place = code?.id === program.id ? code.segments[segment] : undefined;
  const cachedData = place === undefined || place[0] === place[1] ? undefined : read(code.fd, place);
  const text = read(program.fd, program.segments[segment]).latin1Slice();
  return new Script(text, { filename: file, cachedData }).runInThisContext();
};
${loader}
run(program.segmentOf, compile, require, file, __dirname);
`;
}

/**
 * What common commands need of a program: the parts that each loads when it is tried on a host without anything, and V8's
 * code for what runs then. Undefined where that does not work out: nothing depends on it but time.
 */
async function record(name, { program }) {
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
    await writeFile(join(root, 'program.js'), program);
    // As if it lay where it is going to.
    const argv = ['-e', recorder, join(root, 'program.js'), resolve(`dist/${name}.program.js`), join(root, 'tried')];
    for (const command of recordedCommands[name](file)) argv.push(JSON.stringify(command));
    const env = { ...process.env, SMARTADM_ROOT: root, NODE_OPTIONS: '' };
    const { status } = spawnSync(process.execPath, argv, { env, stdio: 'ignore', timeout: 60_000 });
    if (status !== 0) throw new Error(`status ${status}`);
    return JSON.parse(await readFile(join(root, 'tried'), 'utf8'));
  } catch (error) {
    console.error(`${name} is not compiled ahead: ${error.message}`);
    return undefined;
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
