/** How this run of imgadm talks to servers, from environment and configuration. */
import type { Connection } from '../../img/http.js';
import type { ImgadmCli } from './command.js';
import { isDrawn } from './progress.js';

const defaultStallSeconds = 60;
const firstRetryMs = 1000;

export function connectionOf(cli: ImgadmCli): Connection {
  const { env, config, requestId } = cli;
  const stallSeconds = Number(env['IMGADM_STALL_TIMEOUT'] ?? defaultStallSeconds);
  return {
    requestId,
    userAgentExtra: config.userAgentExtra,
    proxy: [env['https_proxy'], env['http_proxy']].find((url) => url !== undefined && url !== ''),
    insecure: env['IMGADM_INSECURE'] === '1',
    stallMs: (stallSeconds > 0 ? stallSeconds : defaultStallSeconds) * 1000,
    retryMs: firstRetryMs,
    notice: cli.stderr.isTTY ? (line) => noticeOn(cli, line) : undefined,
  };
}

/** For people only: what programs read stays as it always was. */
function noticeOn(cli: ImgadmCli, line: string): void {
  const { progress } = cli.context();
  const text = `imgadm: ${line}\n`;
  if (isDrawn(progress)) progress.printAbove(text);
  else cli.err(text);
}
