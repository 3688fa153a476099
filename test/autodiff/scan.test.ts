import {
  add,
  arange,
  compile,
  gather,
  grad,
  matmul,
  mul,
  optim,
  printGraph,
  random,
  type ScanOptions,
  type Step,
  scan,
  sum,
  type Tensor,
  tanh,
  tensor,
  transpose,
  Variable,
  where,
} from "kasane";
import { describe, expect, it } from "vitest";
import { relativeError } from "../ops/evaluate.js";

/** What a loop is made of: leaves that gradients are taken of, and the loop over them. */
interface Case {
  readonly shapes: readonly (readonly number[])[];
  loop(leaves: readonly Tensor[], options: ScanOptions): Step<readonly Tensor[], readonly Tensor[]>;
}

const [time, batch, size] = [6, 2, 3];
const sequence = [time, batch, size];
const state = [batch, size];
const matrix = [size, size];
const ids = tensor([2, 0, 1, 1, 2, 0], { dtype: "int32" });

/** Tensors of a tuple whose length the case knows. */
type Tensors = readonly [Tensor, Tensor, Tensor, Tensor];
const three = (values: readonly Tensor[]) => values as unknown as Tensors;

const cases: Record<string, Case> = {
  "one carry, one sequence": {
    shapes: [state, sequence, matrix],
    loop: (leaves, options) => {
      const [h, x, w] = three(leaves);
      return scan(
        ([h], [x]) => {
          const next = tanh(add(x, matmul(h, w)));
          return { carry: [next], outputs: [next] };
        },
        [h],
        [x],
        options,
      );
    },
  },
  "several carries, sequences and outputs": {
    shapes: [state, state, sequence, sequence],
    loop: (leaves, options) => {
      const [h, c, x, y] = three(leaves);
      return scan(
        ([h, c], [x, y]) => {
          const next = tanh(add(mul(h, x), c));
          return { carry: [next, mul(c, y)], outputs: [mul(next, y), sum(x, { axis: 1 }), c] };
        },
        [h, c],
        [x, y],
        options,
      );
    },
  },
  "captured tensors that were computed outside, used at several places": {
    shapes: [state, sequence, matrix, [size]],
    loop: (leaves, options) => {
      const [h, x, w, b] = three(leaves);
      const [outside, bias] = [transpose(tanh(w)), mul(b, b)];
      return scan(
        ([h], [x]) => {
          const next = tanh(add(matmul(h, outside), matmul(mul(x, bias), outside)));
          return { carry: [add(next, mul(h, bias))], outputs: [mul(matmul(x, w), add(bias, outside.sum()))] };
        },
        [h],
        [x],
        options,
      );
    },
  },
  "sequences and carries of integers": {
    shapes: [state, [size, size]],
    loop: (leaves, options) => {
      const [h, table] = three(leaves);
      return scan(
        ([h, count], [id]) => {
          const next = mul(add(h, gather(table, id)), add(count, 1).cast("float64"));
          return { carry: [tanh(next), add(count, id)], outputs: [next, count] };
        },
        [h, tensor(0, { dtype: "int32" })],
        [ids],
        options,
      );
    },
  },
  "masks among the sequences": {
    shapes: [state, sequence],
    loop: (leaves, options) => {
      const [h, x] = three(leaves);
      const mask = arange(time)
        .reshape([time, 1, 1])
        .less(tensor([[2], [5]], { dtype: "int32" }));
      return scan(
        ([h], [x, within]) => {
          const next = where(within, tanh(add(h, x)), h);
          return { carry: [next], outputs: [next] };
        },
        [h],
        [x, mask],
        options,
      );
    },
  },
  "a loop within a loop": {
    shapes: [state, [time, 4, batch, size], [size]],
    loop: (leaves, options) => {
      const [h, x, b] = three(leaves);
      return scan(
        ([h], [rows]) => {
          const inner = scan(
            ([g], [row]) => {
              const next = tanh(add(mul(g, b), mul(row, h)));
              return { carry: [next], outputs: [next] };
            },
            [h],
            [rows],
            options,
          );
          return { carry: [mul(inner.carry[0], 0.9)], outputs: inner.outputs };
        },
        [h],
        [x],
        options,
      );
    },
  },
};

/** Numbers without a pattern, the same each time. */
const numbers = (shape: readonly number[], salt: number) =>
  tensor(
    Float64Array.from({ length: shape.reduce((product, n) => product * n, 1) }, (_, i) => Math.sin(12.9898 * (i + 1) + salt)),
    { shape },
  );

const lossOf = (tensors: readonly Tensor[]): Tensor =>
  tensors
    .filter((x) => x.dtype === "float64")
    .map((x, i) => sum(mul(x, numbers(x.shape, 50 + i))))
    .reduce(add);

async function expectSame(got: readonly Tensor[], expected: readonly Tensor[]): Promise<void> {
  expect(got.length).toBe(expected.length);
  for (const [i, x] of got.entries()) {
    const right = expected[i] as Tensor;
    const list = async (x: Tensor) => Array.from(await x.data(), Number);
    expect(relativeError(await list(x), await list(right), 1e-3), `tensor ${i}`).toBeLessThan(1e-13);
  }
}

const forms = [{ unroll: 0 }, { unroll: 100 }] as const;

describe("a loop equals the same steps written out, in float64", () => {
  describe.each([false, true])("reverse: %s", (reverse) => {
    it.each(Object.keys(cases))("%s", async (name) => {
      const { shapes, loop } = cases[name] as Case;
      const run = compile((leaves: Tensor[]) =>
        forms.map((form) => {
          const { carry, outputs } = loop(leaves, { ...form, reverse });
          return [...carry, ...outputs, ...grad(lossOf([...carry, ...outputs]), leaves)];
        }),
      );
      const [looped, written] = (await run(shapes.map(numbers))) as [Tensor[], Tensor[]];
      await expectSame(looped, written);
    });
  });

  it.each(Object.keys(cases))("gradients of gradients: %s", async (name) => {
    const { shapes, loop } = cases[name] as Case;
    const run = compile((leaves: Tensor[]) =>
      forms.map((form) => {
        const { carry, outputs } = loop(leaves, form);
        return grad(lossOf(grad(lossOf([...carry, ...outputs]), leaves)), leaves);
      }),
    );
    const [looped, written] = (await run(shapes.map(numbers))) as [Tensor[], Tensor[]];
    await expectSame(looped, written);
  });

  it.each(["carry", "outputs"] as const)("where only the %s count", async (part) => {
    const { shapes, loop } = cases["several carries, sequences and outputs"] as Case;
    const run = compile((leaves: Tensor[]) => forms.map((form) => grad(lossOf(loop(leaves, form)[part].slice(0, 1)), leaves)));
    const [looped, written] = (await run(shapes.map(numbers))) as [Tensor[], Tensor[]];
    await expectSame(looped, written);
  });
});

describe("random numbers in a loop", () => {
  it.each(forms)("are drawn anew at every step and every run, and the gradient knows them: %o", async (form) => {
    const run = compile((x: Tensor) => {
      const { outputs } = scan((carry, [slice]) => ({ carry, outputs: [mul(slice, random.uniform([4]))] }), [], [x], form);
      return { outputs: outputs[0], gradient: grad(sum(outputs[0]), x) };
    });
    const ones = tensor(new Float32Array(20).fill(1), { shape: [5, 4] });
    const [first, second] = [await run(ones), await run(ones)];
    const drawn = [...(await first.outputs.data()), ...(await second.outputs.data())];
    expect(new Set(drawn).size).toBe(40);
    expect(await first.gradient.data()).toEqual(await first.outputs.data());
  });

  it.each(forms)("outside traced functions too: %o", async (form) => {
    const ones = tensor(new Float32Array(20).fill(1), { shape: [5, 4] });
    const { outputs } = scan((carry, [slice]) => ({ carry, outputs: [mul(slice, random.uniform([4]))] }), [], [ones], form);
    expect(new Set(Array.from(await outputs[0].data(), Number)).size).toBe(20);
  });
});

describe("what a loop refuses", () => {
  const x = tensor(new Float32Array(12), { shape: [3, 4] });
  const start = tensor(new Float32Array(4));

  it.each(forms)("a carry that changes its shape: %o", (form) => {
    const grow = () => scan(([h]) => ({ carry: [h.reshape([1, 4])], outputs: [] }), [start], [x], form);
    expect(grow).toThrow("scan: carry.0 went in as float32[4] and came out as float32[1, 4]");
  });

  it.each(forms)("a step that assigns a variable: %o", async (form) => {
    const variable = new Variable(start);
    const run = compile((x: Tensor) =>
      scan(
        ([h], [slice]) => {
          variable.assign(slice);
          return { carry: [h], outputs: [] };
        },
        [variable],
        [x],
        form,
      ),
    );
    await expect(run(x)).rejects.toThrow("scan: the step assigns a variable");
  });

  it("sequences of different lengths, and none", () => {
    const step = <Carry>(carry: Carry) => ({ carry, outputs: [] });
    expect(() => scan(step, [], [x, start])).toThrow(
      "scan: sequences [float32[3, 4], float32[4]]: expected one or more, all with the same first size",
    );
    expect(() => scan(step, [start], [])).toThrow("scan: sequences []: expected one or more");
    expect(() => scan(step, [start], tensor(1))).toThrow("scan: sequences float32[]: expected one or more");
  });

  it.each(forms)("steps that give less, more or something else: %o", (form) => {
    const loop = (step: (carry: { h: Tensor }) => unknown) => () => scan(step as never, { h: start }, x, form);
    expect(loop(({ h }) => ({ carry: { h, c: h }, outputs: [] }))).toThrow("scan: carry.c is float32[4], expected none");
    expect(loop(() => ({ carry: {}, outputs: [] }))).toThrow("scan: carry.h is missing, expected float32[4]");
    expect(loop((carry) => ({ carry, outputs: { loss: 0.5 } }))).toThrow("loss is 0.5: expected tensors in plain objects and arrays");
    expect(loop(({ h }) => h)).toThrow("scan: the step gives float32[4], expected { carry, outputs }");
    expect(loop(async (carry) => ({ carry, outputs: [] }))).toThrow("scan: the step gives a promise, expected { carry, outputs }");
  });

  it("unknown options", () => {
    const loop = () => scan((carry) => ({ carry, outputs: [] }), start, x, { reversed: true } as ScanOptions);
    expect(loop).toThrow("scan: unknown option reversed: did you mean reverse?");
  });
});

describe("long loops", () => {
  const lines = (length: number): number => {
    const [h, w] = [numbers(state, 1), numbers(matrix, 2)];
    const { outputs } = scan(
      ([h], [x]) => {
        const next = tanh(add(x, matmul(h, w)));
        return { carry: [next], outputs: [next] };
      },
      [h],
      [numbers([length, ...state], 3)],
    );
    return printGraph(grad(sum(outputs[0]), [h, w])).split("\n").length;
  };

  it("make no larger graph than short ones", () => {
    expect(lines(5000)).toBe(lines(100));
  });

  it("have the gradient of the closed form after 5,000 steps: that of w⁵⁰⁰⁰ is 5000 w⁴⁹⁹⁹", async () => {
    const ones = tensor(new Float64Array(5000).fill(1));
    const gradientOf = compile((w: Tensor, ones: Tensor) => {
      const { carry } = scan(([h], [one]) => ({ carry: [mul(mul(h, w), one)], outputs: [] }), [ones.mean()], [ones]);
      return grad(carry[0], w);
    });
    const gradient = await gradientOf(tensor(0.9999, { dtype: "float64" }), ones);
    expect((await gradient.item()) / (5000 * 0.9999 ** 4999)).toBeCloseTo(1, 10);
  });

  it("train with 5,000 steps", async () => {
    const weight = new Variable(tensor(0));
    const optimizer = new optim.Sgd([weight], { learningRate: 0.25 });
    const train = compile(
      (x: Tensor) => {
        const step = (total: Tensor, x: Tensor) => ({ carry: add(total, mul(weight, x)), outputs: [] });
        const total = scan(step, tensor(0), x).carry;
        optimizer.minimize(total.sub(2).square());
      },
      { training: true },
    );
    // The total is w Σx = w: the error halves with each of 12 steps, from 2.
    for (let i = 0; i < 12; i++) await train(tensor(new Float32Array(5000).fill(1 / 5000)));
    expect(await weight.item()).toBeCloseTo(2 - 2 ** -11, 4);
  });
});

it("gives the gradient of a scalar made outside the loop, and keeps the constants of the step", async () => {
  const factor = tensor(3);
  const xs = tensor([1, 2, 4]);
  // x₀ f³ + x₁ f² + x₂ f, by f: 3 f² + 4 f + 4
  const { carry } = scan(([h], [x]) => ({ carry: [mul(add(h, mul(x, 1)), factor)], outputs: [] }), [tensor(0)], [xs], {
    unroll: 0,
  });
  expect(await grad(carry[0], factor).item()).toBe(3 * 9 + 4 * 3 + 4);
});

it("gives the gradient of a plain sum, whose backward steps need no slice", async () => {
  const gradientOf = compile((x: Tensor) => {
    const total = scan(([before], [slice]) => ({ carry: [add(before, slice)], outputs: [] }), [tensor([0, 0])], [x]);
    return grad(sum(mul(total.carry[0], tensor([2, 3]))), x);
  });
  const rows = Array.from({ length: 10 }, (_, i) => [i, -i]);
  expect(await (await gradientOf(tensor(rows))).array()).toEqual(rows.map(() => [2, 3]));
});

describe("trees", () => {
  const [x, y] = [tensor([1, 2, 4]), tensor([[1], [10], [100]])];
  it.each(forms)("are what a step takes and gives, whatever the order of their fields: %o", async (form) => {
    const { carry, outputs } = scan(
      ({ total, last: [before] }, { x, rows }) => ({
        carry: { last: [x], total: add(total, mul(before, x)) },
        outputs: { pairs: [before, mul(rows, x)], total },
      }),
      { total: tensor(0), last: [tensor(1)] },
      { x, rows: y },
      form,
    );
    // 1·1 + 1·2 + 2·4
    expect(await carry.total.item()).toBe(11);
    expect(await carry.last[0].item()).toBe(4);
    expect(await outputs.pairs[0].array()).toEqual([1, 1, 2]);
    expect(await outputs.pairs[1].array()).toEqual([[1], [20], [400]]);
    expect(await outputs.total.array()).toEqual([0, 1, 3]);
  });

  it.each(forms)("of one tensor each are that tensor, and a variable may be the first carry: %o", async (form) => {
    const start = new Variable(tensor(1));
    const { carry, outputs } = scan((product, x) => ({ carry: mul(product, x), outputs: product }), start, x, form);
    expect(await carry.item()).toBe(8);
    expect(await outputs.array()).toEqual([1, 1, 2]);
  });
});

describe("the shortest loops", () => {
  const step = (total: Tensor, { x }: { x: Tensor }) => ({ carry: add(total, sum(x)), outputs: { x: mul(x, 2), total } });
  const run = (steps: number, unroll: number, reverse: boolean) =>
    compile((start: Tensor, x: Tensor) => {
      const { carry, outputs } = scan(step, start, { x }, { unroll, reverse });
      return { carry, outputs, gradients: grad(add(carry, sum(outputs.x)), [start, x]) };
    })(
      tensor(5),
      tensor(
        Float32Array.from({ length: 2 * steps }, (_, i) => i),
        { shape: [steps, 2] },
      ),
    );

  describe.each([false, true])("reverse: %s", (reverse) => {
    it.each(forms)("have one step: %o", async ({ unroll }) => {
      const { carry, outputs, gradients } = await run(1, unroll, reverse);
      expect(await carry.item()).toBe(6);
      expect(await outputs.x.array()).toEqual([[0, 2]]);
      expect(await outputs.total.array()).toEqual([5]);
      expect(await (gradients[1] as Tensor).array()).toEqual([[3, 3]]);
    });

    it.each(forms)("have none: the carry stays: %o", async ({ unroll }) => {
      const { carry, outputs, gradients } = await run(0, unroll, reverse);
      expect(await carry.item()).toBe(5);
      expect(outputs.x.shape).toEqual([0, 2]);
      expect(outputs.total.shape).toEqual([0]);
      expect(await (gradients[0] as Tensor).item()).toBe(1);
      expect((gradients[1] as Tensor).shape).toEqual([0, 2]);
    });
  });
});

describe("several gradients of one loop", () => {
  const inputs = [
    tensor(Array.from({ length: 8 }, (_, i) => [0.1 * i - 0.3, 0.2 - 0.05 * i])),
    tensor([0.1, -0.2]),
    tensor([0.7, -0.9]),
  ] as const;
  const run = (unroll: number, xs: Tensor, first: Tensor, w: Tensor) =>
    scan(
      (h: Tensor, x: Tensor) => {
        const next = h.mul(w).add(x).tanh();
        return { carry: next, outputs: { policy: next.mul(2).exp(), value: next.sin() } };
      },
      first,
      xs,
      { unroll },
    ).outputs;
  const gradients: Record<string, (unroll: number) => (xs: Tensor, first: Tensor, w: Tensor) => Tensor[]> = {
    "two losses": (unroll) => (xs, first, w) => {
      const { policy, value } = run(unroll, xs, first, w);
      return [grad(policy.sum(), w), grad(value.sum(), w)];
    },
    "a penalty of a gradient": (unroll) => (xs, first, w) => {
      const { policy, value } = run(unroll, xs, first, w);
      return [grad(policy.mean().add(grad(value.sum(), xs).square().sum()).add(grad(policy.mean(), first).square().sum()), w)];
    },
  };

  it.each(
    Object.entries(gradients).flatMap(([name, make]) =>
      (["onnxruntime", "wasm"] as const).map((executor) => [name, executor, make] as const),
    ),
  )("are those of the loop written out: %s, %s", async (_, executor, make) => {
    const [written, looped] = [compile(make(8), { executor }), compile(make(0), { executor })];
    const [expected, found] = [await written(...inputs), await looped(...inputs)];
    for (const [i, each] of expected.entries()) {
      const [got, known] = [await (found[i] as Tensor).data(), await each.data()];
      expect(relativeError(Array.from(got, Number), Array.from(known, Number), 1e-3)).toBeLessThan(1e-5);
    }
  });
});
