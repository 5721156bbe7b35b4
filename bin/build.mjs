// Builds what is not in git: generated schema code, the bundle in dist/. Run after `npm ci`.
import { chmod, mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import ts from 'typescript';

/** Chunks of earlier builds stay this long, for commands that run meanwhile and load them later. */
const chunkLifeMs = 3600_000;

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const { version } = JSON.parse(await readFile('package.json', 'utf8'));
/** Everything in chunks that are loaded when they are needed. */
const split = {
  write: false,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  metafile: true,
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  define: { 'process.env.SMARTADM_VERSION': JSON.stringify(version) },
  // Some dependencies are CommonJS and call require for Node's own modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
};

generateSchemas();
await programs();
await library();
await declarations();

function generateSchemas() {
  const done = spawnSync(process.execPath, ['--import', 'tsx', 'lib/schema/generate.ts'], { stdio: 'inherit' });
  if (done.status !== 0) process.exit(1);
}

/** One entry per command. */
async function programs() {
  const result = await build({ ...split, entryPoints: ['bin/vmadm.ts', 'bin/imgadm.ts'], outdir: 'dist' });
  const isEntry = ({ path }) => /^(?:vmadm|imgadm)\.js$/.test(basename(path));
  const files = result.outputFiles.sort((a, b) => isEntry(a) - isEntry(b));
  for (const file of files) await put(file.path, file.contents, isEntry(file) ? 0o755 : 0o644);
  await put('dist/meta.json', JSON.stringify(result.metafile), 0o644);
  await removeOld('dist', [...files.map(({ path }) => basename(path)), 'meta.json', 'library', 'types']);
}

/** By itself, since sharing chunks with the programs would make more of them. VM.cjs loads the other one. */
async function library() {
  const modern = await build({ ...split, entryPoints: ['lib/library/smartadm.ts'], outdir: 'dist/library' });
  const callbacks = await build({
    ...split,
    entryPoints: { VM: 'lib/library/callbacks.ts' },
    outdir: 'dist/library',
    outExtension: { '.js': '.cjs' },
    splitting: false,
    format: 'cjs',
    banner: {},
    plugins: [
      {
        name: 'beside',
        setup: ({ onResolve }) => onResolve({ filter: /^\.\/smartadm\.js$/ }, ({ path }) => ({ path, external: true })),
      },
    ],
  });
  const files = [...modern.outputFiles.reverse(), ...callbacks.outputFiles];
  for (const file of files) await put(file.path, file.contents, 0o644);
  await removeOld('dist/library', files.map(({ path }) => basename(path))); // prettier-ignore
}

/** Types of the library. `npm run check` judges them, so here they are only written down. */
async function declarations() {
  const { config } = ts.readConfigFile('tsconfig.json', (file) => ts.sys.readFile(file));
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, '.');
  const program = ts.createProgram({
    rootNames: ['lib/library/smartadm.ts', 'lib/library/callbacks.ts'],
    options: { ...options, noEmit: false, noCheck: true, declaration: true, emitDeclarationOnly: true, rootDir: '.', outDir: 'dist/types' },
  }); // prettier-ignore
  const written = [];
  program.emit(undefined, (path, text) => written.push({ path, text }));
  await rm('dist/types', { recursive: true, force: true });
  for (const { path, text } of written) await put(path, text, 0o644);
  // A CommonJS module has to say that the types it names are those of an ES module.
  const { text } = written.find(({ path }) => path.endsWith('library/callbacks.d.ts'));
  const common = text.replace(
    /^(import type .* from '\.\/smartadm\.js');$/gms,
    "$1 with { 'resolution-mode': 'import' };",
  );
  await put('dist/types/lib/library/VM.d.cts', common, 0o644);
}

async function put(path, contents, mode) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, contents);
  await chmod(`${path}.new`, mode);
  await rename(`${path}.new`, path);
}

async function removeOld(folder, current) {
  for (const name of await readdir(folder)) {
    const file = join(folder, name);
    if (current.includes(name) || Date.now() - (await stat(file)).mtimeMs < chunkLifeMs) continue;
    await rm(file, { recursive: true, force: true });
  }
}
