/** Metadata, tags and routes keep the format that other tools read. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { readMetadata, readRoutes, readTags, writeMetadata, writeRoutes, writeTags } from '../../../lib/vm/metadata.js';

const zonepath = mkdtempSync(join(tmpdir(), 'smartadm-metadata-'));
after(() => {
  rmSync(zonepath, { recursive: true, force: true });
});
const textOf = (name: string) => readFileSync(join(zonepath, 'config', name), 'utf8');

describe('files of a VM', () => {
  it('are indented by two, end without a newline, and have internal metadata first', async () => {
    await writeMetadata(zonepath, { customer_metadata: { a: 1 }, internal_metadata: {} });
    assert.equal(
      textOf('metadata.json'),
      '{\n  "internal_metadata": {},\n  "customer_metadata": {\n    "a": 1\n  }\n}',
    );
    await writeTags(zonepath, {});
    assert.equal(textOf('tags.json'), '{}');
    await writeRoutes(zonepath, { '10.0.0.0/8': '10.1.1.1' });
    assert.equal(textOf('routes.json'), '{\n  "10.0.0.0/8": "10.1.1.1"\n}');
  });

  it('can be read by all who can reach them, and nothing is left beside them', () => {
    assert.equal(statSync(join(zonepath, 'config')).mode & 0o777, 0o755);
    assert.equal(statSync(join(zonepath, 'config/metadata.json')).mode & 0o777, 0o644);
    assert.deepEqual(readdirSync(join(zonepath, 'config')).sort(), ['metadata.json', 'routes.json', 'tags.json']);
  });

  it('give back what was written, whatever its keys are', async () => {
    const flat = fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), fc.oneof(fc.string(), fc.integer(), fc.boolean())); // prettier-ignore
    await fc.assert(
      fc.asyncProperty(flat, flat, async (one, other) => {
        await writeMetadata(zonepath, { customer_metadata: one, internal_metadata: other });
        await writeTags(zonepath, one);
        await writeRoutes(zonepath, other);
        const read = [readMetadata(zonepath), readTags(zonepath), readRoutes(zonepath)];
        const written = [{ customer_metadata: one, internal_metadata: other }, one, other];
        assert.equal(JSON.stringify(read), JSON.stringify(written));
      }),
      { numRuns: 25 },
    );
  });

  it('read as empty where there are none', () => {
    assert.deepEqual(readMetadata('/nowhere'), { customer_metadata: {}, internal_metadata: {} });
    assert.deepEqual([readTags('/nowhere'), readRoutes('/nowhere')], [{}, {}]);
  });
});
