/** `vm-list`, `vm-lookup` and `vmadm-args`: invocations over the machines of `vm-set`. */
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { vmadm } from '../../lib/cli/vmadm/main.js';
import { runCaptured } from './captured-cli.js';
import { differenceOf } from './compare.js';
import { hostFacts, installImages, smartosHost, storedZones, temporaryRoot } from './host.js';
import { openIllumosSystem, type IllumosSystem } from './illumos-host.js';
import type { Invocation, VectorFolder } from './records.js';
import { atTime, recordedAt, type Runner } from './runner.js';

/** From the clock, so not in the records. */
const unrecorded = /^ *"last_modified": ".*",\n/gm;

/** On a host that only has the files of zones. */
export function vmInvocations(folder: VectorFolder): Runner {
  const { root, remove } = temporaryRoot();
  mkdirSync(join(root, 'etc'));
  cpSync(folder.path('vm-set/etc-zones'), join(root, 'etc/zones'), { recursive: true });
  const facts = hostFacts(folder);
  installImages(root, facts);
  const host = smartosHost(root, { zones: storedZones(root), nicTags: facts.nictags });
  return invocationsOn({ root, host, remove }, folder);
}

export async function vmInvocationsOnIllumos(folder: VectorFolder): Promise<Runner> {
  const parts = { etcZones: folder.path('vm-set/etc-zones'), machine: {} };
  return invocationsOn(await openIllumosSystem(hostFacts(folder), parts), folder);
}

function invocationsOn({ root, host, remove }: IllumosSystem, folder: VectorFolder): Runner {
  cpSync(folder.path('vm-set/zones'), join(root, 'zones'), { recursive: true });
  const { USAGE: usage } = folder.json('vmadm-usage.json') as { readonly USAGE: string };
  return {
    close: remove,
    run: async (record) => {
      const wanted = record as Invocation;
      const outcome = await atTime(recordedAt, () =>
        runCaptured('vmadm', vmadm, wanted.args, { host, root, stdin: wanted.stdin ?? '' }),
      );
      const stdout = outcome.stdout.replace(unrecorded, '');
      return differenceOf({ ...wanted, stderr: wanted.stderr.replace('$USAGE', usage) }, { ...outcome, stdout });
    },
  };
}
