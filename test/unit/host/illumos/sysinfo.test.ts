/** What the platform said last is believed only of a file of our own. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { platformPrograms } from '../../../../lib/host/illumos/programs.js';
import { illumosSysinfo } from '../../../../lib/host/illumos/sysinfo.js';

const root = mkdtempSync(join(tmpdir(), 'sysinfo-'));
after(() => {
  rmSync(root, { recursive: true });
});

it('facts come from the cache, or from sysinfo where somebody else has put something in its place', async () => {
  for (const folder of ['tmp', 'usr/bin']) mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, 'usr/bin/sysinfo'), '#!/bin/sh\necho \'{"UUID": "asked", "Live Image": "now"}\'\n');
  chmodSync(join(root, 'usr/bin/sysinfo'), 0o755);
  const cache = join(root, 'tmp/.sysinfo.json');
  const read = () => illumosSysinfo((path) => join(root, path), platformPrograms(root)).read();
  assert.equal((await read()).liveImage, 'now');
  writeFileSync(cache, '{"UUID": "kept"}');
  assert.equal((await read()).uuid, 'kept');
  renameSync(cache, `${cache}.other`);
  symlinkSync(`${cache}.other`, cache);
  assert.equal((await read()).uuid, 'asked');
});
