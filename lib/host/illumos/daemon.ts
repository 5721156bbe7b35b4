/** Requests to daemons of the platform that listen on this machine. */
import { hostError } from '../errors.js';

const limitMs = 30_000;
const longestAnswer = 4 * 1024 * 1024;

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Throws `TimedOut`, or what the connection fails with: `ECONNREFUSED` where nobody listens. */
export async function askDaemon(name: string, port: number, method: 'GET' | 'POST', path: string): Promise<Answer> {
  const http = await import('node:http');
  return new Promise((resolve, reject) => {
    const sent = http.request({ host: '127.0.0.1', port, method, path, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      let length = 0;
      answer.on('data', (part: Buffer) => {
        parts.push(part);
        length += part.length;
        if (length > longestAnswer) answer.destroy(new Error(`${name} says more than it may`));
      });
      answer.on('error', reject);
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') });
      });
    });
    sent.setTimeout(limitMs, () => sent.destroy(hostError('TimedOut', `${name} does not answer`)));
    sent.on('error', reject);
    sent.end();
  });
}
