/** Zones tell of their states by sysevent.node, on the stand-in for libsysevent. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { after, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { codeOf } from '../../lib/errors.js';
import { addonFile, loadNative } from '../../lib/host/native.js';
import type { NativeSysevent, NativeZoneEvent } from '../../lib/host/native-dladm.js';
import { IllumosRoot } from '../stand-ins/root.js';
import { documentedCodes, endsAThousand, type ExportEntry } from './every-export.js';
import { inLackingProcess } from './lacking.js';

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

  it('say what has happened to an init, and leave out what cannot be read', async () => {
    const seen: NativeZoneEvent[] = [];
    const subscription = sysevent.subscribe((event) => seen.push(event));
    root.write(
      '/system/events',
      'web\ta\tb\tdamaged\nweb\t\t\trestart\t7\nno event\nü\tready\trunning\tchange\t2147483647\n',
    );
    await until(() => seen.length === 2);
    assert.deepEqual(seen.map(({ what, zone, before, after: to, zoneId }) => [what, zone, before, to, zoneId]), [
      ['restart', 'web', '', '', 7], ['change', 'ü', 'ready', 'running', 2 ** 31 - 1],
    ]); // prettier-ignore
    subscription.close();
  });

  it('that were on their way when the handle was closed are told no more', async () => {
    root.write('/system/events', '');
    let told = 0;
    const subscription = sysevent.subscribe(() => (told += 1));
    appendFileSync(`${root.path}/system/events`, 'web\t\tconfigured\n'.repeat(1000));
    // They come to a thread that cannot take them.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    subscription.close();
    await sleep(50);
    assert.equal(told, 0);
  });

  it('may have their handle closed by the listener', async () => {
    root.write('/system/events', '');
    let told = 0;
    const subscription = sysevent.subscribe(() => {
      told += 1;
      subscription.close();
    });
    appendFileSync(`${root.path}/system/events`, 'web\t\tconfigured\n'.repeat(100));
    await until(() => told > 0);
    await sleep(50);
    assert.equal(told, 1);
  });

  it('are told in order, ten thousand at once as well', async () => {
    root.write('/system/events', '');
    const seen: number[] = [];
    const subscription = sysevent.subscribe(({ zoneId }) => seen.push(zoneId));
    const all = Array.from({ length: 10_000 }, (_, index) => index);
    appendFileSync(`${root.path}/system/events`, all.map((index) => `web\ta\tb\tchange\t${index}\n`).join(''));
    await until(() => seen.length === all.length);
    assert.deepEqual(seen, all);
    subscription.close();
  });

  it('have what a listener throws, whatever it is, end as any uncaught exception', async () => {
    root.write('/system/events', '');
    const program = `
      const sysevent = require(${JSON.stringify(addonFile('sysevent'))});
      const thrown = [new TypeError('a word'), null, undefined, 7];
      const caught = [];
      process.on('uncaughtException', (error) => {
        caught.push(error);
        if (caught.length < thrown.length) return;
        console.log(caught.every((each, index) => each === thrown[index]));
        subscription.close();
        clearInterval(alive);
      });
      let told = 0;
      const subscription = sysevent.subscribe(() => { throw thrown[told++]; });
      require('node:fs').appendFileSync(${JSON.stringify(`${root.path}/system/events`)}, 'web\\t\\tconfigured\\n'.repeat(4));
      const alive = setInterval(() => undefined, 1000);
    `;
    const child = spawn(process.execPath, ['-e', program]);
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    assert.deepEqual(await ended(child), { status: 0, stderr: '' });
    assert.equal(stdout, 'true\n');
  });

  it('end with the thread that listens', async () => {
    root.write('/system/events', '');
    const program = `
      const { parentPort } = require('node:worker_threads');
      const sysevent = require(${JSON.stringify(addonFile('sysevent'))});
      globalThis.kept = sysevent.subscribe(() => undefined);
      parentPort.postMessage('listens');
      parentPort.on('message', () => undefined);
    `;
    for (let round = 0; round < 5; round += 1) {
      const worker = new Worker(program, { eval: true });
      await once(worker, 'message');
      appendFileSync(`${root.path}/system/events`, 'web\t\tconfigured\n'.repeat(1000));
      await worker.terminate();
    }
  });

  it('of a library that lacks a function are refused, and end no process', () => {
    const functions = [
      'sysevent_evc_bind', 'sysevent_evc_unbind', 'sysevent_evc_subscribe', 'sysevent_evc_unsubscribe',
      'sysevent_get_attr_list', 'sysevent_get_subclass_name', 'nvlist_free', 'nvlist_lookup_string', 'nvlist_lookup_int32',
      'nvlist_lookup_uint64',
    ]; // prettier-ignore
    const ends = functions.map((lacking) =>
      inLackingProcess(
        { addon: 'sysevent', libraries: ['sysevent', 'nvpair'], functions: [lacking] },
        `const addon = require(file);
         codeOf(() => addon.subscribe(() => undefined)).then((end) => console.log([addon.missingFunctions(), end].join(' ')));`,
      ),
    );
    assert.deepEqual(ends, functions.map((lacking) => `${lacking} ENOSYS sysevent ${lacking}\n`)); // prettier-ignore
    for (const libraries of [[], ['nvpair']]) {
      assert.equal(
        inLackingProcess({ addon: 'sysevent', libraries }, 'codeOf(() => require(file)).then(console.log)'),
        'ENOENT sysevent dlopen\n',
      );
    }
  });
});

/** Whether a call ends in an error, and in which. */
const refused = (line: string) => () => {
  root.write('/system/sysevent-refuse', `${line}\n`);
  return sysevent.subscribe(() => undefined);
};

const entries: Readonly<Record<keyof NativeSysevent, ExportEntry>> = {
  subscribe: {
    args: [() => undefined],
    required: 1,
    fails: {
      EPERM: refused('sysevent_evc_bind 1'),
      EAGAIN: refused('sysevent_evc_subscribe 11'),
      ENOSYS: refused('sysevent_evc_subscribe 38'),
    },
    many: () => {
      const subscription = sysevent.subscribe(() => undefined);
      setImmediate(() => {
        subscription.close();
      });
    },
    ends: { done: 1000 },
  },
  missingFunctions: { args: [], required: 0, fails: {}, many: () => sysevent.missingFunctions(), ends: { done: 1000 } },
};

describe('the table of this test', () => {
  it('has all that sysevent.node exports, and a handle can only be closed', () => {
    assert.deepEqual(Object.keys(entries).sort(), Object.keys(sysevent).sort());
    const subscription = sysevent.subscribe(() => undefined);
    assert.deepEqual(Object.keys(subscription), ['close']);
    for (let i = 0; i < 1000; i += 1) subscription.close();
  });
});

const documented = documentedCodes('native-dladm.ts', 'NativeSysevent');

for (const [name, entry] of Object.entries(entries)) {
  describe(name, () => {
    it('fails as its documentation says, and says of what', async () => {
      for (const code of documented.get(name) ?? []) assert.ok(code in entry.fails, `nothing shows ${code}`);
      for (const [code, fail] of Object.entries(entry.fails)) {
        await assert.rejects(async () => await fail(), (error: Error & { library?: string }) => codeOf(error) === code && error.library === 'sysevent', code); // prettier-ignore
      }
    });

    it('refuses arguments of the wrong type', () => {
      const bad = [[], [undefined], [null], [7], ['x'], [{}], [[]]];
      const functions = sysevent as unknown as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;
      for (const args of entry.required === 0 ? [] : bad) assert.throws(() => functions[name]?.(...args), TypeError);
    });

    it('ends as it should a thousand times at once', () => endsAThousand(entry));
  });
}
