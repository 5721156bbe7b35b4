/** The console of a zone, by the socket that its zoneadmd keeps (`illumos-api`, console and stdio sockets). */
import { connect, type Socket } from 'node:net';
import { hostError } from '../errors.js';
import type { ZoneConsole } from '../zones.js';

/** Flag of the greeting: the daemon hangs up when the zone halts. */
const disconnectOnHalt = 1;
/** The answer to the greeting is a word or a pid. */
const longestAnswer = 32;
const answerLimitMs = 10_000;

/** Throws `ZoneConsoleBusy` when another process has it, `HostFailed` when the daemon does not let us in. */
export async function connectConsole(path: string, zone: string): Promise<ZoneConsole> {
  const socket = connect(path);
  try {
    const { answer, rest } = await greet(socket);
    if (answer !== 'OK') throw hostError('ZoneConsoleBusy', `process ${answer} has the console of zone ${zone}`);
    if (rest.length > 0) socket.unshift(rest);
  } catch (cause) {
    socket.destroy();
    if (cause instanceof Error && 'code' in cause && cause.code === 'ZoneConsoleBusy') throw cause;
    throw hostError('HostFailed', `cannot attach to the console of zone ${zone}`, { cause });
  }
  return {
    stream: socket,
    // The daemon's terminal has no size to be set.
    resize: () => undefined,
    close: () => {
      socket.destroy();
    },
  };
}

async function greet(socket: Socket): Promise<{ readonly answer: string; readonly rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let read = Buffer.alloc(0);
    const done = (error: Error | undefined, answer = '', rest = Buffer.alloc(0)) => {
      clearTimeout(timer);
      socket.removeAllListeners('data').removeAllListeners('error').removeAllListeners('close');
      socket.pause();
      if (error === undefined) resolve({ answer, rest });
      else reject(error);
    };
    const timer = setTimeout(() => { done(new Error('zoneadmd does not answer')); }, answerLimitMs); // prettier-ignore
    socket.on('error', done);
    socket.on('close', () => { done(new Error('zoneadmd hung up')); }); // prettier-ignore
    socket.on('data', (chunk: Buffer) => {
      read = Buffer.concat([read, chunk]);
      const end = read.indexOf('\n');
      if (end >= 0) done(undefined, read.toString('latin1', 0, end), read.subarray(end + 1));
      else if (read.length > longestAnswer) done(new Error('zoneadmd answers in a way that is not known'));
    });
    socket.write(`IDENT C ${disconnectOnHalt}\n`);
  });
}
