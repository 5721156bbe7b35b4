/** Programs that keep credentials for docker: `docker-credential-NAME get` tells those of one registry. */
import { codeOf, hasCode } from '../errors.js';
import { runProgram } from '../host/exec.js';
import type { Credentials } from './docker-login.js';
import { imgError } from './errors.js';
import { isFields } from './manifest.js';

export interface HelperRequest {
  /** What stands behind `docker-credential-`. */
  readonly name: string;
  /** File that names it, for messages. */
  readonly file: string;
  /** The registry, as docker calls it. */
  readonly server: string;
  /** The user's own: helpers find their stores by it, and the program is looked for in its `PATH`. */
  readonly environment: NodeJS.ProcessEnv;
  readonly timeoutMs: number;
}

/** The whole answer of a helper that knows nothing of the registry. */
const unknownServer = /^credentials not found in native keychain\s*$/;
/** User name of what is no password but a token. */
const tokenUser = '<token>';
const messageLimit = 200;

/** What a helper keeps for a registry; undefined for nothing. Throws `ConfigError` when there is none of that name, or it fails. */
export async function askHelper(request: HelperRequest): Promise<Credentials | undefined> {
  const { name, file, server, environment, timeoutMs } = request;
  // It becomes part of the name of a program.
  if (!/^[A-Za-z0-9][\w.-]{0,63}$/.test(name)) {
    throw imgError('ConfigError', `credentials file "${file}" names a helper that cannot be: ${JSON.stringify(name)}`);
  }
  const program = `docker-credential-${name}`;
  const failed = (why: string, cause?: unknown): Error =>
    imgError('ConfigError', `${program}, which "${file}" names, ${why}`, cause === undefined ? {} : { cause });
  const { status, stdout, stderr } = await run();
  if (status !== 0) {
    if (unknownServer.test(stdout)) return undefined;
    const [said = ''] = `${stderr.trim()}\n${stdout.trim()}`.trim().split('\n');
    throw failed(`ended with status ${status}: ${said.replace(/[^\x20-\x7e]/g, ' ').slice(0, messageLimit)}`);
  }
  const answer = parsed(stdout);
  const { Username: user, Secret: secret } = isFields(answer) ? answer : {};
  // What it has printed may be a secret.
  if (typeof user !== 'string' || typeof secret !== 'string') throw failed('did not answer with a user and a secret');
  if (user === '' || secret === '') return undefined;
  return user === tokenUser ? { user, password: '', identityToken: secret } : { user, password: secret };

  async function run() {
    try {
      return await runProgram(program, ['get'], { input: server, timeoutMs, environment });
    } catch (cause) {
      if (hasCode(cause, 'LibraryMissing')) {
        throw imgError('ConfigError', `there is no program ${program}, which "${file}" names`, {
          hint: `install it, or take it out of ${file}`,
        });
      }
      throw failed(
        codeOf(cause) === 'TimedOut' ? `did not answer within ${timeoutMs / 1000} seconds` : 'failed',
        cause,
      );
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
