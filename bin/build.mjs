// Builds what is not in git: generated schema code, the bundle in dist/. Run after `npm ci`.
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { spawnSync } from 'node:child_process';
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
  define: { 'process.env.SMARTADM_VERSION': JSON.stringify(version) },
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

/**
 * One CommonJS file for each command: Node starts that in two thirds of the time of an ES module with its chunks. What
 * is imported dynamically is in it, but neither compiled nor run before it is needed.
 */
async function programs() {
  const result = await build({
    ...common,
    entryPoints: ['bin/vmadm.ts', 'bin/imgadm.ts'],
    outdir: 'dist',
    format: 'cjs',
    metafile: true,
    define: { ...common.define, 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
  await put('dist/package.json', '{"type":"commonjs"}\n', 0o644);
  await put('dist/meta.json', JSON.stringify(result.metafile), 0o644);
  for (const file of result.outputFiles) await put(file.path, file.contents, 0o755);
}

/** An ES module, its parts in chunks that are loaded when they are needed. VM.cjs loads that. */
async function library() {
  const modern = await build({
    ...common,
    entryPoints: ['lib/library/smartadm.ts'],
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
    entryPoints: { VM: 'lib/library/callbacks.ts' },
    outdir: 'dist/library',
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    plugins: [
      {
        name: 'beside',
        setup: ({ onResolve }) => onResolve({ filter: /^\.\/smartadm\.js$/ }, ({ path }) => ({ path, external: true })),
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
    rootNames: ['lib/library/smartadm.ts', 'lib/library/callbacks.ts'],
    options: { ...options, noEmit: false, noCheck: true, declaration: true, emitDeclarationOnly: true, rootDir: '.', outDir: 'dist/types' },
  }); // prettier-ignore
  const written = [];
  program.emit(undefined, (path, text) => written.push({ path, text }));
  await rm('dist/types', { recursive: true, force: true });
  for (const { path, text } of written) await put(path, text, 0o644);
  // A CommonJS module has to say that the types it names are those of an ES module.
  const { text } = written.find(({ path }) => path.endsWith('library/callbacks.d.ts'));
  const withMode = text.replace(
    /^(import type .* from '\.\/smartadm\.js');$/gms,
    "$1 with { 'resolution-mode': 'import' };",
  );
  await put('dist/types/lib/library/VM.d.cts', withMode, 0o644);
}

async function put(path, contents, mode) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, contents);
  await chmod(`${path}.new`, mode);
  await rename(`${path}.new`, path);
}
