// Has tree-illumos.node fill folders, well and badly, for a run under valgrind: ADDON.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const addon = createRequire(import.meta.url)(process.argv[2]);
const top = mkdtempSync(join(tmpdir(), 'tree-leaks-'));
const tried = (promise) => promise.catch(() => undefined);

/** A command as `addon/src/unix/tree_list.h` reads it: numbers as they are, text behind its length. */
function command(...fields) {
  const parts = fields.flatMap((field) => {
    const word = Buffer.alloc(4);
    if (typeof field === 'number') word.writeUInt32LE(field);
    else word.writeUInt32LE(field.length);
    return typeof field === 'number'
      ? [word]
      : [word, Buffer.from(field.padEnd(Math.ceil(field.length / 4) * 4, '\0'))];
  });
  return Buffer.concat(parts);
}

const time = [1000, 0, 0];
const enter = (path) => command(24, path);
const good = [
  enter('usr/lib'), command(22, 'file', 0o600), command(23, 1, 2, 0o644, ...time, ...time), enter(''),
  command(14, 'lib', 'usr/lib'), command(14, 'abs', '/usr/lib'), command(14, 'up', '../../..'), enter('lib'),
  enter('abs'), enter('up/usr'), command(27, 'hard', 'abs/file'), command(26, 'folder'), command(28, 'none'),
  command(18, 'hard', 'user.note', 'x'), command(19, 'hard'), command(30, 'usr', ...time, ...time),
]; // prettier-ignore
const bad = [
  [command(14, 'a', 'b'), command(14, 'b', 'a'), enter('a/c')],
  [enter('usr/lib/file/x')],
  [command(27, 'hard', 'none')],
  [command(1, '..')],
  [command(99)],
  [command(24)],
];

for (let round = 0; round < 3; round += 1) {
  const root = join(top, String(round));
  mkdirSync(root);
  const layer = addon.openLayer(root);
  await layer.run(Buffer.concat(good), []);
  for (const list of bad) await tried(layer.run(Buffer.concat([enter(''), ...list]), []));
  layer.close();
  const tree = addon.openTree(root, 'stage');
  await tree.run(
    Buffer.concat([command(2, 7, 0), command(1, ''), command(9, 7, 0, 'moved'), command(11, 'moved', 8, 0)]),
    [],
  );
  await tried(tree.run(command(9, 8, 0, 'lib'), []));
  tree.close();
  const volume = addon.openFile(join(root, 'volume'));
  await volume.run(Buffer.concat([command(5, 0, 0, 100, 0, 0), command(6, 10, 0, 50, 0)]), [Buffer.alloc(100, 'x')]);
  volume.close();
  const outside = addon.openLayer('/');
  await tried(outside.run(enter('proc/self'), []));
  outside.close();
}
rmSync(top, { recursive: true, force: true });
globalThis.gc?.();
process.stdout.write('exercised\n');
