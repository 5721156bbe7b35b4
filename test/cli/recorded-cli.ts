/** Runs vmadm in this process on a given host and takes down what it prints. */
import type { Cli } from '../../lib/cli/command.js';
import { vmadm } from '../../lib/cli/vmadm/main.js';
import type { Host } from '../../lib/host/host.js';
import { silentLog } from '../../lib/log.js';

export interface CliResult {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runVmadm(argv: readonly string[], host: Host, env: NodeJS.ProcessEnv): Promise<CliResult> {
  let stdout = '';
  let stderr = '';
  const signal = new AbortController().signal;
  const cli = {
    program: 'vmadm',
    typed: '',
    env,
    signal,
    out(text: string) {
      stdout += text;
      return Promise.resolve();
    },
    err(text: string) {
      stderr += text;
    },
    context: () => ({ host: () => Promise.resolve(host), log: silentLog, signal, root: env['SMARTADM_ROOT'] ?? '/' }),
  };
  const exit = await vmadm(argv, cli as unknown as Cli);
  return { exit, stdout, stderr };
}
