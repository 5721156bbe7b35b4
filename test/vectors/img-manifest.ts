/** `img-manifest`: what is said about manifests, and what old ones become. */
import { upgradeManifest } from '../../lib/img/manifest.js';
import { validateManifest, type ManifestProfile } from '../../lib/img/manifest-rules.js';
import { unequal } from './compare.js';
import type { VectorRecord } from './records.js';
import type { Runner } from './runner.js';

interface ManifestRecord extends VectorRecord {
  readonly op: ManifestProfile | 'upgrade';
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly opts?: { readonly channelFromName?: unknown };
  readonly result?: unknown;
  readonly throws?: string;
}

export function imgManifest(): Runner {
  return {
    close: () => undefined,
    run(record) {
      const { op, manifest, opts, result, throws } = record as ManifestRecord;
      let found: unknown;
      try {
        if (op === 'upgrade') found = upgradeManifest(manifest);
        else {
          const faults = validateManifest(op, manifest, { channels: opts?.channelFromName !== undefined });
          found = faults.length === 0 ? null : faults;
        }
      } catch (error) {
        found = error instanceof Error ? { throws: error.message } : error;
      }
      const wanted = throws === undefined ? result : { throws };
      const [a, b] = [JSON.stringify(wanted), JSON.stringify(found)];
      return Promise.resolve(a === b ? undefined : unequal(a, b));
    },
  };
}
