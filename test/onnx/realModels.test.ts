import { compile, grad, type OnnxModule, onnxModel, optim, sum, type Tensor, tensor } from "kasane";
import { loadOnnx } from "kasane/node";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { elementAt, isFloat } from "../../src/graph/dtype.js";
import { drawInputs, fileOf, modelFolder, type RealModel, realModels, uniform } from "./realModels.js";

type Values = Readonly<Record<string, Tensor>>;

const numbersOf = async (x: Tensor): Promise<number[]> => {
  const data = await x.data();
  return Array.from({ length: data.length }, (_, i) => Number(elementAt(data, i, x.dtype)));
};

/** What ONNX Runtime gives for a model, as numbers. */
async function runByRuntime(model: string | Uint8Array, inputs: Values): Promise<Record<string, { type: string; numbers: number[] }>> {
  const session = await ort.InferenceSession.create(model as string, { logSeverityLevel: 3 });
  const feeds: Record<string, ort.Tensor> = {};
  for (const [name, x] of Object.entries(inputs))
    feeds[name] = new ort.Tensor(x.dtype as "float32", (await x.data()) as Float32Array, [...x.shape]);
  const results = await session.run(feeds);
  await session.release();
  const numbers = ({ data, type }: ort.Tensor) => {
    const list = data as ArrayLike<number | bigint>;
    const isBits = type === "float16" && data instanceof Uint16Array;
    return Array.from(list, (x) => Number(isBits ? elementAt(Uint16Array.of(x as number), 0, "float16") : x));
  };
  return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, { type: value.type, numbers: numbers(value) }]));
}

/** The greatest difference, beside the greatest number expected or 1. */
function distance(got: readonly number[], expected: readonly number[]): number {
  expect(got.length).toBe(expected.length);
  const scale = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  return expected.reduce((worst, x, i) => Math.max(worst, Math.abs(x - (got[i] as number))), 0) / scale;
}

/** The floating-point outputs as one number: the sum of all elements, each times a number of its own. */
function scalarOf(outputs: Values): Tensor {
  const floats = Object.values(outputs).filter((x) => isFloat(x.dtype));
  const parts = floats.map((x, i) => sum(x.mul(tensor(uniform(x.size, i + 99), { dtype: x.dtype, shape: x.shape }))));
  return parts.reduce((total, part) => total.add(part));
}

/** The slope of the scalar along a direction in which all trained variables move, by the gradient and by a difference quotient. */
async function slopes(module: OnnxModule, inputs: Values, step: number): Promise<readonly [number, number]> {
  const parameters = module.parameters();
  const scalar = compile((x: Values) => scalarOf(module.forward(x)), { executor: "onnxruntime" });
  const gradients = compile((x: Values) => grad(scalarOf(module.forward(x)), parameters), { executor: "onnxruntime" });
  const found = await Promise.all((await gradients(inputs)).map(numbersOf));
  const before = await Promise.all(parameters.map(numbersOf));
  // Each variable moves in proportion to its own size.
  const directions = before.map((values, k) => {
    const size = Math.sqrt(values.reduce((total, x) => total + x * x, 0) / values.length) || 1;
    return uniform(values.length, k + 5).map((x) => (x - 0.5) * size);
  });
  const at = async (factor: number): Promise<number> => {
    await Promise.all(
      parameters.map((parameter, k) => {
        const moved = (before[k] as number[]).map((x, i) => x + factor * ((directions[k] as number[])[i] as number));
        return parameter.assign(tensor(moved, { dtype: parameter.dtype, shape: parameter.shape }));
      }),
    );
    return (await scalar(inputs)).item();
  };
  const quotient = ((await at(step)) - (await at(-step))) / (2 * step);
  const slope = found.reduce(
    (total, values, k) => total + values.reduce((part, x, i) => part + x * ((directions[k] as number[])[i] as number), 0),
    0,
  );
  await scalar.dispose();
  await gradients.dispose();
  return [slope, quotient];
}

/** The losses of a few steps on one batch, whose targets lie beside what the model gives. */
async function lossesOf(module: OnnxModule, inputs: Values, learningRate = 1e-6): Promise<number[]> {
  const first = await compile((x: Values) => module.forward(x))(inputs);
  const targets = Object.fromEntries(Object.entries(first).map(([name, x]) => [name, isFloat(x.dtype) ? x.mul(0.9).add(0.05) : x]));
  const optimizer = new optim.Adam(module.parameters(), { learningRate });
  const step = compile(
    (x: Values, y: Values) => {
      const outputs = Object.entries(module.forward(x)).filter(([, value]) => isFloat(value.dtype));
      const loss = outputs
        .map(([name, value]) =>
          value
            .sub(y[name] as Tensor)
            .square()
            .mean(),
        )
        .reduce((total, part) => total.add(part));
      optimizer.minimize(loss);
      return loss;
    },
    { training: true },
  );
  const losses: number[] = [];
  for (let i = 0; i < 3; i++) losses.push(await (await step(inputs, targets)).item());
  await step.dispose();
  return losses;
}

/** The model as an `.onnx` file again, of the sizes of its inputs. */
const exported = (module: OnnxModule, inputs: Values): Promise<Uint8Array> => {
  const names = Object.keys(inputs);
  const forward = (...values: Tensor[]) => module.forward(Object.fromEntries(values.map((value, i) => [names[i] as string, value])));
  return onnxModel(
    forward,
    Object.fromEntries(names.map((name) => [name, { shape: (inputs[name] as Tensor).shape, dtype: (inputs[name] as Tensor).dtype }])),
  );
};

/** How slopes are taken: in float64 where that is not too slow, since its convolutions are made of products. */
const double = { dtype: "float64", step: 1e-6, tolerance: 1e-4 } as const;
const single = { dtype: "float32", step: 1e-3, tolerance: 0.1 } as const;

const there = Object.entries(realModels).filter(([name]) => fileOf(name));
if (there.length === 0) console.warn(`no models in ${modelFolder ?? "the folder that KASANE_MODELS names"}: their tests are skipped`);

describe.skipIf(there.length === 0)("models of other people", () => {
  test.each(there)(
    "%s",
    async (name, model: RealModel) => {
      const file = fileOf(name) as string;
      const inputs = drawInputs(model);
      const module = await loadOnnx(file, model.options);
      const outputs = await compile((x: Values) => module.forward(x))(inputs);
      const got = Object.fromEntries(
        await Promise.all(Object.entries(outputs).map(async ([key, x]) => [key, await numbersOf(x)] as const)),
      );
      if (!model.isLifted) {
        for (const [key, { type, numbers }] of Object.entries(await runByRuntime(file, inputs))) {
          // ONNX Runtime rounds what is of half precision, whose numbers below 1 are up to 2^-11 apart.
          expect(distance(got[key] as number[], numbers), key).toBeLessThan(type === "float16" ? 2 ** -11 : 1e-4);
        }
      }
      const again = await runByRuntime(await exported(module, inputs), inputs);
      for (const [key, expected] of Object.entries(got)) {
        expect(distance((again[key] as { numbers: number[] }).numbers, expected), `${key} exported`).toBeLessThan(1e-4);
      }
      const losses = await lossesOf(module, inputs, model.learningRate);
      expect(losses.at(-1)).toBeLessThan(losses[0] as number);
      if (model.isBent) return;
      const { dtype, step, tolerance } = model.isLarge ? single : double;
      const [slope, quotient] = await slopes(await loadOnnx(file, { ...model.options, dtype, round: false }), inputs, step);
      expect(Math.abs(slope - quotient) / Math.max(1, Math.abs(quotient))).toBeLessThan(tolerance);
    },
    240_000,
  );
});
