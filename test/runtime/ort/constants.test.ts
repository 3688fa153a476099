import { compile, explain, nn, optim, type Tensor, tensor, Variable, zeros } from "kasane";
import { afterEach, expect, it, vi } from "vitest";
import { ort } from "../../../src/runtime/ort/onnxruntime.js";

afterEach(() => vi.restoreAllMocks());

const runsOf = (...[compiled]: Parameters<typeof explain>): number =>
  Number(/constants of the model after (\d+) runs with the same values/.exec(explain(compiled)[0]?.reason ?? "")?.[1] ?? Infinity);

it("variables become constants of the model after some runs, until they change", async () => {
  const layer = new nn.Linear(64, 48);
  const x = tensor(
    Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)),
    { shape: [1, 64] },
  );
  const values = async () => [...((await (await forward(x)).data()) as Float32Array)];
  const forward = compile((x: Tensor) => layer.forward(x), { executor: "onnxruntime" });
  const fed = await values();
  const create = vi.spyOn(ort.InferenceSession, "create");
  const runs = runsOf(forward);
  expect(runs).toBeGreaterThan(100);
  expect(runs).toBeLessThan(4000);
  for (let i = 1; i < runs; i++) await forward(x);
  expect(create).not.toHaveBeenCalled();
  const constant = await values();
  expect(create).toHaveBeenCalledOnce();
  constant.forEach((value, i) => expect(value).toBeCloseTo(fed[i] as number, 5));

  // The next run is fed the new values.
  await layer.weight.assign(layer.weight.mul(2));
  await layer.bias?.assign((layer.bias as Variable).mul(2));
  (await values()).forEach((value, i) => expect(value).toBeCloseTo(2 * (fed[i] as number), 5));
  for (let i = 1; i < runs; i++) await forward(x);
  (await values()).forEach((value, i) => expect(value).toBeCloseTo(2 * (fed[i] as number), 5));
  await forward.dispose();
});

it("what is carried from run to run stays a variable beside weights that are constants", async () => {
  const weight = new Variable(
    tensor([
      [0.5, 0.25],
      [0, 0.5],
    ]),
  );
  const state = new Variable(zeros([1, 2]), { trainable: false });
  const step = compile(
    (x: Tensor) => {
      const next = state.matmul(weight).add(x);
      void state.assign(next);
      return next;
    },
    { executor: "onnxruntime" },
  );
  await step([[1, 1]]);
  for (let i = 0; i <= runsOf(step); i++) await step([[1, 1]]);
  // s = s W + 1: s₀ = 2, s₁ = 0.25 s₀ + 0.5 s₁ + 1 = 3
  const [first, second] = (await (await step([[1, 1]])).data()) as Float32Array;
  expect(first).toBeCloseTo(2, 5);
  expect(second).toBeCloseTo(3, 5);
  await step.dispose();
});

it("a step that trains is fed all variables, also those that it does not change", async () => {
  const layer = new nn.Linear(2, 2);
  const offset = new Variable(zeros([2]), { trainable: false });
  const optimizer = new optim.Sgd(layer, { learningRate: 0.1 });
  const step = compile((x: Tensor) => optimizer.minimize(layer.forward(x).add(offset).sum()), {
    training: true,
    executor: "onnxruntime",
  });
  await step(zeros([1, 2]));
  expect(runsOf(step)).toBe(Number.POSITIVE_INFINITY);
  await step.dispose();
});

it("an output is given in its shape without a copy of its own", async () => {
  const create = vi.spyOn(ort.InferenceSession, "create");
  const stretch = compile((x: Tensor) => x.add(1).reshape([2, 3]).reshape([3, 2]), { executor: "onnxruntime" });
  expect(await (await stretch([1, 2, 3, 4, 5, 6])).array()).toEqual([
    [2, 3],
    [4, 5],
    [6, 7],
  ]);
  const [model] = create.mock.calls.map(([bytes]) => Buffer.from(bytes as unknown as Uint8Array).toString("latin1"));
  expect(model).toContain("Add");
  expect(model).not.toContain("Reshape");
  await stretch.dispose();
});
