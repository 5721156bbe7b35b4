// Asks zfs.node for everything, well and badly, for a run under valgrind: ADDON.
import { closeSync, openSync, renameSync, truncateSync } from 'node:fs';
import { createRequire } from 'node:module';
import { watched } from './watched.mjs';

const { object: addon, check } = watched('zfs', createRequire(import.meta.url)(process.argv[2]), [
  'pipe',
  'missingFunctions',
]);
const tried = (promise) => promise.catch(() => undefined);

for (let round = 0; round < 3; round += 1) {
  const { object: zfs, check: checkLibrary } = watched('library', await addon.open(), ['close']);
  const name = `zones/a${round}`;
  await zfs.create(`${name}/b`, 'filesystem', { quota: '1G', 'test:a': 'ü' }, { parents: true });
  await zfs.create(`${name}/v`, 'volume', { volsize: '1M', refreservation: 'auto' });
  await tried(zfs.create(name, 'filesystem'));
  await zfs.exists(name);
  await tried(zfs.get('zones/none'));
  await tried(zfs.create(`${name}/w`, 'volume', { volsize: 'x', refreservation: 'auto' }));
  await zfs.set(name, { compression: 'lz4', 'test:b': 'x' });
  await tried(zfs.set(name, { nonsense: 'x' }));
  await zfs.inherit(name, 'compression');
  await tried(zfs.inherit(name, 'quota'));
  await zfs.snapshot([`${name}@s`, `${name}/b@s`], { 'test:c': 'x' });
  await tried(zfs.snapshot([`${name}@s`, 'zones/none@s']));
  await zfs.clone(`${name}@s`, `${name}-clone`);
  await tried(zfs.clone(`${name}@none`, `${name}-clone`));
  await zfs.list({ properties: ['used', 'clones', 'origin', 'quota', 'no-such'], userProperties: true });
  await zfs.list({ root: name, types: ['bookmark', 'snapshot'], depth: 1 });
  await tried(zfs.list({ root: 'zones/none' }));
  await zfs.get(name, { properties: ['mountpoint'], userProperties: true });
  await zfs.hold({ [`${name}@s`]: 'tag' });
  await tried(zfs.hold({ [`${name}@s`]: 'tag' }));
  await zfs.holds(`${name}@s`);
  await tried(zfs.holds(`${name}@none`));
  await tried(zfs.destroySnapshots([`${name}@s`]));
  await zfs.release({ [`${name}@s`]: 'tag' });
  await tried(zfs.release({ [`${name}@s`]: 'tag' }));
  await zfs.dependents(name);
  await tried(zfs.dependents('zones/none'));
  await zfs.snapshot([`${name}@u`]);
  await tried(zfs.rollback(`${name}@s`));
  await zfs.destroySnapshots([`${name}@u`]);
  await tried(zfs.destroy(name, { recursive: true }));
  await zfs.promote(`${name}-clone`);
  await tried(zfs.promote(`${name}-clone`));
  await zfs.rename(`${name}/b@s`, `${name}/b@t`);
  await zfs.rename(`${name}/b`, `${name}/c`);
  await tried(zfs.rename(name, 'elsewhere'));
  await zfs.rollback(`${name}/c@t`);
  await zfs.unmount(`${name}/c`);
  await zfs.mount(`${name}/c`, { options: 'ro' });
  await zfs.mountedAt(`${name}/c`);
  for (const call of ['unmount', 'mount', 'mountedAt']) await tried(zfs[call](`${name}/v`));
  await zfs.sendSize({ snapshot: `${name}/c@t` });
  await tried(zfs.sendSize({ snapshot: `${name}/c@none` }));
  await tried(zfs.send({ snapshot: `${name}/c@none` }, 2));
  const pipe = addon.pipe();
  const work = [zfs.receive(`${name}-copy`, pipe.read), zfs.send({ snapshot: `${name}/c@t` }, pipe.write)];
  closeSync(pipe.read);
  closeSync(pipe.write);
  await Promise.all(work);
  const broken = addon.pipe();
  closeSync(broken.write);
  await tried(zfs.receive(`${name}-none`, broken.read, { origin: `${name}/c@t`, properties: { 'test:a': 'x' } }));
  closeSync(broken.read);
  await zfs.bookmark({ [`${name}/c#t`]: `${name}/c@t` });
  await tried(zfs.bookmark({ [`${name}/c#t`]: `${name}/c@t` }));
  await zfs.get(`${name}/c#t`, { properties: ['guid'], userProperties: true });
  await zfs.list({ root: `${name}/c`, types: ['bookmark'] });
  const stream = `${process.env.SMARTADM_STAND_IN_ROOT}/stream`;
  for (let what = { snapshot: `${name}/c@t` }, bytes = 500; ; bytes = undefined) {
    const file = openSync(stream, 'w+');
    await zfs.send(what, file);
    closeSync(file);
    if (bytes !== undefined) truncateSync(stream, bytes);
    const back = openSync(stream, 'r');
    await tried(zfs.receive(`${name}-cut`, back, { resumable: true }));
    closeSync(back);
    if (bytes === undefined) break;
    const { properties } = await zfs.get(`${name}-cut`, { properties: ['receive_resume_token'] });
    what = await zfs.resumption(properties.receive_resume_token.value);
    await tried(zfs.resumption('1-2-3-4'));
  }
  await tried(zfs.abandon(`${name}-cut`));
  const cut = openSync(stream, 'w+');
  await zfs.send({ snapshot: `${name}/c@t` }, cut);
  truncateSync(stream, 500);
  closeSync(cut);
  const half = openSync(stream, 'r');
  await tried(zfs.receive(`${name}-half`, half, { resumable: true }));
  closeSync(half);
  await zfs.abandon(`${name}-half`);
  await zfs.destroyBookmarks([`${name}/c#t`]);
  await tried(zfs.destroyBookmarks(['not a bookmark']));
  await zfs.pools({ properties: ['size', 'no-such'] });
  await zfs.pool('zones', { properties: ['size', 'no-such'] });
  await tried(zfs.pool('none'));
  await zfs.isName(name, 'filesystem');
  await zfs.destroy(name, { recursive: true });
  // All other calls can fail otherwise, and have.
  for (const call of ['exists', 'pools', 'isName']) {
    try {
      zfs[call](1);
    } catch {
      // It is refused without a loss.
    }
  }
  zfs.close();
  checkLibrary();
  for (const call of Object.keys(zfs)) {
    for (const args of [[], [1, 2, 3], [{ a: Symbol('x') }]]) {
      try {
        zfs[call](...args);
      } catch {
        // The same.
      }
    }
  }
}
const device = `${process.env.SMARTADM_STAND_IN_ROOT}/dev/zfs`;
renameSync(device, `${device}.away`);
await tried(addon.open());
renameSync(`${device}.away`, device);
addon.missingFunctions();
check();
globalThis.gc?.();
process.stdout.write('exercised\n');
