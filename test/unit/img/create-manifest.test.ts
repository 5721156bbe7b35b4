/** The manifest of an image made of a VM, by the rules of imgadm(8). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Sysinfo } from '../../../lib/host/sysinfo.js';
import { codeOf } from '../../../lib/errors.js';
import { manifestOf, type SourceVm } from '../../../lib/img/create-manifest.js';
import type { Manifest } from '../../../lib/img/manifest.js';

const host: Sysinfo = {
  uuid: 'h', liveImage: '20260102T030405Z', sdcVersion: '7.0', datacenter: undefined, headnodeId: undefined,
  os: 'smartos', zpool: 'zones',
}; // prettier-ignore
const vm: SourceVm = { uuid: 'vm', brand: 'joyent', state: 'stopped' };
const origin = {
  uuid: 'origin', name: 'base', version: '1', type: 'zone-dataset', os: 'smartos', users: [], traits: { a: 1 },
  requirements: { min_platform: { '7.0': '20200101T000000Z' }, brand: 'joyent' },
} as unknown as Manifest; // prettier-ignore
const made = (brand: string, given = {}, from: Manifest | 'none' = origin, more: Partial<SourceVm> = {}) =>
  manifestOf({ ...vm, brand, ...more }, given, 'fresh', from === 'none' ? undefined : from, host, false);

describe('the manifest of a new image', () => {
  it('has what the user gave, then what the origin has, but for empty lists', () => {
    const manifest = made('joyent', { name: 'n', version: '1', type: 'other' });
    assert.deepEqual(
      [manifest['v'], manifest['uuid'], manifest['type'], manifest['os']],
      [2, 'fresh', 'other', 'smartos'],
    );
    assert.deepEqual(manifest['traits'], { a: 1 });
    assert.ok(!('users' in manifest));
    assert.equal(made('joyent', { uuid: 'own', v: 3 })['uuid'], 'own');
  });

  it('asks for the platform that it was made on, unless the user says otherwise', () => {
    const required = (given = {}) => made('joyent', given)['requirements'];
    assert.deepEqual(required(), { min_platform: { '7.0': '20260102T030405Z' }, brand: 'joyent' });
    const own = { requirements: { min_platform: { '7.0': 'x' } } };
    assert.deepEqual(required(own), own.requirements);
  });

  it('asks for the brand, and the boot rom of bhyve', () => {
    assert.deepEqual(made('lx', {}, 'none')['requirements'], { brand: 'lx' });
    assert.deepEqual(made('lx', { requirements: { brand: '' } }, 'none')['requirements'], { brand: '' });
    const bhyve = made('bhyve', {}, 'none', { bootrom: 'uefi' });
    assert.deepEqual(bhyve['requirements'], { brand: 'bhyve', bootrom: 'uefi' });
  });

  it('names its origin when it is incremental, which needs one', () => {
    assert.equal(manifestOf(vm, {}, 'fresh', origin, host, true)['origin'], 'origin');
    assert.throws(
      () => manifestOf(vm, {}, 'fresh', undefined, host, true),
      (error) => codeOf(error) === 'VmHasNoOrigin',
    );
  });
});
