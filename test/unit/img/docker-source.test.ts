/** The source of Docker images against a server with tokens, passwords and faults. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { parseChallenge } from '../../../lib/img/docker-login.js';
import { dockerSource } from '../../../lib/img/sources/docker.js';
import { contentOfImage, digestOf, plainLayer } from '../../docker-images.js';
import { quickConnection } from '../../image-host.js';
import { file, tar } from '../../tar.js';

const layers = [plainLayer(tar([file('a', '1')])), plainLayer(tar([file('b', '2')]))];
const image = contentOfImage({ layers, config: { Cmd: ['/bin/sh'] } });
const signal = new AbortController().signal;

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

describe('a docker source', () => {
  let server: Server;
  let name: string;
  let folder: string;
  let requests: string[];
  /** Answers instead of the registry, by the beginning of the path. */
  let faults: Map<string, Answer>;
  let wanted: 'nothing' | 'token' | 'password';

  const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
  const basic = `Basic ${Buffer.from('me:secret:word').toString('base64')}`;

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const { url = '', headers } = request;
    requests.push(`${String(request.method)} ${url}${headers.authorization === undefined ? '' : ` ${headers.authorization}`}`); // prettier-ignore
    const fault = [...faults].find(([path]) => url.startsWith(path))?.[1];
    if (fault !== undefined) {
      fault(request, response);
      return;
    }
    if (url.startsWith('/token?')) {
      if (headers.authorization !== undefined && headers.authorization !== basic) json(response, 401, {});
      else json(response, 200, { token: headers.authorization === undefined ? 'anonymous' : 'known' });
      return;
    }
    const challenge = { token: `Bearer realm="http://${name}/token",service="the, service"`, password: 'Basic realm="x"', nothing: '' }[wanted]; // prettier-ignore
    const sent = { token: /^Bearer (?:anonymous|known)$/, password: new RegExp(`^${basic}$`), nothing: /^$/ }[wanted];
    if (!sent.test(headers.authorization ?? '')) {
      json(
        response,
        401,
        { errors: [{ code: 'UNAUTHORIZED', message: 'who are you' }] },
        { 'www-authenticate': challenge },
      );
      return;
    }
    const blob = image.blobs.get(url.replace(/^\/v2\/team\/app\/(?:blobs|manifests)\//, ''));
    if (url === '/v2/') json(response, 200, {});
    else if (url === '/v2/team/app/manifests/1') response.end(image.manifest);
    else if (blob === undefined) json(response, 404, { errors: [{ message: 'manifest unknown' }] });
    else {
      response.writeHead(200, { 'content-length': blob.length });
      response.end(blob);
    }
  }

  before(async () => {
    server = createServer(answer);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    name = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => new Promise((resolve) => server.close(resolve)));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'smartadm-docker-'));
    requests = [];
    faults = new Map();
    wanted = 'nothing';
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const open = (more: { url?: string; insecure?: boolean } = {}) => dockerSource({ type: 'docker', url: `http://${name}`, ...more }, { ...quickConnection, authFiles: [join(folder, 'none.json'), join(folder, 'auth.json')] }); // prettier-ignore
  const find = (reference = 'team/app:1', source = open()) => source.find({ arg: `${name}/${reference}`, activeOnly: true }, signal); // prettier-ignore
  const keep = (auths: Record<string, string>) => writeFileSync(join(folder, 'auth.json'), JSON.stringify({ auths: Object.fromEntries(Object.entries(auths).map(([key, text]) => [key, { auth: Buffer.from(text).toString('base64') }])) })); // prettier-ignore

  it('finds an image by tag and by digest, and makes an image of each layer', async () => {
    const source = open();
    const found = await find('team/app:1', source);
    assert.ok(found !== undefined);
    assert.equal(found.title, `${found.uuid} (${name}/team/app:1)`);
    const members = await source.ancestry(found, signal);
    assert.deepEqual(members.map(({ file: told }) => told?.checksum?.hex), layers.map(({ bytes }) => digestOf(bytes).slice(7))); // prettier-ignore
    assert.equal(members[1]?.manifest.origin, members[0]?.uuid);
    assert.deepEqual(found.given['tags'], {
      'docker:repo': `${name}/team/app`, 'docker:id': digestOf(layers[1]?.bytes ?? Buffer.of()),
      'docker:architecture': 'amd64', 'docker:tag:1': true, 'docker:config': { Cmd: ['/bin/sh'] },
    }); // prettier-ignore
    assert.equal((await find(`team/app@${image.entry.digest}`))?.uuid, found.uuid);
  });

  it('does not have what is no name, no tag, or not there', async () => {
    const names = [
      'team/app:2',
      'team/app:!',
      'team/../app:1',
      'team/app@sha256:00',
      `team/app@sha256:${'0'.repeat(64)}`,
    ];
    for (const reference of names) assert.equal(await find(reference), undefined, reference);
    const uuid = '0764d78e-3472-11e5-8949-4f31abea4e05';
    assert.equal(await open().find({ arg: uuid, activeOnly: true }, signal), undefined);
  });

  it('asks for a token, once, for nobody in particular', async () => {
    wanted = 'token';
    assert.ok((await find()) !== undefined);
    const asked = requests.filter((line) => line.includes('/token'));
    assert.deepEqual(asked, ['GET /token?service=the%2C+service&scope=repository%3Ateam%2Fapp%3Apull']);
    assert.ok(requests.at(-1)?.endsWith(' Bearer anonymous'));
  });

  for (const key of ['registry', 'namespace', 'URL'] as const) {
    it(`sends credentials that are kept for the ${key} to where tokens come from`, async () => {
      wanted = 'token';
      const own = { registry: name, namespace: `${name}/team`, URL: `https://${name}/v1/` }[key];
      keep({ [own]: 'me:secret:word', 'other.example.com': 'you:nothing' });
      assert.ok((await find()) !== undefined);
      assert.ok(requests.at(-1)?.endsWith(' Bearer known'));
    });
  }

  it('sends a password where it is asked for one, and says so when there is none', async () => {
    wanted = 'password';
    await assert.rejects(find(), { code: 'UnauthorizedError', message: /asks for a user and password/ });
    keep({ [name]: 'me:secret:word' });
    assert.ok((await find()) !== undefined);
    keep({ [name]: 'me:wrong' });
    await assert.rejects(find(), { code: 'UnauthorizedError' });
  });

  it('never sends credentials anywhere else', async () => {
    wanted = 'token';
    keep({ [name]: 'me:secret:word' });
    const elsewhere: IncomingMessage[] = [];
    const other = createServer((request, response) => {
      elsewhere.push(request);
      response.end(layers[0]?.bytes);
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const there = `http://127.0.0.1:${(other.address() as AddressInfo).port}/x`;
    const source = open();
    const found = await find('team/app:1', source);
    const [base] = found === undefined ? [] : await source.ancestry(found, signal);
    assert.ok(base !== undefined);
    faults.set('/v2/team/app/blobs', (_, response) => response.writeHead(307, { location: there }).end());
    const { body } = await source.openFile(base, 0, signal);
    body.destroy();
    other.close();
    other.closeAllConnections();
    assert.equal(elsewhere.length, 1);
    assert.equal(elsewhere[0]?.headers.authorization, undefined);
  });

  const refusals: readonly (readonly [string, string, Answer, { code: string; message?: RegExp }])[] = [
    ['a manifest that does not fit its digest', '/v2/team/app/manifests/1', (_, response) => response.setHeader('docker-content-digest', `sha256:${'1'.repeat(64)}`).end(image.manifest), { code: 'BadDigest' }],
    ['a configuration that does not fit its digest', '/v2/team/app/blobs', (_, response) => response.end('{}'), { code: 'BadDigest' }],
    ['a signed manifest of version 1', '/v2/team/app/manifests', (_, response) => response.end('{"schemaVersion":1}'), { code: 'InvalidDockerInfo', message: /^Unsupported docker manifest version: 1$/ }],
    ['a manifest without layers', '/v2/team/app/manifests', (_, response) => response.end('{"schemaVersion":2,"config":{},"layers":[]}'), { code: 'InvalidContent', message: /no layers in/ }],
    ['a layer that is no archive', '/v2/team/app/manifests', (_, response) => response.end(JSON.stringify({ schemaVersion: 2, config: image.entry, layers: [image.entry] })), { code: 'InvalidDockerInfo' }],
    ['a size below zero', '/v2/team/app/manifests', (_, response) => response.end(JSON.stringify({ schemaVersion: 2, config: image.entry, layers: [{ ...image.entry, size: -1 }] })), { code: 'InvalidContent' }],
    ['what is no JSON', '/v2/team/app/manifests', (_, response) => response.end('<html>'), { code: 'InvalidContent' }],
    ['a list of itself', '/v2/team/app/manifests', (_, response) => response.end(JSON.stringify({ schemaVersion: 2, manifests: [image.entry] })), { code: 'BadDigest' }],
    ['redirects without end', '/v2/team/app/blobs', (request, response) => response.writeHead(307, { location: request.url ?? '' }).end(), { code: 'DownloadError', message: /maximum number of redirects \(3\)/ }],
    ['a redirect to another kind of address', '/v2/team/app/blobs', (_, response) => response.writeHead(307, { location: 'file:///etc/passwd' }).end(), { code: 'ClientError' }],
    ['a challenge that nobody knows', '/v2/', (_, response) => response.writeHead(401, { 'www-authenticate': 'Digest realm="x"' }).end(), { code: 'UnauthorizedError', message: /unsupported auth scheme: "digest"/ }],
    ['no challenge', '/v2/', (_, response) => response.writeHead(401).end(), { code: 'UnauthorizedError', message: /missing WWW-Authenticate/ }],
    ['a token server that fails', '/v2/', (_, response) => response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${name}/nowhere"` }).end(), { code: 'UnauthorizedError', message: /token auth attempt for .* failed with status 401/ }],
    ['a realm that is no web address', '/v2/', (_, response) => response.writeHead(401, { 'www-authenticate': 'Bearer realm="file:///x"' }).end(), { code: 'UnauthorizedError' }],
    ['an error of the registry', '/v2/team/app/manifests', (_, response) => json(response, 500, { errors: [{ message: 'out of order' }] }), { code: 'ClientError', message: /out of order/ }],
  ]; // prettier-ignore
  for (const [what, path, fault, error] of refusals) {
    it(`refuses ${what}`, async () => {
      faults.set(path, fault);
      if (what === 'a token server that fails') wanted = 'token';
      await assert.rejects(find(), error);
    });
  }

  it('is pinged by whether a registry answers', async () => {
    await open().ping(signal);
    wanted = 'token';
    await open().ping(signal);
    faults.set('/v2/', (_, response) => response.writeHead(404).end());
    await assert.rejects(open().ping(signal), { code: 'ClientError' });
    assert.throws(() => open({ url: 'http://docker.io' }), { code: 'ConfigError' });
    assert.throws(() => open({ url: `http://${name}/path` }), { code: 'ConfigError' });
  });

  describe('asks the programs that keep credentials for docker', () => {
    const configure = (config: object) => writeFileSync(join(folder, 'auth.json'), JSON.stringify(config));
    /** Makes a helper that writes down its arguments and what it is told, then goes on with these lines. */
    const program = (helper: string, ...lines: readonly string[]) => {
      const text = ['#!/bin/sh', `echo "$0 $* $(cat; echo .)" >> ${folder}/seen`, ...lines, ''].join('\n');
      writeFileSync(join(folder, `docker-credential-${helper}`), text, { mode: 0o755 });
    };
    const knows = (user: string, secret: string) => `echo '${JSON.stringify({ ServerURL: 'x', Username: user, Secret: secret })}'`; // prettier-ignore
    const findWithHelpers = (stallMs = quickConnection.stallMs) =>
      dockerSource(
        { type: 'docker', url: `http://${name}` },
        {
          ...quickConnection,
          stallMs,
          authFiles: [join(folder, 'auth.json')],
          helperEnvironment: { PATH: `${folder}:/usr/bin:/bin` },
        },
      ).find({ arg: `${name}/team/app:1`, activeOnly: true }, signal);
    const seen = () => (existsSync(join(folder, 'seen')) ? readFileSync(join(folder, 'seen'), 'utf8').trim().split('\n') : []); // prettier-ignore
    beforeEach(() => (wanted = 'password'));

    it('that of the registry before that of all, once, by the name of the registry', async () => {
      program('own', knows('me', 'secret:word'));
      program('other', knows('you', 'nothing'));
      for (const [credsStore, credHelpers] of [
        ['other', { [name]: 'own' }],
        ['own', { elsewhere: 'other' }],
        ['own', { [name]: '' }],
      ]) {
        configure({ credsStore, credHelpers, auths: { [name]: { auth: Buffer.from('me:wrong').toString('base64') } } });
        assert.ok((await findWithHelpers()) !== undefined);
        assert.deepEqual(seen(), [`${folder}/docker-credential-own get ${name}.`]);
        rmSync(join(folder, 'seen'));
      }
    });

    it('and takes what the file holds where they know nothing', async () => {
      program('empty', 'echo "credentials not found in native keychain"', 'exit 1');
      configure({ credsStore: 'empty', auths: { [name]: { auth: Buffer.from('me:secret:word').toString('base64') } } });
      assert.ok((await findWithHelpers()) !== undefined);
      assert.equal(seen().length, 1);
    });

    it('for tokens, too', async () => {
      wanted = 'token';
      program('tokens', knows('<token>', 'an identity'));
      configure({ credsStore: 'tokens' });
      let form = '';
      faults.set('/token', (request, response) => {
        request.on('data', (chunk: Buffer) => (form += chunk.toString()));
        request.on('end', () => json(response, 200, { access_token: 'known' }));
      });
      assert.ok((await findWithHelpers()) !== undefined);
      assert.match(form, /^grant_type=refresh_token&.*refresh_token=an\+identity/);
    });

    it('but none whose name could lead elsewhere', async () => {
      for (const helper of ['../own', 'a/b', 'a b', '-x', '.', 'a\0b', 'a\nb', 'x'.repeat(65)]) {
        configure({ credHelpers: { [name]: helper } });
        await assert.rejects(findWithHelpers(), { code: 'ConfigError', message: /names a helper that cannot be/ });
      }
    });

    it('and tells without their answer when they are missing, fail, or answer something else', async () => {
      configure({ credsStore: 'absent' });
      await assert.rejects(findWithHelpers(), { code: 'ConfigError', message: /there is no program docker-credential-absent/, hint: /take it out of/ }); // prettier-ignore
      program('failing', 'echo "no session bus" >&2', knows('me', 'secret:word'), 'exit 3');
      program('odd', 'echo "me secret:word"');
      program('half', 'echo \'{"Username":"me","secret":"secret:word"}\'');
      for (const [helper, message] of [
        ['failing', /docker-credential-failing, which .* names, ended with status 3: no session bus$/],
        ['odd', /did not answer with a user and a secret$/],
        ['half', /did not answer with a user and a secret$/],
      ] as const) {
        configure({ credsStore: helper });
        await assert.rejects(findWithHelpers(), (error: Error & { code?: string }) => {
          assert.equal(error.code, 'ConfigError');
          assert.match(error.message, message);
          assert.doesNotMatch(inspect(error), /secret:word/);
          return true;
        });
      }
    });

    it('and does not wait for them for ever', async () => {
      program('slow', `echo $$ > ${folder}/pid`, 'exec sleep 1000');
      configure({ credsStore: 'slow' });
      await assert.rejects(findWithHelpers(700), { code: 'ConfigError', message: /did not answer within 0.7 seconds/ });
      const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
      assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
    });
  });

  it('tells that a file with credentials is damaged, without its text', async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'auth.json'), '{"auths": secret');
    await assert.rejects(find(), (error: Error) => error.message.includes('not valid JSON') && !error.message.includes('secret')); // prettier-ignore
  });
});

describe('a challenge', () => {
  it('is read with commas, quotes and blanks in it', () => {
    assert.deepEqual(parseChallenge('Bearer realm="https://a/t?x=1,2", service = "a \\"b\\"",error=x'), {
      scheme: 'bearer',
      parameters: { realm: 'https://a/t?x=1,2', service: 'a "b"', error: 'x' },
    });
    assert.deepEqual(parseChallenge('Basic'), { scheme: 'basic', parameters: {} });
    assert.equal(parseChallenge('"'), undefined);
  });
});
