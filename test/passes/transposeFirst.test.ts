import { compile, grad, matmul, mul, nn, random, sum, Tensor } from "kasane";
import { describe, expect, it } from "vitest";
import { topologicalOrder } from "../../src/graph/walk.js";
import { gemm } from "../../src/ops/matmul.js";
import { applyRules } from "../../src/passes/rules.js";
import { transposeFirst } from "../../src/passes/transposeFirst.js";
import { type TargetName, targetOf } from "../../src/targets/targets.js";

const input = (...shape: readonly number[]) => new Tensor("float32", shape, { kind: "input", name: "x" });
/** The shapes of what is transposed and of what the product has. */
const made = (product: Tensor, target: TargetName = "cpu") =>
  topologicalOrder(applyRules(transposeFirst)([product], targetOf(target))).flatMap(
    ({ operator, inputs, outputs: [result], attributes }) =>
      operator.type === "Reshape" ? [] : [[operator.type, ...inputs.map(({ shape }) => shape), result?.shape, attributes.transA ?? 0]],
  );

describe("transposeFirst", () => {
  it("transposes the smaller factor, and a tall product in the end", () => {
    expect(made(gemm(input(400, 300), input(400, 500), 1, 0))).toEqual([
      ["Transpose", [1, 400, 300], [1, 300, 400], 0],
      ["Gemm", [300, 400], [400, 500], [300, 500], 0],
    ]);
    expect(made(gemm(input(400, 2000), input(400, 100), 1, 0))).toEqual([
      ["Transpose", [1, 400, 100], [1, 100, 400], 0],
      ["Gemm", [100, 400], [400, 2000], [100, 2000], 0],
      ["Transpose", [1, 100, 2000], [1, 2000, 100], 0],
    ]);
  });

  it.each<[string, Tensor, target?: TargetName]>([
    ["a small product", gemm(input(400, 256), input(400, 256), 1, 0)],
    ["one that is tall and sums up little", gemm(input(10, 2000), input(10, 100), 1, 0)],
    ["one of other factors", gemm(input(300, 400), input(500, 400), 0, 1)],
    ["one of a GPU", gemm(input(400, 300), input(400, 500), 1, 0), "webgpu"],
  ])("leaves %s", (_, product, target) => {
    expect(applyRules(transposeFirst)([product], targetOf(target ?? "cpu"))).toEqual([product]);
  });

  it("computes the same", async () => {
    const [tall, wide] = [new nn.Linear(30, 3000), new nn.Linear(300, 400)];
    const step = compile((x: Tensor, y: Tensor) => {
      const loss = sum(mul(tall.forward(x), tall.forward(x))).add(sum(mul(wide.forward(y), wide.forward(y))));
      const [a, b] = grad(loss, [tall.weight, wide.weight]) as [Tensor, Tensor];
      // d Σ (x Wᵀ + b)² = 2 (x Wᵀ + b)ᵀ x, here by the sum over a batch of products of columns and rows
      const expected = (layer: nn.Linear, x: Tensor) =>
        mul(2, matmul(layer.forward(x).unsqueeze({ axis: 2 }), x.unsqueeze({ axis: 1 })).sum({ axis: 0 }));
      const apart = (g: Tensor, e: Tensor) => g.sub(e).abs().max().div(e.abs().max());
      return [apart(a, expected(tall, x)), apart(b, expected(wide, y))];
    });
    for (const each of await step(random.normal([64, 30]), random.normal([64, 300]))) expect(await each.item()).toBeLessThan(1e-5);
  });
});
