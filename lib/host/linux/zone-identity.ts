/** What the platform writes into a zone's `/etc`, as the `lx` brand of SmartOS does at each boot: name and resolvers. */
import { codeOf } from '../../errors.js';
import { ipVersion } from '../../ip-text.js';
import type { ZoneRoot } from '../zone-root.js';
import type { ZoneConfig } from '../zones.js';
import { zoneAttr, zoneHostname } from './lxc-config.js';

/** A file of a zone and its text. */
export interface ZoneFile {
  readonly path: string;
  readonly text: string;
  /** Left alone where the image has one. */
  readonly onlyIfMissing: boolean;
}

/**
 * The files of a zone whose networks offer the name servers `offered`. A docker zone gets its own by other means
 * (`vmadm(8)`, "docker").
 */
export function identityFiles(config: ZoneConfig, offered: readonly string[]): readonly ZoneFile[] {
  if (zoneAttr(config, 'docker') === 'true') return [];
  const hostname = zoneHostname(config);
  const domain = zoneAttr(config, 'dns-domain');
  const names = domain !== undefined && isDomain(domain) ? `${hostname}.${domain} ${hostname}` : hostname;
  const files: ZoneFile[] = [
    { path: '/etc/hostname', text: `${hostname}\n`, onlyIfMissing: false },
    {
      path: '/etc/hosts',
      text: `127.0.0.1\tlocalhost\n127.0.1.1\t${names}\n::1\tlocalhost ip6-localhost ip6-loopback\n`,
      onlyIfMissing: true,
    },
  ];
  const resolvers = zoneResolvers(config, offered);
  if (resolvers.length > 0) {
    const search = domain !== undefined && isDomain(domain) ? [`search ${domain}`] : [];
    const lines = ['# AUTOMATIC ZONE CONFIG', ...search, ...resolvers.map((address) => `nameserver ${address}`)];
    files.push({ path: '/etc/resolv.conf', text: lines.map((line) => `${line}\n`).join(''), onlyIfMissing: false });
  }
  return files;
}

/** Those of the configuration, or else those that its networks offer. */
function zoneResolvers(config: ZoneConfig, offered: readonly string[]): readonly string[] {
  const configured = (zoneAttr(config, 'resolvers') ?? '').split(',').filter((address) => ipVersion(address) !== 0);
  return configured.length > 0 ? configured : [...new Set(offered)];
}

function isDomain(text: string): boolean {
  return /^[A-Za-z0-9._-]{1,253}$/.test(text);
}

/**
 * Brings the files in line, touching only those that differ. An image without `/etc` gets none; a zone that has no space
 * left keeps what it has, which goes to `report`. Throws `ZoneInvalid` where a symbolic link is in the way.
 */
export async function writeIdentity(
  root: ZoneRoot,
  files: readonly ZoneFile[],
  report: (path: string, error: unknown) => void,
): Promise<void> {
  if (files.length === 0 || (await root.kindOf('/etc')) === undefined) return;
  for (const { path, text, onlyIfMissing } of files) {
    const kind = await root.kindOf(path);
    if (onlyIfMissing && kind !== undefined) continue;
    // What is no file, a symbolic link above all, is replaced.
    if (kind === 'file' && (await root.read(path)) === text) continue;
    try {
      await root.write(path, text);
    } catch (error) {
      if (codeOf(error) !== 'NoSpace' && codeOf(error) !== 'EROFS') throw error;
      report(path, error);
    }
  }
}
