/** A stand-in illumos host for whole commands: pools, nic tags and facts of a machine, driven by the built programs. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonFile } from '../../lib/host/native.js';
import { addPools } from './pool.js';
import { IllumosRoot } from './root.js';

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  /** The same as it came. */
  readonly bytes: Buffer;
  readonly stderr: string;
}

export const sysinfo = {
  'Live Image': '20260101T000000Z',
  'SDC Version': '7.0',
  UUID: '00000000-0000-4000-8000-0000000000aa',
  Hostname: 'gz0',
  'Datacenter Name': 'dc-test',
  'CPU Total Cores': 4,
  'MiB of Memory': '16384',
  Zpool: 'zones',
  'Bhyve Capable': true,
  'Network Interfaces': {
    e1000g0: { 'NIC Names': ['admin'], 'MAC Address': '00:50:56:00:00:01', 'Link Status': 'up' },
    e1000g1: { 'NIC Names': ['external'], 'MAC Address': '00:50:56:00:00:02', 'Link Status': 'up' },
  },
};

/** What a package for SmartOS has, and where there is one of its own for illumos, that. */
const addons: Readonly<Record<string, string>> = {
  codec: 'codec-illumos', dladm: 'dladm', kstat: 'kstat', posix: 'posix-illumos', rootfs: 'rootfs', sysevent: 'sysevent',
  tree: 'tree-illumos', zfs: 'zfs', zonecfg: 'zonecfg',
}; // prettier-ignore

let installed: string | undefined;

/** A folder with the programs and these addons: what needs another fails here as it would there. */
function installedPrograms(): string {
  if (installed !== undefined) return installed;
  const folder = mkdtempSync(join(tmpdir(), 'illumos-programs-'));
  process.on('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  const built = fileURLToPath(new URL('../../dist', import.meta.url));
  cpSync(join(built, 'for-tests'), join(folder, 'dist'), { recursive: true });
  copyFileSync(join(built, 'package.json'), join(folder, 'dist/package.json'));
  const made = join(folder, 'addon/build/Release');
  mkdirSync(made, { recursive: true });
  for (const [name, file] of Object.entries(addons)) symlinkSync(addonFile(file), join(made, `${name}.node`));
  // Looked for beside the addons.
  const from = dirname(addonFile('zfs'));
  for (const library of readdirSync(from).filter((name) => /^lib.*\.so\.1$/.test(name))) {
    symlinkSync(join(from, library), join(made, library));
  }
  return (installed = folder);
}

export class IllumosHost extends IllumosRoot {
  constructor() {
    super();
    addPools(this);
    this.write('/tmp/.sysinfo.json', JSON.stringify(sysinfo));
    this.addLink(1, { name: 'e1000g0', class: 1, flags: 3, mac: '00:50:56:00:00:01' });
    this.addLink(2, { name: 'e1000g1', class: 1, flags: 3, mac: '00:50:56:00:00:02' });
  }

  /** Runs a program of `npm run build -- --for-tests` on it. */
  command(program: 'vmadm' | 'imgadm', args: readonly string[], input: string | Buffer = ''): Promise<Ran> {
    const file = join(installedPrograms(), `dist/${program}.js`);
    const env = {
      PATH: process.env['PATH'], SMARTADM_HOST: 'illumos', SMARTADM_ROOT: this.path, SMARTADM_STAND_IN_ROOT: this.path,
    }; // prettier-ignore
    const child = spawn(process.execPath, [file, ...args], { env });
    const parts: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => parts.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    // A command that ends without reading it is judged by its status.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status) => {
        const bytes = Buffer.concat(parts);
        resolve({ status: status ?? -1, stdout: bytes.toString(), bytes, stderr });
      });
    });
  }

  /** The same, which has to succeed. A payload goes as JSON to its standard input. */
  async ok(program: 'vmadm' | 'imgadm', args: readonly string[], input: object | Buffer = Buffer.of()): Promise<Ran> {
    const ran = await this.command(program, args, Buffer.isBuffer(input) ? input : JSON.stringify(input));
    assert.equal(ran.status, 0, `${program} ${args.join(' ')}: ${ran.stderr}`);
    return ran;
  }

  async get(uuid: string): Promise<Readonly<Record<string, unknown>>> {
    return JSON.parse((await this.ok('vmadm', ['get', uuid])).stdout) as Record<string, unknown>;
  }

  /** What a file holds; empty when it is not there. */
  text(path: string): string {
    const content = this.read(path);
    return typeof content === 'string' ? content : '';
  }

  /** Installs the sample image, as it is, and under a UUID of its own as one for zones of the host's own kind. */
  async installSamples(ownKind: string): Promise<void> {
    const images = fileURLToPath(new URL('../fixtures/images/', import.meta.url));
    const [manifest, file] = [join(images, 'busybox-1.35.0.imgmanifest'), join(images, 'busybox-1.35.0.zfs.gz')];
    await this.ok('imgadm', ['install', '-m', manifest, '-f', file]);
    const sample = JSON.parse(readFileSync(manifest, 'utf8')) as object;
    const own = { ...sample, uuid: ownKind, os: 'smartos', type: 'zone-dataset' };
    this.write('/tmp/own.imgmanifest', JSON.stringify(own));
    await this.ok('imgadm', ['install', '-m', join(this.path, 'tmp/own.imgmanifest'), '-f', file]);
  }
}
