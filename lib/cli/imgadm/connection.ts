/** How this run of imgadm talks to servers, from environment and configuration. */
import type { ImgadmConfig } from '../../img/config.js';
import type { Connection } from '../../img/http.js';
import type { ImgadmCli } from './command.js';
import { isDrawn } from './progress.js';

const defaultStallSeconds = 60;
const firstRetryMs = 1000;

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
    stallMs: (stallSeconds > 0 ? stallSeconds : defaultStallSeconds) * 1000,
    retryMs: firstRetryMs,
  };
}

/** For people only: what programs read stays as it always was. */
function noticeOn(cli: ImgadmCli, line: string): void {
  const { progress } = cli.context();
  const text = `imgadm: ${line}\n`;
  if (isDrawn(progress)) progress.printAbove(text);
  else cli.err(text);
}
