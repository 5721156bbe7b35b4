/** vmadm schema prints JSON Schemas, and loads no validator for it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { usageText } from '../../lib/cli/vmadm/usage-text.js';
import { vmadm } from '../../lib/cli/vmadm/main.js';
import { publishedSchema } from '../../lib/schema/published.js';
import { runCaptured } from '../vectors/captured-cli.js';
import { smartosHost, storedZones, temporaryRoot } from '../vectors/host.js';

const { root, remove } = temporaryRoot();
const host = smartosHost(root, { zones: storedZones(root) });
const run = (...argv: string[]) => runCaptured('vmadm', vmadm, argv, { host, root, stdin: '' });
remove();

describe('vmadm schema', () => {
  it('prints the schema of a kind, of one brand or of all', async () => {
    const { exit, stdout, stderr } = await run('schema', 'create', 'lx');
    assert.deepEqual([exit, stderr], [0, '']);
    assert.deepEqual(JSON.parse(stdout), publishedSchema('create', 'lx'));
    assert.deepEqual(JSON.parse((await run('schema', 'vm')).stdout), publishedSchema('vm'));
  });

  it('says which kinds and brands there are', async () => {
    const kinds = 'schema needs one of: create, update, vm';
    const brands = 'schema knows these brands: bhyve, builder, joyent, joyent-minimal, kvm, lx';
    for (const [argv, text] of [
      [['schema'], kinds],
      [['schema', 'receive'], kinds],
      [['schema', 'toString'], kinds],
      [['schema', 'create', 'vax'], brands],
    ] as const) {
      assert.deepEqual(await run(...argv), { exit: 2, stdout: '', stderr: `${text}\n${usageText()}` });
    }
  });
});
