/** File systems that are made with a VM: datasets of their own, which begin with what its image has in their place. */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, hasCode } from '../errors.js';
import { hostError } from '../host/errors.js';
import { runProgram } from '../host/exec.js';
import type { Host } from '../host/host.js';
import type { ZoneConfig } from '../host/zones.js';
import type { Filesystem } from '../schema/generated/vm.js';
import { vmError } from './errors.js';
import type { VmSpec } from './spec.js';
import { isMadeLater, withFilesystem } from './zone-config.js';

/** Files of an image are few; a disk that stands still for an hour is broken. */
const copyLimitMs = 3600 * 1000;

/**
 * Makes the file systems of a VM whose source is the uuid of a volume, below its root dataset, and returns the
 * configuration that has them (`vm-lifecycle`, creating filesystems). Throws `Unsupported` for sources that are fetched,
 * `PayloadInvalid` where the image has something else than folders in the way, and the host's codes.
 */
export async function makeFilesystems(host: Host, spec: VmSpec, config: ZoneConfig): Promise<ZoneConfig> {
  const wanted = spec.filesystems.filter(isMadeLater);
  const fetched = wanted.find(({ source = '' }) => source.includes(':'));
  if (fetched !== undefined)
    throw hostError('Unsupported', `cannot fetch ${String(fetched.source)} to be a file system`, {
      hint: 'put it on this host and give its path as source',
    });
  if (wanted.length === 0) return config;
  const parent = `${spec.zfs_filesystem}/volumes`;
  await host.datasets.create(parent).catch((error: unknown) => {
    if (!hasCode(error, 'DatasetExists')) throw error;
  });
  let done = config;
  for (const filesystem of wanted) {
    const name = `${parent}/${String(filesystem.source)}`;
    await host.datasets.create(name);
    await copyFromImage(host, spec, filesystem, `/${name}`);
    done = withFilesystem(done, { ...filesystem, source: `/${name}` });
  }
  return done;
}

async function copyFromImage(host: Host, spec: VmSpec, { target = '' }: Filesystem, to: string): Promise<void> {
  let from = join(host.at(spec.zonepath), 'root');
  // A link on the way could lead out of the image.
  for (const component of target.split('/').filter((part) => part !== '' && part !== '.')) {
    from = join(from, component === '..' ? '' : component);
    const found = await lstat(from).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
    });
    if (found === undefined) return;
    if (!found.isDirectory()) throw vmError('PayloadInvalid', `${from} is not a directory, not copying files`);
  }
  const { status, stderr } = await runProgram('cp', ['-a', '-T', '--', from, host.at(to)], { timeoutMs: copyLimitMs });
  if (status !== 0) throw hostError('HostFailed', `cannot copy ${from} to ${to}: ${stderr.trim()}`);
}
