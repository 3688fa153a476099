import {
  compile,
  concat,
  customGradient,
  exp,
  grad,
  matmul,
  mul,
  nn,
  random,
  scan,
  seed,
  sin,
  sum,
  Tensor,
  tanh,
  tensor,
  Variable,
  where,
  zeros,
} from "kasane";
import { describe, expect, it } from "vitest";
import { hostData } from "../../src/graph/tensor.js";
import { topologicalOrder } from "../../src/graph/walk.js";
import { isNodeOf } from "../../src/ops/match.js";
import { loops } from "../../src/ops/scan.js";
import { deduplicate } from "../../src/passes/deduplicate.js";
import { fold as foldRule } from "../../src/passes/fold.js";
import { hoist } from "../../src/passes/hoist.js";
import { prepare } from "../../src/passes/index.js";
import { joinProducts } from "../../src/passes/joinProducts.js";
import { lower as lowerRule } from "../../src/passes/lower.js";
import { applyRules, type Rule } from "../../src/passes/rules.js";
import { selectImplementation } from "../../src/passes/selectImplementation.js";
import { shareLoops } from "../../src/passes/shareLoops.js";
import { simplify as simplifyRule } from "../../src/passes/simplify.js";
import { unexpand as unexpandRule } from "../../src/passes/unexpand.js";
import type { Target } from "../../src/targets/target.js";
import { targetOf } from "../../src/targets/targets.js";

const cpu = targetOf("cpu");
const withRule =
  (rule: Rule) =>
  (outputs: readonly Tensor[], target: Target = cpu): readonly Tensor[] =>
    applyRules(rule)(outputs, target);
const [fold, simplify, unexpand, lower] = [foldRule, simplifyRule, unexpandRule, lowerRule].map(withRule) as [Pass, Pass, Pass, Pass];
type Pass = ReturnType<typeof withRule>;

const input = (shape: readonly number[], name = "x") => new Tensor("float32", shape, { kind: "input", name });
const types = (outputs: readonly Tensor[]) => topologicalOrder(outputs).map((node) => node.operator.type);

describe("deduplicate", () => {
  it("makes one node of two that compute the same of the same", () => {
    const x = input([3]);
    const [a, b] = deduplicate([exp(x).add(1), exp(x).add(1)]) as [Tensor, Tensor];
    expect(a).toBe(b);
    expect(types([a, b])).toEqual(["Exp", "Add"]);
  });

  it("lets operands change places only where the operator does", () => {
    const [x, y] = [input([3]), input([3], "y")];
    expect(types(deduplicate([x.add(y), y.add(x)]))).toEqual(["Add"]);
    expect(types(deduplicate([x.sub(y), y.sub(x)]))).toEqual(["Sub", "Sub"]);
  });

  it("tells attributes apart, infinite ones too", () => {
    const x = input([3]);
    expect(types(deduplicate([x.clip(0, 1), x.clip(0, 2), x.clip(0, 1)]))).toEqual(["Clip", "Clip"]);
    const around = [[1, 1]] as const;
    expect(types(deduplicate([x.pad(around, Number.POSITIVE_INFINITY), x.pad(around, Number.NEGATIVE_INFINITY)]))).toEqual(["Pad", "Pad"]);
  });

  it("tells constants apart by their elements", () => {
    const x = input([2]);
    expect(types(deduplicate([x.mul(tensor([1, 2])), x.mul(tensor([1, 2])), x.mul(tensor([1, 3]))]))).toEqual(["Mul", "Mul"]);
  });

  it("leaves two draws two", () => {
    const step = () => [random.uniform([3]).exp(), random.uniform([3]).exp()];
    expect(types(deduplicate(step()))).toEqual(["Exp", "Exp"]);
  });

  it("tells functions among attributes apart", () => {
    const x = input([3]);
    const scaled = (factor: number) =>
      customGradient(
        (a: Tensor) => a,
        (g) => [g.mul(factor)],
      );
    const [half, double] = [scaled(0.5), scaled(2)];
    expect(types(deduplicate([half(x), half(x)]))).toEqual(["CustomGradient"]);
    expect(types(deduplicate([half(x), double(x)]))).toEqual(["CustomGradient", "CustomGradient"]);
  });
});

describe("fold", () => {
  it("computes what is made of single constants alone", () => {
    const [result] = fold([input([3]).mul(tensor(2).mul(3).sub(tensor(1).exp()))]) as [Tensor];
    expect(types([result])).toEqual(["Mul"]);
    const constant = result.source.kind === "node" ? (result.source.inputs[1] as Tensor) : result;
    expect(hostData(constant)).toEqual(Float32Array.of(Math.fround(6 - Math.fround(Math.E))));
  });

  it("rounds every operation to the dtype, as a kernel does", () => {
    // x (x / 6 + 1/2): rounded at the end alone it would be 0.17252604.
    const [swish] = fold([tensor(0.3125).hardSwish()]) as [Tensor];
    expect(hostData(swish)).toEqual(Float32Array.of(0.3125 * Math.fround(Math.fround(0.3125 * Math.fround(1 / 6)) + 0.5)));
    expect(Math.fround(0.3125 * (0.3125 / 6 + 0.5))).not.toBe(hostData(swish)?.[0]);
  });

  it("leaves exact remainders", () => {
    const [remainder] = fold([tensor(16_777_216).mod(tensor(3))]) as [Tensor];
    expect(hostData(remainder)).toEqual(Float32Array.of(1));
    const [far] = fold([tensor(1e9).mod(tensor(Math.PI))]) as [Tensor];
    expect(hostData(far)).toEqual(Float32Array.of(1e9 % Math.fround(Math.PI)));
  });

  it("leaves whole numbers, larger constants and what depends on an input", () => {
    expect(types(fold([tensor(2, { dtype: "int32" }).mul(3)]))).toEqual(["Mul"]);
    expect(types(fold([tensor([1, 2]).mul(3)]))).toEqual(["Mul"]);
    expect(types(fold([input([]).mul(3)]))).toEqual(["Mul"]);
  });
});

describe("simplify", () => {
  const x = input([2, 3]);

  it("removes neutral operands", () => {
    for (const same of [x.add(0), x.sub(0), x.mul(1), mul(1, x), x.div(1)]) expect(simplify([same])).toEqual([x]);
  });

  it("negates the one number of a multiple", () => {
    const [rate, rates] = [input([], "rate"), input([3], "rates")];
    const operators = (x: Tensor) =>
      simplify([x]).flatMap((each) => (each.source.kind === "node" ? each.source.inputs.map(({ size }) => size) : []));
    expect(operators(rate.mul(x).neg())).toEqual([1, x.size]);
    expect(operators(x.mul(rate).neg())).toEqual([x.size, 1]);
    expect(types(simplify([rate.mul(x).neg()]))).toEqual(["Neg", "Mul"]);
    expect(types(simplify([rates.mul(x).neg(), rate.mul(rate).neg()]))).toEqual(["Mul", "Neg", "Mul", "Neg"]);
  });

  it("keeps an operand that broadcasts the other, or is none of the neutral ones", () => {
    expect(types(simplify([input([3]).add(zeros([1, 1]))]))).toContain("Add");
    expect(types(simplify([zeros([]).sub(x).add(0)]))).toEqual(["Sub"]);
    expect(types(simplify([x.mul(0), x.add(1)]))).toEqual(["Mul", "Add"]);
  });

  it("makes one Gemm of a product and the transposes before it", () => {
    const [a, b] = [input([3, 2]), input([4, 3], "b")];
    expect(types(simplify([matmul(a.transpose(), b.transpose())]))).toEqual(["Gemm"]);
    expect(types(simplify([matmul(a.transpose(), input([3, 5]))]))).toEqual(["Gemm"]);
    expect(types(simplify([matmul(input([5, 3]), input([3, 5]))]))).toEqual(["MatMul"]);
  });

  it("transposes the factors of a stack of products in place of the result, where fewer are transposed then", async () => {
    const [a, b] = [input([6, 3, 2]), input([6, 3, 4], "b")];
    const swapped = (x: Tensor) => simplify([matmul(a.transpose(), x).transpose()]);
    expect(types(swapped(b))).toEqual(["Transpose", "MatMul"]);
    expect(types(swapped(input([3, 4])))).toEqual(["Transpose", "MatMul"]);
    expect(types(swapped(input([6, 4, 3]).transpose()))).toEqual(["MatMul"]);
    expect(types(simplify([matmul(b, input([6, 4, 2])).transpose()]))).toEqual(["MatMul", "Transpose"]);
    expect(types(simplify([matmul(a.transpose(), b).transpose([1, 0, 2])]))).toEqual(["Transpose", "MatMul", "Transpose"]);
    const product = compile((x: Tensor, y: Tensor) => matmul(x.transpose(), y).transpose());
    const values = await product([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], [[[1, 0, 2], [0, 1, 1]], [[2, 1, 0], [1, 0, 3]]]); // biome-ignore format: matrices
    expect(await values.array()).toEqual([[[1, 2], [3, 4], [5, 8]], [[17, 20], [5, 6], [21, 24]]]); // biome-ignore format: matrices
  });
});

describe("unexpand", () => {
  it("gives elementwise operators what was expanded, where they broadcast by themselves", () => {
    const row = input([3]);
    const [whole, partly] = [input([2, 3], "whole"), input([2, 1], "partly")];
    expect(types(unexpand([row.expand([2, 3]).mul(whole)]))).toEqual(["Mul"]);
    expect(types(unexpand([row.expand([2, 3]).mul(partly)]))).toEqual(["Mul"]);
    expect(types(unexpand([where(whole.greater(0), row.expand([2, 3]), whole)]))).toEqual(["Greater", "Where"]);
  });

  it("expands the result where that is smaller, and leaves other operators", () => {
    const row = input([3]);
    expect(types(unexpand([row.expand([2, 3]).mul(row).exp()]))).toEqual(["Mul", "Exp", "Expand"]);
    expect(types(unexpand([concat([row.expand([2, 3]), input([1, 3])])]))).toEqual(["Expand", "Concat"]);
  });

  it("expands a number to the shape that it is reshaped to", () => {
    const [whole, number] = [input([2, 3], "whole"), input([1], "number")];
    expect(types(unexpand([number.expand([6]).reshape([2, 3]).mul(whole)]))).toEqual(["Reshape", "Mul"]);
    expect(types(unexpand([input([3]).expand([2, 3]).reshape([3, 2]).mul(3)]))).toEqual(["Expand", "Reshape", "Mul"]);
  });
});

describe("lower", () => {
  it("replaces what a target has no kernel of, down to what it has", () => {
    const x = input([3]);
    expect(types(lower([x.cos()], targetOf("cpu")))).toEqual(["Cos"]);
    expect(types(lower([x.cos()], targetOf("webgpu")))).not.toContain("Cos");
    expect(types(lower([x.cos()], targetOf("webgpu")))).not.toContain("Sin");
    expect(types(lower([x.cast("float64").cos()], targetOf("cpu")))).toEqual(["Cast", "Mul", "Sin", "Mul", "Mul", "Sub"]);
  });
});

describe("joinProducts", () => {
  // The gradient of one weight that several steps used is a sum of products over their rows.
  const used = (steps: number, size: number) => {
    const weight = new Variable(zeros([size, size]), { name: "weight" });
    const loss = Array.from({ length: steps }, (_, i) => sum(sin(matmul(input([1, size], `x${i}`), weight)))).reduce((a, b) => a.add(b));
    return simplify([grad(loss, weight)]);
  };

  it("makes one product of their sum", () => {
    const count = (outputs: readonly Tensor[]) => types(outputs).filter((type) => type === "Gemm").length;
    expect(count(used(5, 16))).toBe(5);
    expect(count(joinProducts(used(5, 16)))).toBe(1);
    expect(types(joinProducts(used(5, 16)))).not.toContain("Add");
  });
});

describe("shareLoops", () => {
  it("runs a loop once for its value and its gradient", () => {
    const weight = new Variable(zeros([4, 4]), { name: "weight" });
    const sequence = input([9, 2, 4]);
    const step = (h: Tensor, x: Tensor) => {
      const next = tanh(matmul(h.add(x), weight));
      return { carry: next, outputs: next };
    };
    const { outputs } = scan(step, zeros([2, 4]), sequence, { unroll: 1 });
    const loss = sum(outputs);
    const graph = [loss, grad(loss, weight)];
    const loops = (tensors: readonly Tensor[]) => types(tensors).filter((type) => type === "Scan").length;
    expect(loops(graph)).toBe(3);
    expect(loops(shareLoops(graph))).toBe(2);
  });
});

describe("hoist", () => {
  const bodyOf = (outputs: readonly Tensor[]) => {
    const loop = topologicalOrder(outputs).find((node) => isNodeOf(node, loops.Scan));
    if (!loop) throw new Error("the graph has no loop");
    return types(loop.attributes.body.outputs);
  };
  const [weight, bias] = [input([4, 4], "weight"), input([4], "bias")];
  const once = { unroll: 1 };

  it("computes for all steps at once what depends on no carry, and once what depends on no step", () => {
    const { outputs } = scan(
      ([h], [x]) => {
        const next = tanh(matmul(x, weight).add(bias.exp()).add(h));
        return { carry: [next], outputs: [next, x.sin()] };
      },
      [zeros([2, 4])],
      [input([9, 2, 4])],
      once,
    );
    const hoisted = hoist(outputs, cpu);
    expect(bodyOf(outputs)).toHaveLength(6);
    expect(bodyOf(hoisted)).toEqual(["Add", "Tanh"]);
    expect(hoisted.map((x) => x.shape)).toEqual(outputs.map((x) => x.shape));
    expect(types(hoisted).filter((type) => type === "MatMul")).toHaveLength(1);
  });

  it("multiplies what depends on no carry first, where that is known not to leave the range", () => {
    const bodyOfProduct = (change: (x: Tensor) => Tensor) => {
      const { carry } = scan(
        ([h], [x, y]) => ({ carry: [h.mul(change(x)).mul(change(y).mul(change(bias)))], outputs: [] }),
        [zeros([4])],
        [input([9, 4]), input([9, 1], "y")],
        once,
      );
      return bodyOf(hoist(carry, cpu));
    };
    expect(bodyOfProduct(tanh)).toEqual(["Mul"]);
    // y times the bias, neither of which is carried, was one factor to begin with.
    expect(bodyOfProduct((x) => x)).toEqual(["Mul", "Mul"]);
  });

  it("leaves what depends on a carry, and what each step draws up from several rows", () => {
    const { carry } = scan(([h], [x]) => ({ carry: [h.exp().add(sum(x))], outputs: [] }), [zeros([4])], [input([9, 4])], once);
    expect(bodyOf(hoist(carry, cpu))).toEqual(bodyOf(carry));
  });
});

describe("selectImplementation", () => {
  it("takes the operator for a whole layer unless a gradient needs the values of its steps", () => {
    const [network, x] = [new nn.Lstm(3, 4), input([9, 2, 3])];
    const { outputs } = network.forward(x);
    const operators = (tensors: readonly Tensor[], target = cpu) =>
      types(selectImplementation(shareLoops(tensors), target)).filter((type) => type === "LSTM" || type === "Scan");
    expect(operators([outputs])).toEqual(["LSTM"]);
    expect(operators([outputs, grad(sum(outputs), network.parameters()[0] as Tensor)])).toEqual(["Scan", "Scan"]);
    expect(operators([outputs], targetOf("wasm"))).toEqual(["Scan"]);
  });

  it("decides for each layer by itself", () => {
    const [network, x] = [new nn.Gru(3, 4, { layers: 2 }), input([9, 2, 3])];
    const { outputs } = network.forward(x);
    const last = network.parameters().at(-1) as Tensor;
    const chosen = types(selectImplementation(shareLoops([outputs, grad(sum(outputs), last)]), cpu));
    expect(chosen.filter((type) => type === "GRU" || type === "Scan")).toEqual(["GRU", "Scan", "Scan"]);
  });
});

describe("prepare", () => {
  it("leaves of an MLP's training step no transpose, no expansion and no work twice", async () => {
    seed(1);
    const [first, second] = [new Variable(random.normal([8, 16])), new Variable(random.normal([16, 4]))];
    const loss = (x: Tensor) => sum(matmul(matmul(x, first).relu(), second).square()).mul(0.5);
    const x = input([5, 8]);
    const value = loss(x);
    const counts = types(prepare([value, ...grad(value, [first, second])], targetOf("cpu")));
    // Forward: two products; backward: three more, as the first layer's input needs no gradient.
    expect(counts.filter((type) => type === "MatMul" || type === "Gemm")).toHaveLength(5);
    expect(counts).not.toContain("Transpose");
    expect(counts).not.toContain("Expand");
    // The same numbers as without passes, by differences: d(loss) along the gradient is its squared length.
    const step = compile((input: Tensor) => {
      const value = loss(input);
      const [ofFirst] = grad(value, [first]) as [Tensor];
      return { value, slope: sum(ofFirst.mul(ofFirst)), ofFirst };
    });
    const data = random.normal([5, 8]);
    const { ofFirst, slope, value: before } = await step(data);
    const width = 1e-4 / Math.sqrt(await slope.item());
    const start = tensor(await first.data(), { shape: [8, 16] });
    await first.assign(start.add(ofFirst.mul(width)));
    const after = await (await step(data)).value.item();
    expect((after - (await before.item())) / width / (await slope.item())).toBeCloseTo(1, 1);
    await step.dispose();
  });
});
