/** How this run of imgadm talks to servers, from environment and configuration. */
import type { Connection } from '../../img/http.js';
import type { ImgadmCli } from './command.js';

const defaultStallSeconds = 60;
const firstRetryMs = 1000;

export function connectionOf({ env, config, requestId }: ImgadmCli): Connection {
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
