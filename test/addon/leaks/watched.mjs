// Sees to it that a script that exercises an addon leaves nothing out.

/**
 * `target` as it is, watched: `check` throws unless each of its functions has been called with success and, but for those in
 * `never`, without. Objects that its functions give are to be watched by themselves.
 */
export function watched(name, target, never = []) {
  const ends = new Map(Object.keys(target).map((each) => [each, new Set()]));
  const note = (each, end) => {
    ends.get(each).add(end);
  };
  const object = Object.fromEntries(
    Object.entries(target).map(([each, call]) => [
      each,
      (...args) => {
        try {
          const result = call(...args);
          if (typeof result?.then !== 'function') note(each, 'well');
          else result.then(() => note(each, 'well'), () => note(each, 'badly')); // prettier-ignore
          return result;
        } catch (error) {
          note(each, 'badly');
          throw error;
        }
      },
    ]),
  );
  const check = () => {
    for (const [each, seen] of ends) {
      for (const end of never.includes(each) ? ['well'] : ['well', 'badly']) {
        if (!seen.has(end)) throw new Error(`${name}.${each} was never called so that it ends ${end}`);
      }
    }
  };
  return { object, check };
}
