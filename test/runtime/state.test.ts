import { checkpoint, compile, grad, nn, optim, random, scan, seed, type Tensor, tensor, Variable, valueAndGrad } from "kasane";
import { describe, expect, it } from "vitest";

const item = async (x: Tensor) => x.item();
const executors = ["wasm", "onnxruntime"] as const;

describe("a traced function reads what it has assigned", () => {
  it.each(executors)("one assignment after the other, called singly and many times: %s", async (executor) => {
    const v = new Variable(tensor(0));
    const step = compile(
      (x: Tensor) => {
        const first = v.mul(1);
        v.assign(v.add(x));
        const second = v.mul(1);
        v.assign(v.mul(2));
        return { first, second, v };
      },
      { executor },
    );
    const { first, second, v: last } = await step(tensor(1));
    expect(await Promise.all([first, second, last, v].map(item))).toEqual([0, 1, 2, 2]);
    // v ← 2 (v + x) from 2, for x = 1, 2: 6, then 16.
    const { v: stacked } = await step.many([1, 2]);
    expect([await stacked.array(), await v.item()]).toEqual([[6, 16], 16]); // biome-ignore format: two results
  });

  it("the result of each call, however the variable is handed out", async () => {
    const v = new Variable(tensor(1));
    const step = compile(() => {
      const result = { v, list: [v] };
      v.assign(v.add(1));
      return result;
    });
    const { v: alone, list } = await step();
    expect(await Promise.all([alone, ...list].map(item))).toEqual([2, 2]);
  });

  it("batch statistics that are used twice, and a network that goes on where it left", async () => {
    seed(1);
    const lstm = new nn.Lstm(2, 3);
    const twice = new nn.StatefulNetwork(lstm, 1);
    const chunks = [0, 1].map((i) => tensor([[[0.5 - i, i]], [[1, i]]]));
    const both = compile((a: Tensor, b: Tensor) => [twice.forward(a), twice.forward(b)] as const);
    const [, second] = await both(chunks[0] as Tensor, chunks[1] as Tensor);
    const whole = await lstm.forward(tensor([[[0.5, 0]], [[1, 0]], [[-0.5, 1]], [[1, 1]]])).outputs.array();
    const got = (await second.array()) as number[][][];
    got.forEach((row, t) => row[0]?.forEach((x, i) => expect(x).toBeCloseTo((whole as number[][][])[t + 2]?.[0]?.[i] as number, 6)));
  });

  it("an assigned value is another variable's, as it was then", async () => {
    const [a, b] = [new Variable(tensor(1)), new Variable(tensor(2))];
    await compile(() => {
      a.assign(b);
      b.assign(b.mul(10));
    })();
    expect([await a.item(), await b.item()]).toEqual([2, 20]);
  });

  it.each([1, 8])("inside a loop of %i steps too, where an assignment is an error", async (length) => {
    const v = new Variable(tensor(1));
    const xs = tensor(new Float32Array(length).fill(1));
    const run = compile((xs: Tensor) => {
      v.assign(v.add(2));
      const { carry } = scan((total, x) => ({ carry: total.add(v.mul(x)), outputs: {} }), tensor(0), xs, { unroll: 4 });
      return { carry, gradient: grad(carry, v) };
    });
    const { carry, gradient } = await run(xs);
    expect([await carry.item(), await gradient.item()]).toEqual([3 * length, length]);
    const assigning = compile((xs: Tensor) =>
      scan(
        (total, x) => {
          v.assign(x);
          return { carry: total.add(v), outputs: {} };
        },
        tensor(0),
        xs,
        { unroll: 4 },
      ),
    );
    await expect(assigning(xs)).rejects.toThrow("give the value out as a carry, and assign it after the loop");
  });
});

describe("gradients with respect to a variable that was assigned", () => {
  const square = (x: Tensor) => x.mul(x);

  it("are those by the value that the loss was computed from", async () => {
    const [v, w] = [new Variable(tensor(3)), new Variable(tensor(5))];
    const run = compile(() => {
      const early = square(v).add(w);
      v.assign(v.mul(2));
      const late = square(v).mul(w);
      return { early: grad(early, [v, w]), late: grad(late, [v, w]) };
    });
    const { early, late } = await run();
    // d v²: 2 · 3; d (v₁² w) by v₁ = 6 and by w = 5: 2 · 6 · 5 and 36.
    expect(await Promise.all([...early, ...late].map(item))).toEqual([6, 1, 60, 36]);
  });

  it("keep the values that the forward pass read, in checkpoints too", async () => {
    const v = new Variable(tensor(3));
    const run = compile((x: Tensor) => {
      const kept = checkpoint((x: Tensor) => square(x.mul(v)), x);
      const loss = kept.add(square(v));
      v.assign(tensor(100));
      return grad(loss, [v, x]);
    });
    // (x v)² + v² at x = 2, v = 3: by v 2 · 4 · 3 + 6, by x 2 · 9 · 2.
    expect(await Promise.all((await run(tensor(2))).map(item))).toEqual([30, 36]);
  });

  it("of both values at once are an error that says so", async () => {
    const v = new Variable(tensor(3), { name: "weight" });
    const run = compile(() => {
      const before = square(v);
      v.assign(v.mul(2));
      return grad(before.add(v), v);
    });
    await expect(run()).rejects.toThrow("grad: the loss is computed from weight before and after it was assigned");
  });

  it("pass over an update made in the same step: two optimizers do what they do in two steps", async () => {
    const train = async (together: boolean) => {
      const [p, q] = [new Variable(tensor(1)), new Variable(tensor(2))];
      const [first, second] = [p, q].map((x) => new optim.Sgd([x], { learningRate: 0.125 })) as [optim.Sgd, optim.Sgd];
      const one = () => first.minimize(square(p.mul(q)));
      const two = () => second.minimize(square(p.sub(q)));
      const steps = together ? [() => void [one(), two()]] : [one, two];
      for (const step of steps) await compile(step, { training: true })();
      return Promise.all([p, q].map(item));
    };
    // p ← 1 - 2 · 1 · 4 / 8 = 0, then q ← 2 - 2 (2 - 0) / 8 = 1.5.
    expect(await train(false)).toEqual([0, 1.5]);
    expect(await train(true)).toEqual([0, 1.5]);
  });
});

describe("a tensor made outside traced functions is the value when it was made", () => {
  it.each([2, 3])("whatever is assigned afterwards, scalars and rows of %i", async (size) => {
    const v = new Variable(tensor(new Float32Array(size).fill(1)));
    const scalar = new Variable(tensor(1));
    const tensors = [v.mul(1), v.mul(scalar)];
    await Promise.all([v.assign(v.add(1)), scalar.assign(tensor(7))]);
    tensors.push(v.mul(1), v.mul(scalar));
    const step = compile(() => {
      v.assign(v.mul(10));
      scalar.assign(scalar.add(1));
    });
    const [computed] = tensors;
    await computed?.data();
    await step();
    tensors.push(v.mul(1));
    await step();
    await v.reset();
    const values = await Promise.all(tensors.map(async (x) => (await x.data())[0]));
    expect(values).toEqual([1, 1, 2, 14, 20]);
  });

  it("in the order of the calls, awaited or not", async () => {
    const v = new Variable(tensor(1));
    const step = compile(() => void v.assign(v.mul(2)));
    const before = v.add(0.5);
    const first = step();
    const between = v.add(0.5);
    const assigned = v.assign(tensor(10));
    const after = v.add(0.5);
    const second = step();
    const last = v.add(0.5);
    await Promise.all([first, assigned, second]);
    expect(await Promise.all([before, between, after, last].map(item))).toEqual([1.5, 2.5, 10.5, 20.5]);
    expect(await v.item()).toBe(20);
  });

  it("as an argument and inside a compiled function", async () => {
    const v = new Variable(tensor([1, 2]));
    const before = v.mul(3);
    const [pass, capture] = [compile((x: Tensor) => x.add(1)), compile(() => before.add(1))];
    await v.assign(tensor([5, 5]));
    for (let i = 0; i < 2; i++) {
      expect(await (await pass(before)).array()).toEqual([4, 7]);
      expect(await (await capture()).array()).toEqual([4, 7]);
      expect(await (await pass(v)).array()).toEqual([6, 6]);
    }
  });

  it("as a variable's first value", async () => {
    const source = new Variable(random.normal([3]));
    const [copy, scaled] = [new Variable(source), new Variable(source.mul(2))];
    const start = Float32Array.from(await source.data(), Number);
    await source.assign(tensor([0, 0, 0]));
    expect(await copy.data()).toEqual(start);
    expect(await scaled.data()).toEqual(start.map((x) => 2 * x));
  });

  it("with the gradient at that value", async () => {
    const v = new Variable(tensor(3));
    const loss = v.mul(v);
    await v.assign(tensor(100));
    expect(await grad(loss, v).item()).toBe(6);
    expect(await grad(v.mul(v), v).item()).toBe(200);
    const { gradients } = valueAndGrad((x: Tensor) => x.mul(v))(v);
    expect(await gradients[0]?.item()).toBe(200);
    expect(() => grad(loss.add(v), v)).toThrow("before and after it was assigned");
  });

  it("and no gradient reaches the variable from it in a traced function, which would train nothing in silence", async () => {
    const v = new Variable(tensor(3), { name: "tied" });
    const outside = v.mul(2);
    const run = compile((x: Tensor) => grad(outside.mul(x), v));
    await expect(run(tensor(1))).rejects.toThrow(
      "grad: the loss is computed from a tensor that was made of tied outside the traced function",
    );
  });

  it("while training steps keep nothing where nobody has such a tensor", async () => {
    const v = new Variable(tensor([1, 2]));
    const step = compile(() => void v.assign(v.add(1)));
    await step();
    await step();
    expect((v as unknown as { readings: unknown[] }).readings).toEqual([]);
  });

  it("a value made in a traced function or a loop cannot be assigned outside", async () => {
    const v = new Variable(tensor(0));
    const step = (total: Tensor, x: Tensor) => {
      v.assign(x);
      return { carry: total, outputs: {} };
    };
    expect(() => scan(step, tensor(0), tensor([1, 2, 3]), { unroll: 0 })).toThrow("in the step of a loop");
  });
});
