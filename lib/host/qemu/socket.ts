/** Sockets that an emulator listens on, in a folder of its zone where it may put what it likes. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { hostError } from '../errors.js';

/** Opens a file to point at it, without any right to it (`open(2)` of Linux); Node has no name for it. */
const pointOnly = 0o10_000_000;

/**
 * Connects to the unix socket `file`. A link of that name is not followed, wherever it leads, and the length of the path
 * does not matter. Throws `ZoneBadState` when there is no socket, or nobody listens.
 */
export async function connectSocket(file: string): Promise<Socket> {
  const fail = (cause: unknown): never => {
    throw hostError('ZoneBadState', `nobody answers at ${file}`, { cause });
  };
  const handle = await open(file, pointOnly | constants.O_NOFOLLOW).catch(fail);
  try {
    if (!(await handle.stat()).isSocket()) throw hostError('ZoneInvalid', `${file} is not a socket`);
    return await new Promise<Socket>((resolve, reject) => {
      const socket = connect(`/proc/self/fd/${handle.fd}`);
      socket.once('error', reject).once('connect', () => {
        socket.off('error', reject);
        resolve(socket);
      });
    }).catch(fail);
  } finally {
    await handle.close();
  }
}
