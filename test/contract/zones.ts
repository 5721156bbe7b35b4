/** What every implementation of the zone interface must do. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from '../../lib/errors.js';
import type { HostLinks } from '../../lib/host/links.js';
import type { ZoneConsole, Zones } from '../../lib/host/zones.js';
import { zoneConfig, type TestZone } from '../zone-root.js';

export interface ZonesUnderTest {
  readonly zones: Zones;
  /** Where the zones' vnics go, with the tags `admin` and `stub0`. */
  readonly links: HostLinks;
  /** Vnics are made by us, and come, go and change with the configuration of a running zone; so does its hostname. */
  readonly makesVnics: boolean;
  /** Makes what an installed zone has on disk: a userland with echo, false, hostname, poweroff, reboot, sleep, true. */
  install(name: string): void;
  /** Makes a snapshot of a zone, and says which of them a running one sees. */
  readonly snapshots: {
    make(zone: string, snapshot: string): void;
    seen(zone: string): Promise<readonly string[]>;
    /** They are shown by us, rather than by the zone's brand, when it boots. */
    readonly atBoot: boolean;
  };
  /** The index of zones, where it is a file. */
  readonly index?: string;
  close(): Promise<void>;
}

export function zonesContract(kind: string, open: () => Promise<ZonesUnderTest>): void {
  describe(`zones (${kind})`, () => {
    let tested: ZonesUnderTest;
    let zones: Zones;

    before(async () => {
      tested = await open();
      ({ zones } = tested);
    });
    after(() => tested.close());

    const rejects = (work: Promise<unknown>, code: string) => assert.rejects(work, (error) => codeOf(error) === code);
    const state = async (name: string) => (await zones.find(name))?.state;
    const vnicsOf = async (zone: string) => (await tested.links.list()).filter((link) => link.zone === zone);
    const net0 = { physical: 'net0', nicTag: 'admin', mac: '2:8:20:0:0:1', properties: { ips: 'dhcp' } };

    /** A zone in state `installed`. */
    async function installed(name: string, zone: TestZone = {}): Promise<void> {
      await zones.configure(zoneConfig(name, zone));
      tested.install(name);
      await zones.mark(name, 'installed');
    }

    /** Runs `work` with a booted zone that is gone afterwards. */
    async function withRunning(name: string, zone: TestZone, work: () => Promise<void>): Promise<void> {
      await installed(name, zone);
      await zones.boot(name);
      try {
        await work();
      } finally {
        await zones.halt(name).catch((error: unknown) => {
          if (codeOf(error) !== 'ZoneBadState') throw error;
        });
        await zones.unconfigure(name);
      }
    }

    async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
      const deadline = Date.now() + 20_000;
      while (Date.now() < deadline) {
        if (await holds()) return;
        await sleep(20);
      }
      assert.fail(`waited in vain until ${what}`);
    }

    it('are none at first', async () => {
      assert.deepEqual(await zones.list(), []);
      assert.equal(await zones.find('nobody'), undefined);
      assert.equal(await zones.runtime('nobody'), undefined);
    });

    it('are listed in the order in which they were configured, and found by name', async () => {
      await zones.configure(zoneConfig('b'), '54f1cc77-68f1-42ab-acac-5c4f64f5d6e0');
      await zones.configure(zoneConfig('a'));
      const [b, a] = await zones.list();
      assert.equal(a?.name, 'a');
      assert.deepEqual(b, {
        name: 'b', id: undefined, state: 'configured', zonepath: '/zones/b',
        uuid: '54f1cc77-68f1-42ab-acac-5c4f64f5d6e0', brand: 'lx', ipType: 'exclusive', debugId: b?.debugId,
      }); // prettier-ignore
      assert.ok(a.debugId > b.debugId && b.debugId > 0);
      assert.deepEqual(await zones.find('b'), b);
      await zones.unconfigure('a');
      await zones.unconfigure('b');
    });

    it('give their configuration back as it was, with a debug id of its own', async () => {
      const config = zoneConfig('kept', {
        rctls: { 'zone.cpu-shares': 100 },
        attrs: { hostname: 'kept', alias: 'a "quoted" <value> & more' },
        vnics: [net0],
      });
      await zones.configure(config);
      const { attributes, resources } = await zones.config('kept');
      assert.deepEqual(resources, config.resources);
      const { debugid, ...others } = attributes;
      assert.deepEqual(others, config.attributes);
      assert.match(debugid ?? '', /^[1-9]\d*$/);
      await zones.unconfigure('kept');
      await rejects(zones.config('kept'), 'ZoneNotFound');
    });

    it('keep state, uuid and debug id when configured again', async () => {
      await zones.configure(zoneConfig('again'), '54f1cc77-68f1-42ab-acac-5c4f64f5d6e1');
      await zones.mark('again', 'incomplete');
      const old = await zones.find('again');
      await zones.configure(zoneConfig('again', { attrs: { hostname: 'other' } }));
      assert.deepEqual(await zones.find('again'), old);
      assert.equal((await zones.list()).length, 1);
      await zones.unconfigure('again');
    });

    it('are not configured under names and paths that cannot be', async () => {
      for (const name of ['', 'global', '../a', 'a/b', 'a b', 'a:b', '.a', 'SUNWx', 'x'.repeat(64), 'a\nb']) {
        await rejects(zones.configure(zoneConfig(name, { attributes: { zonepath: '/zones/a' } })), 'InvalidName');
        await assert.rejects(async () => zones.find(name), (error) => codeOf(error) === 'InvalidName'); // prettier-ignore
      }
      for (const zonepath of ['', 'zones/a', '/', '//', '/./', '/zones/../etc', '/zones/a\nb', '/zones/"a"']) {
        await rejects(zones.configure(zoneConfig('a', { attributes: { zonepath } })), 'ZoneInvalid');
      }
      await rejects(zones.configure(zoneConfig('a', { attrs: { alias: 'not \u0000 text' } })), 'ZoneInvalid');
      assert.deepEqual(await zones.list(), []);
    });

    it('that are not there cannot be used, but can be unconfigured', async () => {
      await rejects(zones.mark('nobody', 'installed'), 'ZoneNotFound');
      await rejects(zones.boot('nobody'), 'ZoneNotFound');
      await rejects(zones.halt('nobody'), 'ZoneNotFound');
      await rejects(zones.refresh('nobody', zoneConfig('nobody')), 'ZoneNotFound');
      await rejects(zones.exec('nobody', ['true']), 'ZoneNotFound');
      await rejects(zones.console('nobody'), 'ZoneNotFound');
      await zones.unconfigure('nobody');
    });

    it('that the index does not name can be read, unconfigured and made anew', async () => {
      const { index } = tested;
      if (index === undefined) return;
      const strand = async () => {
        await zones.configure(zoneConfig('stranded'));
        const lines = readFileSync(index, 'utf8').split('\n');
        writeFileSync(index, lines.filter((line) => !line.startsWith('stranded:')).join('\n'));
        assert.equal(await zones.find('stranded'), undefined);
        assert.equal((await zones.config('stranded')).attributes['name'], 'stranded');
      };
      await strand();
      await zones.unconfigure('stranded');
      await rejects(zones.config('stranded'), 'ZoneNotFound');
      await strand();
      await zones.configure(zoneConfig('stranded', { attrs: { alias: 'anew' } }));
      assert.equal(await state('stranded'), 'configured');
      await zones.unconfigure('stranded');
      assert.deepEqual(await zones.list(), []);
    });

    it('that do not run cannot be halted, entered or attached to', async () => {
      await installed('idle');
      await rejects(zones.halt('idle'), 'ZoneBadState');
      await rejects(zones.exec('idle', ['true']), 'ZoneBadState');
      await rejects(zones.console('idle'), 'ZoneBadState');
      assert.equal(await zones.runtime('idle'), undefined);
      await zones.refresh('idle', await zones.config('idle'));
      await zones.unconfigure('idle');
    });

    it('boot from state installed only', async () => {
      await zones.configure(zoneConfig('half'));
      await rejects(zones.boot('half'), 'ZoneBadState');
      await zones.mark('half', 'incomplete');
      await rejects(zones.boot('half'), 'ZoneBadState');
      assert.equal(await state('half'), 'incomplete');
      await zones.unconfigure('half');
    });

    it('run with an id, a process and a time of boot until they are halted', async () => {
      const began = Date.now();
      await withRunning('runs', { vnics: [net0] }, async () => {
        const record = await zones.find('runs');
        assert.equal(record?.state, 'running');
        assert.ok(Number.isSafeInteger(record.id) && (record.id ?? 0) > 0);
        assert.deepEqual(await zones.list(), [record]);
        const runtime = await zones.runtime('runs');
        assert.ok(runtime !== undefined && runtime.pid > 1 && runtime.initRestarts === 0);
        // Some hosts know the second only.
        assert.ok(runtime.bootedAt >= began - 1000 && runtime.bootedAt <= Date.now());
        assert.equal((await vnicsOf('runs')).length, 1);
        await rejects(zones.boot('runs'), 'ZoneBadState');
        await rejects(zones.unconfigure('runs'), 'ZoneBadState');
        await zones.halt('runs');
        assert.deepEqual(await zones.find('runs'), { ...record, id: undefined, state: 'installed' });
        assert.equal(await zones.runtime('runs'), undefined);
        assert.deepEqual(await vnicsOf('runs'), []);
      });
    });

    it('boot once when booted twice at the same time', async () => {
      await installed('twice');
      const outcomes = await Promise.allSettled([zones.boot('twice'), zones.boot('twice')]);
      const failures = outcomes.flatMap(
        (outcome) =>
        outcome.status === 'rejected' ? [codeOf(outcome.reason)] : [], // prettier-ignore
      );
      assert.deepEqual(failures, ['ZoneBadState']);
      assert.equal(await state('twice'), 'running');
      await zones.halt('twice');
      await zones.unconfigure('twice');
    });

    it('have ids of their own', async () => {
      await withRunning('one', {}, () =>
        withRunning('two', {}, async () => {
          const ids = (await zones.list()).map((zone) => zone.id);
          assert.equal(new Set(ids).size, 2);
        }),
      );
    });

    it('run programs without a shell and tell status and output', async () => {
      await withRunning('runner', {}, async () => {
        assert.deepEqual(await zones.exec('runner', ['echo', 'a  b', '$HOME;*']), {
          status: 0,
          stdout: 'a  b $HOME;*\n',
          stderr: '',
        });
        assert.equal((await zones.exec('runner', ['false'])).status, 1);
        assert.equal((await zones.exec('runner', ['no-such-program'])).status, 127);
        await rejects(zones.exec('runner', ['sleep', '30'], { timeoutMs: 200 }), 'TimedOut');
        assert.equal(await state('runner'), 'running');
      });
    });

    it('see their snapshots while they run, until those are hidden', async () => {
      const { snapshots } = tested;
      await rejects(zones.showSnapshot('nobody', 'first'), 'ZoneNotFound');
      await rejects(zones.hideSnapshot('nobody', 'first'), 'ZoneNotFound');
      await withRunning('seer', {}, async () => {
        for (const snapshot of ['first', 'a:b.c_%-']) {
          snapshots.make('seer', snapshot);
          await zones.showSnapshot('seer', snapshot);
        }
        assert.deepEqual((await snapshots.seen('seer')).toSorted(), ['a:b.c_%-', 'first']);
        await zones.hideSnapshot('seer', 'first');
        await zones.hideSnapshot('seer', 'first');
        assert.deepEqual(await snapshots.seen('seer'), ['a:b.c_%-']);
        await zones.hideSnapshot('seer', 'a:b.c_%-');
        assert.deepEqual(await snapshots.seen('seer'), []);
        for (const wrong of ['.', '..', '', 'a/b', 'a b', '../etc']) {
          await rejects(zones.showSnapshot('seer', wrong), 'InvalidName');
          await rejects(zones.hideSnapshot('seer', wrong), 'InvalidName');
        }
        await zones.halt('seer');
        await rejects(zones.showSnapshot('seer', 'first'), 'ZoneBadState');
        await zones.hideSnapshot('seer', 'first');
      });
    });

    it('see the snapshots that there are from each boot on, also their own', async () => {
      const { snapshots } = tested;
      if (!snapshots.atBoot) return;
      await installed('sees');
      snapshots.make('sees', 'one');
      await zones.boot('sees');
      try {
        assert.deepEqual(await snapshots.seen('sees'), ['one']);
        snapshots.make('sees', 'two');
        await zones.showSnapshot('sees', 'two');
        await zones.hideSnapshot('sees', 'one');
        const old = await zones.runtime('sees');
        await zones.exec('sees', ['reboot', '-f']).catch(() => undefined);
        await until('it runs again', async () => {
          const runtime = await zones.runtime('sees');
          return runtime !== undefined && runtime.pid !== old?.pid;
        });
        await until('it sees the other', async () => (await snapshots.seen('sees')).join() === 'two');
      } finally {
        await zones.halt('sees');
        await zones.unconfigure('sees');
      }
    });

    it('have a console for one at a time, which is free again once closed', async () => {
      await withRunning('typed', {}, async () => {
        const console_ = await zones.console('typed');
        const seen = collect(console_);
        console_.stream.write('echo typed\n');
        await until('the console echoes', () => Promise.resolve(seen().includes('echo typed\r\n')));
        console_.resize(120, 40);
        await rejects(zones.console('typed'), 'ZoneConsoleBusy');
        console_.close();
        console_.close();
        let next: ZoneConsole | undefined;
        await until('the console is free', async () => {
          next = await zones.console('typed').catch(() => undefined);
          return next !== undefined;
        });
        next?.close();
        assert.equal(await state('typed'), 'running');
      });
    });

    it('stop by a poweroff from inside', async () => {
      await withRunning('off', { vnics: [net0] }, async () => {
        await zones.exec('off', ['poweroff', '-f']).catch(() => undefined);
        await until('it has stopped', async () => (await state('off')) === 'installed');
        await rejects(zones.halt('off'), 'ZoneBadState');
        assert.deepEqual(await vnicsOf('off'), []);
        await zones.boot('off');
        assert.equal(await state('off'), 'running');
      });
    });

    it('boot again by a reboot from inside', async () => {
      await withRunning('again', { vnics: [net0] }, async () => {
        const old = await zones.runtime('again');
        await zones.exec('again', ['reboot', '-f']).catch(() => undefined);
        await until('it runs again', async () => {
          const runtime = await zones.runtime('again');
          return runtime !== undefined && runtime.pid !== old?.pid;
        });
        assert.equal((await zones.runtime('again'))?.initRestarts, 0);
        assert.equal((await vnicsOf('again')).length, 1);
        assert.equal((await zones.exec('again', ['true'])).status, 0);
      });
    });

    it('take a new configuration while they run', async () => {
      if (!tested.makesVnics) return;
      await withRunning('live', { attrs: { hostname: 'old' } }, async () => {
        const old = await zones.config('live');
        assert.equal((await zones.exec('live', ['hostname'])).stdout, 'old\n');
        await zones.configure(zoneConfig('live', { attrs: { hostname: 'new' }, vnics: [net0] }));
        assert.equal((await zones.exec('live', ['hostname'])).stdout, 'old\n');
        await zones.refresh('live', old);
        assert.equal((await zones.exec('live', ['hostname'])).stdout, 'new\n');
        assert.equal((await vnicsOf('live')).length, 1);
        const plugged = await zones.config('live');
        await zones.configure(zoneConfig('live', { attrs: { hostname: 'new' } }));
        await zones.refresh('live', plugged);
        assert.deepEqual(await vnicsOf('live'), []);
      });
    });

    it('stay as they were when a part of a new configuration fails', async () => {
      if (!tested.makesVnics) return;
      await withRunning('spoilt', { attrs: { hostname: 'old' } }, async () => {
        const old = await zones.config('spoilt');
        const nowhere = { physical: 'net9', nicTag: 'nowhere', mac: '2:8:20:0:0:9' };
        await zones.configure(zoneConfig('spoilt', { attrs: { hostname: 'new' }, vnics: [net0, nowhere] }));
        await rejects(zones.refresh('spoilt', old), 'NicTagNotFound');
        assert.equal((await zones.exec('spoilt', ['hostname'])).stdout, 'old\n');
        assert.deepEqual(await vnicsOf('spoilt'), []);
      });
    });

    it('leave nothing behind when they cannot boot', async () => {
      if (!tested.makesVnics) return;
      const nowhere = { physical: 'net1', nicTag: 'nowhere', mac: '2:8:20:0:0:9' };
      await installed('lost', { vnics: [net0, nowhere] });
      await rejects(zones.boot('lost'), 'NicTagNotFound');
      assert.equal(await state('lost'), 'installed');
      assert.deepEqual(await vnicsOf('lost'), []);
      await zones.unconfigure('lost');
    });
  });
}

function collect(console_: ZoneConsole): () => string {
  let text = '';
  console_.stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}
