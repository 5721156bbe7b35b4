/** How this run of imgadm talks to servers, from environment and configuration. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ImgadmConfig } from '../../img/config.js';
import type { Connection } from '../../img/http.js';
import type { ImgadmCli } from './command.js';
import { isDrawn } from './progress.js';

const defaultStallSeconds = 60;
const firstRetryMs = 1000;
/** What timers take at most. */
const longestTimerMs = 2 ** 31 - 1;

/** How this run of imgadm talks to servers; people at a terminal are told what is waited for. */
export function connectionOf(cli: ImgadmCli): Connection {
  const connection = connectionFor(cli.env, cli.config, cli.requestId);
  return cli.stderr.isTTY ? { ...connection, notice: (line) => noticeOn(cli, line) } : connection;
}

export function connectionFor(env: NodeJS.ProcessEnv, config: ImgadmConfig, requestId: string): Connection {
  const stallSeconds = Number(env['IMGADM_STALL_TIMEOUT'] ?? defaultStallSeconds);
  return {
    requestId,
    userAgentExtra: config.userAgentExtra,
    proxy: [env['https_proxy'], env['http_proxy']].find((url) => url !== undefined && url !== ''),
    insecure: env['IMGADM_INSECURE'] === '1',
    authFiles: authFiles(env),
    helperEnvironment: env,
    stallMs: Math.min((stallSeconds > 0 ? stallSeconds : defaultStallSeconds) * 1000, longestTimerMs),
    retryMs: firstRetryMs,
  };
}

/** Where programs for containers keep credentials, in the order of containers-auth.json(5). */
function authFiles(env: NodeJS.ProcessEnv): readonly string[] {
  const chosen = env['REGISTRY_AUTH_FILE'];
  if (chosen !== undefined && chosen !== '') return [chosen];
  const home = homedir();
  return [
    join(env['XDG_RUNTIME_DIR'] ?? '/run', `containers/${env['XDG_RUNTIME_DIR'] === undefined ? '0/' : ''}auth.json`),
    join(env['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'containers/auth.json'),
    join(env['DOCKER_CONFIG'] ?? join(home, '.docker'), 'config.json'),
  ];
}

/** For people only: what programs read stays as it always was. */
function noticeOn(cli: ImgadmCli, line: string): void {
  const { progress } = cli.context();
  const text = `imgadm: ${line}\n`;
  if (isDrawn(progress)) progress.printAbove(text);
  else cli.err(text);
}
