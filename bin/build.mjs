// Builds what is not in git: generated schema code, the bundle in dist/. Run after `npm ci`.
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

generateSchemas();
await bundle();

function generateSchemas() {
  const done = spawnSync(process.execPath, ['--import', 'tsx', 'lib/schema/generate.ts'], { stdio: 'inherit' });
  if (done.status !== 0) process.exit(1);
}

/** One entry per command, everything else in chunks that are loaded when a command needs them. */
async function bundle() {
  await rm('dist', { recursive: true, force: true });
  const { version } = JSON.parse(await readFile('package.json', 'utf8'));
  const result = await build({
    entryPoints: ['bin/vmadm.ts', 'bin/imgadm.ts'],
    outdir: 'dist',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    metafile: true,
    minifySyntax: true,
    legalComments: 'none',
    define: { 'process.env.SMARTADM_VERSION': JSON.stringify(version) },
    // Some dependencies are CommonJS and call require for Node's own modules.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  await mkdir('dist', { recursive: true });
  await writeFile('dist/meta.json', JSON.stringify(result.metafile));
  for (const name of ['vmadm', 'imgadm']) await chmod(`dist/${name}.js`, 0o755);
}
