/** Changes are waited for until vminfod has seen them, as long as it runs. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { codeOf } from '../../../../lib/errors.js';
import { vminfod } from '../../../../lib/host/illumos/vminfod.js';

const root = mkdtempSync(join(tmpdir(), 'vminfod-'));
const at = (path: string) => join(root, path);
const now = { state: 'running', configured: Date.parse('2026-01-02T03:04:05.678Z') + 0.25 };

let server: Server;
/** What the daemon says, one after the other; the last for ever. Undefined: it has no such VM. */
let answers: ({ readonly zone_state: string; readonly last_modified: string } | undefined)[] = [];
let asked = 0;

before(async () => {
  server = createServer((request, response) => {
    asked += 1;
    assert.equal(request.url, '/vms/web');
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    response.statusCode = answer === undefined ? 404 : 200;
    response.end(answer === undefined ? 'VM Not Found: web' : JSON.stringify(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => {
  server.close();
  rmSync(root, { recursive: true });
});
beforeEach(() => {
  asked = 0;
  mkdirSync(at('/var/run'), { recursive: true });
  writeFileSync(at('/var/run/vminfod.ready'), '');
});

const daemon = (timeoutMs?: number) => {
  const port = (server.address() as AddressInfo).port;
  return vminfod({ at, port, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
};
const as = (zone_state: string, last_modified: string) => ({ zone_state, last_modified });

describe('vminfod', () => {
  it('is asked until it knows the state and the configuration as they are', async () => {
    answers = [
      undefined,
      as('installed', '2026-01-02T03:04:05.678Z'),
      as('running', '2026-01-02T03:04:05.677Z'),
      as('running', '2026-01-02T03:04:05.678Z'),
    ];
    await daemon().settled('web', () => Promise.resolve(now));
    assert.equal(asked, 4);
  });

  it('is asked until it has forgotten what is gone', async () => {
    answers = [as('installed', '2026-01-02T03:04:05.678Z'), undefined];
    await daemon().settled('web', () => Promise.resolve(undefined));
    assert.equal(asked, 2);
  });

  it('that never sees a change is told of', async () => {
    answers = [as('installed', '2026-01-02T03:04:05.678Z')];
    const waiting = daemon(100).settled('web', () => Promise.resolve(now));
    await assert.rejects(waiting, (error) => codeOf(error) === 'TimedOut');
  });

  it('is not waited for where it does not run', async () => {
    const unused = createServer().listen(0, '127.0.0.1');
    await once(unused, 'listening');
    const { port } = unused.address() as AddressInfo;
    unused.close();
    await once(unused, 'close');
    await vminfod({ at, port }).settled('web', () => Promise.resolve(now));
    rmSync(at('/var/run/vminfod.ready'));
    await daemon().settled('web', () => Promise.resolve(now));
    assert.equal(asked, 0);
  });
});
