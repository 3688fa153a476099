import { compile, gather, grad, setThreads, type Tensor, tensor, zeros } from "kasane";
import { profile } from "kasane/node";
import { afterEach, expect, it } from "vitest";

afterEach(() => setThreads());

/** As how many operators the gradient of a look-up in a table adds up its rows: as several where threads would share them. */
async function scatters(threads?: number): Promise<number> {
  const of = (table: Tensor, ids: Tensor) => grad(gather(table, ids).square().sum(), [table]);
  const step = compile(of, { executor: "onnxruntime", ...(threads !== undefined && { threads }) });
  const table = tensor(new Float32Array(300).map(Math.sin), { shape: [100, 3] });
  const { operators } = await profile(step, table, zeros([100_000], "int32"));
  return operators.find(({ name }) => name === "ScatterND")?.calls as number;
}

it("threads set for all graphs hold where compile is not told", async () => {
  // A small graph has one.
  expect(await scatters()).toBe(1);
  setThreads(2);
  expect(await scatters()).toBe(2);
  expect(await scatters(1)).toBe(1);
});

it("refuses what is no number of threads", () => {
  expect(() => setThreads(0)).toThrow("setThreads: threads 0: expected an integer from 1, or nothing for the default");
  expect(() => setThreads(1.5)).toThrow("threads 1.5");
});
