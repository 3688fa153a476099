import { describe, expect, it } from "vitest";
import { forbidFallback, hasWebGPU } from "./adapter.js";
import { cases } from "./cases.js";
import { evaluate } from "./evaluate.js";
import { disagreement } from "./pytorch.js";

// WGSL promises its functions to an absolute error near their zeros (log to 2^-21 near 1), so numbers count from 1.
const least = 1;

describe.skipIf(!(await hasWebGPU()))("on WebGPU, without the CPU, values and gradients agree with PyTorch", async () => {
  forbidFallback();
  const outcomes = await evaluate(cases, { device: "webgpu" });
  const verdicts = Object.fromEntries(cases.map(({ name }) => [name, disagreement(name, outcomes.get(name), least) ?? "agrees"]));

  it.each(Object.entries(verdicts))("%s", (_, verdict) => {
    expect(verdict).toBe("agrees");
  });

  // What docs/operators.md is made from on machines without an adapter; `vitest run -u` writes it.
  it("is what the record says", async () => {
    await expect(`${JSON.stringify(verdicts, undefined, 1)}\n`).toMatchFileSnapshot("webgpu.json");
  });
});
