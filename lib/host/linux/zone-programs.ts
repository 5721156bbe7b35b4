/** Programs in zones, which `zone-exec` runs: liblxc would do so by forking its caller. */
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { codeOf } from '../../errors.js';
import { sleep } from '../../sleep.js';
import { hostError } from '../errors.js';
import { addonFile } from '../native.js';
import type { ZoneAttachment, ZoneExecResult } from '../zones.js';

const execLimitMs = 60_000;
const outputLimitBytes = 16 * 1024 * 1024;
/** A program that has ended may have left its output to one that goes on; that is waited for no longer than this. */
const drainMs = 200;

/**
 * Runs `argv` as root in the running container. Throws `ZoneBadState` when it cannot be entered, `TimedOut` after
 * `timeoutMs` (the program is killed then) and `HostFailed` when it prints without end.
 */
export async function execInContainer(
  lxcPath: string,
  name: string,
  argv: readonly string[],
  timeoutMs: number = execLimitMs,
): Promise<ZoneExecResult> {
  const args = [lxcPath, name, String(Math.max(1, Math.ceil(timeoutMs))), ...argv];
  const child = run('zone-exec', args, ['ignore', 'pipe', 'pipe', 'pipe']);
  const printed = { tooMuch: false };
  const stop = () => {
    printed.tooMuch = true;
    child.process.kill('SIGTERM');
  };
  const output = Promise.all([text(child.pipe(1), stop), text(child.pipe(2), stop)]);
  const answer = text(child.pipe(3));
  await child.ended;
  await Promise.race([output, sleep(drainMs)]);
  child.pipe(1).destroy();
  child.pipe(2).destroy();
  const [stdout, stderr] = await output;
  if (printed.tooMuch) throw hostError('HostFailed', `${argv[0]} prints too much in zone ${name}`);
  const said = await answer;
  if (said.startsWith('timeout')) {
    throw hostError('TimedOut', `${argv[0]} did not end within ${timeoutMs / 1000} seconds in zone ${name}`);
  }
  return { status: statusIn(said, name, argv), stdout, stderr };
}

/**
 * Runs `argv` as root in the running container, joined to the standard streams of this process, and returns its status.
 * Throws `ZoneBadState` when the container cannot be entered or gives no terminal.
 */
export async function attachToContainer(
  lxcPath: string,
  name: string,
  argv: readonly string[],
  { terminal, signals }: ZoneAttachment,
): Promise<number> {
  const args = [lxcPath, name, terminal === undefined ? 'pipes' : 'terminal', ...argv];
  const env = terminal?.kind === undefined ? {} : { TERM: terminal.kind };
  const child = run('zone-exec', args, ['inherit', 'inherit', 'inherit', 'pipe'], env);
  const answer = text(child.pipe(3));
  const release = signals((signal) => child.process.kill(signal));
  try {
    await child.ended;
    return statusIn(await answer, name, argv);
  } finally {
    release();
  }
}

/** What zone-exec says of how the program ended. Throws `ZoneBadState` when it never ran. */
function statusIn(said: string, name: string, argv: readonly string[]): number {
  const [word = '', ...rest] = said.trim().split(' ');
  if (word === 'status') return Number(rest[0]);
  const reason = word === 'error' ? rest.join(' ') : 'zone-exec was killed';
  throw hostError('ZoneBadState', `cannot run ${argv[0]} in zone ${name}`, { cause: new Error(reason) });
}

function run(
  program: string,
  args: readonly string[],
  stdio: ('ignore' | 'inherit' | 'pipe')[],
  env: Readonly<Record<string, string>> = {},
) {
  const process = spawn(addonFile(program, ''), args, { stdio, env, cwd: '/' });
  const ended = new Promise<number>((resolve, reject) => {
    process.on('exit', (status, signal) => {
      resolve(status ?? (signal === null ? 1 : 128));
    });
    process.on('error', (cause) => {
      const missing = codeOf(cause) === 'ENOENT';
      reject(
        hostError(missing ? 'LibraryMissing' : 'HostFailed', `cannot run ${program}`, {
          cause,
          ...(missing ? { hint: 'build it with: npm run build:addon' } : {}),
        }),
      );
    });
  });
  return {
    process,
    ended,
    pipe: (fd: number) => process.stdio[fd] as Readable,
  };
}

/** All that a stream gives; what came before it was destroyed counts. Calls `stop` when it is too much. */
function text(stream: Readable, stop?: () => void): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= outputLimitBytes) chunks.push(chunk);
      else stop?.();
    });
    stream.on('error', () => undefined);
    stream.on('close', () => {
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
  });
}
