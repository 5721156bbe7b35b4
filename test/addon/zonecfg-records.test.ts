/** What the real libzonecfg did, call by call, and what zonecfg.node and the stand-in do. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { VectorFolder } from '../vectors/records.js';
import { runFile } from '../vectors/run.js';

const folder = new VectorFolder(join(import.meta.dirname, '../fixtures/libzonecfg'));

describe('the records of libzonecfg', () => {
  for (const file of folder.files()) {
    it(`${file} comes out as recorded`, async () => {
      const { records, failed } = await runFile(folder, file);
      assert.ok(records > 0);
      assert.deepEqual(failed, []);
    });
  }
});
