import { compile, explain, type Tensor, tensor, Variable } from "kasane";
import { describe, expect, test } from "vitest";

describe("two executors", () => {
  test("see what each other made of the variables they share", async () => {
    const x = new Variable(tensor([1, 2, 3, 4, 5]));
    const change = (executor: "wasm" | "onnxruntime") =>
      compile(
        (by: Tensor) => {
          x.assign(x.mul(by));
          return x.sum();
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
