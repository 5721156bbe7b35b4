/** A host of its own for a test: a root in a temporary folder, with a small pool and networks, driven by the built commands. */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openLinuxHost } from '../../lib/host/linux/host.js';
import { silentLog } from '../../lib/log.js';
import { removeRoot } from '../pool.js';

const top = fileURLToPath(new URL('../..', import.meta.url));

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
}

export interface TestHost {
  readonly root: string;
  at(path: string): string;
  run(program: 'vmadm' | 'imgadm', args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** As `run` for vmadm, with its own text when it fails. */
  vmadm(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Runs it and throws, with what it printed, unless it succeeds. Returns its standard output. */
  ok(program: 'vmadm' | 'imgadm', args: readonly string[], options?: RunOptions): Promise<string>;
  /** Starts it without waiting. */
  start(program: 'vmadm' | 'imgadm', args: readonly string[], options?: RunOptions): ChildProcess;
  /** Installs an image of `test/fixtures/images`. */
  install(name: string): Promise<void>;
  /** Runs a command line of the guest's shell in a VM. */
  inside(uuid: string, line: string): Promise<Ran>;
  /** What a host that goes down takes with it: processes, links and mounts. */
  goDown(): Promise<void>;
  close(): Promise<void>;
}

export const busyboxImage = '7b9e1c3a-52d4-4e0f-9a86-3f5c0d1e2b47';

/** The whole of a payload for a small zone of the sample image. */
export function payload(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    brand: 'lx',
    image_uuid: busyboxImage,
    kernel_version: '4.3.0',
    max_physical_memory: 64,
    quota: 1,
    ...more,
  };
}

/** To be called in a network namespace of the test's own (`test/netns.ts`). */
export function openTestHost(): TestHost {
  const root = mkdtempSync(join(tmpdir(), 'smartadm-host-'));
  // The root of a zone's user namespace has to get through.
  chmodSync(root, 0o755);
  mkdirSync(join(root, 'etc/smartadm'), { recursive: true });
  const config = {
    pools: { zones: { driver: 'btrfs', sizeGiB: 4 } },
    nicTags: { admin: {}, stub0: { etherstub: true } },
  };
  writeFileSync(join(root, 'etc/smartadm/config.json'), JSON.stringify(config));

  function start(program: 'vmadm' | 'imgadm', args: readonly string[], options: RunOptions = {}): ChildProcess {
    return spawn(process.execPath, [join(top, `dist/${program}.js`), ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined, SMARTADM_ROOT: root, ...options.env },
    });
  }

  async function run(program: 'vmadm' | 'imgadm', args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const child = start(program, args, options);
    const output = { stdout: '', stderr: '' };
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
    const status = await new Promise<number>((resolve) => {
      child.on('close', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
    });
    return { status, ...output };
  }

  async function ok(program: 'vmadm' | 'imgadm', args: readonly string[], options?: RunOptions): Promise<string> {
    const done = await run(program, args, options);
    if (done.status === 0) return done.stdout;
    throw new Error(`${program} ${args.join(' ')} ended with ${done.status}: ${done.stderr}${done.stdout}`);
  }

  async function goDown(): Promise<void> {
    const host = await openLinuxHost({ root, log: silentLog });
    await host.tearDown();
    await host.close();
  }

  return {
    root,
    at: (path) => join(root, path),
    run,
    vmadm: (args, options) => run('vmadm', args, options),
    ok,
    start,
    async install(name) {
      const file = join(top, 'test/fixtures/images', name);
      await ok('imgadm', ['install', '-m', `${file}.imgmanifest`, '-f', `${file}.zfs.gz`]);
    },
    inside: (uuid, line) => run('vmadm', ['exec', uuid, '/bin/sh', '-c', line]),
    goDown,
    async close() {
      await goDown();
      removeRoot(root);
    },
  };
}

/** Waits until `done` says so. Throws after `limitMs`, naming what was waited for. */
export async function eventually(what: string, done: () => Promise<boolean>, limitMs = 10_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error(`${what} did not come true within ${limitMs / 1000} seconds`);
    await sleep(20);
  }
}
