/** A machine that moves from one host to another, by the commands alone. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { inOwnNetworkNamespace } from '../netns.js';
import { openTestHost, payload, type Ran, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

/** Runs a command with bytes for standard input, and collects what it writes as bytes. */
async function run(
  host: TestHost,
  args: readonly string[],
  input: Buffer = Buffer.alloc(0),
): Promise<Omit<Ran, 'stdout'> & { readonly stdout: Buffer }> {
  const child = host.start('vmadm', args);
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  const status = await new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 128)));
  return { status, stdout: Buffer.concat(stdout), stderr };
}

describe('a machine that is sent', () => {
  let source: TestHost;
  let target: TestHost;
  let bundle: Buffer;
  let wasBefore: Record<string, unknown>;
  const uuid = '22222222-3333-4444-8555-666666666666';
  const object = async (host: TestHost) => JSON.parse(await host.ok('vmadm', ['get', uuid])) as Record<string, unknown>;
  const state = async (host: TestHost) =>
    (await host.ok('vmadm', ['list', '-H', '-o', 'state', `uuid=${uuid}`])).trim();

  before(async () => {
    source = openTestHost();
    target = openTestHost();
    await source.install('busybox-1.35.0');
    await target.install('busybox-1.35.0');
    const wanted = payload({
      uuid, alias: 'traveller', hostname: 'traveller', delegate_dataset: true, tags: { kind: 'tèst' },
      customer_metadata: { greeting: 'hello' }, nics: [{ nic_tag: 'admin', ips: ['dhcp'], primary: true }],
    }); // prettier-ignore
    const made = await source.vmadm(['create'], { input: JSON.stringify(wanted) });
    assert.equal(made.status, 0, made.stderr);
    await source.inside(uuid, 'echo carried > /root/file || echo carried > /file');
    wasBefore = await object(source);
  });
  after(async () => {
    await source.close();
    await target.close();
  });

  it('is stopped and written: header, object, datasets', async () => {
    const sent = await run(source, ['send', uuid]);
    assert.deepEqual([sent.status, sent.stderr], [0, `Successfully sent VM ${uuid}\n`]);
    bundle = sent.stdout;
    const [magic, version, checksum, name, size] = bundle.toString('latin1', 0, 512).split('\0');
    assert.deepEqual([magic, version, checksum, name], ['MAGIC-VMBUNDLE', '1', 'CHECKSUM', 'JSON']);
    const json = bundle.subarray(512, 512 + Number(size)).toString();
    assert.equal((JSON.parse(json) as { state: string }).state, 'running');
    assert.ok(json.endsWith('}\n'));
    assert.equal(await state(source), 'stopped');
    assert.ok(!(await source.ok('vmadm', ['get', uuid])).includes('sending'));
  });

  it('leaves no snapshot where nobody reads on', async () => {
    const cut = source.start('vmadm', ['send', uuid]);
    let said = '';
    cut.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    cut.stdout?.once('data', () => cut.stdout?.destroy());
    const status = await new Promise((resolve) => cut.on('close', resolve));
    assert.deepEqual([status, said], [0, '']);
    const left = readdirSync(source.at('/zones/.smartadm/snapshots'), { encoding: 'utf8', recursive: true });
    assert.deepEqual(
      left.filter((path) => path.endsWith('/sending')),
      [],
    );
  });

  it('runs on the other host, as it was', async () => {
    const received = await run(target, ['recv'], bundle);
    assert.deepEqual([received.status, received.stderr], [0, `Successfully received VM ${uuid}\n`]);
    assert.equal(await state(target), 'running');
    const [is, was] = [await object(target), wasBefore];
    const own = ['boot_timestamp', 'last_modified', 'pid', 'zonedid', 'zoneid', 'exit_status', 'exit_timestamp', 'snapshots', 'server_uuid', 'datacenter_name', 'headnode_id']; // prettier-ignore
    for (const name of own) for (const each of [is, was]) Reflect.deleteProperty(each, name);
    assert.deepEqual(is, was);
    const file = await target.inside(uuid, 'cat /root/file /file 2>/dev/null');
    assert.equal(file.stdout, 'carried\n');
  });

  it('is refused where it is already', async () => {
    const again = await run(target, ['receive'], bundle);
    assert.equal(again.status, 1);
    assert.match(again.stderr, /already exists/);
  });

  it('leaves nothing of a bundle that breaks off', async () => {
    await target.ok('vmadm', ['delete', uuid]);
    const cut = await run(target, ['receive'], bundle.subarray(0, Math.floor(bundle.length / 2)));
    assert.equal(cut.status, 1);
    assert.equal(await target.ok('vmadm', ['list', '-H', `uuid=${uuid}`]), '');
    assert.ok(!existsSync(target.at(`/etc/zones/${uuid}-receiving.json`)));
    assert.ok(!existsSync(target.at(`/zones/${uuid}`)));
  });

  it('is refused where links are to lead the host elsewhere', async () => {
    await source.ok('vmadm', ['start', uuid]);
    await source.ok('vmadm', ['stop', '-F', uuid]);
    for (const [path, elsewhere] of [
      ['config', '/etc'],
      ['config/tags.json', '/etc/passwd'],
      ['lastexited', '/etc/passwd'],
    ] as const) {
      const at = source.at(`/zones/${uuid}/${path}`);
      renameSync(at, `${at}.kept`);
      symlinkSync(elsewhere, at);
      const hostile = await run(source, ['send', uuid]);
      rmSync(at);
      renameSync(`${at}.kept`, at);
      const refused = await run(target, ['receive'], hostile.stdout);
      const said = `what the bundle has for ${target.at(`/zones/${uuid}/${path}`)} is no file\n`;
      assert.deepEqual([refused.status, refused.stderr], [1, said]);
      assert.equal(await target.ok('vmadm', ['list', '-H', `uuid=${uuid}`]), '');
    }
  });

  it('leaves what delete removes when it is killed', async () => {
    const child = target.start('vmadm', ['receive']);
    child.stdin?.on('error', () => undefined);
    child.stdin?.write(bundle.subarray(0, Math.floor(bundle.length / 2)));
    const deadline = Date.now() + 20_000;
    while (!existsSync(target.at(`/etc/zones/${uuid}-receiving.json`)) && Date.now() < deadline) await sleep(20);
    await sleep(200);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.on('close', resolve));
    assert.equal(await state(target), 'receiving');
    assert.match((await run(target, ['install', uuid])).stderr, /is still missing: 2 datasets/);
    await target.ok('vmadm', ['delete', uuid]);
    assert.ok(!existsSync(target.at(`/etc/zones/${uuid}-receiving.json`)));
    assert.ok(!existsSync(target.at(`/etc/zones/${uuid}.xml`)));
  });

  it('says in known words what is no bundle', async () => {
    assert.equal((await run(target, ['receive'])).stderr, 'unable to receive JSON\n');
    const noJson = await run(target, ['receive'], Buffer.from('nonsense'));
    assert.deepEqual([noJson.status, noJson.stderr], [1, 'first of 1 error: Failed to get JSON!\n']);
    const missing = await run(target, ['install', uuid]);
    assert.deepEqual([missing.status, missing.stderr], [1, `ENOENT, open '/etc/zones/${uuid}-receiving.json'\n`]);
  });
});
