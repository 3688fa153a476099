import { KasaneError } from "../graph/error.js";

/** What of Node's module vm is used. */
interface Vm {
  createContext(globals: object): object;
  runInContext(code: string, context: object, options: { timeout: number }): unknown;
}

/**
 * Does what takes as long as a file wants that is not trusted, such as the patterns of a tokenizer. In Node it is ended after a time; a
 * browser itself offers to end a page that hangs.
 * @param milliseconds how long it may take
 * @param fault how the error begins
 */
export function withTimeLimit<T>(milliseconds: number, fault: string, action: () => T): T {
  // Asked for in this way, no module of Node becomes a part of a bundle for browsers.
  const vm = globalThis.process?.getBuiltinModule?.("node:vm") as Vm | undefined;
  if (!vm) return action();
  try {
    return vm.runInContext("action()", vm.createContext({ action }), { timeout: milliseconds }) as T;
  } catch (error) {
    if ((error as { code?: string }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    throw new KasaneError(`${fault}: it took longer than ${milliseconds} ms`, { cause: error });
  }
}
