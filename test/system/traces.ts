/** What machines leave on a host. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rootId } from '../../lib/host/linux/root-id.js';
import { payload, type TestHost } from './test-host.js';

const uuidPattern = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

/** Everything on the host that belongs to machines: paths, mounts, links, control groups; files of locks left out. */
export function tracesOf(host: TestHost): readonly string[] {
  const groups = readdirSync('/sys/fs/cgroup')
    .flatMap((controller) => below(`/sys/fs/cgroup/${controller}`, new RegExp(`^smartadm-${rootId(host.root)}$`)))
    .flatMap((group) => [...below(`${group}/zones`, uuidPattern), ...below(`${group}/monitors`, uuidPattern)]);
  return [
    ...below(host.at('/zones'), uuidPattern).filter((path) => !path.endsWith(String(payload()['image_uuid']))),
    ...below(host.at('/etc/zones'), /\.xml$/),
    ...below(host.at('/var/run/smartadm/zones')),
    ...below('/sys/class/net', /^v/),
    ...readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .filter((line) => line.includes(`${host.root}/zones/`)),
    ...groups,
  ];
}

function below(folder: string, wanted = /./): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => wanted.test(name))
    .map((name) => `${folder}/${name}`);
}
