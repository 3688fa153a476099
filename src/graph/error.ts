import { modulePath } from "./trace.js";

/**
 * An error that tells the user what was got, what was expected and how to mend it, and in which module it was made.
 * The command prints its message alone and exits with code 2; any other error is a fault of ours and keeps its trace.
 */
export class KasaneError extends Error {
  override readonly name = "KasaneError";

  constructor(message: string, options?: ErrorOptions) {
    const path = modulePath();
    super(path ? `${message} (in ${path})` : message, options);
  }
}

/** Throws a {@link KasaneError} unless `condition` holds; `message` is only built when it does not. */
export function check(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new KasaneError(message());
}
