/** `vmadm list`, `lookup` and `get` against recorded invocations of the original, byte for byte. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { vectors } from '../vectors.js';
import { usageText } from '../../lib/cli/vmadm/usage-text.js';
import { runVmadm } from './recorded-cli.js';
import { recordedHost } from './vectors-host.js';

interface Invocation {
  readonly id: string;
  readonly args: readonly string[];
  readonly exit: number;
  readonly stdout: string | null;
  readonly stderr: string;
  readonly order_free?: true;
}

const root = mkdtempSync(join(tmpdir(), 'smartadm-reading-'));
after(() => {
  rmSync(root, { recursive: true, force: true });
});
const env = { SMARTADM_ROOT: root };
const { host } = recordedHost();
const commands = new Set(['get', 'json', 'list', 'lookup']);

for (const file of ['vm-list.jsonl', 'vm-lookup.jsonl', 'vmadm-args.jsonl']) {
  describe(file, () => {
    const reading = (vectors(file) as readonly Invocation[]).filter(({ args }) => commands.has(args[0] ?? ''));
    for (const { id, args, exit, stdout, stderr, order_free: isFree } of reading) {
      it(`${id}: ${args.join(' ')}`, async () => {
        const result = await runVmadm(args, host, env);
        assert.equal(result.stderr, stderr.replace('$USAGE', usageText));
        const printed = result.stdout.replace(/^ *"last_modified": .*\n/gm, '');
        assert.equal(sorted(printed, isFree), sorted(stdout ?? '', isFree));
        assert.equal(result.exit, exit);
      });
    }
  });
}

/** Lines, or elements of an array, without their order where the original only passes on that of the host. */
function sorted(text: string, isFree: true | undefined): string {
  if (isFree === undefined) return text;
  const parts = text.startsWith('[')
    ? (JSON.parse(text) as unknown[]).map((each) => JSON.stringify(each))
    : text.split('\n');
  return parts.sort().join('\n');
}
