/**
 * The command of a Docker container, which is the init of its zone, from the metadata of the VM: what dockerinit does on
 * SmartOS.
 */
import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { codeOf } from '../../errors.js';
import { hostError } from '../errors.js';
import { zoneRoot, type ZoneRoot } from '../zone-root.js';
import type { ZoneConfig } from '../zones.js';
import { zoneAttr, zoneHostname } from './lxc-config.js';

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * What `zone-start` (`addon/src/linux/zone_command.h`) reads; undefined for zones that have an init. Makes the folder in which
 * the command is to run. Throws `ZoneInvalid`.
 */
export async function zoneCommand(config: ZoneConfig, zonepath: string): Promise<readonly string[] | undefined> {
  if (zoneAttr(config, 'docker') !== 'true' || !/\/dockerinit$/.test(zoneAttr(config, 'init-name') ?? ''))
    return undefined;
  const name = config.attributes['name'] ?? '';
  const metadata = await readMetadata(zonepath, name);
  const root = zoneRoot(join(zonepath, 'root'));
  const words = [...texts(metadata['docker:entrypoint']), ...texts(metadata['docker:cmd'])];
  if (words.length === 0) throw hostError('ZoneInvalid', `zone ${name} has no command: "docker:cmd" is not set`);
  const user = await findUser(root, textOf(metadata['docker:user']), name);
  const folder = workFolder(textOf(metadata['docker:workdir']), user.home);
  await makeFolder(root, folder);
  const environment = new Map([['TERM', 'xterm'], ['HOME', user.home], ['PATH', path], ['HOSTNAME', zoneHostname(config)]]); // prettier-ignore
  for (const entry of [...texts(metadata['docker:linkEnv']), ...texts(metadata['docker:env'])]) {
    const equals = entry.indexOf('=');
    if (equals > 0) environment.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  const records = [
    ...words.map((word) => `arg ${word}`),
    ...[...environment].map(([key, value]) => `lxc.environment ${key}=${value}`),
    `lxc.init.cwd ${folder}`,
    `lxc.init.uid ${user.uid}`,
    `lxc.init.gid ${user.gid}`,
    ...(user.groups.length === 0 ? [] : [`lxc.init.groups ${user.groups.join(',')}`]),
  ];
  if (records.some((record) => record.includes('\0'))) {
    throw hostError('ZoneInvalid', `the command of zone ${name} has a zero byte in it`);
  }
  return records;
}

async function readMetadata(zonepath: string, name: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const file: unknown = JSON.parse(await readFile(join(zonepath, 'config/metadata.json'), 'utf8'));
    const metadata = (file as { internal_metadata?: unknown } | null)?.internal_metadata;
    return typeof metadata === 'object' && metadata !== null ? (metadata as Readonly<Record<string, unknown>>) : {};
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return {};
    throw hostError('ZoneInvalid', `cannot read the metadata of zone ${name}`, { cause });
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The texts of a list, which may itself be JSON text. */
function texts(value: unknown): readonly string[] {
  let list: unknown = value;
  try {
    if (typeof value === 'string') list = JSON.parse(value);
  } catch {
    list = undefined;
  }
  return Array.isArray(list) ? list.filter((each): each is string => typeof each === 'string') : [];
}

interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly home: string;
}

const mostId = 2 ** 31;

/** `USER`, `UID`, `USER:GROUP` or `UID:GID`; by default root. Names are the image's. */
async function findUser(root: ZoneRoot, text: string, zone: string): Promise<ContainerUser> {
  const [user = '', group] = text.split(':');
  const wanted = user === '' ? '0' : user;
  const [accounts, groups] = await Promise.all([rows(root, '/etc/passwd'), rows(root, '/etc/group')]);
  const account = accounts.find(([name]) => name === wanted) ?? accounts.find(([, , uid]) => uid === wanted);
  const [name, , uid = wanted, gid = '0', , home = ''] = account ?? [];
  const own = groups.find(([each]) => each === group)?.[2] ?? group;
  const others = groups.filter(([, , , members = '']) => name !== undefined && members.split(',').includes(name));
  const number = (id: string) => {
    const value = /^\d{1,10}$/.test(id) ? Number(id) : Number.NaN;
    if (value < mostId) return value;
    throw hostError('ZoneInvalid', `the image of zone ${zone} has no user or group ${JSON.stringify(id)}`);
  };
  return {
    uid: number(uid),
    gid: number(own === undefined || own === '' ? gid : own),
    groups: group === undefined ? others.map(([, , id = '']) => number(id)) : [],
    home: home.startsWith('/') ? home : '/',
  };
}

async function rows(root: ZoneRoot, file: string): Promise<readonly (readonly string[])[]> {
  const text = await root.read(file).catch(() => undefined);
  return (text ?? '').split('\n').map((line) => line.trim().split(':')); // prettier-ignore
}

function workFolder(text: string, home: string): string {
  return posix.normalize(`/${text.replace(/^~/, home)}`);
}

/** Where links of the image are in the way, the image has to have it. */
async function makeFolder(root: ZoneRoot, folder: string): Promise<void> {
  if (folder === '/') return;
  await root.makeDirectory(folder).catch((error: unknown) => {
    if (codeOf(error) !== 'ZoneInvalid') throw error;
  });
}
