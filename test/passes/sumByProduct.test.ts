import { compile, mean, random, seed, sum, type Tensor, tensor } from "kasane";
import { describe, expect, it } from "vitest";
import { Tensor as Leaf } from "../../src/graph/tensor.js";
import { topologicalOrder } from "../../src/graph/walk.js";
import { prepare } from "../../src/passes/index.js";
import { type TargetName, targetOf } from "../../src/targets/targets.js";

const input = (...shape: readonly number[]) => new Leaf("float32", shape, { kind: "input", name: "x" });
const typesOf = (y: Tensor, target: TargetName = "cpu") =>
  topologicalOrder(prepare([y], targetOf(target))).map(({ operator }) => operator.type);

describe("sumByProduct", () => {
  it("takes sums over the first axes as products with a row of one number, on the CPU", () => {
    expect(typesOf(sum(input(64, 512), { axis: 0 }))).toEqual(["Expand", "MatMul", "Reshape"]);
    expect(typesOf(mean(input(4, 16, 32), { axis: [0, 1], keepDims: true }))).toEqual(["Expand", "Reshape", "MatMul", "Reshape"]);
    for (const types of [
      typesOf(sum(input(64, 512), { axis: 0 }), "web"),
      typesOf(sum(input(64, 512), { axis: 1 })),
      typesOf(sum(input(64, 4), { axis: 0 })),
    ])
      expect(types).toEqual(["ReduceSum"]);
    expect(typesOf(sum(input(4, 16, 32), { axis: [0, 2] }))).toContain("ReduceSum");
  });

  it("gives the sums and means, infinite or no number where they are", async () => {
    seed(1);
    const [rows, columns] = [37, 21];
    const values = (await random.normal([rows, columns]).data()) as Float32Array<ArrayBuffer>;
    [values[3], values[4], values[columns + 4], values[5]] = [
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      Number.NaN,
    ];
    const step = compile((x: Tensor) => [sum(x, { axis: 0 }), mean(x, { axis: 0 })], { executor: "onnxruntime" });
    const [sums, means] = await Promise.all((await step(tensor(values, { shape: [rows, columns] }))).map((y) => y.data()));
    const expected = Array.from({ length: columns }, (_, column) =>
      Array.from({ length: rows }, (_, row) => values[row * columns + column] as number).reduce((a, b) => a + b),
    );
    expected.forEach((total, i) => {
      if (!Number.isFinite(total)) return expect([sums?.[i], means?.[i]]).toEqual([total, total]);
      expect(sums?.[i]).toBeCloseTo(total, 4);
      expect(means?.[i]).toBeCloseTo(total / rows, 5);
    });
  });
});
