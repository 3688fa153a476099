import type { Tensor } from "../../graph/tensor.js";
import { tensor } from "../../ops/constants.js";
import type { Compiled } from "../../runtime/compile.js";
import { explain } from "../../runtime/explain.js";
import type { Elements } from "../../runtime/synchronous.js";

/** Tensors by name. */
export type Named = Readonly<Record<string, Tensor>>;

/** A function of arrays: without a promise where it runs as a module. */
export type Call<Input extends Named, Result extends Named> = (input: Elements<Input>) => Elements<Result> | Promise<Elements<Result>>;

/** Makes the calls of a compiled function ready for inputs of the shapes of `example`. */
export async function callOf<Input extends Named, Result extends Named>(
  compiled: Compiled<[Input], Result>,
  example: Input,
): Promise<Call<Input, Result>> {
  try {
    return await compiled.synchronous(example as never);
  } catch (error) {
    if (!explain(compiled).some(({ executor }) => executor === "onnxruntime")) throw error;
    return awaited(compiled, example);
  }
}

const awaited =
  <Input extends Named, Result extends Named>(compiled: Compiled<[Input], Result>, example: Input): Call<Input, Result> =>
  async (input) => {
    const tensors = Object.entries(example).map(([name, { shape }]) => {
      // A tensor keeps its elements, and the caller's arrays are written to again.
      const elements = (input as Readonly<Record<string, Float32Array<ArrayBuffer>>>)[name] as Float32Array<ArrayBuffer>;
      return [name, tensor(elements.slice(), { shape })] as const;
    });
    const result = (await compiled(Object.fromEntries(tensors) as never)) as Named;
    const arrays = Object.entries(result).map(async ([name, value]) => [name, await value.data()] as const);
    return Object.fromEntries(await Promise.all(arrays)) as Elements<Result>;
  };
