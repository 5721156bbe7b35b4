/** Sockets that an emulator listens on inside its zone, reached from the global one. */
import { lstat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { hasCode } from '../../errors.js';
import { sleep } from '../../sleep.js';
import { hostError } from '../errors.js';

/** Until an emulator that has just been started listens. */
const startLimitMs = 10_000;

/**
 * Connects to the socket `file` of a zone whose root is `root`, waiting for it while the zone `runs`. Links are not followed:
 * neither is one there before the call nor after it, when the connection is another's. Throws `ZoneBadState` when nobody
 * listens, `ZoneInvalid` for what is no socket.
 */
export async function connectInZone(root: string, file: string, runs: () => Promise<boolean>): Promise<Socket> {
  const deadline = Date.now() + startLimitMs;
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 1.5, 250)) {
    // First of all, so that what has ended after it is not waited for.
    const isUp = await runs();
    try {
      return await connectTo(`${root}${file}`);
    } catch (error) {
      if (!hasCode(error, 'ZoneBadState') || !isUp || Date.now() > deadline) throw error;
    }
    await sleep(pauseMs);
  }
}

async function connectTo(path: string): Promise<Socket> {
  const before = await requireSocket(path);
  const socket = await new Promise<Socket>((resolve, reject) => {
    const opening = connect(path);
    opening.once('error', reject).once('connect', () => {
      opening.off('error', reject);
      resolve(opening);
    });
  }).catch((cause: unknown) => {
    throw hostError('ZoneBadState', `nobody answers at ${path}`, { cause });
  });
  try {
    if ((await requireSocket(path)) !== before) throw hostError('ZoneInvalid', `${path} has just been replaced`);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Which socket it is, by its number and that of its folder. */
async function requireSocket(path: string): Promise<string> {
  const [folder, found] = await Promise.all([lstat(dirname(path)), lstat(path)]).catch((cause: unknown) => {
    throw hostError('ZoneBadState', `nobody answers at ${path}`, { cause });
  });
  if (!folder.isDirectory() || !found.isSocket()) throw hostError('ZoneInvalid', `${path} is not a socket`);
  return `${folder.dev}:${folder.ino}:${found.ino}`;
}
