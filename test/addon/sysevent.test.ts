/** Zones tell of their states by sysevent.node, on the stand-in for libsysevent. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { after, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from '../../lib/errors.js';
import { addonFile, loadNative } from '../../lib/host/native.js';
import type { NativeZoneEvent } from '../../lib/host/native-dladm.js';
import { IllumosRoot } from '../stand-ins/root.js';

const sysevent = loadNative('sysevent');
const zonecfg = loadNative('zonecfg');
let root = new IllumosRoot();

beforeEach(() => {
  root.remove();
  root = new IllumosRoot();
});
after(() => {
  root.remove();
});

async function make(name: string): Promise<void> {
  const document = await zonecfg.open({ template: 'SUNWblank', name });
  await document.change([
    { set: 'zonepath', value: `/zones/${name}` },
    { set: 'brand', value: 'joyent-minimal' },
  ]);
  await document.save();
  await document.notifyCreate();
  document.close();
}

async function ended(child: ChildProcessWithoutNullStreams): Promise<{ status: unknown; stderr: string }> {
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code, signal] = (await once(child, 'close')) as [unknown, unknown];
  return { status: signal ?? code, stderr };
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500 && !holds(); tries += 1) await sleep(10);
  assert.ok(holds());
}

describe('zone events', () => {
  it('find every function in the library', () => {
    assert.deepEqual(sysevent.missingFunctions(), []);
  });

  it('are told in order from the subscription on, until it is closed', async () => {
    await make('before');
    const seen: NativeZoneEvent[] = [];
    const subscription = sysevent.subscribe((event) => seen.push(event));
    await make('web');
    await zonecfg.setState('web', 'installed');
    await until(() => seen.length === 2);
    assert.deepEqual(seen.map(({ what, zone, before, after: to, zoneId }) => [what, zone, before, to, zoneId]), [
      ['change', 'web', '', 'configured', -1], ['change', 'web', 'configured', 'installed', -1],
    ]); // prettier-ignore
    assert.ok((seen[0]?.when ?? 0n) > 10n ** 18n);
    subscription.close();
    subscription.close();
    await make('later');
    await sleep(50);
    assert.equal(seen.length, 2);
  });

  it('are told to all who listen', async () => {
    const counts = [0, 0, 0];
    const subscriptions = counts.map((_, index) =>
      sysevent.subscribe(() => (counts[index] = (counts[index] ?? 0) + 1)),
    );
    await make('web');
    await until(() => counts.every((count) => count === 1));
    for (const subscription of subscriptions) subscription.close();
  });

  it('are no reason to run on, and nobody has to close them', async () => {
    const program = `
      const sysevent = require(${JSON.stringify(addonFile('sysevent'))});
      globalThis.kept = [1, 2, 3].map(() => sysevent.subscribe(() => undefined));
      sysevent.subscribe(() => undefined);
      if (process.argv[1] === 'busy') require('node:fs').appendFileSync(${JSON.stringify(`${root.path}/system/events`)}, 'web\\t\\tconfigured\\n'.repeat(5000));
    `;
    root.write('/system/events', '');
    for (const how of ['idle', 'busy']) {
      const { status, stderr } = await ended(spawn(process.execPath, ['-e', program, how]));
      assert.deepEqual([status, stderr], [0, ''], how);
    }
  });

  it('are refused with the reason', () => {
    root.write('/system/sysevent-refuse', 'sysevent_evc_bind 1\n');
    assert.throws(() => sysevent.subscribe(() => undefined), (error) => codeOf(error) === 'EPERM'); // prettier-ignore
    for (const bad of [undefined, null, 7, {}]) {
      assert.throws(() => sysevent.subscribe(bad as never), TypeError);
    }
  });
});
