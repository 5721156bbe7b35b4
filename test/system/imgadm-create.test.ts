/** Images made of machines, and machines made of these images, by the commands alone. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { openImgapiServer } from '../imgapi-server.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { busyboxImage, eventually, openTestHost, payload, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);
// The server that images are published on listens there.
spawnSync('ip', ['link', 'set', 'lo', 'up']);

interface Made {
  readonly uuid: string;
  readonly origin?: string;
  readonly requirements?: Readonly<Record<string, unknown>>;
  readonly files: readonly { readonly size: number; readonly sha1: string; readonly compression: string }[];
}

describe('imgadm create', () => {
  let source: TestHost;
  let target: TestHost;
  const out = mkdtempSync(join(tmpdir(), 'smartadm-create-'));
  const uuid = '33333333-4444-4555-8666-777777777777';
  const dataset = `zones/${uuid}`;
  const snapshots = async (): Promise<unknown> =>
    (JSON.parse(await source.ok('vmadm', ['get', uuid])) as { snapshots: unknown }).snapshots;
  const create = (...args: readonly string[]) => source.run('imgadm', ['create', ...args]);
  const made = (name: string): Made => JSON.parse(readFileSync(join(out, `${name}.imgmanifest`), 'utf8')) as Made;
  const install = async (name: string, suffix: string) => {
    await target.ok('imgadm', [
      'install',
      '-m',
      join(out, `${name}.imgmanifest`),
      '-f',
      join(out, `${name}.${suffix}`),
    ]);
  };
  /** A machine of the image on the other host, and what is in a file of it. */
  const fileIn = async (image: string, path: string): Promise<string> => {
    const input = JSON.stringify(payload({ image_uuid: image, alias: 'made' }));
    const { status, stderr } = await target.vmadm(['create'], { input });
    assert.equal(status, 0, stderr);
    const vm = (await target.ok('vmadm', ['lookup', 'alias=made'])).trim();
    const { stdout } = await target.inside(vm, `cat ${path}`);
    await target.ok('vmadm', ['delete', vm]);
    return stdout;
  };

  /** What there is to see of the machine that images are made of. */
  const machine = async (): Promise<object> => {
    const vm = JSON.parse(await source.ok('vmadm', ['get', uuid])) as Record<string, unknown>;
    const root = source.at(`/zones/${uuid}/root`);
    const { state, snapshots: taken, customer_metadata: customer, internal_metadata: internal } = vm;
    return { state, taken, customer, internal, made: readFileSync(join(root, 'made'), 'utf8'), prepared: existsSync(join(root, 'prepared')) }; // prettier-ignore
  };
  const untouched = { state: 'stopped', taken: [], customer: {}, internal: {}, made: 'made-here\n', prepared: false };

  /** What a guest's own service does once it is up: runs the script that it is given, says how that went, and powers off. */
  async function guestPrepares(): Promise<void> {
    let script = '';
    await eventually(
      'a script',
      async () => {
        const { state, internal_metadata: internal } = JSON.parse(await source.ok('vmadm', ['get', uuid])) as {
          readonly state: string;
          readonly internal_metadata: Readonly<Record<string, string>>;
        };
        script = internal['operator-script'] ?? '';
        return state === 'running' && script !== '';
      },
      30_000,
    );
    const report = (state: string, more: object = {}) => {
      const set = { set_customer_metadata: { 'prepare-image:state': state, ...more } };
      return source.ok('vmadm', ['update', uuid], { input: JSON.stringify(set) });
    };
    await report('running');
    const { status, stderr } = await source.inside(uuid, script);
    if (status !== 0) {
      await report('error', { 'prepare-image:error': stderr.trim() });
      return;
    }
    await report('success');
    await source.inside(uuid, 'poweroff');
  }

  before(async () => {
    source = openTestHost();
    target = openTestHost();
    await source.install('busybox-1.35.0');
    const done = await source.vmadm(['create'], { input: JSON.stringify(payload({ uuid, alias: 'model' })) });
    assert.equal(done.status, 0, done.stderr);
    await source.inside(uuid, 'echo made-here > /made');
  });
  after(async () => {
    await source.close();
    await target.close();
    rmSync(out, { recursive: true, force: true });
  });

  it('refuses a machine that runs, and one that is none', async () => {
    const running = await create(uuid, 'name=x', 'version=1');
    assert.deepEqual(
      [running.status, running.stderr],
      [1, `imgadm create: error (VmNotStopped): vm "${uuid}" is not stopped\n`],
    );
    await source.ok('vmadm', ['stop', uuid, '-F']);
  });

  it('makes manifest and file, and leaves the machine as it was', async () => {
    const done = await create('-o', out, '-c', 'gzip', uuid, 'name=My Image', 'version=1.0.0');
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stdout, new RegExp(`^Inheriting from origin image ${busyboxImage} \\(`));
    assert.ok(
      done.stdout.includes(`Snapshotting to "${dataset}@final"\nSending image file to "${out}/my-image-1.0.0.zfs"\n`),
    );
    assert.ok(done.stdout.endsWith(`Saving manifest to "${out}/my-image-1.0.0.imgmanifest"\n`));
    const { files, requirements } = made('my-image-1.0.0');
    const content = readFileSync(join(out, 'my-image-1.0.0.zfs.gz'));
    const sha1 = createHash('sha1').update(content).digest('hex');
    assert.deepEqual(files, [{ size: content.length, compression: 'gzip', sha1 }]);
    assert.equal(requirements?.['brand'], 'lx');
    assert.deepEqual(await snapshots(), []);
    assert.ok(!readdirSync(out).some((name) => name.includes('partial')));
  });

  it('makes images that other hosts install, and machines boot from', async () => {
    await install('my-image-1.0.0', 'zfs.gz');
    assert.equal(await fileIn(made('my-image-1.0.0').uuid, '/made'), 'made-here\n');
  });

  it('makes increments on the image of the machine, which are small', async () => {
    const done = await create('-i', '-o', join(out, 'more'), '-c', 'xz', uuid, 'name=more', 'version=2');
    assert.equal(done.status, 0, done.stderr);
    const { origin, uuid: image } = made('more');
    assert.equal(origin, busyboxImage);
    assert.ok(statSync(join(out, 'more.zfs.xz')).size < statSync(join(out, 'my-image-1.0.0.zfs.gz')).size / 4);
    await target.install('busybox-1.35.0');
    await install('more', 'zfs.xz');
    assert.equal(await fileIn(image, '/made'), 'made-here\n');
  });

  it('keeps to the depth it is given, and moves a snapshot of the user out of the way', async () => {
    const deep = await create('--max-origin-depth', '1', uuid);
    assert.match(deep.stderr, /error \(Usage\): invalid max-origin-depth "1": must be greater than 1/);
    const bad = await create('-c', 'zip', uuid);
    assert.match(
      bad.stderr,
      /error \(Usage\): invalid -c,--compression "zip": must be one of "none", "bzip2", "gzip", "xz"/,
    );
    const both = await create('-o', 'x', '-p', 'http://127.0.0.1:1', uuid);
    assert.match(both.stderr, /cannot specify both -o,--output-template and -p,--publish/);
    const field = await create(uuid, 'nonsense');
    assert.match(field.stderr, /invalid manifest field arg "nonsense": must match "<field>=<value>"/);
    const invalid = await create('-o', out, uuid, 'name=x');
    assert.match(invalid.stderr, /error \(ManifestValidation\): invalid manifest: version \(MissingParameter\)/);
  });

  it('has a script prepare the machine, which shows in the image and not in the machine', async () => {
    const script = join(out, 'prepare');
    writeFileSync(script, 'set -e; rm /made; echo prepared > /prepared');
    const [done] = await Promise.all([
      create('-s', script, '-o', out, '-c', 'gzip', uuid, 'name=prepared', 'version=1'),
      guestPrepares(),
    ]);
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stdout, /Prepare script succeeded\nPrepare script stopped VM .*\nSnapshotting to /);
    assert.deepEqual(await machine(), untouched);
    await install('prepared-1', 'zfs.gz');
    assert.equal(await fileIn(made('prepared-1').uuid, '/prepared && ls /made'), 'prepared\n');
  });

  it('leaves nothing of a script that fails, and the machine as it ran', async () => {
    await source.ok('vmadm', ['start', uuid]);
    const script = join(out, 'fail');
    writeFileSync(script, 'rm /made; echo no room for it >&2; false');
    const [failed] = await Promise.all([
      create('-s', script, '-o', join(out, 'failed'), uuid, 'name=failed', 'version=1'),
      guestPrepares(),
    ]);
    const said = `prepare-image script error while preparing VM ${uuid}: no room for it`;
    assert.deepEqual([failed.status, failed.stderr], [1, `imgadm create: error (PrepareImageError): ${said}\n`]);
    assert.match(failed.stdout, /Rollback VM .*\nRestarting VM .* \(cleanup\)\n$/);
    assert.deepEqual(await machine(), { ...untouched, state: 'running' });
    assert.deepEqual(
      readdirSync(out).filter((name) => name.startsWith('failed')),
      [],
    );
    await source.ok('vmadm', ['stop', uuid, '-F']);
  });

  it('publishes what it makes, and keeps no files of it', async () => {
    const server = await openImgapiServer([]);
    const files = () => readdirSync(source.at('/var/tmp')).filter((name) => name.startsWith('.imgadm-create-'));
    const before = existsSync(source.at('/var/tmp')) ? files() : [];
    try {
      const done = await create('-p', server.url, '-c', 'gzip', uuid, 'name=published', 'version=1');
      assert.equal(done.status, 0, done.stderr);
      const [image = '', ...others] = [...server.published.keys()];
      const { manifest = {}, file = Buffer.alloc(0) } = { ...server.published.get(image) };
      assert.deepEqual(others, []);
      assert.ok(done.stdout.endsWith(`Successfully published image ${image} to ${server.url}\n`));
      assert.deepEqual([manifest['name'], manifest['state']], ['published', 'active']);
      writeFileSync(join(out, 'published.imgmanifest'), JSON.stringify(manifest));
      writeFileSync(join(out, 'published.zfs.gz'), file);
      await install('published', 'zfs.gz');
      assert.equal(await fileIn(image, '/made'), 'made-here\n');
      server.fail('put', { kind: 'status', status: 500 });
      const refused = await create('-p', server.url, uuid, 'name=refused', 'version=1');
      assert.equal(refused.status, 1);
      assert.match(refused.stderr, /^imgadm create: error \(InternalError\): .*the server is on fire/);
      assert.deepEqual([...server.published.keys()], [image]);
      assert.deepEqual([files(), await machine()], [before, untouched]);
    } finally {
      await server.close();
    }
  });

  it('leaves nothing that the next one does not remove when it is killed', async () => {
    const child = source.start('imgadm', [
      'create',
      '-o',
      join(out, 'killed'),
      '-c',
      'xz',
      uuid,
      'name=killed',
      'version=1',
    ]);
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const deadline = Date.now() + 20_000;
    while (!said.includes('Sending image file') && Date.now() < deadline) await sleep(5);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.on('close', resolve));
    const again = await create('-o', join(out, 'killed'), uuid, 'name=killed', 'version=1');
    assert.equal(again.status, 0, again.stderr);
    assert.ok(!again.stdout.includes('out of the way'));
    assert.ok(!existsSync(join(out, 'killed.zfs.xz')));
    assert.ok(!readdirSync(out).some((name) => name.includes('partial')));
    await source.ok('vmadm', ['start', uuid]);
  });
});
