/** Files that a container gets from its host: names, name servers, addresses (`vm-lifecycle`, host configuration files). */
import { mkdir } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { writeAtomically } from '../atomic-file.js';
import { hostError } from '../host/errors.js';
import type { Host } from '../host/host.js';
import { zoneRoot, type ZoneRoot } from '../host/zone-root.js';
import type { ZoneConfig } from '../host/zones.js';
import { ipVersion } from '../ip-text.js';
import { vmError } from './errors.js';
import type { VmSpec } from './spec.js';
import { withFilesystem } from './zone-config.js';

const loopback = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

/**
 * Writes the files of a container below its `config/` and returns the configuration in which they are mounted over those
 * of the image. Throws `PayloadInvalid` for metadata they cannot be made from, `ZoneInvalid` where the image has something
 * in the way.
 */
export async function mountContainerFiles(host: Host, spec: VmSpec, config: ZoneConfig): Promise<ZoneConfig> {
  if (spec.properties['docker'] !== true) return config;
  const { internal_metadata: metadata, brand } = spec;
  const hosts = brand === 'joyent-minimal' ? '/etc/inet/hosts' : '/etc/hosts';
  const files = [
    { name: 'resolv.conf', target: metadata['docker:resolvConfFile'] ?? '/etc/resolv.conf', text: resolvConf(spec) },
    { name: 'hosts', target: metadata['docker:hostsFile'] ?? hosts, text: hostsText(spec) },
    { name: 'hostname', target: metadata['docker:hostnameFile'] ?? '/etc/hostname', text: `${hostnameOf(spec)}\n` },
  ];
  const root = zoneRoot(host.at(`${spec.zonepath}/root`));
  const folder = host.at(`${spec.zonepath}/config`);
  await mkdir(folder, { recursive: true });
  let done = config;
  for (const { name, target, text } of files) {
    await writeAtomically(join(folder, name), text);
    const place = posix.normalize(`/${String(target)}`);
    await makePlace(root, place);
    const source = `${spec.zonepath}/config/${name}`;
    done = withFilesystem(done, { source, target: place, type: 'lofs', options: ['rw'] });
  }
  return done;
}

/** A file to mount over; a link of the image is replaced, since it is not followed. */
async function makePlace(root: ZoneRoot, place: string): Promise<void> {
  const kind = await root.kindOf(place);
  if (kind === 'file') return;
  if (kind !== undefined && kind !== 'symlink') throw hostError('ZoneInvalid', `${place} is not a file`);
  await root.makeDirectory(dirname(place));
  await root.write(place, '');
}

function hostnameOf({ properties, uuid }: VmSpec): string {
  return typeof properties['hostname'] === 'string' ? properties['hostname'] : uuid;
}

function resolvConf({ properties, internal_metadata: metadata }: VmSpec): string {
  const resolvers = texts(properties['resolvers']).map((address) => `nameserver ${address}\n`);
  const domains = [...texts(parsed(metadata['docker:dnssearch'])), ...texts([properties['dns_domain']])];
  return resolvers.join('') + (domains.length === 0 ? '' : `search ${domains.join(' ')}\n`);
}

/** What is text in a list, and not empty. */
function texts(list: unknown): readonly string[] {
  if (!Array.isArray(list)) return [];
  return list.filter((each): each is string => typeof each === 'string' && each !== '');
}

/** Own addresses first, the last of them at the front, then what everybody has, then what the metadata adds. */
function hostsText(spec: VmSpec): string {
  const { nics, internal_metadata: metadata } = spec;
  const addresses = (nics.find(({ primary }) => primary === true)?.ips ?? []).map((ip) => ip.split('/')[0] ?? '');
  const own = addresses
    .filter((address) => ipVersion(address) !== 0)
    .map((address) => `${address}\t${hostnameOf(spec)}\n`);
  const linked = metadata['docker:linkHosts'];
  return [...own.reverse(), loopback, ...extraHosts(metadata['docker:extraHosts']), String(linked ?? '')].join('');
}

/** `NAME:ADDRESS`; the address may have colons of its own. */
function extraHosts(text: unknown): readonly string[] {
  if (text === undefined) return [];
  const invalid = (why: string) => vmError('PayloadInvalid', `invalid "docker:extraHosts" internal_metadata: ${why}`);
  const hosts = parsed(text);
  if (!Array.isArray(hosts)) throw invalid('not an array of NAME:ADDRESS');
  return hosts.map((host: unknown) => {
    const [, name = '', address = ''] = /^([^:]*):(.*)$/s.exec(String(host)) ?? [];
    if (address === '') throw invalid(`no address in ${JSON.stringify(host)}`);
    return `${address}\t${name}\n`;
  });
}

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return undefined;
  }
}
