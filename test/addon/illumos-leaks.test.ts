/** The addons of illumos and the libraries behind them under valgrind: no memory is lost, none is touched that is not theirs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { addonFile } from '../../lib/host/native.js';
import { addPools } from '../stand-ins/pool.js';
import { IllumosRoot } from '../stand-ins/root.js';

/** What has to be there for each, and what its own parts are called by in a trace. */
const addons: Readonly<Record<string, { readonly ours: RegExp; readonly prepare: (root: IllumosRoot) => void }>> = {
  zonecfg: {
    ours: /zonecfg|standin|smartadm::/,
    prepare: (root) => {
      root.write('/etc/zones/damaged.xml', '<zone');
    },
  },
  zfs: {
    ours: /zfs|nvlist|standin|smartadm::/,
    prepare: (root) => {
      addPools(root);
    },
  },
  dladm: {
    ours: /dladm|standin|smartadm::/,
    prepare: (root) => {
      root.addLink(1, { name: 'e1000g0', class: 1, flags: 3, mac: '00:50:56:00:00:01' });
      root.addLink(2, { name: 'aggr0', class: 4, flags: 3, mac: '00:50:56:00:00:09', ports: 'e1000g0' });
    },
  },
  kstat: {
    ours: /kstat|standin|smartadm::/,
    prepare: (root) => {
      root.run('zone1', 7, 2);
    },
  },
  sysevent: { ours: /sysevent|standin|smartadm::/, prepare: () => undefined },
  'tree-illumos': { ours: /tree|smartadm::/, prepare: () => undefined },
};

for (const [name, { ours, prepare }] of Object.entries(addons)) {
  it(`${name} loses no memory and keeps to its own`, () => {
    const root = new IllumosRoot();
    try {
      prepare(root);
      const report = join(root.path, 'report');
      const script = fileURLToPath(new URL(`leaks/${name}.mjs`, import.meta.url));
      const done = spawnSync(
        'valgrind',
        [
          '--leak-check=full', '--show-leak-kinds=definite', '--undef-value-errors=no', '--num-callers=30',
          `--log-file=${report}`, process.execPath, '--expose-gc', '--jitless', '--single-threaded', script,
          addonFile(name),
        ],
        { encoding: 'utf8', maxBuffer: 2 ** 28, env: process.env },
      ); // prettier-ignore
      assert.equal(done.stdout, 'exercised\n', done.stderr);
      const text = readFileSync(report, 'utf8');
      assert.match(text, /LEAK SUMMARY/);
      const parts = text.replace(/^==\d+== ?/gm, '').split(/\n\s*\n/);
      // The loader reads its own strings by words, past their end.
      const lost = parts.filter(
        (part) =>
          /are definitely lost|Invalid (read|write|free)/.test(part) &&
          ours.test(part) &&
          !part.includes('_dl_map_object'),
      );
      assert.deepEqual(lost, []);
    } finally {
      root.remove();
    }
  });
}
