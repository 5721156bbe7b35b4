/** Manifests: the recorded judgements, and the platform. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { requireInstallable, requirePlatform, readManifest } from '../../../lib/img/manifest.js';
import { sizeText } from '../../../lib/img/size-text.js';
import type { Sysinfo } from '../../../lib/host/sysinfo.js';

const sysinfo: Sysinfo = {
  uuid: '', liveImage: '20200101T000000Z', sdcVersion: '7.0', datacenter: undefined, headnodeId: undefined,
  os: 'smartos', zpool: undefined,
}; // prettier-ignore

describe('requirements of a manifest', () => {
  const uuid = '0764d78e-3472-11e5-8949-4f31abea4e05';
  const check =
    (requirements: object, host = sysinfo) =>
    () =>
      requirePlatform({ uuid, requirements } as Parameters<typeof requirePlatform>[0], host);

  it('bound the platform by its stamp where they know its version, by the version otherwise', () => {
    assert.doesNotThrow(check({ min_platform: { '7.0': '20200101T000000Z' }, max_platform: { '7.0': '20200101T000000Z' } })); // prettier-ignore
    assert.throws(check({ min_platform: { '7.0': '20210101T000000Z' } }), {
      code: 'MinPlatform',
      message: 'current platform version, 7.0/20200101T000000Z, does not satisfy requirements.min_platform={"7.0":"20210101T000000Z"}',
    }); // prettier-ignore
    assert.throws(check({ max_platform: { '7.0': '20190101T000000Z' } }), { code: 'MaxPlatform' });
    assert.throws(check({ min_platform: { '7.1': '20120101T000000Z' } }), { code: 'MinPlatform' });
    assert.doesNotThrow(check({ min_platform: { '6.5': '20990101T000000Z' } }));
    assert.throws(check({ max_platform: { '6.5': '20990101T000000Z' } }), { code: 'MaxPlatform' });
  });

  it('mean nothing on another system', () => {
    assert.doesNotThrow(check({ min_platform: { '7.0': '20990101T000000Z' } }, { ...sysinfo, os: 'linux' }));
  });

  it('are refused when they are of another type', async () => {
    await assert.rejects(readManifest({ v: 2, uuid, requirements: { min_platform: 7 } }), { code: 'InvalidManifest' });
    await assert.rejects(readManifest({ v: 2, uuid: '../x' }), { code: 'InvalidManifest' });
    await assert.rejects(readManifest({ v: 2, uuid, files: [{ size: -1 }] }), { code: 'InvalidManifest' });
    await assert.rejects(readManifest({ v: 2, uuid, origin: '../../x' }), { code: 'InvalidManifest' });
    await assert.rejects(readManifest(null), { code: 'InvalidManifest' });
    for (const odd of [{ toString: 1 }, [{ toString: 1 }]]) {
      await assert.rejects(readManifest({ v: odd, uuid }), { code: 'InvalidManifest' });
      assert.throws(() => requireInstallable({ v: odd, uuid: odd, name: odd, version: odd, type: odd, os: odd, files: [{ sha1: 1, size: 1, compression: odd }], published_at: odd }), { code: 'ManifestValidation' }); // prettier-ignore
    }
  });
});

describe('sizes', () => {
  it('are cut off after one decimal', () => {
    assert.deepEqual([0, 38, 1536, 46_271_847, 2 ** 30, 2 ** 50].map(sizeText), ['0 B', '38.0 B', '1.5 KiB', '44.1 MiB', '1.0 GiB', '1024.0 TiB']); // prettier-ignore
  });
});
