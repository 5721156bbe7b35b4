/** Zone configurations of new and changed VMs, against those that the original wrote. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseZoneXml, writeZoneXml } from '../../../lib/host/zone-xml.js';
import type { ZoneConfig } from '../../../lib/host/zones.js';
import type { VmObject } from '../../../lib/schema/generated/vm.js';
import type { Brand } from '../../../lib/schema/property.js';
import { parseCreatePayload } from '../../../lib/vm/payload.js';
import type { UpdatePlan, VmSpec } from '../../../lib/vm/spec.js';
import { planUpdate } from '../../../lib/vm/update-plan.js';
import { vmToZoneConfig, withAttr, withAutoboot, withDataset, withFilesystem } from '../../../lib/vm/zone-config.js';
import { zoneConfigToVm } from '../../../lib/vm/zone-config-read.js';
import { updateZoneConfig } from '../../../lib/vm/zone-config-update.js';
import { savedZoneXml, vectors, vectorsFolder } from '../../vectors.js';
import { recordedFacts, recordedVm, type Flow, type FlowAfter, type FlowStep } from './flows.js';

const bases = JSON.parse(readFileSync(join(vectorsFolder, 'vm-flow-bases.json'), 'utf8')) as Readonly<
  Record<string, { readonly payload: unknown; readonly after: FlowAfter }>
>;

describe('a payload becomes the configuration that the original wrote', () => {
  for (const { id, steps } of vectors('vm-flow-create.jsonl') as readonly Flow[]) {
    if (!steps.some(isConfigured)) continue;
    it(id, async () => {
      const vms: VmObject[] = [];
      for (const step of steps.filter(isConfigured)) {
        const spec = await parseCreatePayload(step.payload, recordedFacts(vms));
        const expected = savedZoneXml(step.after?.zone_xml ?? '');
        assert.equal(writeZoneXml(installed(spec)), expected);
        vms.push(recordedVm(parseZoneXml(expected), spec.autoboot));
      }
    });
  }
  for (const [name, { payload, after }] of Object.entries(bases)) {
    it(`base ${name}`, async () => {
      const spec = await parseCreatePayload(payload, recordedFacts([]));
      assert.equal(writeZoneXml(installed(spec)), savedZoneXml(after.zone_xml ?? ''));
    });
  }
});

describe('an update becomes the configuration that the original wrote', () => {
  for (const { id, base = '', steps } of vectors('vm-flow-update.jsonl') as readonly Flow[]) {
    if (!steps.some(isConfigured)) continue;
    it(id, async () => {
      const before = bases[base]?.after;
      let config = parseZoneXml(before?.zone_xml ?? '');
      for (const step of steps) {
        const isRunning = config.attributes['autoboot'] === 'true';
        const current = recordedVm(config, isRunning, before?.zonepath_files);
        if (step.exit !== 0) continue;
        const plan = await planUpdate(current, payloadOf(step), recordedFacts([current]));
        config = updateZoneConfig(config, current, plan);
        const expected = step.after?.zone_xml;
        if (expected !== undefined) assert.equal(anonymous(writeZoneXml(config)), anonymous(savedZoneXml(expected)));
      }
    });
  }
});

/** How many identities were made up before one is not ours to know. */
function anonymous(xml: string): string {
  return xml.replace(/e0e0e0e0-[-0-9a-f]{27}/g, 'made-up');
}

function isConfigured(step: FlowStep): boolean {
  return step.exit === 0 && step.after?.zone_xml !== undefined;
}

/** What installing a VM and booting it for the first time change. */
function installed(spec: VmSpec): ZoneConfig {
  let config = withAttr(vmToZoneConfig(spec), 'provisioning', undefined);
  for (const filesystem of spec.filesystems) {
    if (!/^[0-9a-f-]{36}$/.test(filesystem.source ?? '')) continue;
    config = withFilesystem(config, { ...filesystem, source: `${spec.zonepath}/volumes/${filesystem.source ?? ''}` });
  }
  if (spec.properties['docker'] === true) {
    for (const file of ['resolv.conf', 'hosts', 'hostname']) {
      const source = `${spec.zonepath}/config/${file}`;
      config = withFilesystem(config, { source, target: `/etc/${file}`, type: 'lofs', options: ['rw'] });
    }
  }
  if (spec.delegate_dataset) config = withDataset(config, `${spec.zfs_filesystem}/data`);
  return withAttr(config, 'transition', undefined);
}

function payloadOf({ args, payload }: FlowStep): unknown {
  const given = args.slice(2).filter((arg) => !arg.startsWith('-'));
  if (given.length === 0 || payload !== undefined) return payload;
  return Object.fromEntries(given.map((arg) => arg.split(/=(.*)/s, 2)).map(([name, value = '']) => [name, value]));
}

describe('a configuration changed by an update of nothing', () => {
  const folder = join(import.meta.dirname, '../../fixtures/zone-xml');
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.xml'))) {
    it(`${file} stays as it is`, () => {
      const text = readFileSync(join(folder, file), 'utf8');
      const config = parseZoneXml(text);
      const current = recordedVm(config, false);
      assert.equal(writeZoneXml(updateZoneConfig(config, current, nothing(current))), savedZoneXml(text));
    });
  }
});

function nothing({ uuid = '', brand = 'joyent', nics = [] }: VmObject): UpdatePlan {
  const nicChanges = { added: [], updated: [], removed: [] };
  return {
    uuid, brand: brand as Brand, nics, nicChanges,
    payload: {}, removeDisks: [], addDisks: [], updateDisks: [],
    metadata: undefined, tags: undefined, routes: undefined, quota: undefined,
    datasetProperties: { root: {}, data: {} },
    indestructible: {}, live: [], nextBoot: [], adjustments: [],
  }; // prettier-ignore
}

it('encoded text of blanks alone is stored, too', async () => {
  for (const [text, stored] of [
    [' ', 'IA=='],
    ['', undefined],
  ] as const) {
    const spec = await parseCreatePayload({ brand: 'kvm', ram: 256, vnc_password: text }, recordedFacts([]));
    const attr = vmToZoneConfig(spec).resources.find(({ attributes }) => attributes['name'] === 'vnc-password');
    assert.equal(attr?.attributes['value'], stored);
  }
});

it('attributes are set in place, added last, and removed', () => {
  const config = parseZoneXml(
    '<zone name="a" brand="kvm" autoboot="false"><attr name="x" type="string" value="1"/><dataset name="d"/></zone>',
  );
  const set = withAttr(withAttr(config, 'x', '2'), 'y', '3');
  assert.deepEqual(
    set.resources.map(({ attributes }) => attributes['value'] ?? attributes['name']),
    ['2', 'd', '3'],
  );
  assert.deepEqual(withAttr(withAttr(set, 'x', undefined), 'y', undefined).resources, config.resources.slice(1));
  assert.equal(zoneConfigToVm(withAutoboot(config, true)).autoboot, true);
  assert.equal(withAutoboot(config, true).attributes['autoboot'], 'false');
});
