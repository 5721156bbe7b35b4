/** podman with a store of its own and one image: the files of one of ours. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installed, program } from './measure.js';

export interface Podman {
  /** Starts a container with no network that goes on until it is ended. */
  run(name: string): Promise<unknown>;
  /** Makes one without starting it. */
  create(name: string): Promise<unknown>;
  start(name: string): Promise<unknown>;
  kill(name: string): Promise<unknown>;
  remove(name: string): Promise<unknown>;
  list(): Promise<unknown>;
  close(): Promise<void>;
}

/** What runs containers for podman. The first one refuses hosts with both versions of control groups. */
const runtimes = ['crun', 'runc'] as const;
/** Where the hard limits of this process are lower than podman's, it could not even set those that it has. */
const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'];

/** Podman, with the first runtime that runs a container here; else why there is none, for a cell of a table. */
export async function openPodman(root: string): Promise<Podman | string> {
  if (!installed('podman')) return 'podman: not installed';
  const folder = mkdtempSync(join(tmpdir(), 'smartadm-podman-'));
  const common = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--tmpdir', join(folder, 'tmp'), '--cgroup-manager=cgroupfs']; // prettier-ignore
  const image = 'bench:1';
  let why = '';
  try {
    const archive = join(folder, 'image.tar');
    await program('tar', ['-C', root, '-cf', archive, '.']);
    await program('podman', [...common, 'import', archive, image]);
    for (const runtime of runtimes.filter(installed)) {
      const podman = podmanWith([...common, '--runtime', runtime], image, folder);
      try {
        await podman.run('first');
        await podman.remove('first');
        return podman;
      } catch (error) {
        why = reasonOf(error);
        await podman.remove('first').catch(() => undefined);
      }
    }
  } catch (error) {
    why = reasonOf(error);
  }
  rmSync(folder, { recursive: true, force: true });
  return `podman does not run here: ${why}`;
}

function podmanWith(common: readonly string[], image: string, folder: string): Podman {
  const podman = (...args: string[]) => program('podman', [...common, ...args]);
  const container = (name: string) => [...limits, '--network=none', '--name', name, image, '/bin/sleep', '100000'];
  return {
    run: (name) => podman('run', '-d', ...container(name)),
    create: (name) => podman('create', ...container(name)),
    start: (name) => podman('start', name),
    kill: (name) => podman('kill', name),
    remove: (name) => podman('rm', '-f', '-t', '0', name),
    list: () => podman('ps', '-a'),
    async close() {
      await podman('rm', '-a', '-f', '-t', '0').catch(() => undefined);
      await podman('rmi', '-a', '-f').catch(() => undefined);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The last line that podman or another program has printed. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message.trimEnd() : String(error);
  return (text.split('\n').at(-1) ?? '').replace(/^Error: /, '').slice(0, 120);
}
