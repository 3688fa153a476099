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
  loop(leaves: readonly Tensor[], options: ScanOptions): Step;
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
    loop: ([h, x, w], options) =>
      scan(
        ([h], [x]) => {
          const next = tanh(add(x as Tensor, matmul(h as Tensor, w as Tensor)));
          return { carry: [next], outputs: [next] };
        },
        [h as Tensor],
        [x as Tensor],
        options,
      ),
  },
  "several carries, sequences and outputs": {
    shapes: [state, state, sequence, sequence],
    loop: (leaves, options) => {
      const [h, c, x, y] = three(leaves);
      return scan(
        (carry, slices) => {
          const [[h, c], [x, y]] = [three(carry), three(slices)];
          const next = tanh(add(mul(h, x), c));
          return { carry: [next, mul(c, y)], outputs: [mul(next, y), sum(x, { axes: 1 }), c] };
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
        (carry, slices) => {
          const [[h], [x]] = [three(carry), three(slices)];
          const next = tanh(add(matmul(h, outside), matmul(mul(x, bias), outside)));
          return { carry: [add(next, mul(h, bias))], outputs: [mul(matmul(x, w), add(bias, outside.sum()))] };
        },
        [h],
        [x],
        options,
      );
    },
  },
  "sequences and carries of whole numbers": {
    shapes: [state, [size, size]],
    loop: (leaves, options) => {
      const [h, table] = three(leaves);
      return scan(
        (carry, slices) => {
          const [[h, count], [id]] = [three(carry), three(slices)];
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
        (carry, slices) => {
          const [[h], [x, within]] = [three(carry), three(slices)];
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
        (carry, slices) => {
          const [[h], [rows]] = [three(carry), three(slices)];
          const inner = scan(
            (carry, slices) => {
              const [[g], [row]] = [three(carry), three(slices)];
              const next = tanh(add(mul(g, b), mul(row, h)));
              return { carry: [next], outputs: [next] };
            },
            [h],
            [rows],
            options,
          );
          return { carry: [mul(inner.carry[0] as Tensor, 0.9)], outputs: inner.outputs };
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
      const { outputs } = scan((carry, [slice]) => ({ carry, outputs: [mul(slice as Tensor, random.uniform([4]))] }), [], [x], form);
      return { outputs: outputs[0] as Tensor, gradient: grad(sum(outputs[0] as Tensor), x) };
    });
    const ones = tensor(new Float32Array(20).fill(1), { shape: [5, 4] });
    const [first, second] = [await run(ones), await run(ones)];
    const drawn = [...(await first.outputs.data()), ...(await second.outputs.data())];
    expect(new Set(drawn).size).toBe(40);
    expect(await first.gradient.data()).toEqual(await first.outputs.data());
  });

  it.each(forms)("outside traced functions too: %o", async (form) => {
    const ones = tensor(new Float32Array(20).fill(1), { shape: [5, 4] });
    const { outputs } = scan((carry, [slice]) => ({ carry, outputs: [mul(slice as Tensor, random.uniform([4]))] }), [], [ones], form);
    expect(new Set(Array.from(await (outputs[0] as Tensor).data(), Number)).size).toBe(20);
  });
});

describe("what a loop refuses", () => {
  const x = tensor(new Float32Array(12), { shape: [3, 4] });
  const start = tensor(new Float32Array(4));

  it.each(forms)("a carry that changes its shape: %o", (form) => {
    const grow = () => scan(([h]) => ({ carry: [(h as Tensor).reshape([1, 4])], outputs: [] }), [start], [x], form);
    expect(grow).toThrow("scan: the carry went in as float32[4] and came out as float32[1, 4]");
  });

  it.each(forms)("a step that assigns a variable: %o", async (form) => {
    const variable = new Variable(start);
    const run = compile((x: Tensor) =>
      scan(
        ([h], [slice]) => {
          variable.assign(slice as Tensor);
          return { carry: [h as Tensor], outputs: [] };
        },
        [variable],
        [x],
        form,
      ),
    );
    await expect(run(x)).rejects.toThrow("scan: the step assigns a variable");
  });

  it("sequences of different lengths, and none", () => {
    const step = (carry: readonly Tensor[]) => ({ carry, outputs: [] });
    expect(() => scan(step, [], [x, start])).toThrow("scan: sequences [3, 4], [4]: expected one or more, with the same first size from 1");
    expect(() => scan(step, [start], [])).toThrow("expected one or more");
  });
});

describe("long loops", () => {
  const lines = (length: number): number => {
    const [h, w] = [numbers(state, 1), numbers(matrix, 2)];
    const { outputs } = scan(
      ([h], [x]) => {
        const next = tanh(add(x as Tensor, matmul(h as Tensor, w)));
        return { carry: [next], outputs: [next] };
      },
      [h],
      [numbers([length, ...state], 3)],
    );
    return printGraph(grad(sum(outputs[0] as Tensor), [h, w])).split("\n").length;
  };

  it("make no larger graph than short ones", () => {
    expect(lines(5000)).toBe(lines(100));
  });

  it("have the gradient of the closed form after 5,000 steps: that of w⁵⁰⁰⁰ is 5000 w⁴⁹⁹⁹", async () => {
    const ones = tensor(new Float64Array(5000).fill(1));
    const gradientOf = compile((w: Tensor, ones: Tensor) => {
      const { carry } = scan(([h], [one]) => ({ carry: [mul(mul(h as Tensor, w), one as Tensor)], outputs: [] }), [ones.mean()], [ones]);
      return grad(carry[0] as Tensor, w);
    });
    const gradient = await gradientOf(tensor(0.9999, { dtype: "float64" }), ones);
    expect((await gradient.item()) / (5000 * 0.9999 ** 4999)).toBeCloseTo(1, 10);
  });

  it("train with 5,000 steps", async () => {
    const weight = new Variable(tensor(0));
    const optimizer = new optim.Sgd([weight], { learningRate: 0.25 });
    const train = compile(
      (x: Tensor) => {
        const step = ([h]: readonly Tensor[], [x]: readonly Tensor[]) => ({
          carry: [add(h as Tensor, mul(weight, x as Tensor))],
          outputs: [],
        });
        const [total] = scan(step, [tensor(0)], [x]).carry as [Tensor];
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
  const { carry } = scan(([h], [x]) => ({ carry: [mul(add(h as Tensor, mul(x as Tensor, 1)), factor)], outputs: [] }), [tensor(0)], [xs], {
    unroll: 0,
  });
  expect(await grad(carry[0] as Tensor, factor).item()).toBe(3 * 9 + 4 * 3 + 4);
});

it("gives the gradient of a plain sum, whose backward steps need no slice", async () => {
  const gradientOf = compile((x: Tensor) => {
    const total = scan(([before], [slice]) => ({ carry: [add(before as Tensor, slice as Tensor)], outputs: [] }), [tensor([0, 0])], [x]);
    return grad(sum(mul(total.carry[0] as Tensor, tensor([2, 3]))), x);
  });
  const rows = Array.from({ length: 10 }, (_, i) => [i, -i]);
  expect(await (await gradientOf(tensor(rows))).array()).toEqual(rows.map(() => [2, 3]));
});
