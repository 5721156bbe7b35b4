// Makes the archive that is unpacked at / of SmartOS's global zone: see README.md, "SmartOS". Run after a build on illumos:
//   node bin/package-smartos.mjs [--node FILE] [--addons FOLDER] [--out FILE]
//     --node     the Node that runs the commands there; the one that runs this by default
//     --addons   where the addons are; addon/build/Release by default
// Its parts are the same for the same build, to the byte.
import { createWriteStream, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';

const top = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8'));
const { values } = parseArgs({
  options: {
    node: { type: 'string', default: process.execPath },
    addons: { type: 'string', default: join(top, 'addon/build/Release') },
    out: { type: 'string', default: `smartadm-${version}-smartos.tar.gz` },
  },
});

/** What the illumos host loads. */
const addons = ['codec', 'dladm', 'kstat', 'posix', 'rootfs', 'sysevent', 'tree', 'zfs', 'zonecfg'];
const home = 'opt/smartadm';

/** A file of the archive: where it comes from, or what it holds. */
const entries = new Map();
const addFile = (name, from, mode = 0o644) => entries.set(name, { mode, content: () => readFileSync(from) });
const addText = (name, text, mode = 0o755) => entries.set(name, { mode, content: () => Buffer.from(text) });

addFile(`${home}/bin/node`, values.node, 0o755);
for (const name of filesBelow(join(top, 'dist'))) {
  // Of tests, and of the machine that compiled it.
  if (name.startsWith('for-tests/') || name.startsWith('types/') || name.endsWith('.code')) continue;
  addFile(`${home}/dist/${name}`, join(top, 'dist', name), name.endsWith('adm.js') ? 0o755 : 0o644);
}
for (const name of addons)
  addFile(`${home}/addon/build/Release/${name}.node`, join(values.addons, `${name}.node`), 0o755);
for (const name of ['vmadm', 'imgadm']) {
  addFile(`${home}/man/man8/${name}.8`, join(top, 'man', `${name}.8`));
  // A mount shows a file somewhere else, where nothing lies beside it.
  addText(
    `${home}/sbin/${name}`,
    `#!/sbin/sh\nhome=\${SMARTADM_HOME:-/opt/smartadm}\nexec "$home/bin/node" "$home/dist/${name}.js" "$@"\n`,
  );
}
addFile(`${home}/libexec/commands`, join(top, 'bin/smartos/commands.sh'), 0o755);
addFile(`${home}/LICENSE`, join(top, 'LICENSE'));
addFile(`${home}/package.json`, join(top, 'package.json'));
// The platform imports what lies there each time it boots.
addFile('opt/custom/smf/smartadm.xml', join(top, 'bin/smartos/smartadm.xml'));

const archive = pack();
const written = pipeline(archive, createGzip({ level: 9 }), createWriteStream(values.out));
for (const folder of foldersOf([...entries.keys()])) {
  archive.entry({ name: `${folder}/`, type: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: new Date(0) });
}
for (const [name, { mode, content }] of [...entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
  archive.entry({ name, mode, uid: 0, gid: 0, mtime: new Date(0) }, content());
}
archive.finalize();
await written;
console.log(`${values.out}: ${entries.size} files, ${Math.ceil(statSync(values.out).size / 2 ** 20)} MiB`);

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

/** Those of our own: what is above them is the system's. */
function foldersOf(names) {
  const folders = names.flatMap((name) => {
    const parts = name.split('/').slice(0, -1);
    return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
  });
  return [...new Set(folders)].filter((folder) => folder.startsWith(home)).sort();
}
