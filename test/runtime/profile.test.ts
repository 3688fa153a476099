import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, nn, optim, random, randomState, seed, type Tensor, Variable, zeros } from "kasane";
import { profile } from "kasane/node";
import { afterEach, describe, expect, it, vi } from "vitest";
import { kernelsOf, type ProfilerEvent } from "../../src/runtime/profile.js";

class Model extends nn.Module {
  readonly first = new nn.Linear(3, 4);
  readonly lstm = new nn.Lstm(4, 5);
  forward(x: Tensor): Tensor {
    return this.lstm.forward(this.first.forward(x)).outputs;
  }
}

describe("profile", () => {
  afterEach(() => vi.unstubAllEnvs());

  const node = (name: string, op_name: string, ts: number, dur: number): ProfilerEvent => ({
    ...{ cat: "Node", name: `${name}_kernel_time`, tid: 1, ts, dur },
    args: { op_name, input_type_shape: [{ float: [2, 3] }, { int64: [1] }] },
  });
  const run = (ts: number, dur: number): ProfilerEvent => ({ cat: "Session", name: "model_run", tid: 1, ts, dur, args: {} });

  it("adds up the last runs, and takes inner nodes' times off their loop's", () => {
    const kernels = kernelsOf(
      [
        ...[node("A/Mul_1", "Mul", 5, 900), run(0, 1000)],
        ...[node("A/Mul_1", "Mul", 1005, 10), node("A.l/Tanh_2", "Tanh", 1020, 30), node("A.l/Tanh_2", "Tanh", 1060, 31)],
        ...[node("A.l/Scan_3", "Scan", 1015, 100), node("B/MatMul_4/MatMulAddFusion", "Gemm", 1115, 8), run(1000, 200)],
        ...[node("A/Mul_1", "Mul", 2005, 12), run(2000, 200)],
      ],
      2,
    );
    expect(kernels).toEqual([
      { name: "A.l/Tanh_2", operator: "Tanh", module: "A.l", inputs: "float[2,3] int64[1]", calls: 1, microseconds: 30.5 },
      { name: "A.l/Scan_3", operator: "Scan", module: "A.l", inputs: "float[2,3] int64[1]", calls: 0.5, microseconds: 19.5 },
      { name: "A/Mul_1", operator: "Mul", module: "A", inputs: "float[2,3] int64[1]", calls: 1, microseconds: 11 },
      { name: "B/MatMul_4/MatMulAddFusion", operator: "Gemm", module: "B", inputs: "float[2,3] int64[1]", calls: 0.5, microseconds: 4 },
    ]);
  });

  it("knows the modules of what ONNX Runtime fused, and of what no module made, and says what it does not know", () => {
    const names = [
      "fused A.b/Gemm_12",
      "/Add_3",
      "A.gradient/Mul_3/LayerNormFusion/x",
      "A/Reshape_90_new_reshape",
      "Transpose_token_4",
      "reorder",
    ];
    const kernels = kernelsOf([run(0, 100), ...names.map((name, i) => node(name, "X", 50 - i, 0))], 1);
    const modules = Object.fromEntries(kernels.map(({ name, module }) => [name, module]));
    expect(names.map((name) => modules[name])).toEqual(["A.b", "", "A.gradient", "A", undefined, undefined]);
  });

  it("attributes a training step to its modules, their gradients and the optimizer, and changes nothing", async () => {
    seed(3);
    const model = new Model();
    const optimizer = new optim.Adam(model, { learningRate: 0.1 });
    const step = compile(
      (x: Tensor) => {
        const loss = model
          .forward(x)
          .add(random.normal([9, 2, 5]))
          .square()
          .mean();
        optimizer.minimize(loss);
        return loss;
      },
      { training: true },
    );
    const x = zeros([9, 2, 3]);
    await step(x);
    const state = async () =>
      JSON.stringify([randomState(), await model.first.bias?.array(), await model.lstm.layers[0]?.forward.weightHidden.array()]);
    const before = await state();
    // A folder for temporary files that no other process profiles in at the same time.
    const temporary = mkdtempSync(join(tmpdir(), "kasane-profiled-"));
    vi.stubEnv("TMPDIR", temporary);
    const report = await profile(step, x);
    expect(await state()).toBe(before);
    expect(readdirSync(temporary)).toEqual([]);
    rmSync(temporary, { recursive: true });

    const modules = report.modules.map(({ name }) => name);
    // What the cell projects of all steps at once is its own.
    const layers = ["Model.first", "Model.lstm", "Model.lstm.layers.0.forward"];
    const known = [...layers, ...layers.map((layer) => `${layer}.gradient`), "Adam", "gradient", "(in no module)"];
    expect(modules.sort()).toEqual(known.sort());
    // What the steps of the loop run is in it: a tanh of the gates and one of the cell, at each of nine steps.
    expect(report.kernels.filter(({ operator }) => operator === "Tanh").map(({ module, calls }) => [module, Math.round(calls)])).toEqual([
      ["Model.lstm", 9],
      ["Model.lstm", 9],
    ]);
    const total = (shares: readonly { microseconds: number }[]) => shares.reduce((sum, { microseconds }) => sum + microseconds, 0);
    for (const shares of [report.kernels, report.operators, report.modules]) {
      expect(total(shares) + report.outsideKernels).toBeCloseTo(report.profiledMicroseconds, 3);
    }
    expect(
      Math.min(report.microseconds, report.outsideKernels, ...report.kernels.map(({ microseconds }) => microseconds)),
    ).toBeGreaterThanOrEqual(0);
    expect(String(report)).toMatch(/^[\d,.]+ µs a run \(the median of \d+\).*\n\noperator +calls +share +µs\n/);
    expect(String(report)).toMatch(/\n\nmodule .*\n(.*\n)*Model\.lstm\.gradient +[\d.,]+ +[\d.]+ % +[\d,.]+\n/);
  });

  it("profiles many steps in one call, and only what compile made", async () => {
    const state = new Variable(zeros([2000]));
    const step = compile((x: Tensor) => {
      state.assign(state.exp().sub(x));
    });
    const report = await profile(step.many, zeros([5, 2000]));
    expect(report.operators.find(({ name }) => name === "Exp")?.calls).toBe(5);
    await expect(profile((() => 1) as never)).rejects.toThrow("profile: got a function that compile did not make");
  });
});
