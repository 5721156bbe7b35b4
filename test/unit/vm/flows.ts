/** The host on which create and update were recorded, as payload judgement sees it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ZoneConfig } from '../../../lib/host/zones.js';
import type { Disk, VmObject } from '../../../lib/schema/generated/vm.js';
import type { ImageFacts, PayloadFacts } from '../../../lib/vm/spec.js';
import { zoneConfigToVm } from '../../../lib/vm/zone-config-read.js';
import { vectorsFolder } from '../../vectors.js';

export interface FlowAfter {
  readonly zone_xml?: string;
  readonly index?: readonly string[];
  readonly zonepath_files?: Readonly<Record<string, string>>;
}

export interface FlowStep {
  readonly args: readonly string[];
  readonly payload?: unknown;
  readonly exit: number;
  readonly stderr: string;
  readonly after?: FlowAfter;
}

export interface Flow {
  readonly id: string;
  readonly base?: string;
  readonly steps: readonly FlowStep[];
}

interface RecordedHost {
  readonly zpools: readonly string[];
  readonly nictags: readonly string[];
  readonly images: Readonly<Record<string, { readonly zpool: string; readonly manifest: ImageFacts }>>;
}

const recorded = JSON.parse(readFileSync(join(vectorsFolder, 'host.json'), 'utf8')) as RecordedHost;

/** The clock stood still. */
export const recordedNow = Date.parse('2030-01-02T03:04:05.678Z');

/** `vms` are those on the host. Identities come from a counter, as they did. */
export function recordedFacts(vms: readonly VmObject[]): PayloadFacts {
  let count = 0;
  return {
    guestOs: 'smartos',
    zpools: () => Promise.resolve(recorded.zpools),
    image: (uuid, zpool) => {
      const image = recorded.images[uuid];
      return Promise.resolve(image?.zpool === zpool ? image.manifest : undefined);
    },
    nicTags: () =>
      Promise.resolve(recorded.nictags.map((name) => ({ name, kind: 'normal', link: name, mtu: 1500 }) as const)),
    exists: (uuid) => Promise.resolve(vms.some((vm) => vm.uuid === uuid)),
    vms: () => Promise.resolve(vms),
    newUuid: () => `e0e0e0e0-0000-4000-8000-${(count += 1).toString(16).padStart(12, '0')}`,
    random: () => 0,
    now: () => recordedNow,
  };
}

/** The VM of a recorded configuration, with what its datasets and files add. */
export function recordedVm(
  config: ZoneConfig,
  isRunning: boolean,
  files: Readonly<Record<string, string>> = {},
): VmObject {
  const { name = '', zonepath = '', brand = '' } = config.attributes;
  const vm = zoneConfigToVm(config, {
    name, zonepath, brand,
    uuid: name,
    id: isRunning ? 1 : undefined,
    state: isRunning ? 'running' : 'installed',
    ipType: 'exclusive',
    debugId: -1,
  }); // prettier-ignore
  const json = (file: string) => JSON.parse(files[`config/${file}.json`] ?? '{}') as Record<string, never>;
  const zpool = zonepath.split('/')[1] ?? '';
  const sizes = new Map(
    config.resources
      .filter((resource) => resource.kind === 'device')
      .map(({ attributes, children }) => [attributes['match'], children]),
  );
  const disks = vm.disks?.map((disk): Disk => {
    const sized = sizes
      .get(disk.path ?? '')
      ?.find(({ attributes }) => /^(?:image-)?size$/.test(attributes['name'] ?? ''));
    return { ...disk, zpool, size: Number(sized?.attributes['value']) };
  });
  return {
    ...vm,
    ...json('metadata'),
    tags: json('tags'),
    routes: json('routes'),
    quota: 10,
    zpool,
    zfs_filesystem: zonepath.slice(1),
    resolvers: vm.resolvers ?? [],
    firewall_enabled: vm.firewall_enabled ?? false,
    ...(disks === undefined ? {} : { disks }),
  };
}
