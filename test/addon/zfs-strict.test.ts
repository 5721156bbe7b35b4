/** The stand-in for libzfs ends a process where the real library does, so that no test of the addon misses it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, it } from 'node:test';
import { addonFile } from '../../lib/host/native.js';
import { addPools, failNext } from '../stand-ins/pool.js';
import { IllumosRoot } from '../stand-ins/root.js';

const root = new IllumosRoot();
after(() => {
  root.remove();
});

for (const [call, said] of [
  ['clone of a filesystem', /it is no snapshot/],
  ['rename to a pool', /no parent/],
  ['no snapshots', /the list is empty/],
  ['snapshots without a pool', /no such pool/],
  ['printing an unknown error', /cannot open 'zones': unknown error/],
  ['receive without the device', /without \/dev\/zfs/],
  ['two threads', /another thread/],
  ['a pair of another list', /not of that list/],
  ['no library', /closed/],
  ['core without a library', /without libzfs_core_init/],
] as const) {
  it(`${call}: the process ends`, () => {
    addPools(root);
    if (call === 'printing an unknown error') failNext(root, 'zfs_open', 'EZFS_UNKNOWN');
    const { signal, stderr } = spawnSync(addonFile('zfs-abuse', ''), [call], { encoding: 'utf8', env: process.env });
    assert.equal(signal, 'SIGABRT', stderr);
    assert.match(stderr, said);
  });
}
