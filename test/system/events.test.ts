/** What happens to a zone of a real host, as `vmadm events` tells it while it happens. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inOwnNetworkNamespace } from '../netns.js';
import { eventually, openTestHost, payload, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

interface Event {
  readonly type: string;
  readonly date: string;
  readonly uuid: string;
  readonly zonename?: string;
  readonly vm?: Readonly<Record<string, unknown>>;
  readonly vms?: Readonly<Record<string, unknown>>;
  readonly changes?: readonly { readonly prettyPath: string; readonly action: string; readonly newValue?: unknown }[];
}

/** A running `vmadm events` and what it has printed so far. */
interface Watch {
  readonly child: ChildProcess;
  readonly printed: { out: string; err: string };
  lines(): readonly string[];
  /** Ends it by a signal; the result is its exit status. */
  end(signal: NodeJS.Signals): Promise<unknown>;
}

describe('vmadm events', () => {
  let host: TestHost;
  const uuid = '22222222-2222-4333-8444-555555555555';
  const zone = '22222222';
  const watches: Watch[] = [];

  before(async () => {
    host = openTestHost();
    await host.install('busybox-1.35.0');
  });
  after(async () => {
    for (const { child } of watches) child.kill('SIGKILL');
    await host.close();
  });

  function watch(...args: readonly string[]): Watch {
    const child = host.start('vmadm', ['events', ...args]);
    const printed = { out: '', err: '' };
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (printed.out += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (printed.err += text));
    const made: Watch = {
      child,
      printed,
      lines: () => printed.out.split('\n').slice(0, -1),
      async end(signal) {
        const closed = once(child, 'close');
        child.kill(signal);
        const [status] = (await closed) as [unknown];
        return status;
      },
    };
    watches.push(made);
    return made;
  }

  const eventsOf = (from: Watch): readonly Event[] => from.lines().map((line) => JSON.parse(line) as Event);
  const changesOf = (from: Watch) => eventsOf(from).flatMap(({ changes = [] }) => changes);
  const seen = (from: Watch, what: string, test: (event: Event) => boolean) =>
    eventually(what, () => Promise.resolve(eventsOf(from).some(test)));
  const changed = (from: Watch, path: string, value: unknown) =>
    eventually(`${path} as ${String(value)}`, () =>
      Promise.resolve(changesOf(from).some(({ prettyPath, newValue }) => prettyPath === path && newValue === value)),
    );

  it('tells of the whole life of a zone, as JSON and as text', async () => {
    const json = watch('-rj');
    const text = watch('-r');
    for (const each of [json, text]) {
      await eventually('the first line', () => Promise.resolve(each.lines().length > 0));
    }
    const [ready] = eventsOf(json);
    assert.equal(ready?.type, 'ready');
    assert.deepEqual(ready.vms, {});
    assert.match(text.lines()[0] ?? '', /^\[\d\d:\d\d:\d\d\.\d{3}Z\] ready$/);

    await host.ok('vmadm', ['create'], { input: JSON.stringify(payload({ uuid, alias: 'web' })) });
    await seen(json, 'its creation', (event) => event.type === 'create' && event.zonename === uuid);
    // A boot is so quick that it may be seen along with the creation.
    await seen(json, 'it running', ({ vm }) => vm?.['state'] === 'running');

    await host.ok('vmadm', ['update', uuid, 'alias=db', 'quota=2']);
    await changed(json, 'alias', 'db');
    await changed(json, 'quota', 2);
    await host.ok('vmadm', ['update', uuid], { input: '{"set_tags":{"a.b":"c"}}' });
    await changed(json, 'tags[a.b]', 'c');

    const pids = () => changesOf(json).filter(({ prettyPath }) => prettyPath === 'pid').length;
    const before = pids();
    await host.inside(uuid, 'reboot -f');
    await eventually('the reboot from inside', () => Promise.resolve(pids() > before));

    await host.ok('vmadm', ['create-snapshot', uuid, 'first']);
    await eventually('the snapshot', () =>
      Promise.resolve(
        changesOf(json).some(({ prettyPath, action }) => prettyPath === 'snapshots.*' && action === 'added'),
      ),
    );
    await host.ok('vmadm', ['stop', uuid, '-F']);
    await changed(json, 'state', 'stopped');
    const stopped = eventsOf(json).length;
    await host.ok('vmadm', ['start', uuid]);
    await eventually('the second start', () =>
      Promise.resolve(
        eventsOf(json)
          .slice(stopped)
          .some(({ vm }) => vm?.['state'] === 'running'),
      ),
    );
    await host.ok('vmadm', ['delete', uuid]);
    await seen(json, 'its end', (event) => event.type === 'delete');
    await eventually('its end as text', () => Promise.resolve(/ delete$/m.test(text.printed.out)));

    assert.equal(await json.end('SIGINT'), 130);
    assert.equal(await text.end('SIGTERM'), 143);
    assert.equal(json.printed.err + text.printed.err, '');
    for (const { type, date, zonename, vm } of eventsOf(json).slice(1)) {
      assert.equal(new Date(date).toISOString(), date);
      assert.equal(zonename, uuid);
      assert.equal(vm?.['uuid'], type === 'delete' ? undefined : uuid);
    }
    assert.match(text.printed.out, new RegExp(`^\\[[\\d:.]+Z\\] ${zone} web create$`, 'm'));
    assert.match(
      text.printed.out,
      new RegExp(`^\\[[\\d:.]+Z\\] ${zone} db modify: alias changed :: "web" -> "db"$`, 'm'),
    );
    assert.match(text.printed.out, new RegExp(`^\\[[\\d:.]+Z\\] ${zone} db modify: tags\\[a\\.b\\] added :: undefined -> "c"$`, 'm')); // prettier-ignore
    assert.match(text.printed.out, new RegExp(`^\\[[\\d:.]+Z\\] ${zone} - delete$`, 'm'));
  });

  it('says of a machine that is not there that it is not, and takes what is no uuid for nothing', async () => {
    const missing = '99999999-2222-4333-8444-555555555555';
    assert.deepEqual(await host.vmadm(['events', missing]), {
      status: 1, stdout: '', stderr: `VM ${missing} not found\n`,
    }); // prettier-ignore
    const odd = watch('-r', '-f', 'whatever');
    await eventually('the first line', () => Promise.resolve(odd.lines().length > 0));
    assert.match(odd.lines()[0] ?? '', /^\[\d{4}-\d\d-\d\dT[\d:.]+Z\] ready \(uuid [0-9a-f-]{36}\)$/);
    assert.equal(await odd.end('SIGTERM'), 143);
  });

  it('ends well when nobody reads it any more', async () => {
    const unread = watch('-r');
    await eventually('the first line', () => Promise.resolve(unread.lines().length > 0));
    const closed = once(unread.child, 'close');
    unread.child.stdout?.destroy();
    await host.ok('vmadm', ['create'], { input: JSON.stringify(payload({ uuid, autoboot: false })) });
    assert.deepEqual(await closed, [0, null]);
    assert.equal(unread.printed.err, '');
    await host.ok('vmadm', ['delete', uuid]);
  });

  it('is next to idle while nothing happens', async () => {
    const idle = watch('-r');
    await eventually('the first line', () => Promise.resolve(idle.lines().length > 0));
    const ticks = () => {
      const stat = readFileSync(`/proc/${String(idle.child.pid)}/stat`, 'utf8');
      const [user, system] = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .slice(11, 13);
      return Number(user) + Number(system);
    };
    await sleep(1000);
    const before = ticks();
    await sleep(4000);
    const used = ticks() - before;
    // Of a hundred a second; one in ten would already be many times what it takes.
    assert.ok(used < 40, `${used} ticks in four seconds`);
    assert.equal(await idle.end('SIGTERM'), 143);
  });
});
