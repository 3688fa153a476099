import { currentTrace, modulePath } from "./trace.js";

/**
 * An error that tells the user what was got, what was expected and how to mend it, and in which module it was made. Its message is one
 * line: control characters in it are escaped. The command prints it alone and exits with code 2; any other error is a fault of ours
 * and keeps its trace.
 */
export class KasaneError extends Error {
  override readonly name = "KasaneError";

  constructor(message: string, options?: ErrorOptions) {
    const path = modulePath();
    super(printable(path ? `${message} (in ${path})` : message), options);
  }
}

/** Throws a {@link KasaneError} unless `condition` holds; `message` is only built when it does not. */
export function check(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new KasaneError(message());
}

/** What ends a line, steers a terminal or changes the direction of writing, and halves of surrogate pairs. */
const unprintable = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

const shortEscapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** A text from outside as one line that a terminal shows and does not obey: control characters are escaped, as `\n` or `\u001b`. */
export const printable = (text: string): string =>
  text.replace(unprintable, (found) => shortEscapes[found] ?? `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** {@link printable}, and cut to about `most` characters: for messages that show what a file holds. */
export const excerpt = (text: string, most = 80): string => {
  const shown = printable(text.slice(0, most + 1));
  return text.length <= most && shown.length <= 2 * most ? shown : `${shown.slice(0, most - 3)}...`;
};

/**
 * Throws a {@link KasaneError} in a function that is being traced: it only builds a graph.
 * @param attempt what cannot be done there, such as "a value is read"
 */
export function checkNotTracing(attempt: string, remedy: string): void {
  check(currentTrace() === undefined, () => `${attempt} in a function that is being traced, where no tensor has a value yet: ${remedy}`);
}
