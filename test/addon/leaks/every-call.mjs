// Which of the functions of an addon, and of the methods of its handles, a script has called.

const known = new Set();
const called = new Set();

/** The same object, of which each call is noted; `name` is what a report calls it. What its functions give is noted too when it is a handle. */
export function noted(object, name, handle) {
  const wrapped = {};
  for (const [key, value] of Object.entries(object)) {
    const id = `${name}.${key}`;
    known.add(id);
    wrapped[key] = (...args) => {
      called.add(id);
      const result = value(...args);
      const isHandle = (each) => typeof each?.close === 'function';
      if (isHandle(result)) return noted(result, handle);
      return result instanceof Promise ? result.then((each) => (isHandle(each) ? noted(each, handle) : each)) : result;
    };
  }
  return wrapped;
}

/** To be printed at the end: `exercised`, or what was left out. */
export function report() {
  const left = [...known].filter((id) => !called.has(id));
  return left.length === 0 ? 'exercised' : `never called: ${left.join(', ')}`;
}
