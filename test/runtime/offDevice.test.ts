import { compile, concat, explain, nn, optim, seed, type Tensor, tensor } from "kasane";
import { InferenceSession } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { hasWebGPU } from "../ops/adapter.js";
import { withoutFallback } from "../ops/fallback.js";

class Residual extends nn.Module {
  readonly first = new nn.Conv2d(3, 4, 3, { padding: 1, bias: false });
  readonly norm = new nn.BatchNorm2d(4);
  readonly second = new nn.Conv2d(4, 4, 3, { padding: 1 });
  forward(x: Tensor): Tensor {
    const hidden = this.norm.forward(this.first.forward(x)).relu();
    return hidden
      .add(this.second.forward(hidden))
      .relu()
      .mean({ axis: [2, 3] });
  }
}

// Sessions with an operator that would run on the CPU do not open, so both ways are told: what explain lists, and that nothing else is missing.
describe.skipIf(!(await hasWebGPU()))("explain lists what WebGPU leaves to the CPU", () => {
  withoutFallback(InferenceSession);
  const numbers = (shape: readonly number[]) =>
    tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i)),
      { shape },
    );
  const classes = tensor(Int32Array.from([0, 1, 2, 3]));

  const small: readonly (readonly [string, () => nn.Module, (model: nn.Module, x: Tensor) => Tensor, readonly number[]])[] = [
    ["an MLP", () => new nn.Sequential(new nn.Linear(8, 8), (x: Tensor) => x.relu(), new nn.Linear(8, 4)), apply, [4, 8]],
    ["an LSTM", () => new nn.Lstm(8, 4), (model, x) => (model as nn.Lstm).forward(x).state.hidden.reshape([4, 4]), [3, 4, 8]],
    [
      "a Transformer",
      () => new nn.TransformerEncoder(8, { layers: 1, heads: 2, innerSize: 16 }),
      (model, x) => (model as nn.TransformerEncoder).forward(x).output.mean({ axis: 1 }),
      [4, 3, 8],
    ],
    ["a residual network", () => new Residual(), apply, [4, 3, 6, 6]],
  ];
  it.each(small)("nothing of %s that is trained", async (_, make, forward, shape) => {
    seed(1);
    const model = make();
    const optimizer = new optim.Adam(model, { learningRate: 0.001 });
    const step = compile(
      (x: Tensor, target: Tensor) => {
        const loss = forward(model, x).crossEntropy(target);
        optimizer.minimize(loss);
        return loss;
      },
      { training: true, device: "webgpu" },
    );
    expect(await (await step(numbers(shape), classes)).item()).toBeGreaterThan(0);
    expect(explain(step)[0]).toMatchObject({ executor: "onnxruntime" });
    expect(explain(step)[0]?.offDevice).toBeUndefined();
  });

  const wide = (x: Tensor) => x.cast("float64").mul(2).cast("float32");
  const counted = (x: Tensor) => x.cast("int64").add(x.cast("int64"));
  const flags = (x: Tensor) => concat([x.greater(0), x.less(0)], { axis: 0 });
  it.each([
    ["float64", wide, ["Cast no kernels of float64", "Mul no kernels of float64", "Cast no kernels of float64"]],
    ["int64", counted, ["Cast no kernels of int64", "Add no kernels of int64"]],
    ["booleans that are joined", flags, ["Concat no kernel of Concat for bool"]],
  ] as const)("%s", async (_, f, expected) => {
    const run = compile(f as (x: Tensor) => Tensor, { device: "webgpu" });
    await expect(run(numbers([4, 8]))).rejects.toThrow("fallback to CPU EP has been explicitly disabled");
    expect(explain(run)[0]?.offDevice?.map(({ operator, reason }) => `${operator} ${reason}`)).toEqual(expected);
  });
});

function apply(model: nn.Module, x: Tensor): Tensor {
  return (model as nn.Sequential).forward(x) as Tensor;
}
