import { compile, explain, type Tensor, tensor, Variable } from "kasane";
import { describe, expect, test, vi } from "vitest";

describe("two executors", () => {
  test("see what each other made of the variables they share", async () => {
    const x = new Variable(tensor([1, 2, 3, 4, 5]));
    const change = (executor: "wasm" | "onnxruntime") =>
      compile(
        (by: Tensor) => {
          const sum = x.sum();
          x.assign(x.mul(by));
          return sum;
        },
        { executor },
      );
    const [module, other] = [change("wasm"), change("onnxruntime")];
    expect(await (await module(tensor(2))).item()).toBe(15);
    expect(await (await other(tensor(3))).item()).toBe(30);
    expect(await (await module(tensor(2))).item()).toBe(90);
    await x.assign(tensor([1, 1, 1, 1, 1]));
    expect(await (await module(tensor(4))).item()).toBe(5);
    await module.dispose();
    expect(await x.array()).toEqual([4, 4, 4, 4, 4]);
  });

  test("a graph whose module the engine refuses runs in ONNX Runtime; where the module is asked for, one error says so", async () => {
    const refuse = vi
      .spyOn((globalThis as unknown as { WebAssembly: { Instance(): object } }).WebAssembly, "Instance")
      .mockImplementation(function refused() {
        throw new RangeError("WebAssembly.Instance(): Out of memory");
      });
    try {
      const step = compile((x: Tensor) => x.mul(3));
      expect(await (await step([1, 2])).array()).toEqual([3, 6]);
      expect(explain(step)).toMatchObject([{ executor: "onnxruntime", reason: expect.stringContaining("Out of memory") }]);
      await expect(compile((x: Tensor) => x.mul(3), { executor: "wasm" })([1])).rejects.toThrow(
        /^executor "wasm": it cannot run this graph \(WebAssembly.Instance\(\): Out of memory\): leave executor out/,
      );
    } finally {
      refuse.mockRestore();
    }
  });

  test("a long chain of operators is one module", async () => {
    const step = compile(
      (x: Tensor) => {
        let sum = x;
        for (let i = 0; i < 1000; i++) sum = sum.mul(-1).add(i % 2);
        return sum;
      },
      { executor: "wasm" },
    );
    // x becomes -x, then x + 1: by 2 steps 1 more
    expect(await (await step([0.5])).array()).toEqual([500.5]);
  });

  test("are explained", async () => {
    const small = compile((a: Tensor) => a.add(1).mul(2));
    await small([1, 2]);
    expect(explain(small)).toMatchObject([{ executor: "wasm", operators: 2 }]);
    const sorted = compile((a: Tensor) => a.sort().values);
    expect(await (await sorted([2, 1])).array()).toEqual([1, 2]);
    expect(explain(sorted)).toMatchObject([{ executor: "onnxruntime", reason: "the module has no code for TopK" }]);
    await expect(compile((a: Tensor) => a.sort().values, { executor: "wasm" })([1])).rejects.toThrow(
      'executor "wasm": it has no code for TopK: leave executor out, and ONNX Runtime takes the graph',
    );
  });
});
