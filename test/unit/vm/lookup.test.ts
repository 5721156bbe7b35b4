/** VMs are selected, reduced and sorted by their fields; the recorded invocations say the rest. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { codeOf } from '../../../lib/errors.js';
import { vmRows } from '../../../lib/schema/vm.js';
import { isFilterKey, isWildcard, listField } from '../../../lib/vm/fields.js';
import { lookupVms, sortVms, textOf, valueAt } from '../../../lib/vm/lookup.js';
import { readingHost, uuidOf, zoneConfig } from './reading-host.js';

const all = readingHost();
after(() => {
  all.remove();
});
for (const number of [1, 2, 3]) {
  all.addZone(zoneConfig(uuidOf(number), number === 3 ? 'kvm' : 'lx', { alias: Buffer.from(`vm${number}`).toString('base64'), ram: '64' })); // prettier-ignore
  all.addFile(
    `/zones/${uuidOf(number)}/config/tags.json`,
    JSON.stringify({ n: number, z: null, list: [1], toString: 'own' }),
  );
}
const find = async (filter: Readonly<Record<string, string>>, fields = ['alias']) =>
  lookupVms(all.host, new Map(Object.entries(filter)), fields);

describe('lookup', () => {
  it('reads one VM when the uuid is given, and then compares the rest', async () => {
    all.asked.length = 0;
    assert.deepEqual(await find({ uuid: uuidOf(2), brand: 'lx' }), [{ alias: 'vm2' }]);
    assert.deepEqual(all.asked, ['zones.find', 'zones.config']);
    assert.deepEqual(await find({ uuid: uuidOf(2), brand: 'kvm' }), []);
    assert.deepEqual(await find({ uuid: '~0000000[12]' }), [{ alias: 'vm1' }, { alias: 'vm2' }]);
  });

  it('never matches null, lists of nothing, or what objects inherit', async () => {
    assert.deepEqual(await find({ zoneid: 'null' }), []);
    for (const key of ['tags.z', 'tags.constructor', 'tags.__proto__', 'disks.*.size', 'nics.0.ip', 'tags.list.0']) {
      assert.deepEqual(await find({ [key]: '~.*' }), [], key);
    }
    assert.equal((await find({ 'tags.toString': 'own' })).length, 3);
  });

  it('refuses a regular expression that is none', async () => {
    await assert.rejects(find({ alias: '~(' }), (error) => codeOf(error) === 'KeyInvalid');
  });

  it('shows the type of all, and as ram of containers what they may take', async () => {
    assert.deepEqual(await find({ alias: 'vm3' }, ['type', 'ram']), [{ ram: 64, type: 'KVM' }]);
    assert.deepEqual(await find({ alias: 'vm1' }, ['type', 'ram']), [{ ram: undefined, type: 'LX' }]);
  });

  it('leaves out VMs of which nothing is wanted', async () => {
    assert.deepEqual(await find({}, ['bogus']), []);
  });
});

describe('fields', () => {
  it('are columns, keys to sort by and filters alike', () => {
    for (const { name, list } of vmRows) {
      assert.equal(listField(name)?.header, list?.[0], name);
      assert.equal(isFilterKey(name), list !== undefined, name);
    }
  });

  it('include members of lists and of objects', () => {
    assert.deepEqual(listField('nics.0.ip'), { key: 'nics.0.ip', header: 'NICS.0.IP', width: 20 });
    for (const key of ['nics.0', 'filesystems.0.source', 'tags.a.b', 'tags', 'resolvers.0', '']) {
      assert.equal(listField(key), undefined, key);
    }
    for (const key of ['nics.*.mac', 'disks.12.size', 'tags.a.b', 'xnics.0.ip']) assert.ok(isFilterKey(key), key);
    for (const key of ['nics.*.ips', 'xdisks.0.size', 'routes.x', 'nics.ip']) assert.ok(!isFilterKey(key), key);
    assert.ok(isWildcard('filesystems.*.source') && !isWildcard('pci_devices.*.path'));
  });
});

describe('sorting', () => {
  const sorted = (values: readonly unknown[], key: string) => sortVms(values.map((v) => ({ v })), [key]).map(({ v }) => v); // prettier-ignore

  it('puts numbers in order, and what means nothing last', () => {
    assert.deepEqual(sorted([0, 10, undefined, 9], 'v'), [9, 10, 0, undefined]);
    assert.deepEqual(sorted([0, 10, undefined, 9], '-v'), [undefined, 0, 10, 9]);
    assert.deepEqual(sorted(['b', '', 'B', 'a'], '+v'), ['B', 'a', 'b', '']);
  });

  it('keeps the order of what is equal, and takes further keys then', () => {
    const vms = [{ a: 1, b: 2 }, { a: 1, b: 1 }, { a: 0, b: 3 }]; // prettier-ignore
    assert.deepEqual(sortVms(vms, ['missing']), vms);
    assert.deepEqual(sortVms(vms, ['-a', 'b']).map(({ b }) => b), [3, 1, 2]); // prettier-ignore
  });

  it('and printing take any JSON whatever', () => {
    fc.assert(
      fc.property(fc.array(fc.dictionary(fc.constantFrom('tags', 'nics', 'v'), fc.jsonValue())), (vms) => {
        const keys = ['v', '-tags.a', 'nics.0.ip', 'tags.__proto__', 'nics.length.x'];
        for (const vm of sortVms(vms, keys))
          for (const key of keys) assert.equal(typeof textOf(valueAt(vm, key)), 'string');
      }),
    );
  });
});
