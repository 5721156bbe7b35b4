/** imgadm from arguments to output, beyond what the records of the original hold. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { commands } from '../../lib/cli/imgadm/commands.js';
import { imgadm } from '../../lib/cli/imgadm/main.js';
import { openImageHost, servedImage, streamText, type ImageHost } from '../image-host.js';
import { openImgapiServer, type ImgapiServer } from '../imgapi-server.js';

const base = '0764d78e-3472-11e5-8949-4f31abea4e05';
const child = '1764d78e-3472-11e5-8949-4f31abea4e05';

describe('imgadm', () => {
  let host: ImageHost;
  let server: ImgapiServer;
  before(async () => {
    server = await openImgapiServer([
      servedImage(base, 'base', streamText(), { published_at: '2015-07-27T14:23:35.000Z' }),
      servedImage(child, 'child', streamText(['snap']), { origin: base, published_at: '2015-07-27T14:23:35.5Z' }),
    ]);
  });
  after(() => server.close());
  beforeEach(() => {
    host = openImageHost();
    server.forget();
    mkdirSync(join(host.root, 'var/imgadm'), { recursive: true });
    const config = { upgradedToVer: '3.0.0', sources: [{ type: 'imgapi', url: server.url }] };
    writeFileSync(join(host.root, 'var/imgadm/imgadm.conf'), JSON.stringify(config));
  });
  afterEach(() => host.close());

  const ok = async (...args: string[]) => {
    const { exit, stdout, stderr } = await host.run(args);
    assert.deepEqual({ exit, stderr }, { exit: 0, stderr: '' });
    return stdout;
  };

  it('imports, lists and removes', async () => {
    const imported = await ok('import', child);
    assert.deepEqual(imported.split('\n').filter((line) => !line.startsWith('Downloaded')), [
      `Importing ${child} (child@1.0.0) from "${server.url}"`,
      `Gather image ${child} ancestry`,
      'Must download and install 2 images (31.0 B)',
      `Imported image ${base} (base@1.0.0)`,
      `Imported image ${child} (child@1.0.0)`,
      '',
    ]); // prettier-ignore
    assert.equal(
      await ok('list', '-s', 'name'),
      'UUID                                  NAME   VERSION  OS     TYPE          PUB\n' +
        `${base}  base   1.0.0    linux  zone-dataset  2015-07-27\n` +
        `${child}  child  1.0.0    linux  zone-dataset  2015-07-27\n`,
    );
    assert.equal(
      await ok('ancestry', child),
      'UUID                                  NAME   VERSION  PUBLISHED\n' +
        `${child}  child  1.0.0    2015-07-27T14:23:35Z\n` +
        `${base}  base   1.0.0    2015-07-27T14:23:35Z\n`,
    );
    assert.equal(await ok('import', '-P', 'zones', '-q', base), `Image ${base} (base 1.0.0) is already installed, skipping\n`); // prettier-ignore
    assert.equal(await ok('list', '-H', '-o', 'uuid,clones', `uuid=${base}`), `${base}  1\n`);
    assert.equal(await ok('delete', '-P', 'zones', child), `Deleted image ${child}\n`);
    assert.equal(await ok('destroy', base, '-P', 'zones'), `Deleted image ${base}\n`);
    assert.equal(await ok('list'), '');
    assert.equal(await ok('list', '-j'), '[]\n');
    assert.equal(await ok('avail', '-j', 'name=nothing'), '[]\n');
  });

  it('imports from other sources than the configured ones, without keeping them', async () => {
    writeFileSync(join(host.root, 'var/imgadm/imgadm.conf'), '{"upgradedToVer":"3.0.0","sources":[]}');
    await ok('import', '-q', '-S', server.url, base);
    assert.equal(await ok('sources', '-j'), '[]\n');
    const none = await host.run(['import', child]);
    assert.equal(none.stderr, 'imgadm import: error (NoSources): imgadm has no configured sources\n');
  });

  it('aborts on a wrong checksum as the original does', async () => {
    server.fail('file', { kind: 'corrupt' });
    const { exit, stdout, stderr } = await host.run(['import', base]);
    const [reason] = /image .* file checksum .*/.exec(stderr) ?? [];
    assert.equal(exit, 1);
    assert.equal(stderr, `imgadm import: error (DownloadError): ${reason ?? ''}\n`);
    assert.equal(stdout.split('\n').at(-2), `Aborting (${reason ?? ''})`);
  });

  it('prints what some sources offer, then which failed', async () => {
    const sources = [server.url, 'http://127.0.0.1:1'].map((url) => ({ type: 'imgapi', url }));
    writeFileSync(join(host.root, 'var/imgadm/imgadm.conf'), JSON.stringify({ upgradedToVer: '3.0.0', sources }));
    server.fail('list', { kind: 'status', status: 503, body: 'down', type: 'text/plain' });
    await ok('sources', '-d', 'http://127.0.0.1:1');
    const { exit, stderr } = await host.run(['avail']);
    assert.equal(exit, 1);
    assert.equal(stderr, `imgadm avail: error (ServiceUnavailableError): ${server.url}: down\n`);
    assert.match(await ok('avail', '-H', '-o', 'name'), /^base\nchild\n$/);
  });

  it('checks sources in a table', async () => {
    assert.match(await ok('sources', '-c'), /^URL +TYPE +OK +ERROR\nhttp:\S+ {2}imgapi {2}true {2}-\n$/);
    server.fail('ping', { kind: 'status', status: 500 });
    assert.match(await ok('sources', '-c'), / {2}false {2}SourcePing: unexpected ping error with .*; caused by InternalError: the server is on fire\n$/); // prettier-ignore
    assert.match(await ok('sources', '-v'), /^URL +TYPE +INSECURE\nhttp:\S+ {2}imgapi {2}false\n$/);
  });

  it('adds and deletes sources in the words that clients read', async () => {
    assert.equal(await ok('sources', '-f', '-a', 'https://x.example'), 'Added "imgapi" image source "https://x.example"\n'); // prettier-ignore
    assert.equal(await ok('sources', '-a', 'https://x.example/', '-t', 'imgapi'), 'Already have "imgapi" image source "https://x.example", no change\n'); // prettier-ignore
    assert.equal(await ok('sources', '-d', 'https://x.example'), 'Deleted "imgapi" image source "https://x.example"\n'); // prettier-ignore
    assert.equal(await ok('sources', '-d', 'https://x.example'), 'Do not have image source "https://x.example", no change\n'); // prettier-ignore
    const wrong = await host.run(['sources', '-a', server.url, '-t', 'bogus']);
    assert.match(wrong.stderr, /^imgadm sources: error \(ConfigError\): type "bogus" for source url/);
  });

  it('installs from files and says what is wrong with them', async () => {
    const [m, f] = [join(host.root, 'm'), join(host.root, 'f')];
    const { manifest, file } = servedImage(base, 'base', streamText());
    writeFileSync(m, JSON.stringify(manifest));
    writeFileSync(f, file);
    assert.equal(await ok('install', '-m', m, '-f', f), `Installing image ${base} (base@1.0.0)\nInstalled image ${base} (base@1.0.0)\n`); // prettier-ignore
    assert.equal(await ok('install', '-m', m, '-f', f), `Image ${base} (base 1.0.0) is already installed, skipping\n`);
    const errorOf = async (...args: string[]) => (await host.run(['install', ...args])).stderr;
    assert.equal(await errorOf('-m', '/no', '-f', f), 'imgadm install: error (Usage): manifest path does not exist: "/no"\n'); // prettier-ignore
    assert.equal(
      await errorOf('-m', m, '-f', '/no'),
      'imgadm install: error (Usage): file path does not exist: "/no"\n',
    );
    assert.equal(await errorOf('-m', host.root, '-f', f), `imgadm install: error (EISDIR): EISDIR: illegal operation on a directory, read '${host.root}'\n`); // prettier-ignore
    writeFileSync(m, '{"v":2,\n"uuid"}');
    assert.equal(await errorOf('-m', m, '-f', f), `imgadm install: error (InvalidManifest): manifest is invalid: ${m}, line 2, column 7: unexpected "}" in JSON\n`); // prettier-ignore
    const deep = `{"tags":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_001)}`;
    writeFileSync(m, deep);
    assert.equal(await errorOf('-m', m, '-f', f), `imgadm install: error (InvalidManifest): manifest is invalid: ${m} is nested too deeply\n`); // prettier-ignore
    assert.equal((await host.run(['create', base, '-m', m])).stderr, `imgadm create: error (Usage): invalid manifest JSON in "${m}": it is nested too deeply\n`); // prettier-ignore
    for (const text of ['null', '[]', '"x"', '{"uuid":null}', '{"__proto__":{"uuid":"x"}}', '['.repeat(5000)]) {
      writeFileSync(m, text);
      assert.match(
        await errorOf('-m', m, '-f', f),
        /^imgadm install: error \((?:InvalidManifest|InvalidUUID)\): .*\n$/,
      );
    }
  });

  it('says what is wrong with a call of create', async () => {
    for (const [args, message] of [
      [[], '(Usage): incorrect number of args (0): ""'],
      [['x'], '(InvalidUUID): invalid uuid: "x"'],
      [[base, '--max-origin-depth', 'two'], '(Option): arg for "--max-origin-depth" is not a positive integer: "two"'],
      [[base, '--max-origin-depth', '1'], '(Usage): invalid max-origin-depth "1": must be greater than 1'],
      [[base, '-m', '/no', 'name'], '(Usage): invalid manifest field arg "name": must match "<field>=<value>"'],
      [[base, '-m', host.root], `(EISDIR): EISDIR: illegal operation on a directory, read '${host.root}'`],
      [[base, '-s', host.root], `(EISDIR): EISDIR: illegal operation on a directory, read '${host.root}'`],
      [[base, '-m', '/no'], "(ENOENT): ENOENT, no such file or directory '/no'"],
    ] as const) {
      const { exit, stderr } = await host.run(['create', ...args]);
      assert.deepEqual([exit, stderr], [1, `imgadm create: error ${message}\n`]);
    }
  });

  it('says what is wrong with its configuration without the command', async () => {
    writeFileSync(join(host.root, 'var/imgadm/imgadm.conf'), '{');
    const { exit, stderr } = await host.run(['list']);
    assert.equal(exit, 1);
    assert.equal(stderr, `imgadm: error (ConfigError): config file "${host.root}/var/imgadm/imgadm.conf" is not valid JSON\n`); // prettier-ignore
    assert.equal(await ok('--version'), 'imgadm 3.9.5\n');
    assert.match(await ok('--help'), /\nUsage:/);
    assert.equal((await host.run(['help', 'list'])).exit, 1);
  });

  it('ends errors with a record where -E asks for it', async () => {
    for (const [args, code, status] of [
      [[], 'NoCommand', 1],
      [['bogus'], 'UnknownCommand', 1],
      [['get', base], 'ImageNotInstalled', 3],
      [['list', '--bogus'], 'Option', 1],
    ] as const) {
      const { exit, stderr } = await host.run(['-E', ...args]);
      const lines = stderr.trimEnd().split('\n');
      const record = JSON.parse(lines.at(-1) ?? '') as { level: number; msg: string; err: Record<string, string> };
      assert.equal(lines.length, 1);
      assert.equal(exit, status);
      assert.equal(record.level, 50);
      assert.equal(record.err['code'], code);
      assert.equal(record.err['message'], record.msg);
      assert.ok(record.err['stack']?.includes(record.msg));
    }
  });

  it('logs to standard error with -v or a level', async () => {
    const records = (text: string) => text.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>); // prettier-ignore
    const verbose = records((await host.run(['-v', 'list'])).stderr);
    assert.equal(verbose[0]?.['msg'], 'cli init');
    assert.equal(verbose[0]['name'], 'imgadm');
    assert.ok('file' in (verbose[0]['src'] as object));
    assert.equal(verbose.at(-1)?.['msg'], 'cli exit');
    const debug = records((await host.run(['list'], { IMGADM_LOG_LEVEL: 'debug', REQ_ID: 'abc' })).stderr);
    assert.ok(debug.every((record) => record['req_id'] === 'abc' && !('src' in record)));
    assert.equal((await host.run(['list'], { IMGADM_LOG_LEVEL: 'bogus' })).stderr, '');
    const failing = await host.run(['get', base], { IMGADM_LOG_LEVEL: 'debug' });
    assert.match(failing.stderr, /imgadm get: error \(ImageNotInstalled\): SmartadmError: image .*\n {4}at /);
  });

  it('explains every command', async () => {
    const all = await Promise.all(commands.map(({ load }) => load()));
    const top = await ok('help');
    for (const { name, aliases = [], options } of all) {
      assert.ok(top.includes(`\n    ${[name, ...aliases].join(', ')} `), name);
      const text = await ok('help', name);
      assert.match(text, new RegExp(`\\nUsage:\\n    imgadm ${name}`));
      for (const { names, help } of options)
        for (const each of names) assert.equal(text.includes(each), help !== '', each);
      if (name !== 'help') assert.equal(await ok(aliases[0] ?? name, '-h'), text);
    }
    assert.ok(top.includes('IMGADM_LOG_LEVEL'));
  });

  it('says what is wrong where the original is at a loss for words', async () => {
    const bogus = await host.run(['sources', '-f', '-a', 'https://x.example', '-t', 'bogus']);
    assert.deepEqual(bogus, {
      exit: 1,
      stdout: '',
      stderr:
        'imgadm sources: error (ConfigError): type "bogus" for source url "https://x.example" is invalid: must be one of "imgapi", "dsapi", "docker"\n',
    });
    await ok('sources', '-d', server.url);
    for (const command of [['avail'], ['show', base], ['import', base]]) {
      const { exit, stderr } = await host.run(command);
      assert.equal(exit, 1);
      assert.equal(stderr, `imgadm ${command[0]}: error (NoSources): imgadm has no configured sources\n`);
    }
  });

  it('fails where its tests want it to', async () => {
    for (const [name, message] of [
      ['IMGADM_TEST_DOWNLOAD_COSMIC_RAY', `error (DownloadError): image ${base} cosmic ray error`],
      ['IMGADM_TEST_GET_META_COSMIC_RAY', 'error (InternalError): getMeta cosmic ray'],
    ] as const) {
      const { exit, stderr } = await host.run(['import', base], { [name]: '1.0,0' });
      assert.deepEqual([exit, stderr], [1, `imgadm import: ${message}\n`]);
      assert.deepEqual(await host.names(), []);
    }
    // Only the second download, so the image below is there.
    const second = await host.run(['import', child], { IMGADM_TEST_DOWNLOAD_COSMIC_RAY: '0,1' });
    assert.equal(second.exit, 1);
    assert.deepEqual(await host.names(), [`zones/${base}`, `zones/${base}@final`]);
  });

  /** Runs on terminals. */
  async function onTerminal(...args: string[]): Promise<{ status: number; stdout: string; screen: readonly string[] }> {
    const screen: string[] = [];
    const stderr = { isTTY: true, columns: 80, write: (text: string) => screen.push(text) };
    let stdout = '';
    const signal = new AbortController().signal;
    const context = host.context();
    const status = await imgadm(args, {
      program: 'imgadm', typed: '', signal, takeSignals: () => () => undefined, env: { TERM: 'xterm' },
      stdin: process.stdin, stdout: { isTTY: true } as unknown as NodeJS.WriteStream, stderr: stderr as unknown as NodeJS.WriteStream,
      out: (text) => Promise.resolve(void (stdout += text)),
      err: (text) => void screen.push(text),
      context: () => context,
    }); // prettier-ignore
    return { status, stdout, screen };
  }

  it('shows what would steer a terminal instead of sending it there', async () => {
    const evil = servedImage(base, 'x\u001b[2J\u009bm\ty\r', streamText());
    const evilServer = await openImgapiServer([evil]);
    try {
      await ok('sources', '-d', server.url);
      await ok('sources', '-a', evilServer.url);
      assert.match((await onTerminal('avail', '-H', '-o', 'name')).stdout, /^x\\u001b\[2J\\u009bm\ty\\u000d\n$/);
      assert.equal(await ok('avail', '-H', '-o', 'name'), 'x\u001b[2J\u009bm\ty\r\n', 'as it is for a program');
      assert.deepEqual(JSON.parse((await onTerminal('show', base)).stdout), evil.manifest);
      const { stdout, screen } = await onTerminal('import', base);
      assert.ok(stdout.startsWith(`Importing ${base} (x\\u001b[2J`));
      assert.ok(screen.some((text) => text.startsWith(`Imported image ${base} (x\\u001b[2J`)));
      evilServer.fail('list', { kind: 'status', status: 503, body: 'down\u001b]0;owned\u0007', type: 'text/plain' });
      assert.deepEqual((await onTerminal('avail')).screen, [
        `imgadm avail: error (ServiceUnavailableError): ${evilServer.url}: down\\u001b]0;owned\\u0007\n`,
      ]);
    } finally {
      await evilServer.close();
    }
  });

  it('writes steps above its bar on a terminal', async () => {
    const { status, stdout, screen } = await onTerminal('import', base);
    assert.equal(status, 0);
    assert.ok(screen.includes(`Imported image ${base} (base@1.0.0)\n`));
    assert.ok(screen.some((text) => text.includes('Download 1 image') && text.includes('100%')));
    assert.ok(
      screen.some((text) => text.includes('4f31abea4e05') && text.includes('100%')),
      'a bar of its own',
    );
    assert.ok(!stdout.includes('Imported'));
  });
});
