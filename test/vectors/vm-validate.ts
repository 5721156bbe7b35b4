/** `vm-validate`: payloads and the faults that `vmadm validate` finds in them. */
import { vmadm } from '../../lib/cli/vmadm/main.js';
import { validatePayload } from '../../lib/vm/validate.js';
import { payloadFacts } from '../../lib/vm/facts.js';
import { quietProgress } from '../../lib/cli/context.js';
import { silentLog } from '../../lib/log.js';
import { runCaptured } from './captured-cli.js';
import { differenceOf, unequal } from './compare.js';
import { hostFacts, installImages, smartosHost, storedZones, temporaryRoot } from './host.js';
import type { VectorRecord, VectorFolder } from './records.js';
import { atTime, recordedAt, type Runner } from './runner.js';

interface Judgement extends VectorRecord {
  readonly brand: string | null;
  readonly action: string;
  readonly payload: unknown;
  readonly ok: boolean;
  readonly error: unknown;
  readonly stderr: string;
  readonly exit: number;
}

export function vmValidate(folder: VectorFolder): Runner {
  const { root, remove } = temporaryRoot();
  const facts = hostFacts(folder);
  const host = smartosHost(root, {
    zones: storedZones(root),
    pools: facts.zpools,
    datasets: installImages(root, facts),
    nicTags: facts.nictags,
  });
  const { signal } = new AbortController();
  const context = { host: () => Promise.resolve(host), log: silentLog, progress: quietProgress, signal, root };
  return {
    close: remove,
    async run(record) {
      const { action, brand, payload, error, ...wanted } = record as Judgement;
      const found = await validatePayload(
        structuredClone(payload),
        action,
        brand ?? undefined,
        await payloadFacts(context),
      );
      if (JSON.stringify(found) !== JSON.stringify(error)) return `findings: ${unequal(error, found)}`;
      const args = ['validate', action, ...(action === 'update' ? [String(brand)] : [])];
      const outcome = await atTime(recordedAt, () =>
        runCaptured('vmadm', vmadm, args, { host, root, stdin: JSON.stringify(payload) }),
      );
      return differenceOf({ ...wanted, args, stdout: '' }, outcome);
    },
  };
}
