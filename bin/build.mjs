// Builds what is not in git: generated schema code, the bundle in dist/. Run after `npm ci`.
import { chmod, mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Chunks of earlier builds stay this long, for commands that run meanwhile and load them later. */
const chunkLifeMs = 3600_000;

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

generateSchemas();
await bundle();

function generateSchemas() {
  const done = spawnSync(process.execPath, ['--import', 'tsx', 'lib/schema/generate.ts'], { stdio: 'inherit' });
  if (done.status !== 0) process.exit(1);
}

/** One entry per command, everything else in chunks that are loaded when a command needs them. */
async function bundle() {
  const { version } = JSON.parse(await readFile('package.json', 'utf8'));
  const result = await build({
    entryPoints: ['bin/vmadm.ts', 'bin/imgadm.ts'],
    outdir: 'dist',
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
  });
  await mkdir('dist', { recursive: true });
  const isEntry = ({ path }) => /^(?:vmadm|imgadm)\.js$/.test(basename(path));
  const files = result.outputFiles.sort((a, b) => isEntry(a) - isEntry(b));
  for (const file of files) await put(file.path, file.contents, isEntry(file) ? 0o755 : 0o644);
  await put('dist/meta.json', JSON.stringify(result.metafile), 0o644);
  await removeOld(new Set([...files.map(({ path }) => basename(path)), 'meta.json']));
}

async function put(path, contents, mode) {
  await writeFile(`${path}.new`, contents);
  await chmod(`${path}.new`, mode);
  await rename(`${path}.new`, path);
}

async function removeOld(current) {
  for (const name of await readdir('dist')) {
    const file = join('dist', name);
    if (current.has(name) || Date.now() - (await stat(file)).mtimeMs < chunkLifeMs) continue;
    await rm(file, { recursive: true, force: true });
  }
}
