/** What the original did, record by record. `npm run vectors -- -v` shows what differs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VectorFolder, knownDifferences } from '../vectors/records.js';
import { canRun, recordsOf, runFile, runsOf } from '../vectors/run.js';

const folder = new VectorFolder();
const known = knownDifferences();

describe('recorded behaviour', () => {
  for (const file of runsOf(folder.files()).filter(canRun)) {
    it(`${file}: each record comes out as recorded, unless differences.md says why not`, async () => {
      const { failed = [] } = await runFile(folder, file);
      const unknown = failed.filter(({ id }) => !known.has(id)).map(({ id, what }) => `${id}: ${what}`);
      assert.deepEqual(unknown, []);
      const failing = new Set(failed.map(({ id }) => id));
      const stale = recordsOf(folder, file).map(({ id }) => id).filter((id) => known.has(id) && !failing.has(id)); // prettier-ignore
      assert.deepEqual(stale, [], 'these come out as recorded: they are no differences any more');
    });
  }

  it('has no difference without a record', () => {
    const ids = new Set(folder.files().flatMap((file) => folder.records(file).map(({ id }) => id)));
    assert.deepEqual([...known.keys()].filter((id) => !ids.has(id.replace(/^illumos-/, ''))), []); // prettier-ignore
  });
});
