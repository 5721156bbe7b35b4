/** smartadm as a library: programs elsewhere import it, or require it under Triton's names, and run machines. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inOwnNetworkNamespace } from '../netns.js';
import { openTestHost, payload, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

const top = fileURLToPath(new URL('../..', import.meta.url));

describe('the library', () => {
  let host: TestHost;
  /** Of a package that depends on smartadm. */
  let folder: string;

  before(async () => {
    if (!existsSync(join(top, 'dist/library/VM.cjs'))) spawnSync(process.execPath, [join(top, 'bin/build.mjs')]);
    host = openTestHost();
    folder = mkdtempSync(join(tmpdir(), 'smartadm-consumer-'));
    mkdirSync(join(folder, 'node_modules/@types'), { recursive: true });
    symlinkSync(top, join(folder, 'node_modules/smartadm'));
    symlinkSync(join(top, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'));
    await host.install('busybox-1.35.0');
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await host.close();
  });

  /** Runs a program of the consumer; what it prints as JSON is its result. It has to end by itself. */
  async function consume(name: string, text: string): Promise<unknown> {
    writeFileSync(join(folder, name), text);
    const env = { ...process.env, SMARTADM_ROOT: host.root, PAYLOAD: JSON.stringify(payload()) };
    const child = spawn(process.execPath, [name], { cwd: folder, env, timeout: 60_000 });
    const output = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output.out += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output.err += chunk));
    const status = await new Promise((resolve) => child.on('close', resolve));
    assert.equal(status, 0, output.err);
    return JSON.parse(output.out);
  }

  it('makes, changes, finds and removes a machine for who imports it', async () => {
    const result = await consume(
      'modern.mjs',
      `import { codeOf, createVm, deleteVm, execInVm, getVm, lookupVms, open, updateVm, validatePayload } from 'smartadm';
       const host = open();
       const payload = JSON.parse(process.env.PAYLOAD);
       const faults = await validatePayload(host, { ...payload, kernel_version: undefined }, 'create');
       const made = await createVm(host, { ...payload, alias: 'modern', ailas: 'x' });
       const { stdout } = await execInVm(host, made.uuid, ['/bin/echo', 'hello']);
       const changed = await updateVm(host, made.uuid, { hostname: 'h', set_tags: { role: 'web' }, max_locked_memory: 1000 });
       const found = await lookupVms(host, { alias: 'modern', 'tags.role': '~^W' }, ['uuid', 'state']);
       await deleteVm(host, made.uuid);
       const gone = await getVm(host, made.uuid).catch(codeOf);
       await host.close();
       console.log(JSON.stringify({ faults, made, stdout, changed, found, gone }));`,
    );
    const { made, stdout, ...rest } = result as {
      made: { uuid: string; applied: string[]; ignored: unknown };
      stdout: string;
    };
    assert.deepEqual(made.ignored, [
      { property: 'ailas', reason: 'unknown, did you mean alias?', did_you_mean: 'alias' },
    ]);
    assert.deepEqual(made.applied, [...Object.keys(payload()), 'alias']);
    assert.equal(stdout, 'hello\n');
    assert.deepEqual(rest, {
      faults: { bad_values: [], bad_properties: [], missing_properties: ['kernel_version'] },
      changed: {
        uuid: made.uuid, applied: ['set_tags', 'hostname'], pending_reboot: [], ignored: [],
        adjusted: [{ property: 'max_locked_memory', given: 1000, taken: 64 }],
      },
      found: [{ uuid: made.uuid, state: 'running' }],
      gone: 'VmNotFound',
    }); // prettier-ignore
  });

  it('does so with callbacks for who requires it under the old names', async () => {
    const result = await consume(
      'old.js',
      `const VM = require('smartadm/VM');
       const payload = Object.assign(JSON.parse(process.env.PAYLOAD), { alias: 'old' });
       const told = {};
       VM.create(payload, {}, function (err, info) {
         if (err) throw err;
         const uuid = info.uuid;
         VM.load(uuid, { fields: ['alias', 'state'] }, function (err, vm) {
           told.load = [err, vm];
           VM.lookup({ alias: 'old' }, {}, function (err, uuids) {
             told.lookup = [err, uuids.length, uuids[0] === uuid];
             VM.update(uuid, { set_tags: { a: 1 } }, function (err) {
               told.update = err;
               VM.start(uuid, {}, {}, function (err) {
                 told.start = [err.code, err.message.replace(uuid, 'U')];
                 VM.stop(uuid, { force: true }, function (err) {
                   told.stop = err;
                   VM.kill(uuid, { signal: 'SIGUSR1' }, function (err) {
                     told.kill = err.code;
                     VM.delete(uuid, {}, function (err) {
                       told.delete = err;
                       VM.load(uuid, function (err, vm) {
                         told.gone = [err.code, err.message, err instanceof Error, vm];
                         VM.create({ uuid: uuid, brand: 'vax' }, function (err, info) {
                           told.refused = [err.code, err.message, info.uuid === uuid];
                           console.log(JSON.stringify(told));
                         });
                       });
                     });
                   });
                 });
               });
             });
           });
         });
       });`,
    );
    assert.deepEqual(result, {
      load: [null, { state: 'running', alias: 'old' }],
      lookup: [null, 1, true],
      update: null,
      start: ['EALREADYRUNNING', "VM U is already 'running'"],
      stop: null,
      kill: 'ENOTRUNNING',
      delete: null,
      gone: ['ENOENT', 'bad statusCode: 404', true, null],
      refused: ['PayloadInvalid', 'Unsupported brand: vax', true],
    });
  });

  it('calls back with the faults of a payload, and says what it does not have', async () => {
    const result = await consume(
      'validate.cjs',
      `const VM = require('smartadm/VM');
       const told = [];
       const end = () => told.length === 4 && console.log(JSON.stringify(told));
       const tell = (name) => (...args) => { told.push([name, args.map((one) => (one instanceof Error ? one.code : one))]); end(); };
       VM.validate('lx', 'create', { brand: 'lx', bogus: 1 }, tell('bad'));
       VM.validate('lx', 'update', { alias: 'x' }, {}, tell('good'));
       VM.events({ uuid: '99999999-2222-4333-8444-555555555555' }, () => undefined, tell('events'));
       VM.lookup({ bogus: 1 }, tell('key'));
       try { VM.load('x'); } catch (error) { if (!(error instanceof TypeError)) throw error; }`,
    );
    const told = Object.fromEntries(result as [string, unknown][]);
    assert.deepEqual(told, {
      bad: [{ bad_values: [], bad_properties: ['bogus'], missing_properties: ['image_uuid', 'kernel_version'] }],
      good: [],
      events: ['ENOENT'],
      key: ['KeyInvalid'],
    });
  });

  it('tells of what happens to machines until it is told to stop', async () => {
    const result = await consume(
      'events.cjs',
      `const VM = require('smartadm/VM');
       const payload = Object.assign(JSON.parse(process.env.PAYLOAD), { alias: 'seen', autoboot: false });
       const types = [];
       let uuid;
       let watch;
       function handle(event) {
         if (types.at(-1) !== event.type) types.push(event.type);
         if (event.type !== 'delete') return;
         watch.stop();
         console.log(JSON.stringify({ types: [types[0], types.at(-1)], same: event.uuid === uuid, date: event.date instanceof Date }));
       }
       VM.events({}, handle, function (err, begun) {
         if (err) throw err;
         watch = begun;
         if (begun.ev.type !== 'ready') throw new Error(begun.ev.type);
         VM.create(payload, {}, function (err, info) {
           if (err) throw err;
           uuid = info.uuid;
           // Seen before it goes.
           setTimeout(() => VM.delete(uuid, {}, (err) => { if (err) throw err; }), 1500);
         });
       });`,
    );
    assert.deepEqual(result, { types: ['create', 'delete'], same: true, date: true });
  });

  it('has types for both', () => {
    const modern = `import { createVm, open, type VmObject, getVm } from 'smartadm';
      const host = open({ root: '/srv/x' });
      const { ignored } = await createVm(host, { brand: 'lx' });
      const [first] = ignored;
      const near: string | undefined = first?.did_you_mean;
      const vm: VmObject = await getVm(host, 'u', ['state']);
      // @ts-expect-error no such operation
      host.explode();
      console.log(near, vm.alias);`;
    const old = `import VM = require('smartadm/VM');
      VM.load('u', { fields: ['nics'] }, (error, vm) => console.log(error?.code, vm?.nics?.[0]?.mac));
      VM.delete('u', (error) => console.log(error?.message));
      // @ts-expect-error a uuid is text
      VM.stop(1, {}, () => undefined);`;
    writeFileSync(join(folder, 'package.json'), '{}');
    writeFileSync(join(folder, 'modern.mts'), modern);
    writeFileSync(join(folder, 'old.cts'), old);
    const options = {
      module: 'nodenext',
      target: 'es2023',
      strict: true,
      noEmit: true,
      types: ['node'],
      skipLibCheck: true,
    };
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, files: ['modern.mts', 'old.cts'] }),
    );
    const done = spawnSync(process.execPath, [join(top, 'node_modules/typescript/bin/tsc'), '-p', folder], {
      encoding: 'utf8',
    });
    assert.equal(done.stdout, '');
    assert.equal(done.status, 0);
  });
});
