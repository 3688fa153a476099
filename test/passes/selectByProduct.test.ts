import { compile, greater, random, type Tensor, tensor, where } from "kasane";
import { describe, expect, it } from "vitest";
import { Tensor as Leaf } from "../../src/graph/tensor.js";
import { topologicalOrder } from "../../src/graph/walk.js";
import { applyRules } from "../../src/passes/rules.js";
import { selectByProduct } from "../../src/passes/selectByProduct.js";
import { type TargetName, targetOf } from "../../src/targets/targets.js";

const input = (...shape: readonly number[]) => new Leaf("float32", shape, { kind: "input", name: "x" });
const typesOf = (y: Tensor, target: TargetName = "cpu") =>
  topologicalOrder(applyRules(selectByProduct)([y], targetOf(target))).map(({ operator }) => operator.type);

describe("selectByProduct", () => {
  it("takes a product of what is chosen or zero, on the CPU, where it is large", () => {
    const chosen = (size: number) => where(greater(input(size), 0), input(size), 0);
    expect(typesOf(chosen(10_000))).toContain("Branch");
    for (const types of [typesOf(chosen(100)), typesOf(chosen(10_000), "webgpu"), typesOf(chosen(10_000), "portable")])
      expect(types).toContain("Where");
    expect(typesOf(where(greater(input(10_000), 0), input(10_000), 1))).toContain("Where");
  });

  it("gives 0 for what is not chosen, infinite or no number as it may be", async () => {
    const step = compile((x: Tensor, y: Tensor) => where(greater(y, 0), x, 0), { executor: "onnxruntime" });
    const y = await random.normal([100, 100]).data();
    for (const poison of [[], [Number.NaN], [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], [3e38, 3e38, 3e38]]) {
      const x = Float32Array.from({ length: 10_000 }, (_, i) => poison[i % 500] ?? Math.sin(i));
      const expected = x.map((value, i) => (Number(y[i]) > 0 ? value : 0));
      const [found] = [
        await (await step(tensor(x, { shape: [100, 100] }), tensor(y as Float32Array<ArrayBuffer>, { shape: [100, 100] }))).data(),
      ];
      // -0 is 0 here.
      expect(Array.from(found as Float32Array, (value) => value + 0)).toEqual(Array.from(expected, (value) => value + 0));
    }
  });
});
