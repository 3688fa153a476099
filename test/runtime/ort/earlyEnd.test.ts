import { compile, type Tensor, Variable, zeros } from "kasane";
import { describe, expect, it } from "vitest";
import { findEarlyEnd } from "../../../src/runtime/ort/earlyEnd.js";

describe("a step of large results", () => {
  const size = 50_000;

  it("leaves its run early, where this ONNX Runtime lets it", async () => {
    // onnxruntime-node 1.30; a version that no longer copies needs it no more.
    expect(await findEarlyEnd()).toBeDefined();
  });

  it("writes the variables into the two arrays that each has, and results into arrays of their own", async () => {
    const state = new Variable(zeros([size]));
    const step = compile(
      (x: Tensor) => {
        const [double, last] = [state.mul(2), state.slice([[-1]])];
        // A module would change in place what follows element by element.
        state.assign(state.add(x).flip({ axis: 0 }));
        return { double, last, after: state };
      },
      { executor: "onnxruntime" },
    );
    const arrays = new Set<unknown>();
    const results = [];
    for (let i = 1; i <= 6; i++) {
      results.push(await step(zeros([size]).add(i)));
      arrays.add((state.storage as unknown as { holder: { current: { data: unknown } } }).holder.current.data);
    }
    expect(arrays.size).toBe(2);
    const values = [0, 1, 3, 6, 10, 15, 21];
    for (const [i, { double, last, after }] of results.entries()) {
      expect([...((await double.data()) as Float32Array).subarray(0, 1)]).toEqual([2 * (values[i] as number)]);
      expect(await last.array()).toEqual([values[i]]);
      expect([...((await after.data()) as Float32Array).subarray(-2)]).toEqual([values[i + 1], values[i + 1]]);
    }
    expect((await state.data())[size - 1]).toBe(21);
    await step.dispose();
  });

  it("still tells what goes wrong", async () => {
    const table = new Variable(zeros([size]));
    const step = compile((index: Tensor) => table.gather(index).expand([6 * size]), { executor: "onnxruntime" });
    await expect(step(new Int32Array([size + 5]))).rejects.toThrow("Gather: index 50005 is out of range for an axis of 50000");
  });
});
