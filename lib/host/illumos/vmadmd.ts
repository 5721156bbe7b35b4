/** Requests to vmadmd, the platform's daemon that looks after machines. */
import { existsSync } from 'node:fs';
import { codeOf } from '../../errors.js';
import { hostError } from '../errors.js';
import { askDaemon, type Answer } from './daemon.js';

/** The daemon makes it when it starts: where it is missing, whoever listens at the port is somebody else. */
const sign = '/tmp/.autoboot_vmadmd';
const usualPort = 8080;

export interface VmadmdOptions {
  readonly at: (path: string) => string;
  /** Where it listens on this machine; its own port when absent. */
  readonly port?: number | undefined;
}

export interface Vmadmd {
  /** Has it do something to a VM. False where the daemon does not run. Throws `HostFailed` with its words, `TimedOut`. */
  act(uuid: string, action: 'stop' | 'sysrq' | 'reset' | 'reload_display', parameters?: Parameters): Promise<boolean>;
  /** What it knows of a running VM, by section; undefined where the daemon does not run. Throws as {@link act} does. */
  info(uuid: string, types: readonly string[]): Promise<Readonly<Record<string, unknown>> | undefined>;
}

type Parameters = Readonly<Record<string, string>>;

export function vmadmd({ at, port = usualPort }: VmadmdOptions): Vmadmd {
  async function ask(method: 'GET' | 'POST', path: string): Promise<Answer | undefined> {
    if (!existsSync(at(sign))) return undefined;
    return askDaemon('vmadmd', port, method, path).catch((cause: unknown) => {
      if (codeOf(cause) === 'ECONNREFUSED') return undefined;
      if (codeOf(cause) === 'TimedOut') throw cause;
      throw hostError('HostFailed', 'cannot talk to vmadmd', { cause });
    });
  }

  return {
    async act(uuid, action, parameters = {}) {
      const query = new URLSearchParams({ action, ...parameters }).toString();
      const answer = await ask('POST', `/vm/${encodeURIComponent(uuid)}?${query}`);
      if (answer === undefined) return false;
      if (answer.status === 202 || answer.status === 200) return true;
      throw refused(action, answer);
    },
    async info(uuid, types) {
      const answer = await ask('GET', `/vm/${encodeURIComponent(uuid)}/info?types=${types.join(',')}`);
      if (answer === undefined) return undefined;
      if (answer.status !== 200) {
        const message = `Unable to get info from vmadmd, query returned ${answer.status}.`;
        throw hostError('HostFailed', message);
      }
      return parse(answer.text);
    },
  };
}

function refused(action: string, { status, text }: Answer) {
  const said = text.trim().slice(0, 1000);
  return hostError('HostFailed', `Unable to post "${action}" to vmadmd: ${said === '' ? `status ${status}` : said}`);
}

function parse(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw hostError('HostFailed', 'vmadmd answers with what is not JSON', { cause, quietCause: true });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw hostError('HostFailed', 'vmadmd answers with what is not an object');
}
