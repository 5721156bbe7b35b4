/** What every implementation of the dataset interface must do. */
import assert from 'node:assert/strict';
import {
  createReadStream, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync,
} from 'node:fs'; // prettier-ignore
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { after, before, describe, it } from 'node:test';
import { createGunzip } from 'node:zlib';
import { codeOf } from '../../lib/errors.js';
import type { Dataset, Datasets, SendOptions } from '../../lib/host/datasets.js';

export interface DatasetsUnderTest {
  /** With one empty pool, `zones`. */
  readonly datasets: Datasets;
  readonly close: () => Promise<void> | void;
}

const MiB = 2 ** 20;
const fixtures = new URL('../fixtures/zfs/', import.meta.url);

/** A recorded ZFS send stream. */
export function recordedStream(name: string): Readable {
  return createReadStream(new URL(`${name}.zstream.gz`, fixtures)).pipe(createGunzip());
}

/** Guid of the snapshot that `image-full` holds. */
const imageGuid = 4690062967580855770n;

export function datasetsContract(name: string, open: () => Promise<DatasetsUnderTest>): void {
  describe(`datasets (${name})`, () => {
    let tested: DatasetsUnderTest;
    let datasets: Datasets;
    let count = 0;

    before(async () => {
      tested = await open();
      ({ datasets } = tested);
    });
    after(() => tested.close());

    const rejects = (work: Promise<unknown>, code: string, message?: string) =>
      assert.rejects(work, (error) => {
        assert.equal(codeOf(error), code, error instanceof Error ? error.stack : undefined);
        if (message !== undefined) assert.ok(error instanceof Error && error.message.includes(message), String(error));
        return true;
      });
    const find = async (dataset: string): Promise<Dataset> => {
      const found = await datasets.find(dataset);
      assert.ok(found !== undefined, `${dataset} is not there`);
      return found;
    };
    const names = async (root: string, depth?: number) =>
      (await datasets.list({ root, ...(depth === undefined ? {} : { depth }) })).map((dataset) => dataset.name);
    const folder = async (dataset: string) =>
      (await find(dataset)).mountpoint ?? assert.fail(`${dataset} is not mounted`);
    const write = async (dataset: string, file: string, text: string) => {
      writeFileSync(join(await folder(dataset), file), text);
    };
    const read = async (dataset: string, file: string) => readFileSync(join(await folder(dataset), file), 'utf8');
    /** A new filesystem for one test. */
    const fresh = async (properties?: Record<string, string>) => {
      const dataset = `zones/t${(count += 1)}`;
      await datasets.create(dataset, properties);
      return dataset;
    };
    /** An image of one file, `f`, and a clone of it. */
    const cloned = async (properties?: Record<string, string>) => {
      const image = await fresh();
      await write(image, 'f', 'image');
      await datasets.snapshot(`${image}@final`);
      const clone = `${image}-clone`;
      await datasets.clone(`${image}@final`, clone, properties);
      return { image, clone };
    };

    it('begin with the pool, which is a filesystem itself', async () => {
      const pools = await datasets.pools();
      assert.deepEqual(
        pools.map((pool) => pool.name),
        ['zones'],
      );
      assert.ok(pools.every((pool) => pool.freeBytes > 0 && pool.freeBytes <= pool.sizeBytes));
      const pool = await find('zones');
      assert.equal(pool.type, 'filesystem');
      assert.equal(pool.mountpoint, pools[0]?.mountpoint);
    });

    describe('create', () => {
      it('makes a filesystem, mounted at its name, empty and readable for all', async () => {
        const dataset = await fresh();
        const { type, mountpoint = '', device, origin, guid, creation, quotaBytes } = await find(dataset);
        assert.equal(mountpoint, join(await folder('zones'), dataset.slice('zones/'.length)));
        assert.deepEqual([type, device, origin, quotaBytes], ['filesystem', undefined, undefined, undefined]);
        assert.deepEqual(readdirSync(mountpoint), []);
        assert.equal(statSync(mountpoint).mode & 0o777, 0o755);
        assert.ok(guid > 0n && Math.abs(creation - Date.now() / 1000) < 60);
      });

      it('makes a volume: a sparse device of exactly its size', async () => {
        const parent = await fresh();
        await datasets.create(`${parent}/disk0`, { refreservation: 'auto', volblocksize: '16K' }, 64 * MiB);
        const {
          type,
          device = '',
          mountpoint,
          volsizeBytes,
          reservationBytes,
          properties,
        } = await find(`${parent}/disk0`);
        assert.deepEqual([type, mountpoint, volsizeBytes], ['volume', undefined, 64 * MiB]);
        // ZFS sets aside what describes the blocks as well.
        assert.ok(reservationBytes !== undefined && reservationBytes >= 64 * MiB && reservationBytes < 72 * MiB);
        assert.equal(properties['refreservation'], String(reservationBytes));
        assert.equal(statSync(device).size, 64 * MiB);
        assert.ok(statSync(device).blocks * 512 < MiB);
      });

      it('keeps properties in one form, whatever form they are given in', async () => {
        const dataset = await fresh({
          quota: '1.5g', recsize: '128k', compress: 'lz4', 'smartdc:owner': 'ünïcode "x"\n', snapshot_limit: '7',
        }); // prettier-ignore
        const { properties, quotaBytes } = await find(dataset);
        assert.deepEqual(
          { ...properties },
          {
            quota: '1610612736', recordsize: '131072', compression: 'lz4', 'smartdc:owner': 'ünïcode "x"\n',
            snapshot_limit: '7',
          }, // prettier-ignore
        );
        assert.equal(quotaBytes, 1.5 * 2 ** 30);
      });

      it('refuses a name that is taken, a parent that is missing, a pool that is none', async () => {
        const dataset = await fresh();
        await rejects(datasets.create(dataset), 'DatasetExists', dataset);
        await rejects(datasets.create('zones'), 'DatasetExists', 'zones');
        await rejects(datasets.create(`${dataset}/no/child`), 'DatasetNotFound', `${dataset}/no`);
        await rejects(datasets.create('nowhere/x'), 'PoolNotFound', 'nowhere');
        await datasets.create(`${dataset}/vol`, {}, MiB);
        await rejects(datasets.create(`${dataset}/vol/x`), 'DatasetNotFound', `${dataset}/vol`);
      });

      it('never takes the place of files', async () => {
        const dataset = await fresh();
        mkdirSync(join(await folder(dataset), 'taken'));
        await write(dataset, 'taken/file', 'x');
        await rejects(datasets.create(`${dataset}/taken`), 'DatasetExists', `${dataset}/taken`);
        assert.equal(await read(dataset, 'taken/file'), 'x');
      });

      it('refuses what is no name, before it becomes a path', async () => {
        const long = `zones/${'x'.repeat(250)}`;
        for (const bad of [
          '', '/', 'zones/', '/zones/x', 'zones//x', 'zones/..', 'zones/../etc', 'zones/.', 'zones/x@y', '..', 'zones/a\0b',
          'zones/a\nb', 'zones/ä', 'zones/a#b', '1zones/x', long, `zones${'/x'.repeat(60)}`, 'zones/.smartadm',
          'zones/.smartadm/work/x',
        ]) {
          await rejects(datasets.create(bad), 'InvalidName');
        } // prettier-ignore
        for (const bad of ['zones', 'zones@', 'zones@a@b', 'zones@a/b', 'zones@..', 'zones/x@']) {
          await rejects(datasets.snapshot(bad), 'InvalidName');
        }
      });

      it('refuses properties that are none, and leaves nothing', async () => {
        for (const bad of [
          { nonsense: 'on' }, { quota: 'lots' }, { quota: '-1' }, { compression: 'best' }, { used: '1' }, { recordsize: '1000' },
          { 'Upper:case': 'x' }, { 'a:b': 'x'.repeat(9000) }, { volsize: '1G' }, { readonly: 'yes' }, { snapshot_limit: '-1' },
        ] as Record<string, string>[]) {
          await rejects(datasets.create('zones/bad', bad), 'InvalidProperty', 'zones/bad');
        } // prettier-ignore
        await rejects(datasets.create('zones/bad', {}, 1000), 'InvalidProperty', 'zones/bad');
        await rejects(datasets.create('zones/bad', { quota: '1G' }, MiB), 'InvalidProperty', 'zones/bad');
        assert.equal(await datasets.find('zones/bad'), undefined);
      });

      it('makes 20 at once, and one of two that want the same name', async () => {
        const all = Array.from({ length: 20 }, (_, index) => `zones/at-once-${index}`);
        await Promise.all(all.map((each) => datasets.create(each)));
        const there = new Set(await names('zones', 1));
        assert.ok(all.every((each) => there.has(each)));
        const both = await Promise.allSettled([datasets.create('zones/same'), datasets.create('zones/same')]);
        const lost = both.filter((each) => each.status === 'rejected');
        assert.deepEqual(
          lost.map(({ reason }) => codeOf(reason)),
          ['DatasetExists'],
        );
      });
    });

    describe('list and find', () => {
      it('give datasets by name, each before its snapshots in the order they were made', async () => {
        const dataset = await fresh();
        await datasets.create(`${dataset}/b`);
        await datasets.create(`${dataset}/a`);
        await datasets.create(`${dataset}-disk0`, {}, MiB);
        await datasets.snapshot(`${dataset}@z`);
        await datasets.snapshot(`${dataset}@y`);
        await datasets.snapshot(`${dataset}/a@s`);
        const below = [`${dataset}@z`, `${dataset}@y`, `${dataset}/a`, `${dataset}/a@s`, `${dataset}/b`];
        assert.deepEqual(await names(dataset), [dataset, ...below]);
        assert.deepEqual(await names(dataset, 0), [dataset]);
        assert.deepEqual(await names(dataset, 1), [dataset, ...below.filter((each) => each !== `${dataset}/a@s`)]);
        const volumes = await datasets.list({ types: ['volume'] });
        assert.ok(volumes.some((each) => each.name === `${dataset}-disk0`));
        assert.ok(volumes.every((each) => each.type === 'volume'));
        assert.deepEqual(
          (await datasets.list()).filter((each) => each.name.startsWith(dataset)).map((each) => each.name),
          [dataset, `${dataset}@z`, `${dataset}@y`, `${dataset}-disk0`, ...below.slice(2)],
        );
      });

      it('find nothing under names that nothing has', async () => {
        assert.equal(await datasets.find('zones/nothing'), undefined);
        assert.equal(await datasets.find('zones@nothing'), undefined);
        assert.equal(await datasets.find('nowhere/x'), undefined);
        assert.deepEqual(await datasets.list({ root: 'zones/nothing' }), []);
        await rejects(datasets.list({ root: 'zones/..' }), 'InvalidName');
      });

      it('show no plain folder as a dataset', async () => {
        const dataset = await fresh();
        mkdirSync(join(await folder(dataset), 'plain'));
        assert.equal(await datasets.find(`${dataset}/plain`), undefined);
      });
    });

    describe('snapshot', () => {
      it('keeps what was there, out of sight of the dataset', async () => {
        const dataset = await fresh();
        await write(dataset, 'f', 'before');
        await datasets.snapshot(`${dataset}@s`, { 'test:note': 'x' });
        await write(dataset, 'f', 'after');
        const { type, mountpoint, properties, origin } = await find(`${dataset}@s`);
        assert.deepEqual([type, mountpoint, origin], ['snapshot', undefined, undefined]);
        assert.deepEqual({ ...properties }, { 'test:note': 'x' });
        assert.deepEqual(readdirSync(await folder(dataset)), ['f']);
        await datasets.clone(`${dataset}@s`, `${dataset}-copy`);
        assert.equal(await read(`${dataset}-copy`, 'f'), 'before');
      });

      it('refuses a name that is taken and a dataset that is missing', async () => {
        const dataset = await fresh();
        await datasets.snapshot(`${dataset}@s`);
        await rejects(datasets.snapshot(`${dataset}@s`), 'DatasetExists', `${dataset}@s`);
        await rejects(datasets.snapshot('zones/nothing@s'), 'DatasetNotFound', 'zones/nothing');
        await rejects(datasets.snapshot(`${dataset}@p`, { quota: '1G' }), 'InvalidProperty', `${dataset}@p`);
      });
    });

    describe('clone', () => {
      it('begins as its origin and goes its own way', async () => {
        const { image, clone } = await cloned({ quota: '1G' });
        await write(clone, 'f', 'clone');
        assert.equal(await read(image, 'f'), 'image');
        const found = await find(clone);
        assert.equal(found.origin, `${image}@final`);
        assert.equal(found.quotaBytes, 2 ** 30);
        assert.notEqual(found.guid, (await find(image)).guid);
      });

      it('of a volume is one, larger if wanted', async () => {
        const dataset = await fresh();
        await datasets.create(`${dataset}/disk0`, {}, 8 * MiB);
        writeFileSync((await find(`${dataset}/disk0`)).device ?? '', 'boot', { flag: 'r+' });
        await datasets.snapshot(`${dataset}/disk0@s`);
        await datasets.clone(`${dataset}/disk0@s`, `${dataset}/disk1`, { volsize: '16M', compression: 'lz4' });
        const { device = '', volsizeBytes, origin } = await find(`${dataset}/disk1`);
        assert.deepEqual([volsizeBytes, origin, statSync(device).size], [16 * MiB, `${dataset}/disk0@s`, 16 * MiB]);
        assert.equal(readFileSync(device).subarray(0, 4).toString(), 'boot');
      });

      it('leaves out the datasets inside, and can have its own in their place', async () => {
        const dataset = await fresh();
        await datasets.create(`${dataset}/data`);
        await write(`${dataset}/data`, 'secret', 'x');
        await datasets.snapshot(`${dataset}@s`);
        await datasets.clone(`${dataset}@s`, `${dataset}-clone`);
        assert.deepEqual(await names(`${dataset}-clone`), [`${dataset}-clone`]);
        assert.ok(!existsSync(join(await folder(`${dataset}-clone`), 'data/secret')));
        await datasets.create(`${dataset}-clone/data`);
        assert.deepEqual(readdirSync(await folder(`${dataset}-clone/data`)), []);
      });

      it('refuses a snapshot that is missing and a name that is taken', async () => {
        const { image, clone } = await cloned();
        await rejects(datasets.clone(`${image}@none`, 'zones/none'), 'DatasetNotFound', `${image}@none`);
        await rejects(datasets.clone(image, 'zones/none'), 'InvalidName', image);
        await rejects(datasets.clone(`${image}@final`, clone), 'DatasetExists', clone);
        await rejects(datasets.clone(`${image}@final`, 'zones/none/x'), 'DatasetNotFound', 'zones/none');
        await rejects(
          datasets.clone(`${image}@final`, 'zones/none', { volsize: '1G' }),
          'InvalidProperty',
          'zones/none',
        );
      });
    });

    describe('destroy', () => {
      it('removes a dataset with its files, and what is below it only when told to', async () => {
        const dataset = await fresh();
        await datasets.create(`${dataset}/data`);
        const path = await folder(dataset);
        await rejects(datasets.destroy(dataset), 'DatasetHasChildren', `${dataset}/data`);
        await datasets.destroy(`${dataset}/data`);
        await datasets.snapshot(`${dataset}@s`);
        await rejects(datasets.destroy(dataset), 'DatasetHasChildren', dataset);
        await datasets.create(`${dataset}/data`);
        await datasets.destroy(dataset, { recursive: true });
        assert.deepEqual(await names(dataset), []);
        assert.ok(!existsSync(path));
        await datasets.create(dataset);
        assert.deepEqual(await names(dataset), [dataset]);
      });

      it('is refused while a clone lives, of an image, of its snapshot, and of all above', async () => {
        const { image, clone } = await cloned();
        for (const each of [`${image}@final`, image]) {
          await rejects(datasets.destroy(each, { recursive: true }), 'DatasetBusy', clone);
        }
        assert.equal(await read(clone, 'f'), 'image');
        await datasets.destroy(clone);
        await datasets.destroy(image, { recursive: true });
      });

      it('is refused while a clone lives that has been rolled back meanwhile, as its origin may have been', async () => {
        const { image, clone } = await cloned();
        await datasets.rollback(`${image}@final`);
        for (let times = 0; times < 2; times += 1) {
          await datasets.snapshot(`${clone}@s${times}`);
          await datasets.rollback(`${clone}@s${times}`);
          assert.equal((await find(clone)).origin, `${image}@final`);
          await rejects(datasets.destroy(`${image}@final`), 'DatasetBusy', clone);
        }
        await datasets.destroy(`${clone}@s0`);
        await rejects(datasets.destroy(image, { recursive: true }), 'DatasetBusy', clone);
        await datasets.destroy(clone, { recursive: true });
        await datasets.destroy(image, { recursive: true });
      });

      it('takes a clone along when both are below', async () => {
        const dataset = await fresh();
        await datasets.snapshot(`${dataset}@s`);
        await datasets.clone(`${dataset}@s`, `${dataset}/clone`);
        await datasets.destroy(dataset, { recursive: true });
        assert.equal(await datasets.find(dataset), undefined);
      });

      it('refuses what is missing, and a pool', async () => {
        await rejects(datasets.destroy('zones/nothing'), 'DatasetNotFound', 'zones/nothing');
        await rejects(datasets.destroy('zones@nothing'), 'DatasetNotFound', 'zones@nothing');
        await rejects(datasets.destroy('zones', { recursive: true }), 'InvalidName', 'zones');
      });
    });

    describe('rename', () => {
      it('moves a dataset with all below it; clones and properties follow', async () => {
        const { image, clone } = await cloned();
        await datasets.create(`${image}/data`, { 'test:x': 'y' });
        await datasets.snapshot(`${image}/data@s`);
        await write(`${image}/data`, 'f', 'inside');
        const { guid } = await find(image);
        await datasets.rename(image, `${image}-new`);
        assert.deepEqual(await names(`${image}-new`), [
          `${image}-new`, `${image}-new@final`, `${image}-new/data`, `${image}-new/data@s`,
        ]); // prettier-ignore
        assert.deepEqual(await names(image), []);
        assert.equal((await find(clone)).origin, `${image}-new@final`);
        assert.equal((await find(`${image}-new`)).guid, guid);
        assert.equal((await find(`${image}-new/data`)).properties['test:x'], 'y');
        assert.equal(await read(`${image}-new/data`, 'f'), 'inside');
      });

      it('gives a snapshot another name', async () => {
        const { image, clone } = await cloned();
        await datasets.rename(`${image}@final`, `${image}@last`);
        assert.equal((await find(clone)).origin, `${image}@last`);
        assert.equal(await datasets.find(`${image}@final`), undefined);
        await datasets.snapshot(`${image}@other`);
        await rejects(datasets.rename(`${image}@other`, `${image}@last`), 'DatasetExists', `${image}@last`);
        await rejects(datasets.rename(`${image}@other`, `${clone}@other`), 'InvalidName');
      });

      it('moves below another dataset and out again', async () => {
        const [one, two] = [await fresh(), await fresh()];
        await write(one, 'f', 'x');
        await datasets.rename(one, `${two}/one`);
        assert.equal(await read(`${two}/one`, 'f'), 'x');
        await datasets.rename(`${two}/one`, one);
        assert.deepEqual(await names(two), [two]);
      });

      it('refuses a name that is taken, one inside itself, another pool', async () => {
        const [one, two] = [await fresh(), await fresh()];
        await rejects(datasets.rename(one, two), 'DatasetExists', two);
        await rejects(datasets.rename(one, one), 'DatasetExists', one);
        await rejects(datasets.rename(one, `${one}/x`), 'InvalidName', one);
        await rejects(datasets.rename(one, 'other/x'), 'InvalidName', one);
        await rejects(datasets.rename('zones', 'zones/x'), 'InvalidName');
        await rejects(datasets.rename('zones/nothing', 'zones/x'), 'DatasetNotFound', 'zones/nothing');
        await rejects(datasets.rename(one, 'zones/nothing/x'), 'DatasetNotFound', 'zones/nothing');
      });
    });

    describe('set', () => {
      it('changes and clears properties, and leaves the others', async () => {
        const dataset = await fresh({ quota: '1G', 'test:a': '1', 'test:b': '2' });
        await datasets.set(dataset, { quota: '2G', 'test:a': null, 'test:c': '' });
        assert.deepEqual(
          { ...(await find(dataset)).properties },
          { quota: String(2 ** 31), 'test:b': '2', 'test:c': '' },
        );
        await datasets.set(dataset, { quota: 'none' });
        assert.equal((await find(dataset)).quotaBytes, undefined);
        await datasets.set(dataset, { quota: '1G', reservation: '10M' });
        await datasets.set(dataset, { quota: '0' });
        assert.deepEqual(
          [(await find(dataset)).quotaBytes, (await find(dataset)).reservationBytes],
          [undefined, 10 * MiB],
        );
      });

      it('works on snapshots, which keep what they hold', async () => {
        const { image, clone } = await cloned();
        await datasets.set(`${image}@final`, { 'imgadm:ignore': 'true' });
        assert.equal((await find(`${image}@final`)).properties['imgadm:ignore'], 'true');
        await datasets.destroy(clone);
        await datasets.clone(`${image}@final`, clone);
        assert.equal(await read(clone, 'f'), 'image');
        assert.deepEqual({ ...(await find(clone)).properties }, {});
      });

      it('resizes a volume', async () => {
        const dataset = await fresh();
        await datasets.create(`${dataset}/v`, {}, 8 * MiB);
        for (const size of [16 * MiB, 4 * MiB]) {
          await datasets.set(`${dataset}/v`, { volsize: String(size) });
          const { device = '', volsizeBytes } = await find(`${dataset}/v`);
          assert.deepEqual([volsizeBytes, statSync(device).size], [size, size]);
        }
        await rejects(datasets.set(`${dataset}/v`, { volsize: '5000' }), 'InvalidProperty', `${dataset}/v`);
        await rejects(datasets.set(`${dataset}/v`, { volblocksize: '4096' }), 'InvalidProperty', `${dataset}/v`);
      });

      it('changes what a filesystem may take without those below it, and what is set aside for it', async () => {
        const dataset = await fresh({ refquota: '1G' });
        const sizes = async () => {
          const { quotaBytes, reservationBytes, properties } = await find(dataset);
          return [quotaBytes, reservationBytes, properties['refquota'], properties['reservation']];
        };
        await datasets.set(dataset, { refquota: '64M', reservation: '32M' });
        assert.deepEqual(await sizes(), [undefined, 32 * MiB, String(64 * MiB), String(32 * MiB)]);
        await write(dataset, 'f', 'x'.repeat(3 * MiB));
        await datasets.snapshot(`${dataset}@written`);
        await rejects(datasets.set(dataset, { refquota: '1M' }), 'NoSpace', dataset);
        await rejects(datasets.set(dataset, { refreservation: '128M' }), 'NoSpace', dataset);
        await datasets.set(dataset, { reservation: '128M' });
        assert.deepEqual(await sizes(), [undefined, 128 * MiB, String(64 * MiB), String(128 * MiB)]);
        await datasets.set(dataset, { refquota: 'none', reservation: 'none' });
        assert.deepEqual(await sizes(), [undefined, undefined, undefined, undefined]);
      });

      it('changes what is set aside for a volume, which follows its size where it is all of it', async () => {
        const volume = `${await fresh()}/v`;
        await datasets.create(volume, { refreservation: 'auto' }, 16 * MiB);
        const reserved = async () => (await find(volume)).reservationBytes ?? 0;
        // ZFS adds what describes it.
        const isAllOf = (bytes: number, size: number) => bytes >= size && bytes < size + 8 * MiB;
        await datasets.set(volume, { volsize: String(64 * MiB) });
        assert.ok(isAllOf(await reserved(), 64 * MiB), String(await reserved()));
        await datasets.set(volume, { volsize: String(32 * MiB) });
        assert.ok(isAllOf(await reserved(), 32 * MiB), String(await reserved()));
        await datasets.set(volume, { refreservation: '8M' });
        await datasets.set(volume, { volsize: String(16 * MiB) });
        assert.equal(await reserved(), 8 * MiB);
        await rejects(datasets.set(volume, { refreservation: '1024T' }), 'NoSpace', volume);
        await datasets.set(volume, { refreservation: 'auto' });
        assert.ok(isAllOf(await reserved(), 16 * MiB), String(await reserved()));
        await datasets.set(volume, { refreservation: 'none' });
        assert.equal(await reserved(), 0);
        await datasets.set(volume, { volsize: String(8 * MiB) });
        assert.equal(await reserved(), 0);
      });

      it('refuses a quota below what is used, a reservation of more than there is, what is missing', async () => {
        const dataset = await fresh();
        await write(dataset, 'f', 'x'.repeat(3 * MiB));
        await datasets.snapshot(`${dataset}@written`);
        await rejects(datasets.set(dataset, { quota: '1M' }), 'NoSpace', dataset);
        await rejects(datasets.set(dataset, { reservation: '1024T' }), 'NoSpace', dataset);
        await rejects(datasets.set('zones/nothing', { quota: '1G' }), 'DatasetNotFound', 'zones/nothing');
        await rejects(datasets.set(dataset, { nonsense: null }), 'InvalidProperty', 'nonsense');
      });
    });

    describe('rollback', () => {
      it('brings files back, removes later snapshots and keeps the rest', async () => {
        const dataset = await fresh({ quota: '1G' });
        await datasets.create(`${dataset}/data`);
        await write(`${dataset}/data`, 'f', 'stays');
        await write(dataset, 'f', 'old');
        await datasets.snapshot(`${dataset}@early`);
        await datasets.snapshot(`${dataset}@s`);
        await write(dataset, 'f', 'new');
        await write(dataset, 'g', 'new');
        await datasets.snapshot(`${dataset}@late`);
        await datasets.set(dataset, { quota: '2G' });
        const { guid } = await find(dataset);
        await datasets.rollback(`${dataset}@s`);
        assert.equal(await read(dataset, 'f'), 'old');
        assert.ok(!existsSync(join(await folder(dataset), 'g')));
        assert.equal(await read(`${dataset}/data`, 'f'), 'stays');
        assert.deepEqual(await names(dataset), [dataset, `${dataset}@early`, `${dataset}@s`, `${dataset}/data`]);
        const found = await find(dataset);
        assert.deepEqual([found.guid, found.quotaBytes], [guid, 2 ** 31]);
        await write(dataset, 'f', 'again');
        await datasets.rollback(`${dataset}@s`);
        assert.equal(await read(dataset, 'f'), 'old');
      });

      it('takes a volume back, its size as well', async () => {
        const dataset = await fresh();
        await datasets.create(`${dataset}/v`, {}, 4 * MiB);
        writeFileSync((await find(`${dataset}/v`)).device ?? '', 'old', { flag: 'r+' });
        await datasets.snapshot(`${dataset}/v@s`);
        await datasets.set(`${dataset}/v`, { volsize: '8M' });
        writeFileSync((await find(`${dataset}/v`)).device ?? '', 'new', { flag: 'r+' });
        await datasets.rollback(`${dataset}/v@s`);
        const { device = '', volsizeBytes } = await find(`${dataset}/v`);
        assert.deepEqual([volsizeBytes, statSync(device).size], [4 * MiB, 4 * MiB]);
        assert.equal(readFileSync(device).subarray(0, 3).toString(), 'old');
      });

      it('is refused while later snapshots have clones', async () => {
        const dataset = await fresh();
        await datasets.snapshot(`${dataset}@s`);
        await datasets.snapshot(`${dataset}@late`);
        await datasets.clone(`${dataset}@late`, `${dataset}-clone`);
        await rejects(datasets.rollback(`${dataset}@s`), 'DatasetBusy', `${dataset}-clone`);
        await rejects(datasets.rollback(`${dataset}@none`), 'DatasetNotFound', `${dataset}@none`);
        assert.ok((await names(dataset)).includes(`${dataset}@late`));
      });
    });

    describe('send', () => {
      const send = (snapshot: string, options?: SendOptions) => datasets.send(snapshot, options);
      const received = async (name: string, snapshot: string, from?: string, origin?: string) => {
        const stream = await send(snapshot, from === undefined ? {} : { from });
        return datasets.receive(name, stream, origin === undefined ? {} : { origin });
      };
      const sameGuid = async (one: string, other: string) => {
        assert.equal((await find(one)).guid, (await find(other)).guid);
      };

      it('gives a filesystem with which receive makes the same one', async () => {
        const dataset = await fresh();
        await write(dataset, 'f', 'text');
        mkdirSync(join(await folder(dataset), 'folder'));
        await write(dataset, 'folder/large', 'x'.repeat(300_000));
        await datasets.snapshot(`${dataset}@s`);
        await write(dataset, 'f', 'later');
        const { snapshot, type } = await received(`${dataset}-copy`, `${dataset}@s`);
        assert.deepEqual([snapshot, type], [`${dataset}-copy@s`, 'filesystem']);
        assert.equal(await read(`${dataset}-copy`, 'f'), 'text');
        assert.equal((await read(`${dataset}-copy`, 'folder/large')).length, 300_000);
        await sameGuid(`${dataset}@s`, `${dataset}-copy@s`);
      });

      it('leaves out the datasets inside', async () => {
        const dataset = await fresh();
        await datasets.create(`${dataset}/data`);
        await write(`${dataset}/data`, 'secret', 'x');
        await datasets.snapshot(`${dataset}@s`);
        await received(`${dataset}-copy`, `${dataset}@s`);
        assert.ok(!existsSync(join(await folder(`${dataset}-copy`), 'data/secret')));
      });

      it('gives a volume with which receive makes the same one, and what changed later', async () => {
        const dataset = await fresh();
        await datasets.create(`${dataset}/disk0`, {}, 8 * MiB);
        const device = async (name: string) => (await find(name)).device ?? assert.fail(`${name} is no volume`);
        writeFileSync(await device(`${dataset}/disk0`), 'boot', { flag: 'r+' });
        await datasets.snapshot(`${dataset}/disk0@s`);
        await received(`${dataset}/copy`, `${dataset}/disk0@s`);
        assert.equal((await find(`${dataset}/copy`)).volsizeBytes, 8 * MiB);
        writeFileSync(await device(`${dataset}/disk0`), 'BOOT', { flag: 'r+' });
        await datasets.snapshot(`${dataset}/disk0@t`);
        await received(`${dataset}/next`, `${dataset}/disk0@t`, `${dataset}/disk0@s`, `${dataset}/copy@s`);
        const expected = readFileSync(await device(`${dataset}/disk0`));
        assert.ok(readFileSync(await device(`${dataset}/next`)).equals(expected));
      });

      it('gives what a snapshot adds to earlier ones, one after the other', async () => {
        const dataset = await fresh();
        for (const each of ['stays', 'goes', 'changes', 'moves']) await write(dataset, each, each);
        await datasets.snapshot(`${dataset}@a`);
        const path = await folder(dataset);
        rmSync(join(path, 'goes'));
        renameSync(join(path, 'moves'), join(path, 'moved'));
        await write(dataset, 'changes', 'changed');
        await write(dataset, 'new', 'new');
        await datasets.snapshot(`${dataset}@b`);
        await write(dataset, 'changes', 'y'.repeat(200_000));
        await datasets.snapshot(`${dataset}@c`);
        await received(`${dataset}-a`, `${dataset}@a`);
        await received(`${dataset}-b`, `${dataset}@b`, `${dataset}@a`, `${dataset}-a@a`);
        await received(`${dataset}-c`, `${dataset}@c`, `${dataset}@b`, `${dataset}-b@b`);
        await received(`${dataset}-d`, `${dataset}@c`, `${dataset}@a`, `${dataset}-a@a`);
        assert.deepEqual(readdirSync(await folder(`${dataset}-b`)).sort(), ['changes', 'moved', 'new', 'stays']);
        assert.equal(await read(`${dataset}-b`, 'changes'), 'changed');
        for (const copy of [`${dataset}-c`, `${dataset}-d`]) {
          assert.deepEqual(readdirSync(await folder(copy)).sort(), ['changes', 'moved', 'new', 'stays']);
          assert.equal((await read(copy, 'changes')).length, 200_000);
          assert.equal(await read(copy, 'moved'), 'moves');
        }
      });

      it('gives what a clone adds to an image that was received, for whoever has the image', async () => {
        await datasets.receive('zones/sent-image', recordedStream('image-full'));
        await datasets.clone('zones/sent-image@final', 'zones/sent-clone');
        await write('zones/sent-clone', 'added', 'by the clone');
        rmSync(join(await folder('zones/sent-clone'), 'root/etc'), { recursive: true, force: true });
        await datasets.snapshot('zones/sent-clone@final');
        const copies: Buffer[] = [];
        for await (const part of await send('zones/sent-clone@final', { from: 'zones/sent-image@final' })) {
          copies.push(part as Buffer);
        }
        await datasets.receive('zones/other-image', recordedStream('image-full'));
        const increment = Readable.from(copies);
        await datasets.receive('zones/other-clone', increment, { origin: 'zones/other-image@final' });
        const [one, other] = [await folder('zones/sent-clone'), await folder('zones/other-clone')];
        const listed = (path: string) => readdirSync(path, { recursive: true }).map(String).sort();
        assert.deepEqual(listed(other), listed(one));
        assert.equal(await read('zones/other-clone', 'added'), 'by the clone');
      });

      it('refuses what is no snapshot, is missing, or is not earlier', async () => {
        const { image, clone } = await cloned();
        await datasets.snapshot(`${clone}@s`);
        await datasets.snapshot(`${clone}@t`);
        await rejects(send(clone), 'InvalidName');
        await rejects(send(`${clone}@none`), 'DatasetNotFound', `${clone}@none`);
        await rejects(send(`${clone}@s`, { from: `${clone}@none` }), 'DatasetNotFound', `${clone}@none`);
        await rejects(send(`${clone}@s`, { from: `${clone}@t` }), 'InvalidName', `${clone}@t`);
        await rejects(send(`${clone}@s`, { from: `${clone}@s` }), 'InvalidName', `${clone}@s`);
        await rejects(send(`${image}@final`, { from: `${clone}@s` }), 'InvalidName', `${clone}@s`);
      });

      it('ends with the reason when it is aborted', async () => {
        const dataset = await fresh();
        await write(dataset, 'large', 'x'.repeat(5_000_000));
        await datasets.snapshot(`${dataset}@s`);
        const controller = new AbortController();
        const stream = await send(`${dataset}@s`, { signal: controller.signal });
        stream.once('data', () => {
          controller.abort(new Error('enough'));
        });
        await assert.rejects(finished(stream), { message: 'enough' });
      });
    });

    describe('receive', () => {
      const left = async () => (await names('zones')).filter((each) => each.includes('partial'));

      it('makes a dataset and its snapshot, which take their real name later', async () => {
        const result = await datasets.receive('zones/image-partial', recordedStream('image-full'));
        assert.deepEqual([result.snapshot, result.type], ['zones/image-partial@final', 'filesystem']);
        await datasets.rename('zones/image-partial', 'zones/image');
        assert.equal((await find('zones/image@final')).guid, imageGuid);
        assert.ok(readdirSync(await folder('zones/image')).includes('root'));
      });

      it('makes a clone of an incremental stream and its origin, wherever that has moved', async () => {
        await datasets.rename('zones/image', 'zones/moved');
        await datasets.rename('zones/moved@final', 'zones/moved@base');
        const origin = 'zones/moved@base';
        await datasets.receive('zones/child', recordedStream('image-incr'), { origin });
        assert.equal((await find('zones/child')).origin, origin);
        assert.deepEqual(await names('zones/child'), ['zones/child', 'zones/child@final']);
        await rejects(datasets.destroy('zones/moved', { recursive: true }), 'DatasetBusy', 'zones/child');
        await datasets.destroy('zones/child', { recursive: true });
      });

      it('makes a volume', async () => {
        const { type } = await datasets.receive('zones/volume', recordedStream('vol4k-full-c'));
        const { device = '', volsizeBytes } = await find('zones/volume');
        assert.deepEqual([type, volsizeBytes, statSync(device).size], ['volume', 8 * MiB, 8 * MiB]);
      });

      it('refuses an origin that the stream does not build on, or none', async () => {
        const { image } = await cloned();
        const { guid } = await find(`${image}@final`);
        const incremental = (origin?: string) =>
          datasets.receive('zones/partial', recordedStream('image-incr'), origin === undefined ? {} : { origin });
        await rejects(incremental(`${image}@final`), 'StreamInvalid', String(guid));
        await rejects(incremental(`${image}@final`), 'StreamInvalid', String(imageGuid));
        await rejects(incremental(), 'StreamInvalid', String(imageGuid));
        await rejects(incremental('zones/none@final'), 'DatasetNotFound', 'zones/none@final');
        const full = datasets.receive('zones/partial', recordedStream('image-full'), { origin: `${image}@final` });
        await rejects(full, 'StreamInvalid');
        assert.deepEqual(await left(), []);
      });

      it('leaves nothing of a stream that is cut off or is none', async () => {
        const parts: Buffer[] = [];
        for await (const part of recordedStream('image-full')) parts.push(part as Buffer);
        const whole = Buffer.concat(parts);
        for (const bad of [whole.subarray(0, whole.length >> 1), Buffer.from('no stream'), Buffer.alloc(0)]) {
          await rejects(datasets.receive('zones/partial', Readable.from([bad])), 'StreamInvalid');
        }
        assert.deepEqual(await left(), []);
        await datasets.receive('zones/partial', Readable.from([whole]));
        await datasets.destroy('zones/partial', { recursive: true });
      });

      it('leaves nothing when it is aborted', async () => {
        const controller = new AbortController();
        const reason = new Error('enough');
        const slow = new Readable({ read: () => undefined });
        const receiving = datasets.receive('zones/partial', slow, { signal: controller.signal });
        recordedStream('image-full').once('data', (chunk: Buffer) => {
          slow.push(chunk.subarray(0, 4096));
          setTimeout(() => {
            controller.abort(reason);
          }, 20);
        });
        await assert.rejects(receiving, reason);
        slow.destroy();
        assert.deepEqual(await left(), []);
      });

      it('refuses a name that is taken or impossible', async () => {
        const dataset = await fresh();
        await rejects(datasets.receive(dataset, recordedStream('image-full')), 'DatasetExists', dataset);
        await rejects(datasets.receive('zones/none/x', recordedStream('image-full')), 'DatasetNotFound', 'zones/none');
        await rejects(datasets.receive('zones/..', recordedStream('image-full')), 'InvalidName');
      });
    });
  });
}
