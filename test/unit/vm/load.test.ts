/** VM objects computed from their homes, against what the original computed from the same. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Dataset } from '../../../lib/host/datasets.js';
import type { Host } from '../../../lib/host/host.js';
import { parseZoneXml } from '../../../lib/host/linux/zone-xml.js';
import type { ZoneRecord, ZoneState } from '../../../lib/host/zones.js';
import { findVm, loadVms } from '../../../lib/vm/load.js';
import { zoneConfigToVm } from '../../../lib/vm/zone-config-read.js';
import { vectors } from '../../vectors.js';

interface LoadVector {
  readonly id: string;
  readonly note: string;
  readonly xml: string;
  readonly zoneadm?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly datasets?: readonly Readonly<Record<string, string | number>>[];
  readonly xml_object?: object;
  readonly vm_object?: object;
  readonly error?: { readonly message: string };
  readonly thrown?: true;
}

const root = mkdtempSync(join(tmpdir(), 'smartadm-load-'));
after(() => {
  rmSync(root, { recursive: true, force: true });
});

/** A cut-off document is refused; differences.md says why. */
const differing = new Set(['load-034']);

describe('vm-load vectors', () => {
  for (const vector of vectors('vm-load.jsonl') as readonly LoadVector[]) {
    if (differing.has(vector.id)) continue;
    it(`${vector.id}: ${vector.note}`, async () => {
      const refused = vector.error !== undefined || vector.thrown === true;
      if (refused) {
        assert.throws(
          () => zoneConfigToVm(parseZoneXml(vector.xml)),
          (error: unknown) => {
            assert.ok(error instanceof Error && 'info' in error);
            if (vector.error !== undefined) assert.equal((error.info as { what: string }).what, vector.error.message);
            return true;
          },
        );
        return;
      }
      assert.equal(text(zoneConfigToVm(parseZoneXml(vector.xml))), text(vector.xml_object));
      if (vector.vm_object === undefined) return;
      const host = hostOf(vector);
      const record = (await host.zones.list())[0];
      const fields = [...Object.keys(vector.vm_object), ...absent];
      assert.equal(text(await findVm(host, record?.uuid ?? '', fields)), text(vector.vm_object));
      assert.equal(text(await loadVms(host, fields)), text([vector.vm_object]));
    });
  }
});
/** Members whose absence is part of what is compared. */
const absent = [
  'quota',
  'free_space',
  'missing',
  'exit_status',
  'zfs_filesystem',
  'snapshots',
  'failed',
  'device',
  'tags',
];

const text = (value: unknown) => JSON.stringify(value);

function hostOf(vector: LoadVector): Host {
  const base = join(root, vector.id);
  const [id = '', name = '', state = '', zonepath = '', uuid = '', brand = '', , debugId = ''] = (
    vector.zoneadm ?? ''
  ).split(':');
  const record: ZoneRecord = {
    name, zonepath, uuid, brand,
    id: id === '-' ? undefined : Number(id),
    state: state as ZoneState,
    ipType: 'exclusive',
    debugId: debugId === '-' ? -1 : Number(debugId),
  }; // prettier-ignore
  for (const [file, content] of Object.entries(vector.files ?? {})) {
    const path = join(base, zonepath, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  const datasets = (vector.datasets ?? []).map(datasetOf);
  return {
    zones: {
      list: () => Promise.resolve([record]),
      find: (wanted: string) => Promise.resolve(wanted === name ? record : undefined),
      config: () => Promise.resolve(parseZoneXml(vector.xml)),
      runtime: () => Promise.resolve(undefined),
    },
    datasets: {
      list: ({ root: from }: { root?: string } = {}) =>
        Promise.resolve(
          datasets.filter((each) => from === undefined || each.name === from || each.name.startsWith(`${from}/`)),
        ),
    },
    sysinfo: { read: () => Promise.resolve({ uuid: '', liveImage: '' }) },
    at: (path: string) => join(base, path),
  } as unknown as Host;
}

function datasetOf(known: Readonly<Record<string, string | number>>): Dataset {
  const number = (name: string): number | undefined => (known[name] === undefined ? undefined : Number(known[name]));
  const properties = Object.entries(known).map(([name, value]) => [
    name === 'recsize' ? 'recordsize' : name,
    String(wholeNumber(value)),
  ]);
  return {
    name: String(known['name']),
    type: known['type'] as Dataset['type'],
    mountpoint: known['type'] === 'filesystem' ? String(known['mountpoint']) : undefined,
    device: undefined,
    origin: undefined,
    creation: number('creation') ?? 0,
    guid: 0n,
    usedBytes: number('used') ?? 0,
    availableBytes: 0,
    referencedBytes: 0,
    quotaBytes: number('quota'),
    reservationBytes: undefined,
    volsizeBytes: number('volsize'),
    properties: Object.fromEntries(properties) as Record<string, string>,
  };
}

/** JSON's numbers lose the last digits of "no limit". */
function wholeNumber(value: string | number): string | number {
  return value === 18_446_744_073_709_552_000 ? '18446744073709551615' : value;
}
