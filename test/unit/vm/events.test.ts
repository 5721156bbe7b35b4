/** What happens to VMs is seen by looking at their homes, and at no more of them than there is reason to. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { quietProgress } from '../../../lib/cli/context.js';
import type { Context } from '../../../lib/context.js';
import { hasCode } from '../../../lib/errors.js';
import type { Host } from '../../../lib/host/host.js';
import { writeZoneXml } from '../../../lib/host/zone-xml.js';
import { silentLog } from '../../../lib/log.js';
import { watchVms, type VmEvent } from '../../../lib/vm/events.js';
import { readingHost, uuidOf, zoneConfig, type ReadingHost } from './reading-host.js';

let all: ReadingHost;
let end: AbortController;

beforeEach(() => {
  all = readingHost();
  end = new AbortController();
});
afterEach(() => {
  end.abort();
  all.remove();
});

const alias = (text: string) => ({ alias: Buffer.from(text).toString('base64') });
const add = (number: number, name: string) => {
  all.addZone(zoneConfig(uuidOf(number), 'joyent', alias(name)));
};
const rename = (number: number, name: string) => {
  all.addFile(`/etc/zones/${uuidOf(number)}.xml`, writeZoneXml(zoneConfig(uuidOf(number), 'joyent', alias(name))));
};

/** Runs a watch; its events can be taken one by one. */
async function watching(
  uuid?: string,
  host: Host = all.host,
): Promise<{ readonly ready: VmEvent; readonly next: () => Promise<VmEvent> }> {
  const ctx: Context = {
    host: () => Promise.resolve(host),
    log: silentLog,
    progress: quietProgress,
    signal: end.signal,
    root: '/',
  };
  const watch = watchVms(ctx, uuid === undefined ? {} : { uuid });
  const next = async (): Promise<VmEvent> => {
    const late = new AbortController();
    const tooLate = sleep(10_000, undefined, { signal: late.signal }).then(() => assert.fail('no event came'));
    tooLate.catch(() => undefined);
    const { value, done } = await Promise.race([watch.next(), tooLate]);
    late.abort();
    return done === true ? assert.fail('the watch has ended') : value;
  };
  return { ready: await next(), next };
}

/** An event in one line, without what depends on the clock. */
function told(event: VmEvent): string {
  if (event.type === 'ready') return `ready ${Object.keys(event.vms).join(' ')}`;
  const changes = event.type === 'modify' ? event.changes : [];
  const shown = changes
    .filter(({ prettyPath }) => !['last_modified', 'boot_timestamp'].includes(prettyPath))
    .map(({ prettyPath, oldValue, newValue }) => `${prettyPath}:${String(oldValue)}>${String(newValue)}`);
  return [event.type, event.uuid.slice(0, 8), ...shown].join(' ');
}

describe('a watch', { concurrency: false }, () => {
  it('begins with the VMs that are there, by zonename', async () => {
    add(1, 'one');
    add(2, 'two');
    const { ready } = await watching();
    assert.equal(told(ready), `ready ${uuidOf(1)} ${uuidOf(2)}`);
    assert.ok(ready.type === 'ready');
    assert.equal(ready.vms[uuidOf(2)]?.alias, 'two');
    assert.match(ready.uuid, /^[0-9a-f-]{36}$/);
  });

  it('tells of creation, boot, a change of the configuration or of a file, and of the end', async () => {
    const { ready, next } = await watching();
    assert.equal(told(ready), 'ready ');
    const told_ = async () => told(await next());

    add(1, 'one');
    const created = await next();
    assert.equal(told(created), 'create 00000001');
    assert.ok(created.type === 'create');
    assert.deepEqual(Object.keys(created), ['type', 'date', 'zonename', 'uuid', 'vm']);
    assert.equal(created.vm.alias, 'one');

    all.running.set(uuidOf(1), 77);
    const booted = await told_();
    for (const change of ['state:stopped>running', 'zone_state:installed>running', 'pid:undefined>77']) {
      assert.ok(booted.includes(` ${change}`), booted);
    }
    // Rebooted by itself between two looks.
    all.running.set(uuidOf(1), 78);
    assert.match(await told_(), /^modify 00000001 .*pid:77>78/);

    all.addFile(`/zones/${uuidOf(1)}/config/tags.json`, '{"role":"web"}');
    assert.equal(await told_(), 'modify 00000001 tags.role:undefined>web');

    rename(1, 'uno');
    assert.equal(await told_(), 'modify 00000001 alias:one>uno');

    rmSync(all.host.at(`/etc/zones/${uuidOf(1)}.xml`));
    all.addFile('/etc/zones/index', 'global:installed:/\n');
    assert.equal(await told_(), 'delete 00000001');
  });

  it('of one VM tells of no other, and has it alone in its beginning', async () => {
    add(1, 'one');
    add(2, 'two');
    const { ready, next } = await watching(uuidOf(2));
    assert.equal(told(ready), `ready ${uuidOf(2)}`);
    all.addFile(`/zones/${uuidOf(1)}/config/tags.json`, '{"a":1}');
    all.addFile(`/zones/${uuidOf(2)}/config/tags.json`, '{"b":1}');
    assert.equal(told(await next()), 'modify 00000002 tags.b:undefined>1');
  });

  it('of a VM that is not there does not begin', async () => {
    await assert.rejects(watching(uuidOf(9)), (error: Error) => {
      return hasCode(error, 'VmNotFound') && error.message === `VM ${uuidOf(9)} not found`;
    });
  });

  it('goes on for the others when one VM is damaged, and with that one when it is well again', async () => {
    add(1, 'one');
    add(2, 'two');
    const { next } = await watching();
    writeFileSync(all.host.at(`/etc/zones/${uuidOf(1)}.xml`), '<zone');
    all.addFile(`/zones/${uuidOf(2)}/config/tags.json`, '{"b":1}');
    assert.equal(told(await next()), 'modify 00000002 tags.b:undefined>1');
    rename(1, 'whole');
    assert.equal(told(await next()), 'modify 00000001 alias:one>whole');
  });

  it('sees what only the datasets know', async () => {
    add(1, 'one');
    const { next } = await watching();
    await all.host.datasets.create(`zones/${uuidOf(1)}`);
    assert.match(told(await next()), / zfs_filesystem:undefined>zones\/00000001/);
    await all.host.datasets.snapshot(`zones/${uuidOf(1)}@vmsnap-first`);
    const taken = await next();
    assert.ok(taken.type === 'modify');
    assert.deepEqual(
      taken.changes.map(({ path, action }) => [path, action]),
      [[['snapshots', null], 'added']],
    );
  });

  it('loads nothing where there is no reason to', async () => {
    for (let number = 1; number <= 20; number += 1) add(number, 'x');
    const { next } = await watching();
    const pending = next();
    pending.catch(() => undefined);
    await sleep(100);
    all.asked.length = 0;
    await sleep(1300);
    assert.deepEqual([...new Set(all.asked)], ['zones.list']);
    end.abort();
    await assert.rejects(pending, /the watch has ended/);
  });

  it('of a host that tells of its zones does not look at them until it does', async () => {
    add(1, 'one');
    let tell = (): void => undefined;
    let followed: readonly string[] = [];
    let closed = 0;
    const watch: Host['watch'] = (changed) => {
      tell = changed;
      const follow = (zones: readonly { readonly name: string }[]) => {
        followed = zones.map(({ name }) => name);
        return true;
      };
      return { follow, close: () => (closed += 1) };
    };
    const { next } = await watching(undefined, { ...all.host, watch });
    const booted = next();
    await sleep(100);
    all.asked.length = 0;
    all.running.set(uuidOf(1), 77);
    await sleep(1200);
    assert.deepEqual(all.asked, []);
    tell();
    assert.match(told(await booted), /^modify 00000001 .*state:stopped>running/);
    assert.deepEqual(followed, [uuidOf(1)]);

    const ended = next();
    ended.catch(() => undefined);
    end.abort();
    await assert.rejects(ended, /the watch has ended/);
    assert.equal(closed, 1);
  });

  it('looks by the clock at a zone that is on its way from one state to another', async () => {
    add(1, 'one');
    const list = async () => (await all.host.zones.list()).map((record) => ({ ...record, state: 'shutting_down' }));
    const zones = { ...all.host.zones, list } as Host['zones'];
    const watch: Host['watch'] = () => ({ follow: () => true, close: () => undefined });
    const { next } = await watching(undefined, { ...all.host, zones, watch });
    const pending = next();
    pending.catch(() => undefined);
    await sleep(100);
    all.asked.length = 0;
    await sleep(1000);
    assert.ok(all.asked.includes('zones.list'));
    end.abort();
    await assert.rejects(pending, /the watch has ended/);
  });
});
