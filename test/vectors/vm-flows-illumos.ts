/** `vm-flow-*` on the illumos host: real addons on what stands in for the system, and the order in which things happen. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openIllumosHost } from '../../lib/host/illumos/host.js';
import { silentLog } from '../../lib/log.js';
import { sysinfo } from '../stand-ins/host.js';
import { addPools } from '../stand-ins/pool.js';
import { IllumosRoot } from '../stand-ins/root.js';
import { effectsOf, effectsRecorded, withoutParts } from './effects.js';
import { hostFacts, installImages, type HostFacts } from './host.js';
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
  const tree = new IllumosRoot();
  const root = tree.path;
  addPools(tree, Object.fromEntries(facts.zpools.map((name) => [name, 2 ** 40])));
  tree.write('/tmp/.sysinfo.json', JSON.stringify(machine(facts.nictags)));
  facts.nictags.forEach((name, index) => {
    tree.addLink(index + 1, { name: `e1000g${index}`, class: 1, flags: 3, mac: `00:50:56:00:00:0${index + 1}` });
  });
  const opened = openIllumosHost({ root, log: silentLog, programs: root });
  for (const { name, type, properties = {} } of installImages(root, facts)) {
    if (type === 'snapshot') await opened.datasets.snapshot(name);
    else await opened.datasets.create(name, withoutSize(properties), sizeOf(properties));
    if (type === 'filesystem') mkdirSync(join(root, name, 'root'));
  }
  // From here on, what happens is written down.
  writeFileSync(join(root, 'system/effects'), '');
  let seen = 0;
  let isUp = false;
  return {
    root,
    host: { ...opened, zones: asRecorded(opened.zones) },
    remove: () => {
      tree.remove();
    },
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

function machine(nicTags: readonly string[]): object {
  const interfaces = nicTags.map((tag, index) => [
    `e1000g${index}`,
    { 'NIC Names': [tag], 'MAC Address': `00:50:56:00:00:0${index + 1}`, 'Link Status': 'up' },
  ]);
  return { ...sysinfo, 'Headnode ID': 'hn1', 'Network Interfaces': Object.fromEntries(interfaces) as object };
}

function withoutSize(properties: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => name !== 'volsize'));
}

function sizeOf({ volsize }: Readonly<Record<string, string>>): number | undefined {
  return volsize === undefined ? undefined : Number(volsize);
}

/** Of the emulator, as the script in the zone has them. */
function argumentsIn(script: string): readonly string[] {
  const [, line = ''] = /exec \/smartdc\/bin\/qemu-exec \/smartdc\/bin\/qemu-system-x86_64 (.*)$/m.exec(script) ?? [];
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => text.replace(/\\(.)/g, '$1'));
}
