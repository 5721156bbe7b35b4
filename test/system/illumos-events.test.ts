/** What happens to zones of an illumos host is seen when they tell of it, not when the clock says so. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { quietProgress } from '../../lib/cli/context.js';
import type { Host } from '../../lib/host/host.js';
import { openIllumosHost } from '../../lib/host/illumos/host.js';
import { silentLog } from '../../lib/log.js';
import { watchVms, type VmEvent } from '../../lib/vm/events.js';
import { IllumosHost } from '../stand-ins/host.js';

const images = join(import.meta.dirname, '../fixtures/images');
const uuid = 'c0000000-0000-4000-8000-0000000000e1';
/** Everything is looked at as seldom as this, or less. */
const wholePauseMs = 2000;

let stand: IllumosHost;

async function vmadm(args: readonly string[], payload = ''): Promise<void> {
  const { status, stderr } = await stand.command('vmadm', args, payload);
  assert.equal(status, 0, stderr);
}

before(async () => {
  stand = new IllumosHost();
  const file = join(images, 'busybox-1.35.0');
  const { status, stderr } = await stand.command('imgadm', [
    'install', '-m', `${file}.imgmanifest`, '-f', `${file}.zfs.gz`,
  ]); // prettier-ignore
  assert.equal(status, 0, stderr);
  const { uuid: image } = JSON.parse(readFileSync(`${file}.imgmanifest`, 'utf8')) as { readonly uuid: string };
  const payload = {
    brand: 'lx', kernel_version: '4.3.0', uuid, image_uuid: image, max_physical_memory: 256, quota: 5, autoboot: false,
  }; // prettier-ignore
  await vmadm(['create'], JSON.stringify(payload));
});
after(() => {
  stand.remove();
});

/** A host that counts how often its zones are looked at. */
function countedHost(): { readonly host: Host; readonly looks: () => number } {
  const host = openIllumosHost({ root: stand.path, log: silentLog, programs: stand.path });
  let count = 0;
  const list: Host['zones']['list'] = () => {
    count += 1;
    return host.zones.list();
  };
  return {
    host: { ...host, zones: { ...host.zones, list } },
    looks: () => count,
  };
}

/** The time of the first event that the test likes, by the clock of this process. */
async function timeOf(watch: AsyncGenerator<VmEvent, void>, test: (event: VmEvent) => boolean): Promise<number> {
  for (;;) {
    const next = await watch.next();
    if (next.done === true) assert.fail('the watch has ended');
    if (test(next.value)) return performance.now();
  }
}

const stateIs = (state: string) => (event: VmEvent) =>
  event.type === 'modify' && event.changes.some(({ prettyPath, newValue }) => prettyPath === 'state' && newValue === state); // prettier-ignore

describe('a watch of an illumos host', () => {
  let end: AbortController;
  let counted: ReturnType<typeof countedHost>;
  let watch: AsyncGenerator<VmEvent, void>;

  beforeEach(async () => {
    end = new AbortController();
    counted = countedHost();
    const { signal } = end;
    const host = () => Promise.resolve(counted.host);
    watch = watchVms({ host, log: silentLog, progress: quietProgress, signal, root: stand.path });
    assert.equal((await watch.next()).value?.type, 'ready');
  });
  afterEach(() => {
    end.abort();
  });

  it('hears that a zone boots and halts', async () => {
    for (const [command, state] of [
      ['start', 'running'],
      ['stop', 'stopped'],
    ] as const) {
      // prettier-ignore
      const seen = timeOf(watch, stateIs(state));
      await vmadm([command, uuid, ...(command === 'stop' ? ['-F'] : [])]);
      const done = performance.now();
      assert.ok((await seen) - done < wholePauseMs / 2, `${state} is seen late`);
    }
  });

  it('hears that a configuration, or a file of a zone, has changed', async () => {
    const tags = join(stand.path, `zones/${uuid}/config/tags.json`);
    const seen = timeOf(watch, (event) => event.type === 'modify' && event.vm.tags?.['role'] === 'web');
    assert.ok(existsSync(tags));
    writeFileSync(`${tags}.new`, '{"role":"web"}');
    renameSync(`${tags}.new`, tags);
    const done = performance.now();
    assert.ok((await seen) - done < wholePauseMs / 2, 'the tag is seen late');

    const renamed = timeOf(watch, (event) => event.type === 'modify' && event.vm.alias === 'web');
    await vmadm(['update', uuid, 'alias=web']);
    const written = performance.now();
    assert.ok((await renamed) - written < wholePauseMs / 2, 'the alias is seen late');
  });

  it('does not look at zones that say nothing', async () => {
    const pending = watch.next();
    pending.catch(() => undefined);
    await sleep(200);
    const before = counted.looks();
    await sleep(wholePauseMs * 0.75);
    // Everything may have been looked at, which is done once in that time.
    assert.ok(counted.looks() <= before + 1);
    end.abort();
    assert.equal((await pending).done, true);
  });

  it('knows where zones may not be heard', async () => {
    const zones = await counted.host.zones.list();
    for (const [refusal, isToldOf] of [
      ['0', true],
      ['1', false],
    ] as const) {
      // prettier-ignore
      stand.write('/system/sysevent-refuse', `sysevent_evc_bind ${refusal}\n`);
      const heard = counted.host.watch(() => undefined);
      assert.equal(heard.follow(zones), isToldOf);
      heard.close();
    }
  });
});
