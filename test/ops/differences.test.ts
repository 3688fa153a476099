import { compile, grad, stack, type Tensor, tensor } from "kasane";
import { describe, expect, it } from "vitest";
import { type Input, isDifferentiated, toTensor } from "./cases/case.js";
import { cases, type NamedCase } from "./cases.js";
import { differentiated, lossOf, relativeError } from "./evaluate.js";
import { isSmooth } from "./smooth.js";

/** A scalar function of a case's floating-point inputs. */
type Scalar = (each: NamedCase, inputs: readonly Tensor[]) => Tensor;

const loss: Scalar = ({ call }, inputs) => lossOf(call(...inputs));

/** The gradient of {@link loss} as a scalar, for gradients of gradients. */
const slope: Scalar = (each, inputs) => lossOf(grad(loss(each, inputs), differentiated(each, inputs)));

/** The places and weights of the five-point difference: f'(x) = Σ w f(x + p h) / h, to the fourth order (Fornberg 1988, table 1). */
const stencil = [
  [-2, 1 / 12],
  [-1, -2 / 3],
  [1, 2 / 3],
  [2, -1 / 12],
] as const;
const width = 1e-3;

/** Gradients below this are compared as if they were of this size: the quotients themselves are off by some 1e-12. */
const noise = 1e-3;

/** The gradients of every case in float64: what `grad` gives, and difference quotients. Element k of all cases is moved in one run. */
async function gradients(cases: readonly NamedCase[], scalar: Scalar): Promise<{ got: number[][]; differences: number[][] }> {
  const values = compile((inputs: Tensor[][]) => stack(cases.map((each, i) => scalar(each, inputs[i] as Tensor[]))));
  const slopes = compile((inputs: Tensor[][]) =>
    cases.map((each, i) => grad(scalar(each, inputs[i] as Tensor[]), differentiated(each, inputs[i] as Tensor[]))),
  );
  const feeds = (element: number, shift: number) => cases.map(({ inputs }) => moved(inputs, element, shift));
  const results = await slopes(feeds(-1, 0));
  const got = await Promise.all(
    results.map(async (parts) => (await Promise.all(parts.map(async (part) => [...((await part.data()) as Float64Array)]))).flat()),
  );
  const differences = got.map((numbers) => numbers.map(() => 0));
  for (let element = 0; element < Math.max(...got.map((numbers) => numbers.length)); element++) {
    for (const [place, weight] of stencil) {
      const shifted = await (await values(feeds(element, place * width))).data();
      differences.forEach((quotients, i) => {
        if (element < quotients.length) (quotients[element] as number) += (weight * Number(shifted[i])) / width;
      });
    }
  }
  await values.dispose();
  await slopes.dispose();
  return { got, differences };
}

/** The inputs in float64, the floating-point element of that number moved. */
function moved(inputs: readonly Input[], element: number, shift: number): Tensor[] {
  let first = 0;
  return inputs.map((input) => {
    if (!isDifferentiated(input)) return toTensor(input, "float64");
    const values = Float64Array.from(input.values);
    if (element >= first && element < first + values.length) (values[element - first] as number) += shift;
    first += values.length;
    return tensor(values, { shape: input.shape });
  });
}

const smooth = cases.filter(isSmooth);

describe.each([
  ["gradients", loss],
  ["gradients of gradients", slope],
])("in float64, %s agree with difference quotients", async (_, scalar) => {
  const { got, differences } = await gradients(smooth, scalar);

  it.each(smooth.map(({ name }, i) => [name, i] as const))("%s", (_, i) => {
    expect(relativeError(got[i] as number[], differences[i] as number[], noise)).toBeLessThan(1e-6);
  });
});
