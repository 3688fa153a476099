import { compile, exp, grad, mul, relu, sqrt, sum, type Tensor, tensor, Variable, valueAndGrad, zeros } from "kasane";
import { describe, expect, it } from "vitest";
import { apply, declare, family } from "../../src/ops/operator.js";

const x4 = tensor([1, 2, 3, 4]);
const numbers = async (x: Tensor) => Array.from((await x.data()) as Float32Array);

describe("grad", () => {
  const x = tensor([1, 2, 3]);
  const y = tensor([4, 5, 6]);

  it("gives one gradient for one tensor and a list for a list", async () => {
    const loss = sum(mul(x, y));
    expect(await numbers(grad(loss, x))).toEqual([4, 5, 6]);
    const [ofX, ofY] = grad(loss, [x, y]) as [Tensor, Tensor];
    expect(await numbers(ofX)).toEqual([4, 5, 6]);
    expect(await numbers(ofY)).toEqual([1, 2, 3]);
  });

  it("is zero for what the loss does not depend on", async () => {
    const other = tensor([[1, 2]]);
    const gradient = grad(sum(x), other);
    expect(gradient.shape).toEqual([1, 2]);
    expect(await numbers(gradient)).toEqual([0, 0]);
  });

  it("takes values on the way, and the loss itself", async () => {
    const inner = mul(x, 2);
    const loss = sum(mul(inner, inner));
    const [ofInner, ofX, ofLoss] = grad(loss, [inner, x, loss]) as [Tensor, Tensor, Tensor];
    expect(await numbers(ofInner)).toEqual([4, 8, 12]);
    expect(await numbers(ofX)).toEqual([8, 16, 24]);
    expect(await numbers(ofLoss)).toEqual([1]);
  });

  it("adds up the gradients of all uses", async () => {
    // d(x² + 3x + x)/dx = 2x + 4
    expect(await numbers(grad(sum(x.mul(x).add(x.mul(3)).add(x)), x))).toEqual([6, 8, 10]);
  });

  it("sums over the axes that broadcasting added or repeated", async () => {
    const column = tensor([[1], [2]]);
    const scalar = tensor(2);
    const loss = sum(column.mul(x).mul(scalar));
    const [ofColumn, ofX, ofScalar] = grad(loss, [column, x, scalar]) as [Tensor, Tensor, Tensor];
    expect([ofColumn.shape, ofX.shape, ofScalar.shape]).toEqual([[2, 1], [3], []]);
    expect(await numbers(ofColumn)).toEqual([12, 12]);
    expect(await numbers(ofX)).toEqual([6, 6, 6]);
    expect(await numbers(ofScalar)).toEqual([18]);
  });

  it("differentiates by variables in a traced function", async () => {
    const weight = new Variable(tensor([1, 2]), { name: "weight" });
    const step = compile((input: Tensor) => {
      const gradient = grad(sum(weight.mul(weight).mul(input)), weight);
      weight.assign(weight.sub(gradient.mul(0.5)));
      return gradient;
    });
    // w := w - 0.5 (2 w x)
    expect(await numbers(await step(tensor([0.5, 0.25])))).toEqual([1, 1]);
    expect(await numbers(weight)).toEqual([0.5, 1.5]);
    await step.dispose();
  });

  it("keeps the dtype of what it differentiates by", async () => {
    const half = tensor([1, 2], { dtype: "float16" });
    const single = tensor([3, 4]);
    const [ofHalf, ofSingle] = grad(sum(half.mul(single)), [half, single]) as [Tensor, Tensor];
    expect([ofHalf.dtype, ofSingle.dtype]).toEqual(["float16", "float32"]);
    expect(await ofHalf.array()).toEqual([3, 4]);
    expect(await ofSingle.array()).toEqual([1, 2]);
  });

  it("gives gradients that can be differentiated again", async () => {
    // (x³)'' = 6x, (x³)''' = 6
    const cube = x.mul(x).mul(x);
    const first = grad(sum(cube), x);
    const second = grad(sum(first), x);
    const third = grad(sum(second), x);
    expect(await numbers(first)).toEqual([3, 12, 27]);
    expect(await numbers(second)).toEqual([6, 12, 18]);
    expect(await numbers(third)).toEqual([6, 6, 6]);
  });

  it("refuses losses that are no floating-point scalars", () => {
    expect(() => grad(x, x)).toThrow("grad: the loss is float32[3], expected a floating-point scalar: take its mean or sum");
    expect(() => grad(x.sum(), [x, undefined as never])).toThrow("grad: operand 3 is undefined: expected a tensor");
    expect(() => grad(tensor(1, { dtype: "int32" }), x)).toThrow("grad: the loss is int32[], expected a floating-point scalar");
  });

  it("names the operator that states no rule", () => {
    const forgetful = family({ Forgetful: declare({ infer: ([a]) => a, kind: { is: "opaque" }, gradient: [] }) });
    expect(() => grad(sum(apply(forgetful.Forgetful, [x])), x)).toThrow(
      "grad: Forgetful states no gradient for its input 0: declare a rule, or nonDifferentiable",
    );
  });

  it("asks an operator that gives all gradients at once one time, and tells it which are needed", () => {
    const asked: (readonly boolean[])[] = [];
    const { Sum } = family({
      Sum: declare<{ scale: number }>({
        infer: ([a]) => a,
        kind: { is: "opaque" },
        gradient: {
          all: ({ gradients: [g], inputs, attributes: { scale }, wanted }) => {
            asked.push(wanted);
            return inputs.map(() => g?.mul(scale));
          },
        },
      }),
    });
    // @ts-expect-error the attributes have the type that the operator declares
    expect(() => apply(Sum, [x], { scale: "2" })).not.toThrow();
    grad(sum(apply(Sum, [x, y, x], { scale: 2 })), [x, y]);
    expect(asked).toEqual([[true, true, true]]);
    expect(grad(sum(apply(Sum, [x, y], { scale: 2 })), y).source.kind).toBe("node");
    expect(asked[1]).toEqual([false, true]);
  });

  it("asks no rule for a gradient that nobody needs", () => {
    const asked: number[] = [];
    const counting = family({
      Counting: declare({
        infer: ([a]) => a,
        kind: { is: "opaque" },
        gradient: (g, _, __, ___, { index }) => {
          asked.push(index);
          return g;
        },
      }),
    });
    grad(sum(apply(counting.Counting, [x, y])), y);
    expect(asked).toEqual([1]);
  });
});

it("finds what it is asked by, also where a reshape could do without it", async () => {
  const start = zeros([1, 2, 3]);
  const row = x4.reshape([2, 2]);
  const weights = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect(await numbers(grad(sum(mul(start.reshape([2, 3]), weights)), start))).toEqual([1, 2, 3, 4, 5, 6]);
  expect(await numbers(grad(sum(row.reshape([4]).mul(x4)), row))).toEqual([1, 2, 3, 4]);
});

it("gives nothing to a unit that is off, also of an infinite gradient", async () => {
  // PyTorch 2.15: torch.relu(x).sqrt().sum() has the gradient [0, 0, 0.25].
  const x = tensor([-1, 0, 4]);
  expect(await numbers(grad(sum(sqrt(relu(x))), x))).toEqual([0, 0, 0.25]);
});

describe("valueAndGrad", () => {
  it("gives the value and the gradient of each argument", async () => {
    const f = valueAndGrad((a: Tensor, b: Tensor) => sum(exp(a).mul(b)));
    const { value, gradients } = f(zeros([2]), tensor([3, 5]));
    expect(await value.item()).toBe(8);
    expect(await Promise.all(gradients.map(numbers))).toEqual([
      [3, 5],
      [1, 1],
    ]);
  });
});
