/** The VM object that `get` prints, computed from its homes each time it is asked for. Nothing else computes one. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, hasCode } from '../errors.js';
import type { Host } from '../host/host.js';
import type { ZoneConfig, ZoneRecord } from '../host/zones.js';
import { parseJson } from '../json-text.js';
import type { VmObject } from '../schema/generated/vm.js';
import { vmRows } from '../schema/vm.js';
import { isDamage, type Damaged } from './damaged.js';
import { vmError } from './errors.js';
import { addDatasets, allDatasets, datasetsBelow, volumeOf, type DatasetIndex } from './load-datasets.js';
import { readMetadata, readRoutes, readTags } from './metadata.js';
import { addRecord, membersFor, stateOf, uuidOf, zoneConfigToVm } from './zone-config-read.js';

/** Where values come from, besides the index of zones. */
type Source =
  'config' | 'runtime' | 'exit' | 'times' | 'sysinfo' | 'metadata' | 'tags' | 'routes' | 'datasets' | 'snapshots';

/** Members that are found out at each load. Those that the index tells need nothing more. */
const computedFrom: Readonly<Record<string, readonly Source[]>> = {
  boot_timestamp: ['runtime'],
  init_restarts: ['runtime'],
  pid: ['runtime'],
  exit_status: ['exit'],
  exit_timestamp: ['exit'],
  last_modified: ['times'],
  server_uuid: ['sysinfo'],
  datacenter_name: ['sysinfo'],
  platform_buildstamp: ['sysinfo'],
  headnode_id: ['sysinfo'],
  state: ['config'],
  transition_to: ['config'],
  transition_expire: ['config'],
  device: ['config'],
  free_space: ['config', 'datasets', 'snapshots'],
  missing: ['config', 'datasets'],
};
/** The configuration has them too, but the index is read in any case. */
const fromIndex: ReadonlySet<string> = new Set(['zonename', 'brand']);

function sourcesOf(field: string): readonly Source[] {
  if (fromIndex.has(field)) return [];
  const store = vmRows.find((row) => row.name === field)?.store;
  switch (store?.in) {
    case undefined:
    case 'element':
    case 'child':
      return [];
    case 'computed':
      return computedFrom[field] ?? [];
    case 'file':
      return [store.name];
    case 'dataset':
      // The brand says which quota is meant, the state whether datasets have to be there.
      return store.name === 'snapshots' || store.name === 'indestructible' ? ['datasets', 'snapshots'] : ['datasets'];
    case 'resources':
      return field === 'disks' ? ['config', 'datasets'] : ['config'];
    default:
      return field === 'create_timestamp' ? ['config', 'datasets'] : ['config'];
  }
}

const everything: ReadonlySet<Source> = new Set<Source>([
  'config', 'runtime', 'exit', 'times', 'sysinfo', 'metadata', 'tags', 'routes', 'datasets', 'snapshots',
]); // prettier-ignore

/**
 * The VM with this uuid, complete or reduced to `fields` (names of its members), for which only their homes are read.
 * Costs the same however many VMs there are. Undefined when there is none. Throws `VmDamaged` or `ZoneInvalid` when one of
 * its files is; `damaged` is told of those that are taken for empty.
 */
export async function findVm(
  host: Host,
  uuid: string,
  fields?: readonly string[],
  damaged?: Damaged,
): Promise<VmObject | undefined> {
  const record = await findRecord(host, uuid, damaged);
  if (record === undefined) return undefined;
  const loader = createLoader(host, fields, damaged, (vm) => {
    const names = [(vm.zonepath ?? '').slice(1), ...(vm.datasets ?? []), ...(vm.disks ?? []).map(volumeOf)];
    return (withSnapshots) => datasetsBelow(host.datasets, names.filter(isName), withSnapshots);
  });
  return loader(record);
}

/** As {@link findVm}. Throws `VmNotFound` when there is none. */
export async function loadVm(
  host: Host,
  uuid: string,
  fields?: readonly string[],
  damaged?: Damaged,
): Promise<VmObject> {
  const vm = await findVm(host, uuid, fields, damaged);
  if (vm === undefined) throw vmError('VmNotFound', `VM ${uuid} not found`, { info: { uuid } });
  return vm;
}

/**
 * All VMs in the order of the index, as {@link findVm}. Each home is asked once, in one pass. With `damaged`, one whose
 * files are damaged is left out, which that is told; `expect` is told how many there are before any is read.
 */
export async function loadVms(
  host: Host,
  fields?: readonly string[],
  damaged?: Damaged,
  expect?: Expect,
): Promise<readonly VmObject[]> {
  let index: Promise<DatasetIndex> | undefined;
  const load = createLoader(
    host,
    fields,
    damaged,
    () => (withSnapshots) => (index ??= allDatasets(host.datasets, withSnapshots)),
  );
  const passOver = (error: unknown) => {
    if (damaged === undefined || !isDamage(error)) throw error;
    damaged(error);
    return undefined;
  };
  const vms: VmObject[] = [];
  const records = await host.zones.list(damaged);
  await expect?.(records.length);
  for (let at = 0; at < records.length; at += atOnce) {
    const some = await Promise.all(records.slice(at, at + atOnce).map((record) => load(record).catch(passOver)));
    for (const vm of some) if (vm !== undefined) vms.push(vm);
  }
  return vms;
}

/** Told how many VMs are going to be read. */
export type Expect = (count: number) => Promise<void>;

/** VMs that are loaded at the same time. */
const atOnce = 64;

/** Zones are found by name, which is the uuid unless the payload named one; that name serves as well (`vmadm(8)`). */
async function findRecord(host: Host, uuid: string, damaged: Damaged | undefined): Promise<ZoneRecord | undefined> {
  const named = await host.zones.find(uuid).catch((error: unknown) => {
    if (hasCode(error, 'InvalidName')) return undefined;
    throw error;
  });
  if (named !== undefined && uuidOf(named) === uuid) return named;
  return (await host.zones.list(damaged)).find((record) => uuidOf(record) === uuid) ?? named;
}

/** How a VM's datasets are read, once they turn out to be needed. */
type DatasetReader = (withSnapshots: boolean) => Promise<DatasetIndex>;

/** A function that loads one VM; undefined for zones that are none, or that have gone meanwhile. */
function createLoader(
  host: Host,
  fields: readonly string[] | undefined,
  damaged: Damaged | undefined,
  readerFor: (vm: VmObject) => DatasetReader,
): (record: ZoneRecord) => Promise<VmObject | undefined> {
  const wanted = fields === undefined ? everything : new Set(fields.flatMap(sourcesOf));
  // What belongs to a VM's datasets is told by its lists.
  const members = fields === undefined || wanted.has('datasets') ? undefined : membersFor(fields);
  const needsPlace = ['times', 'exit', 'metadata', 'routes', 'tags', 'datasets'].some((each) =>
    wanted.has(each as Source),
  );
  const sysinfo = wanted.has('sysinfo') ? host.sysinfo.read() : undefined;
  // Answered where it is needed; a failure there must not be a failure nobody looks at.
  sysinfo?.catch(() => undefined);
  return async (record) => {
    if (uuidOf(record) === undefined) return undefined;
    const place = needsPlace ? host.at(record.zonepath) : '';
    const needsConfig = wanted.has('config') || wanted.has('datasets') || record.brand === '';
    const config = needsConfig ? await configOf(host, record) : undefined;
    if (needsConfig && config === undefined) return undefined;
    const vm = (config === undefined ? {} : zoneConfigToVm(config, undefined, members)) as VmObject &
      Record<string, unknown>;
    addRecord(vm, record);
    if (wanted.has('times')) addLastModified(vm, place, host);
    if (wanted.has('exit') && record.state !== 'running') addExit(vm, place);
    vm.resolvers ??= [];
    vm.firewall_enabled ??= false;
    if (sysinfo !== undefined) addSysinfo(vm, await sysinfo);
    vm.state = stateOf(vm) ?? record.state;
    if (wanted.has('runtime') && record.id !== undefined) await addRuntime(vm, host);
    addFiles(vm, place, wanted, damaged);
    if (vm.state === 'receiving') addReceived(vm, host);
    if (wanted.has('datasets') && (fields === undefined || needsDatasets(vm, fields))) {
      addDatasets(vm, place, await readerFor(vm)(wanted.has('snapshots')));
    }
    return fields === undefined ? vm : pick(vm, fields);
  };
}

/** `create_timestamp` is in the configuration of all but very old VMs. */
function needsDatasets(vm: VmObject, fields: readonly string[]): boolean {
  return fields.some(
    (field) =>
      sourcesOf(field).includes('datasets') && !(field === 'create_timestamp' && vm.create_timestamp !== undefined),
  );
}

async function configOf(host: Host, record: ZoneRecord): Promise<ZoneConfig | undefined> {
  try {
    return await host.zones.config(record.name);
  } catch (error) {
    if (!hasCode(error, 'ZoneNotFound')) throw error;
    if ((await host.zones.find(record.name)) === undefined) return undefined;
    throw vmError('VmDamaged', `${host.at(`/etc/zones/${record.name}.xml`)} is missing`, { cause: error });
  }
}

/** The newest change of what `vmadm(8)` looks at, in whole seconds. */
function addLastModified(vm: VmObject, place: string, host: Host): void {
  const files = [
    ...['config/metadata.json', 'config/routes.json', 'config/tags.json', 'lastexited'].map((name) =>
      join(place, name),
    ),
    host.at(`/etc/zones/${vm.zonename ?? ''}.xml`),
  ];
  const times = files
    .map((file) => statSync(file, { throwIfNoEntry: false }))
    .filter((stat) => stat?.isFile() === true)
    .map((stat) => stat?.mtimeMs ?? 0);
  if (times.length > 0) vm.last_modified = new Date(Math.floor(Math.max(...times) / 1000) * 1000).toISOString();
}

/** How the zone's init ended last: `SECONDS STATUS`, written by the platform. */
function addExit(vm: VmObject, place: string): void {
  const [seconds, status, ...more] = (readText(join(place, 'lastexited')) ?? '').trim().split(/\s+/);
  if (status === undefined || more.length > 0) return;
  const ended = new Date(Math.floor(Number(seconds) * 1000));
  const wait = Number(status);
  if (Number.isNaN(ended.getTime()) || !Number.isInteger(wait)) return;
  vm.exit_status = wait === -1 ? 0 : (wait & 0xff) === 0 ? wait >> 8 : -(wait & 0xff);
  vm.exit_timestamp = ended.toISOString();
}

function addSysinfo(vm: VmObject, facts: Awaited<ReturnType<Host['sysinfo']['read']>>): void {
  if (facts.uuid !== '') vm.server_uuid = facts.uuid;
  if (facts.datacenter !== undefined) vm.datacenter_name = facts.datacenter;
  if (facts.liveImage !== '') vm.platform_buildstamp = facts.liveImage;
  if (facts.headnodeId !== undefined) vm.headnode_id = facts.headnodeId;
}

async function addRuntime(vm: VmObject, host: Host): Promise<void> {
  const runtime = await host.zones.runtime(vm.zonename ?? '');
  if (runtime === undefined) return;
  vm.boot_timestamp = new Date(runtime.bootedAt).toISOString();
  vm.init_restarts = runtime.initRestarts;
  vm.pid = runtime.pid;
}

function addFiles(vm: VmObject, place: string, wanted: ReadonlySet<Source>, damaged: Damaged | undefined): void {
  try {
    if (wanted.has('metadata')) Object.assign(vm, readMetadata(place, damaged));
    if (wanted.has('routes')) vm.routes = readRoutes(place, damaged);
    if (wanted.has('tags')) vm.tags = readTags(place, damaged);
  } catch (error) {
    // Half installed, half removed: whatever is there may be anything.
    if (vm.zone_state !== 'incomplete') throw error;
  }
}

/** While datasets still arrive, their names are known from the payload that came first. */
function addReceived(vm: VmObject, host: Host): void {
  const file = host.at(`/etc/zones/${vm.uuid ?? ''}-receiving.json`);
  const text = readText(file);
  if (text === undefined) return;
  const payload = parseJson(text, file);
  if (typeof payload !== 'object' || payload === null || !('zfs_filesystem' in payload)) return;
  if (typeof payload.zfs_filesystem === 'string') vm.zfs_filesystem ??= payload.zfs_filesystem;
}

/** Text of a small file; undefined when it cannot be read. */
function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}

/** The VM with no more than these members, in its own order. */
function pick(vm: VmObject & Record<string, unknown>, fields: readonly string[]): VmObject {
  const picked: Record<string, unknown> = {};
  for (const name of Object.keys(vm)) if (fields.includes(name)) picked[name] = vm[name];
  return picked;
}

function isName(name: string | undefined): name is string {
  return name !== undefined && name !== '';
}
