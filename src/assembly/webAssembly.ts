/** What we use of WebAssembly, which TypeScript declares for browsers alone. */
export interface Memory {
  readonly buffer: ArrayBuffer;
}

interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object, imports: Record<string, Record<string, unknown>>) => { readonly exports: unknown };
}
const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyApi };

/** A compiled module, of which there may be several instances. */
export const compileModule = (bytes: Uint8Array<ArrayBuffer>): object => new WebAssembly.Module(bytes);

/** An instance of a module of ours: its memory and its one function. */
export const instantiate = (
  module: object | Uint8Array<ArrayBuffer>,
  imports: Record<string, unknown> = {},
): { readonly memory: Memory; run(): void } => {
  const { exports } = new WebAssembly.Instance(module instanceof Uint8Array ? compileModule(module) : module, { kasane: imports });
  return exports as { memory: Memory; run(): void };
};
