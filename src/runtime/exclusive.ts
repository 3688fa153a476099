let tail: Promise<unknown> = Promise.resolve();
let pending = 0;

/**
 * Runs `body` after all that was begun before: steps and assignments see each other's results in the order of the calls.
 * Where nothing is under way it runs at once.
 */
export function exclusive<T>(body: () => T | Promise<T>): Promise<T> {
  if (pending > 0) return follow(tail.then(body));
  pending++;
  try {
    const result = body();
    return result instanceof Promise ? follow(result) : Promise.resolve(result);
  } catch (error) {
    return Promise.reject(error);
  } finally {
    pending--;
  }
}

/** Makes all that begins later wait for `result`. */
function follow<T>(result: Promise<T>): Promise<T> {
  pending++;
  const done = () => {
    pending--;
  };
  tail = result.then(done, done);
  return result;
}
