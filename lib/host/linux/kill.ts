/** Signals to processes that may have ended by themselves. */
import { codeOf } from '../../errors.js';

/** Whether there was such a process. */
export function kill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
    throw error;
  }
}
