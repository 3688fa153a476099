import { compile, type DType, grad, mul, sum, type Tensor, tensor, zeros } from "kasane";
import { elementAt, isFloat } from "../../src/graph/dtype.js";
import type { CompileOptions } from "../../src/runtime/compile.js";
import { type Input, isDifferentiated, lossWeights, toTensor } from "./cases/case.js";
import type { NamedCase } from "./cases.js";

/** What a case came to: its outputs and the gradients of its floating-point inputs, or why it could not be computed. */
export type Outcome = { readonly values: number[][]; readonly gradients: number[][] } | { readonly error: string };

/** The outputs of a case as a scalar: their floating-point elements, each weighted by a number of its own. */
export function lossOf(outputs: Tensor | readonly Tensor[]): Tensor {
  const parts = [outputs].flat().filter((output) => isFloat(output.dtype));
  const weighted = parts.map((x) => sum(mul(x, tensor(lossWeights(x.size), { shape: x.shape, dtype: x.dtype }))));
  return weighted.length === 0 ? zeros([]) : weighted.reduce((total, part) => total.add(part));
}

/** Computes many cases in one graph, so in one session; where that fails, finds by halving those that it fails for. */
export async function evaluate(
  cases: readonly NamedCase[],
  options: CompileOptions,
  float: DType = "float32",
): Promise<Map<string, Outcome>> {
  const run = compile((inputs: Tensor[][]) => cases.map((each, i) => outcome(each, inputs[i] as Tensor[])), options);
  try {
    const results = await run(cases.map((each) => each.inputs.map((input) => toTensor(input, float))));
    const entries = results.map(async ({ values, gradients }, i): Promise<[string, Outcome]> => {
      const name = (cases[i] as NamedCase).name;
      return [name, { values: await Promise.all(values.map(numbers)), gradients: await Promise.all(gradients.map(numbers)) }];
    });
    return new Map(await Promise.all(entries));
  } catch (error) {
    const [first, ...others] = cases;
    if (first && others.length === 0) return new Map([[first.name, { error: (error as Error).message }]]);
    const middle = cases.length >> 1;
    const halves = [await evaluate(cases.slice(0, middle), options, float), await evaluate(cases.slice(middle), options, float)];
    return new Map(halves.flatMap((half) => [...half]));
  } finally {
    await run.dispose();
  }
}

function outcome(each: NamedCase, inputs: readonly Tensor[]): { values: Tensor[]; gradients: Tensor[] } {
  const values = [each.call(...inputs)].flat() as Tensor[];
  return { values, gradients: grad(lossOf(values), differentiated(each, inputs)) };
}

/** The inputs by which the gradient is asked for. */
export const differentiated = (each: NamedCase, inputs: readonly Tensor[]): Tensor[] =>
  inputs.filter((_, i) => isDifferentiated(each.inputs[i] as Input));

async function numbers(x: Tensor): Promise<number[]> {
  const data = await x.data();
  return Array.from({ length: x.size }, (_, i) => Number(elementAt(data, i, x.dtype)));
}

/**
 * The greatest difference of `got` from `expected`, relative to the greatest number expected or to `least`,
 * below which numbers count as 0; a NaN is infinitely far.
 */
export function relativeError(got: readonly number[], expected: readonly number[], least: number): number {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY;
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), least);
  const differences = expected.map((value, i) => Math.abs((got[i] as number) - value));
  return differences.some(Number.isNaN) ? Number.POSITIVE_INFINITY : Math.max(0, ...differences) / largest;
}
