import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { validatePayload } from '../../../lib/vm/validate.js';
import { vectors } from '../../vectors.js';
import { recordedFacts } from './flows.js';

interface Validated {
  readonly id: string;
  readonly brand: unknown;
  readonly action: string;
  readonly payload: unknown;
  readonly error: unknown;
}

const facts = recordedFacts([]);
const image = '11111111-1111-4111-8111-111111111111';

describe('validatePayload', () => {
  it('finds what the original found, in its order', async () => {
    const wrong: string[] = [];
    for (const { id, brand, action, payload, error } of vectors('vm-validate.jsonl') as readonly Validated[]) {
      const found = await validatePayload(payload, action, brand, facts);
      if (JSON.stringify(found) !== JSON.stringify(error)) wrong.push(id);
    }
    assert.deepEqual(wrong, []);
  });

  it('leaves the payload as it was', async () => {
    const payload = { brand: 'bhyve', disks: [{ image_uuid: '44444444-4444-4444-8444-444444444444', boot: true }] };
    const before = JSON.stringify(payload);
    assert.equal(await validatePayload(payload, 'create', undefined, facts), null);
    assert.equal(JSON.stringify(payload), before);
  });

  it('takes a brand from outside for update only', async () => {
    assert.equal(await validatePayload({ alias: 'x' }, 'update', 'lx', facts), null);
    assert.deepEqual(await validatePayload({ brand: 'solaris10' }, 'create', undefined, facts), {
      bad_brand: 'solaris10',
    });
    assert.deepEqual(await validatePayload({}, 'create', undefined, facts), { bad_brand: 'undefined' });
  });

  it('asks for an image once, however many disks are made of it', async () => {
    const asked: string[] = [];
    const uuid = '22222222-2222-4222-8222-222222222222';
    const payload = { brand: 'kvm', disks: Array.from({ length: 50 }, () => ({ image_uuid: uuid })) };
    const counting = { ...facts, image: (one: string, zpool: string) => (asked.push(one), facts.image(one, zpool)) };
    assert.equal(await validatePayload(payload, 'create', undefined, counting), null);
    assert.deepEqual(asked, [uuid]);
  });

  it('refuses what is no object', async () => {
    for (const payload of [null, [], 'x', 5, true, undefined]) {
      await assert.rejects(validatePayload(payload, 'create', 'joyent', facts), { code: 'PayloadInvalid' });
    }
  });

  it('knows IPv6 in all its forms', async () => {
    for (const [address, fits] of [
      ['::', true],
      ['::1', true],
      ['1::', true],
      ['1:2:3:4:5:6:7:8', true],
      ['::ffff:1.2.3.4', true],
      ['1:2:3:4:5:6:1.2.3.4', true],
      ['1:2', false],
      [':::', false],
      ['1::2::3', false],
      ['1:2:3:4:5:6:7:8:9', false],
      ['::1.2.3.256', false],
      ['12345::', false],
    ] as const) {
      const payload = { brand: 'joyent', image_uuid: image, resolvers: [address] };
      assert.equal((await validatePayload(payload, 'create', undefined, facts)) === null, fits, address);
    }
  });
});
