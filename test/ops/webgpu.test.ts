import {
  checkpoint,
  compile,
  grad,
  matmul,
  maximum,
  mean,
  minimum,
  random,
  scan,
  seed,
  sign,
  split,
  square,
  type Tensor,
  tanh,
  tensor,
  Variable,
  zeros,
} from "kasane";
import { InferenceSession } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { hasWebGPU } from "./adapter.js";
import { cases } from "./cases.js";
import { evaluate, relativeError } from "./evaluate.js";
import { withoutFallback } from "./fallback.js";
import { disagreement } from "./pytorch.js";

// WGSL promises its functions to an absolute error near their zeros (log to 2^-21 near 1), so numbers count from 1.
const least = 1;

describe.skipIf(!(await hasWebGPU()))("on WebGPU, without the CPU, values and gradients agree with PyTorch", async () => {
  withoutFallback(InferenceSession);
  const outcomes = await evaluate(cases, { device: "webgpu" });
  const verdicts = Object.fromEntries(cases.map(({ name }) => [name, disagreement(name, outcomes.get(name), least) ?? "agrees"]));

  it.each(Object.entries(verdicts))("%s", (_, verdict) => {
    expect(verdict).toBe("agrees");
  });

  it("computes random draws, a checkpoint and a loop as the CPU does", async () => {
    seed(1);
    const weight = new Variable(random.normal([4, 4]), { name: "weight" });
    const cell = (h: Tensor, x: Tensor) => {
      const next = tanh(matmul(h.add(x), weight));
      return { carry: next, outputs: next };
    };
    const run = async (device: "cpu" | "webgpu") => {
      seed(2);
      const step = compile(
        () => {
          const noise = random.normal([7, 3, 4]);
          const { outputs } = scan(
            cell,
            zeros([3, 4]),
            checkpoint((x: Tensor) => tanh(matmul(x, weight)), noise),
          );
          const loss = mean(square(outputs));
          return [loss, grad(loss, weight), random.permutation(50), random.categorical(noise)];
        },
        { device },
      );
      const results = await step();
      await step.dispose();
      return Promise.all(results.map(async (x) => Array.from((await x.data()) as Float32Array)));
    };
    const [expected, got] = [await run("cpu"), await run("webgpu")];
    for (const [i, numbers] of expected.entries()) expect(relativeError(got[i] as number[], numbers, least)).toBeLessThan(1e-5);
  });

  it("passes NaN on", async () => {
    const x = tensor([Number.NaN, 1, -2, Number.NaN]);
    const y = tensor([1, Number.NaN, 3, Number.NaN]);
    const both = compile((a: Tensor, b: Tensor) => [maximum(a, b), minimum(a, b), sign(a), maximum(a, 0)], { device: "webgpu" });
    const results = await Promise.all((await both(x, y)).map(async (result) => Array.from(await result.data(), Number)));
    const { NaN: nan } = Number;
    expect(results).toEqual([
      [nan, nan, 3, nan],
      [nan, nan, -2, nan],
      [nan, 1, -1, nan],
      [nan, 1, 0, nan],
    ]);
  });

  it("parts a value into more pieces than a shader has buffers", async () => {
    const x = tensor(
      Float32Array.from({ length: 40 }, (_, i) => i),
      { shape: [20, 2] },
    );
    const pieces = compile((value: Tensor) => split(value, 20).reduceRight((sum, piece) => sum.mul(0.5).add(piece)), { device: "webgpu" });
    const expected = Array.from({ length: 20 }, (_, i) => i).reduceRight((sum, i) => sum / 2 + 2 * i, 0);
    expect((await (await pieces(x)).data())[0]).toBeCloseTo(expected, 4);
  });

  // What docs/operators.md is made from on machines without an adapter; `vitest run -u` writes it.
  it("is what the record says", async () => {
    await expect(`${JSON.stringify(verdicts, undefined, 1)}\n`).toMatchFileSnapshot("webgpu.json");
  });
});
