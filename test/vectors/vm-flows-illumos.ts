/** `vm-flow-*` on the illumos host: real addons on what stands in for the system, and the order in which things happen. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sysinfo } from '../stand-ins/host.js';
import { effectsOf, effectsRecorded, withoutParts } from './effects.js';
import { hostFacts, type HostFacts } from './host.js';
import { openIllumosSystem } from './illumos-host.js';
import type { VectorFolder } from './records.js';
import type { Runner } from './runner.js';
import { asRecorded, runFlows, type FlowSystem } from './vm-flows.js';

export function vmFlowsOnIllumos(folder: VectorFolder): Runner {
  const facts = hostFacts(folder);
  return runFlows(folder, (text) => {
    // Images that a flow does not name take their time, and nothing else.
    const images = Object.entries(facts.images).filter(([uuid]) => text.includes(uuid));
    return openSystem({ ...facts, images: Object.fromEntries(images) });
  });
}

async function openSystem(facts: HostFacts): Promise<FlowSystem> {
  const { root, host, remove } = await openIllumosSystem(facts, { machine: { ...sysinfo, 'Headnode ID': 'hn1' } });
  // From here on, what happens is written down.
  writeFileSync(join(root, 'system/effects'), '');
  let seen = 0;
  let isUp = false;
  return {
    root,
    host: { ...host, zones: asRecorded(host.zones) },
    remove,
    surround: (work) => work(),
    // The clock of datasets goes on, and their snapshots hold something.
    shown: (text) => text.replace(/("size": )[^,\n]+(,\n +"created_at": ")[^"]+/g, '$1…$2…'),
    xml: (zone) =>
      Promise.resolve(readFileSync(join(root, `etc/zones/${zone}.xml`), 'utf8').replace(/ debugid="\d+"/, '')),
    guestArguments: (zone) => argumentsIn(readFileSync(join(root, 'zones', zone, 'root/startvm'), 'utf8')),
    orderDifference(step) {
      const lines = readFileSync(join(root, 'system/effects'), 'utf8').split('\n').slice(0, -1);
      const effects = effectsOf(lines.slice(seen));
      const wasUp = isUp;
      seen = lines.length;
      isUp =
        effects.findLast((effect) => effect === 'booted' || effect === 'halted') === 'booted' ||
        (isUp && !effects.includes('halted'));
      // Of the machine that a flow begins with, nothing is recorded.
      if (step.commands === undefined) return undefined;
      const [found, wanted] = [effects, effectsRecorded(step.commands, wasUp)].map((each) =>
        withoutParts(each).join(', '),
      );
      return found === wanted ? undefined : `effects: wanted ${String(wanted)}; found ${String(found)}`;
    },
  };
}

/** Of the emulator, as the script in the zone has them. */
function argumentsIn(script: string): readonly string[] {
  const [, line = ''] = /exec \/smartdc\/bin\/qemu-exec \/smartdc\/bin\/qemu-system-x86_64 (.*)$/m.exec(script) ?? [];
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => text.replace(/\\(.)/g, '$1'));
}
