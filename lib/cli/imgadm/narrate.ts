/** What operations tell, on the streams of the command line. */
import type { Narration } from '../../img/narration.js';
import type { Cli } from '../command.js';
import { isDrawn } from './progress.js';

/** A narration on `cli`, and how to wait until all of it has been written. */
export function narrationOn(cli: Cli): Narration & { flush(): Promise<void> } {
  let written = Promise.resolve();
  const { progress } = cli.context();
  const say = (line: string): void => {
    written = cli.out(`${line}\n`);
    written.catch(() => undefined);
  };
  return {
    say,
    step(line) {
      if (isDrawn(progress)) progress.printAbove(`${line}\n`);
      else say(line);
    },
    warn(line) {
      if (isDrawn(progress)) progress.printAbove(`${line}\n`);
      else cli.err(`${line}\n`);
    },
    flush: () => written,
  };
}
