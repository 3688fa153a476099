import * as kasane from "kasane";
import { compile, grad, mul, nn, sum, Tensor, tensor, zeros } from "kasane";
import { isFloat } from "../../../src/graph/dtype.js";
import type { StoredTensor } from "../../../src/graph/tensor.js";
import type { CompileOptions } from "../../../src/runtime/compile.js";
import { realise } from "../../../src/runtime/eager.js";
import { runtime } from "../../../src/runtime/runtime.js";
import type { Case } from "./fixture.js";

/** What a case came to: its outputs and the gradients of its floating-point inputs, or why it could not be computed. */
export type Outcome = Computed | { readonly error: Error };

export interface Computed {
  readonly outputs: readonly StoredTensor[];
  readonly gradients: readonly StoredTensor[];
}

/** How cases are run: many in one compiled graph, or many at once outside traced functions. */
export type Mode = CompileOptions | "eager";

const functions = {
  ...kasane,
  scaledDotProductAttention: (...values: Parameters<typeof nn.scaledDotProductAttention>) => nn.scaledDotProductAttention(...values).output,
} as unknown as Record<string, (...values: unknown[]) => Tensor | readonly Tensor[] | Record<string, Tensor>>;

/** The outputs of a case's call, in PyTorch's order. */
function call({ operator, arguments: given }: Case, inputs: readonly Tensor[]): readonly Tensor[] {
  const filled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(filled);
    if (value === null || typeof value !== "object") return value;
    if ("input" in value) return inputs[value.input as number];
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item)]));
  };
  const compute = functions[operator];
  if (!compute) throw new Error(`kasane has no ${operator}`);
  const result = compute(...given.map(filled));
  return result instanceof Tensor ? [result] : Object.values(result);
}

/** What each element counts in the loss that is differentiated: numbers that every floating-point type holds, as test/fixtures/differential/ask.py has them. */
const weightsOf = ({ size, shape, dtype }: Tensor): Tensor =>
  tensor(
    Array.from({ length: size }, (_, i) => (((i * 7) % 5) - 1.5) / 2),
    { shape, dtype },
  );

/** The outputs of a case and the gradients of its floating-point inputs. */
function differentiate(each: Case, inputs: readonly Tensor[]): Tensor[] {
  const outputs = call(each, inputs);
  const differentiated = inputs.filter(({ dtype }) => isFloat(dtype));
  const losses = outputs.filter(({ dtype }) => isFloat(dtype)).map((y) => sum(mul(y, weightsOf(y))));
  const [first, ...others] = losses;
  const gradients = first
    ? grad(
        others.reduce((total, loss) => total.add(loss), first),
        differentiated,
      )
    : differentiated.map((x) => zeros(x.shape, x.dtype));
  return [...outputs, ...gradients];
}

const toTensor = ({ data, dtype, shape }: StoredTensor): Tensor => tensor(data, { dtype, shape });

/** Computes cases together; where that fails, finds by halving those that it fails for. */
export async function evaluate(cases: readonly Case[], mode: Mode): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  // What throws as the graph is built is found beforehand.
  const sound = cases.filter((each) => {
    try {
      differentiate(each, each.inputs.map(toTensor));
      return true;
    } catch (error) {
      outcomes.set(each.name, { error: error as Error });
      return false;
    }
  });
  for (const [name, outcome] of await together(sound, mode)) outcomes.set(name, outcome);
  return outcomes;
}

async function together(cases: readonly Case[], mode: Mode): Promise<[string, Outcome][]> {
  if (cases.length === 0) return [];
  try {
    const results = mode === "eager" ? await eagerly(cases) : await compiled(cases, mode);
    return cases.map(({ name, inputs }, i) => {
      const values = results[i] as StoredTensor[];
      const count = values.length - inputs.filter(({ dtype }) => isFloat(dtype)).length;
      return [name, { outputs: values.slice(0, count), gradients: values.slice(count) }];
    });
  } catch (error) {
    const [only, ...others] = cases;
    if (only && others.length === 0) return [[only.name, { error: error as Error }]];
    const middle = cases.length >> 1;
    return [...(await together(cases.slice(0, middle), mode)), ...(await together(cases.slice(middle), mode))];
  }
}

async function compiled(cases: readonly Case[], options: CompileOptions): Promise<StoredTensor[][]> {
  const run = compile((inputs: Tensor[][]) => cases.map((each, i) => differentiate(each, inputs[i] as Tensor[])), options);
  try {
    const results = await run(cases.map(({ inputs }) => inputs.map(toTensor)));
    return await Promise.all(results.map((values) => Promise.all(values.map(stored))));
  } finally {
    await run.dispose();
  }
}

async function eagerly(cases: readonly Case[]): Promise<StoredTensor[][]> {
  const values = cases.map((each) => differentiate(each, each.inputs.map(toTensor)));
  const flat = await runtime.enqueue(() => realise(values.flat()));
  let at = 0;
  return Promise.all(values.map((list) => Promise.all(list.map(() => stored(flat[at++] as Tensor)))));
}

const stored = async (x: Tensor): Promise<StoredTensor> => ({ dtype: x.dtype, shape: x.shape, data: await x.data() });
