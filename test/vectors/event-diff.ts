/** `event-diff`: pairs of values, and the changes between them. */
import { describeError } from '../../lib/errors.js';
import { diff, type DiffOptions } from '../../lib/vm/diff.js';
import { unequal } from './compare.js';
import type { VectorRecord } from './records.js';
import type { Runner } from './runner.js';

interface DiffRecord extends VectorRecord {
  readonly a: unknown;
  readonly b: unknown;
  readonly opts: DiffOptions | null;
  readonly result?: unknown;
  readonly throws?: string;
}

export function eventDiff(): Runner {
  return {
    close: () => undefined,
    run(record) {
      const { a, b, opts, result, throws } = record as DiffRecord;
      let found: unknown;
      try {
        found = diff(a, b, opts ?? {});
      } catch (error) {
        found = { throws: describeError(error) };
      }
      const texts = [throws === undefined ? result : { throws }, found].map((each) => JSON.stringify(each));
      return Promise.resolve(texts[0] === texts[1] ? undefined : unequal(texts[0], texts[1]));
    },
  };
}
