/** What looking at VMs costs when there are many: list, lookup and get, whole processes. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { writeZoneXml } from '../../lib/host/zone-xml.js';
import { attrResource, netAttr, rctlResource } from '../../lib/vm/zone-values.js';
import { installed, median, ms, program, type BenchTable } from './measure.js';
import { reasonOf } from './podman.js';

const counts = [1, 100, 1000, 5000];
const mebibyte = 2 ** 20;

export async function bench(): Promise<BenchTable> {
  const bare = await median(5, () => program(process.execPath, ['-e', '0']));
  const rows = [['node -e 0', '', ms(bare), '', '', '', '', '', '', '']];
  for (const count of counts) {
    const root = mkdtempSync(join(tmpdir(), 'smartadm-bench-'));
    try {
      for (let number = 0; number < count; number += 1) makeVm(root, number);
      const lines = Array.from({ length: count }, (_, number) => {
        const uuid = uuidOf(number);
        return `${uuid}:installed:/zones/${uuid}:${uuid}:joyent-minimal:ex:${number + 1}\n`;
      });
      writeFileSync(join(root, 'etc/zones/index'), ['global:installed:/\n', ...lines].join(''));
      const env = { ...process.env, SMARTADM_ROOT: root };
      const time = async (...args: string[]) =>
        ms(await median(5, () => program(process.execPath, ['dist/vmadm.js', ...args], env)));
      rows.push([
        'vmadm',
        String(count),
        await time('list'),
        await time('lookup', 'tags.role=web'),
        await time('lookup', `uuid=${uuidOf(0)}`),
        await time('get', uuidOf(0)),
        await peak(env, 'list'),
        await peak(env, 'lookup', '-j', 'tags.role=web'),
        await lxcTime(join(root, 'lxc'), count),
        await podmanTime(join(root, 'podman'), count),
      ]);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }
  return {
    title: 'many VMs, median of 5',
    columns: [
      'command',
      'VMs',
      'list',
      'lookup tags.role=',
      'lookup uuid=',
      'get',
      'memory of list',
      'of lookup -j',
      'lxc-ls -f',
      'podman ps -a',
    ],
    rows,
  };
}

/** Says at its end how much memory a process has had at most, in KiB. */
const tellPeak = `data:text/javascript,process.on('exit',()=>process.stderr.write('peak '+process.resourceUsage().maxRSS))`;

async function peak(env: NodeJS.ProcessEnv, ...args: string[]): Promise<string> {
  const argv = ['--import', tellPeak, 'dist/vmadm.js', ...args];
  const { stderr } = await promisify(execFile)(process.execPath, argv, { env, maxBuffer: 1 << 28 });
  return `${(Number(/peak (\d+)$/.exec(stderr)?.[1]) / 1024).toFixed(0)} MiB`;
}

/** As many containers that do not run, with their files read, in a folder of their own. */
async function lxcTime(folder: string, count: number): Promise<string> {
  if (!installed('lxc-ls')) return 'not installed';
  for (let number = 0; number < count; number += 1) {
    mkdirSync(join(folder, uuidOf(number)), { recursive: true });
    const config = `lxc.rootfs.path = dir:${folder}\nlxc.uts.name = ${uuidOf(number)}\nlxc.net.0.type = empty\n`;
    writeFileSync(join(folder, uuidOf(number), 'config'), config);
  }
  return ms(await median(3, () => program('lxc-ls', ['-P', folder, '-f'])));
}

/** More take podman too long to make. */
const mostOfPodman = 100;

async function podmanTime(folder: string, count: number): Promise<string> {
  if (!installed('podman')) return 'not installed';
  if (count > mostOfPodman) return '';
  const common = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--tmpdir', join(folder, 'tmp'), '--cgroup-manager=cgroupfs']; // prettier-ignore
  mkdirSync(join(folder, 'rootfs'), { recursive: true });
  try {
    for (let number = 0; number < count; number += 1) {
      await program('podman', [...common, 'create', '--network=none', '--name', `c${number}`, '--rootfs', join(folder, 'rootfs'), '/bin/sh']); // prettier-ignore
    }
    return ms(await median(3, () => program('podman', [...common, 'ps', '-a'])));
  } catch (error) {
    return `does not run here: ${reasonOf(error)}`;
  } finally {
    await program('podman', [...common, 'rm', '-a', '-f']).catch(() => undefined);
  }
}

function uuidOf(number: number): string {
  return `${number.toString(16).padStart(8, '0')}-b000-4000-8000-000000000000`;
}

/** A VM as create makes one: configuration, metadata and tags of the usual size. */
function makeVm(root: string, number: number): void {
  const name = uuidOf(number);
  const zonepath = `/zones/${name}`;
  const memory = String((number % 16) * 128 * mebibyte);
  const attrs = {
    'vm-version': '1',
    'create-timestamp': '2026-01-02T03:04:05.678Z',
    'dataset-uuid': '0a000000-0000-4000-8000-000000000001',
    'billing-id': '00000000-0000-0000-0000-000000000000',
    'owner-uuid': '00000000-0000-0000-0000-000000000000',
    tmpfs: '256',
    'dns-domain': 'local',
    resolvers: '8.8.8.8,8.8.4.4',
    alias: Buffer.from(`web${number}`).toString('base64'),
  };
  const limits = { 'cpu-shares': '100', 'max-lwps': '2000', 'zfs-io-priority': '100', 'max-physical-memory': memory, 'max-locked-memory': memory, 'max-swap': memory, 'cpu-cap': '100', 'max-shm-memory': memory }; // prettier-ignore
  const network = {
    kind: 'network',
    attributes: { physical: 'net0', 'mac-addr': '02:08:20:00:00:01', 'global-nic': 'admin' },
    children: Object.entries({ gateway: '10.0.0.1', gateways: '10.0.0.1', netmask: '255.255.255.0', ip: '10.0.0.5', ips: '10.0.0.5/24', primary: 'true' }).map(([key, value]) => netAttr(key, value)), // prettier-ignore
  };
  const config = {
    attributes: { name, zonepath, autoboot: 'true', brand: 'joyent-minimal', 'ip-type': 'exclusive', limitpriv: 'default', debugid: String(number + 1) }, // prettier-ignore
    resources: [
      ...Object.entries(attrs).map(([key, value]) => attrResource(key, value)),
      ...Object.entries(limits).map(([key, value]) =>
        rctlResource(key, value, /shares|priority/.test(key) ? 'none' : 'deny'),
      ),
      network,
    ],
  };
  mkdirSync(join(root, 'etc/zones'), { recursive: true });
  mkdirSync(join(root, zonepath), { recursive: true });
  writeFileSync(join(root, `etc/zones/${name}.xml`), writeZoneXml(config));
  mkdirSync(join(root, zonepath, 'config'));
  const file = (which: string, value: object) =>
    writeFileSync(join(root, zonepath, 'config', `${which}.json`), JSON.stringify(value, null, 2));
  file('metadata', { internal_metadata: {}, customer_metadata: { root_authorized_keys: 'ssh-ed25519 AAAA' } });
  file('tags', { role: number % 2 === 0 ? 'web' : 'db' });
}
