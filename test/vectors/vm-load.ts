/** `vm-load`: zone configurations, what is beside them, and the machine objects that follow. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { vmadm } from '../../lib/cli/vmadm/main.js';
import { describeError, SmartadmError } from '../../lib/errors.js';
import type { Dataset } from '../../lib/host/datasets.js';
import { parseZoneXml } from '../../lib/host/zone-xml.js';
import type { ZoneRecord, ZoneState } from '../../lib/host/zones.js';
import { zoneConfigToVm } from '../../lib/vm/zone-config-read.js';
import { runCaptured } from './captured-cli.js';
import { unequal } from './compare.js';
import { smartosHost, storedZones, temporaryRoot } from './host.js';
import type { VectorRecord } from './records.js';
import { atTime, recordedAt, type Runner } from './runner.js';

type KnownDataset = Readonly<Record<string, string | number>>;

interface Load extends VectorRecord {
  readonly xml: string;
  readonly zoneadm?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly datasets?: readonly KnownDataset[];
  readonly sysinfo?: Readonly<Record<string, string>>;
  readonly xml_object?: unknown;
  readonly vm_object?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
  readonly thrown?: true;
}

/** Members from the running kernel or the clock, which are not recorded. */
const unrecorded = ['pid', 'boot_timestamp', 'init_restarts', 'last_modified'];

export function vmLoad(): Runner {
  return {
    close: () => undefined,
    async run(record) {
      const load = record as Load;
      const parsed = attempt(() => zoneConfigToVm(parseZoneXml(load.xml)));
      if (load.error !== undefined || load.thrown === true) {
        if (!(parsed instanceof Error)) return 'the configuration was read';
        const what = parsed instanceof SmartadmError ? String(parsed.info['what']) : describeError(parsed);
        return load.error === undefined || what === load.error.message
          ? undefined
          : `error: ${unequal(load.error.message, what)}`;
      }
      if (parsed instanceof Error) return `error: ${describeError(parsed)}`;
      if (JSON.stringify(parsed) !== JSON.stringify(load.xml_object))
        return `xml_object: ${unequal(load.xml_object, parsed)}`;
      return load.vm_object === undefined ? undefined : got(load);
    },
  };
}

function attempt<T>(work: () => T): T | Error {
  try {
    return work();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** What `vmadm get` prints of it. */
async function got(load: Load): Promise<string | undefined> {
  const { root, remove } = temporaryRoot();
  try {
    const record = recordOf(load.zoneadm ?? '');
    for (const [file, content] of Object.entries(load.files ?? {})) {
      const path = join(root, record.zonepath, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
    const datasets = (load.datasets ?? []).map(datasetOf);
    const base = smartosHost(root, { zones: storedZones(root) });
    const host = {
      ...base,
      zones: {
        ...base.zones,
        list: () => Promise.resolve([record]),
        find: (name: string) => Promise.resolve(name === record.name ? record : undefined),
        config: () => Promise.resolve(parseZoneXml(load.xml)),
      },
      datasets: {
        ...base.datasets,
        list: ({ root: top }: { readonly root?: string } = {}) =>
          Promise.resolve(
            datasets.filter(({ name }) => top === undefined || name === top || name.startsWith(`${top}/`)),
          ),
      },
    };
    const outcome = await atTime(recordedAt, () =>
      runCaptured('vmadm', vmadm, ['get', record.uuid ?? ''], { host, root }),
    );
    if (outcome.exit !== 0) return `exit: ${outcome.exit}: ${outcome.stderr}`;
    const vm = JSON.parse(outcome.stdout) as Record<string, unknown>;
    for (const member of unrecorded) Reflect.deleteProperty(vm, member);
    return JSON.stringify(vm) === JSON.stringify(load.vm_object)
      ? undefined
      : `vm_object: ${unequal(load.vm_object, vm)}`;
  } finally {
    remove();
  }
}

/** A line of `zoneadm list -pc`. */
function recordOf(line: string): ZoneRecord {
  const [id = '', name = '', state = '', zonepath = '', uuid = '', brand = '', , debugId = ''] = line.split(':');
  return {
    name, zonepath, brand,
    uuid: uuid === '' ? undefined : uuid,
    id: id === '-' ? undefined : Number(id),
    state: state as ZoneState,
    ipType: 'exclusive',
    debugId: debugId === '-' ? -1 : Number(debugId),
  }; // prettier-ignore
}

function datasetOf(known: KnownDataset): Dataset {
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
