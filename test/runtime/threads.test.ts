import { compile, gather, grad, profile, setThreads, type Tensor, tensor } from "kasane";
import { afterEach, expect, it } from "vitest";

afterEach(() => setThreads());

/** The operators that the gradient of a look-up in a table runs as: rows are added up otherwise where threads share them. */
async function scatters(threads?: number): Promise<string[]> {
  const of = (table: Tensor, ids: Tensor) => grad(gather(table, ids).square().sum(), [table]);
  const step = compile(of, { executor: "onnxruntime", ...(threads !== undefined && { threads }) });
  const table = tensor(new Float32Array(300).map(Math.sin), { shape: [100, 3] });
  const { kernels } = await profile(step, table, tensor([1, 5, 5], { dtype: "int32" }));
  return [...new Set(kernels.map(({ operator }) => operator).filter((name) => name.startsWith("Scatter")))];
}

it("threads set for all graphs hold where compile is not told", async () => {
  // A small graph has one.
  expect(await scatters()).toEqual(["ScatterND"]);
  setThreads(2);
  expect(await scatters()).toEqual(["ScatterElements"]);
  expect(await scatters(1)).toEqual(["ScatterND"]);
});

it("refuses what is no number of threads", () => {
  expect(() => setThreads(0)).toThrow("setThreads: got 0, expected a whole number from 1 on, or nothing for the default");
  expect(() => setThreads(1.5)).toThrow("got 1.5");
});
