/** The undo stack: each step of a change pushes how to take it back. */

export interface UndoStack {
  /** Registers how to take back a step that has just been done. `what` names it for the log. */
  push(what: string, undo: () => Promise<void> | void): void;
  /** Everything worked: forget the steps. */
  keep(): void;
  /** Takes all steps back, newest first; a failing step is reported and does not stop the others. */
  unwind(): Promise<readonly { readonly what: string; readonly error: unknown }[]>;
}

/** An empty stack. */
export function undoStack(): UndoStack {
  let steps: { what: string; undo: () => Promise<void> | void }[] = [];
  return {
    push(what, undo) {
      steps.push({ what, undo });
    },
    keep() {
      steps = [];
    },
    async unwind() {
      const failed: { what: string; error: unknown }[] = [];
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
        try {
          await step.undo();
        } catch (error) {
          failed.push({ what: step.what, error });
        }
      }
      return failed;
    },
  };
}

/**
 * Runs `work` with a stack of its own. When it throws, the steps are taken back and the first error is thrown again;
 * failures of the undo steps go to `report` and never hide it.
 */
export async function withUndo<T>(
  report: (what: string, error: unknown) => void,
  work: (undo: UndoStack) => Promise<T>,
): Promise<T> {
  const undo = undoStack();
  try {
    const result = await work(undo);
    undo.keep();
    return result;
  } catch (error) {
    for (const failure of await undo.unwind()) report(failure.what, failure.error);
    throw error;
  }
}
