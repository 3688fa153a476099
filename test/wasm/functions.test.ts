import { compile, cos, exp, log, log1p, sigmoid, sin, sqrt, type Tensor, tanh, tensor } from "kasane";
import { expect, it } from "vitest";

const points = 20_000;
const between = (low: number, high: number) => Float32Array.from({ length: points }, (_, i) => low + ((high - low) * i) / (points - 1));
/** From 10^-n to 10^n. */
const decades = (n: number) => Float32Array.from(between(-n, n), (x) => 10 ** x);

// Beside JavaScript's own functions in double precision, of the same float32 numbers. A sine near its zeros is held to 1e-6 of its greatest value.
it.each<[string, (x: Tensor) => Tensor, (x: number) => number, Float32Array<ArrayBuffer>, number]>([
  ["exp", exp, Math.exp, between(-80, 80), 0],
  ["log", log, Math.log, decades(30), 1e-6],
  ["log1p", log1p, Math.log1p, decades(6), 0],
  ["sqrt", sqrt, Math.sqrt, decades(30), 0],
  ["tanh", tanh, Math.tanh, between(-12, 12), 1e-7],
  ["sigmoid", sigmoid, (x) => 1 / (1 + Math.exp(-x)), between(-60, 60), 0],
  ["sin", sin, Math.sin, between(-20, 20), 1],
  ["cos", cos, Math.cos, between(-20, 20), 1],
])("computes %s to 1e-6 of the result in a module", async (_, ours, exact, x, least) => {
  const step = compile(ours, { executor: "wasm" });
  const y = await (await step(tensor(x))).data();
  await step.dispose();
  const errors = Array.from(x, (value, i) => {
    const expected = exact(value);
    return Math.abs(Number(y[i]) - expected) / Math.max(Math.abs(expected), least);
  });
  expect(Math.max(...errors)).toBeLessThan(1e-6);
});
