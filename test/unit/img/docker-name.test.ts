/** Names of Docker images, and layers as images; what the original did with many more is in the recorded vectors. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chainUuid, layerManifest } from '../../../lib/img/docker-layer.js';
import { dockerReferenceOf, parseDockerIndex, parseDockerReference } from '../../../lib/img/docker-name.js';

describe('Docker names', () => {
  it('fills in registry, namespace and tag', () => {
    const { remoteName, localName, canonicalName, tag } = parseDockerReference('busybox');
    assert.deepEqual(
      { remoteName, localName, canonicalName, tag },
      { remoteName: 'library/busybox', localName: 'busybox', canonicalName: 'docker.io/busybox', tag: 'latest' },
    );
  });

  it('takes a digest in place of a tag', () => {
    const { tag, digest, localName } = parseDockerReference('localhost:5000/foo/bar@sha256:aa');
    assert.deepEqual([tag, digest, localName], [undefined, 'sha256:aa', 'localhost:5000/foo/bar']);
  });

  for (const name of ['UPPER', 'a/b', 'a--b/c', '-ab-/c', 'foo bar', 'http://docker.io/busybox', 'ftp://a.b/c', 'http://foo', 'http://foo/bar', `${'n'.repeat(256)}/x`]) {
    it(`refuses ${JSON.stringify(name.slice(0, 30))}`, () => {
      assert.equal(dockerReferenceOf(name), undefined);
      assert.throws(() => parseDockerReference(name), { code: 'InvalidDockerName' });
    });
  } // prettier-ignore

  it('refuses registries that cannot be one', () => {
    for (const index of ['foo', 'a.b/c', 'ftp://a.b']) {
      assert.throws(() => parseDockerIndex(index), { code: 'InvalidDockerName' });
    }
  });
});

describe('Docker layers', () => {
  it('have the uuids of the original', () => {
    assert.equal(chainUuid([`sha256:${'0'.repeat(64)}`]), 'e191bc1a-ec7e-9a1d-2e95-a24550e97dd2');
    const first = 'sha256:f191e625176e7514249870c60bc24622131b04927a418001d1969c9cecd260f1';
    const second = 'sha256:77c7ed05b2e49df2e55d70cb007508cc66b2f5419a940bfd6f8749ba7db77c45';
    assert.equal(chainUuid([first]), 'ac1ce6c0-79f8-8453-af60-24175d36bad5');
    assert.equal(chainUuid([first, second]), 'd440fc2a-c5bf-a225-471b-58c5d6b42835');
  });

  it('name their tags and the layer below, and need no date', () => {
    const layerDigests = ['1', '2'].map((digit) => `sha256:${digit.repeat(64)}`);
    const made = layerManifest({ imgJson: {}, layerDigests, repo: { localName: 'foo' }, tags: ['a', 'b'] });
    assert.equal(made['origin'], chainUuid(layerDigests.slice(0, 1)));
    assert.equal(made['published_at'], '1970-01-01T00:00:00.000Z');
    assert.deepEqual(made['tags'], {
      'docker:repo': 'foo', 'docker:id': layerDigests[1], 'docker:tag:a': true, 'docker:tag:b': true,
    }); // prettier-ignore
    const alone = layerManifest({
      imgJson: { parent: 'x' },
      layerDigests: layerDigests.slice(0, 1),
      repo: { localName: 'foo' },
    });
    assert.equal(alone['origin'], undefined);
  });
});
