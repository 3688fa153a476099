import { KasaneError } from "../graph/error.js";

/** The part of Node's module vm that is used. */
interface Vm {
  createContext(globals: object): object;
  runInContext(code: string, context: object, options: { timeout: number }): unknown;
}

/**
 * Runs what an untrusted file can make slow, such as the patterns of a tokenizer. In Node it is stopped after a time. A browser itself
 * offers to stop a page that hangs.
 * @param milliseconds how long it may take
 * @param fault how the error begins
 */
export function withTimeLimit<T>(milliseconds: number, fault: string, action: () => T): T {
  // Loaded in this way, no module of Node gets into a bundle for browsers.
  const vm = globalThis.process?.getBuiltinModule?.("node:vm") as Vm | undefined;
  if (!vm) return action();
  try {
    return vm.runInContext("action()", vm.createContext({ action }), { timeout: milliseconds }) as T;
  } catch (error) {
    if ((error as { code?: string }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    throw new KasaneError(`${fault}: it took longer than ${milliseconds} ms`, { cause: error });
  }
}
