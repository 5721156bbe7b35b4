/** Hosts for tests of command lines: one in memory, and an illumos host of real addons on what stands in for its system. */
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'node:test';
import type { Host } from '../../lib/host/host.js';
import { fakeZones } from '../fakes/zones.js';
import { hostFacts, installImages, smartosHost, storedZones, temporaryRoot } from '../vectors/host.js';
import { hasIllumos, openIllumosSystem } from '../vectors/illumos-host.js';
import { VectorFolder } from '../vectors/records.js';

export interface CliHost {
  readonly root: string;
  readonly host: Host;
  /** For programs that shall take it for the host that they run on. */
  readonly env?: NodeJS.ProcessEnv;
  remove(): void;
}

/** Opens a host with the pools, nic tags and images of the records; with their zones, when those are wanted, or with none. */
export type OpenCliHost = (zones?: 'recorded' | 'none') => Promise<CliHost>;

const folder = new VectorFolder();
const facts = hostFacts(folder);
const etcZones = folder.path('vm-set/etc-zones');

export const openInMemory: OpenCliHost = (wanted = 'none') => {
  const { root, remove } = temporaryRoot();
  if (wanted === 'recorded') {
    mkdirSync(join(root, 'etc'));
    cpSync(etcZones, join(root, 'etc/zones'), { recursive: true });
  }
  const zones = wanted === 'recorded' ? storedZones(root) : fakeZones();
  const datasets = installImages(root, facts);
  return Promise.resolve({
    root,
    host: smartosHost(root, { zones, pools: facts.zpools, datasets, nicTags: facts.nictags }),
    remove,
  });
};

const onIllumos: OpenCliHost = async (wanted = 'none') => ({
  ...(await openIllumosSystem(facts, wanted === 'recorded' ? { etcZones } : {})),
  env: { SMARTADM_HOST: 'illumos' },
});

/** Describes `what` once on each kind of host. The suite opens its host before its tests, and removes it. */
export function onEachHost(what: string, suite: (open: OpenCliHost, kind: 'memory' | 'illumos') => void): void {
  describe(`${what} (in memory)`, () => {
    suite(openInMemory, 'memory');
  });
  describe(`${what} (illumos)`, { skip: !hasIllumos && 'needs the illumos addons' }, () => {
    suite(onIllumos, 'illumos');
  });
}
