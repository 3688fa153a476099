import {
  compile,
  gather,
  grad,
  isTraining,
  KasaneError,
  maxPool,
  ones,
  random,
  scan,
  seed,
  stopGradient,
  type Tensor,
  tensor,
  Variable,
  zeros,
} from "kasane";
import { describe, expect, test } from "vitest";

const counter = (value = 0) => new Variable(tensor(value));

describe("compile", () => {
  test("computes what the function computes, once traced a signature", async () => {
    let traces = 0;
    const double = compile((x: Tensor) => {
      traces++;
      return x.mul(2);
    });
    expect(await (await double(tensor([1, 2]))).array()).toEqual([2, 4]);
    expect(await (await double([3, 4])).array()).toEqual([6, 8]);
    expect(traces).toBe(1);
    expect(await (await double([[1], [2]])).array()).toEqual([[2], [4]]);
    expect(await (await double(tensor([1, 2], { dtype: "int32" }))).array()).toEqual([2, 4]);
    expect(traces).toBe(3);
  });

  test("takes and gives nested records and lists; other values are part of the signature", async () => {
    const fn = compile(({ batch, mode }: { batch: { x: Tensor; rest: Tensor[] }; mode: string }) => ({
      mode,
      sums: batch.rest.map((y) => batch.x.add(y)),
      sign: mode === "minus" ? batch.x.neg() : batch.x,
    }));
    const plus = await fn({ batch: { x: tensor([1]), rest: [tensor([10]), tensor([20])] }, mode: "plus" });
    expect(plus.mode).toBe("plus");
    expect(await Promise.all(plus.sums.map((sum) => sum.array()))).toEqual([[11], [21]]);
    expect(await plus.sign.array()).toEqual([1]);
    const minus = await fn({ batch: { x: tensor([1]), rest: [] }, mode: "minus" });
    expect(await minus.sign.array()).toEqual([-1]);
  });

  test("an input given back, and one value given twice, come out as they are", async () => {
    const fn = compile((x: Tensor) => ({ same: x, twice: [x.add(1), x.add(1)] }));
    const { same, twice } = await fn([1, 2]);
    expect(await same.array()).toEqual([1, 2]);
    expect(await Promise.all(twice.map((y) => y.array()))).toEqual([
      [2, 3],
      [2, 3],
    ]);
  });

  test("tells calls apart that follow each other", async () => {
    let traces = 0;
    const fn = compile(({ x, mode }: { x: Tensor; mode?: string }) => {
      traces++;
      return mode === "double" ? x.mul(2) : x.add(1);
    });
    const call = async (value: Parameters<typeof fn>[0]) => (await fn(value)).array();
    const x = tensor([1, 2]);
    for (const _ of [0, 1]) expect(await call({ x, mode: "double" })).toEqual([2, 4]);
    expect(await call({ mode: "double", x: [3, 4] })).toEqual([6, 8]);
    expect(await call({ x: x.mul(3), mode: "double" })).toEqual([6, 12]);
    expect(await call({ x: new Float32Array([5, 6]), mode: "double" })).toEqual([10, 12]);
    expect(await call({ x, mode: "more" })).toEqual([2, 3]);
    expect(await call({ x })).toEqual([2, 3]);
    expect(await call({ x: tensor(1) })).toBe(2);
    expect(await call({ x: tensor([1, 2], { dtype: "int32" }) })).toEqual([2, 3]);
    expect(await call({ x: tensor([[1, 2]]) })).toEqual([[2, 3]]);
    expect(await call({ x })).toEqual([2, 3]);
    // Of what came twice, only the order of the fields counts: inputs are traced in it.
    expect(traces).toBe(7);
    await expect(fn(new Date() as never)).rejects.toThrow("a Date");
    await fn.dispose();
    expect(await call({ x })).toEqual([2, 3]);
  });

  test("training is what the traced function sees", async () => {
    const probe = () => tensor(isTraining() ? 1 : 0);
    expect(await (await compile(probe, { training: true })()).item()).toBe(1);
    expect(await (await compile(probe)()).item()).toBe(0);
    expect(isTraining()).toBe(false);
  });

  test("assignments are stored after the step, all at once", async () => {
    const [a, b] = [counter(1), counter(2)];
    const swap = compile(() => {
      const before = { a: a.mul(1), b: b.mul(1) };
      a.assign(before.b);
      b.assign(before.a);
      return { before, after: { a, b } };
    });
    const { before, after } = await swap();
    expect([await before.a.item(), await before.b.item()]).toEqual([1, 2]);
    expect([await after.a.item(), await after.b.item()]).toEqual([2, 1]);
    expect([await a.item(), await b.item()]).toEqual([2, 1]);
    await swap();
    expect([await a.item(), await b.item()]).toEqual([1, 2]);
  });

  test("results keep their values when later steps overwrite the state", async () => {
    const x = counter();
    const next = compile(() => {
      x.assign(x.add(1));
      return x;
    });
    const results = [await next(), await next(), await next()];
    expect(await Promise.all(results.map((result) => result.item()))).toEqual([1, 2, 3]);
    const read = x.data();
    await next();
    expect((await read)[0]).toBe(3);
  });

  test("calls that are not awaited run in their order, assignments among them", async () => {
    const x = counter(1);
    const double = compile(() => {
      x.assign(x.mul(2));
      return x;
    });
    const first = double();
    const assigned = x.assign(tensor(10));
    const second = double();
    await Promise.all([first, assigned, second]);
    expect([await (await first).item(), await (await second).item()]).toEqual([2, 20]);
    expect(await x.item()).toBe(20);
  });

  test("a variable that is reset begins anew, in turn, and again", async () => {
    const x = new Variable(random.normal([3]));
    const start = await x.array();
    const step = compile(() => {
      const before = x.mul(1);
      x.assign(x.add(1));
      return before;
    });
    for (let i = 0; i < 2; i++) {
      const results = [step(), step(), x.reset(), step(), step()] as const;
      await Promise.all(results);
      expect(await (await results[3]).array()).toEqual(start);
      await x.reset();
      expect(await x.array()).toEqual(start);
    }
    const inside = compile(() => {
      void x.reset();
      return x;
    });
    await expect(inside()).rejects.toThrow("in a traced function: assign its initial value there");
  });

  test("a variable that is written before it is read needs no first value", async () => {
    const without = () => new Variable(gather(tensor([1, 2]), tensor([6], { dtype: "int32" }).add(1)));
    await expect(without().data()).rejects.toThrow(/index|indices/);
    const y = without();
    const write = compile((value: Tensor) => void y.assign(value.add(1)), { executor: "onnxruntime" });
    await write(tensor([4]));
    expect(await y.array()).toEqual([5]);
    const step = compile(() => void y.assign(y.mul(2)), { executor: "onnxruntime" });
    for (let i = 0; i < 3; i++) await step();
    await write(y);
    expect(await y.array()).toEqual([41]);
    await step();
    expect(await y.array()).toEqual([82]);
  });

  test("a state assigned from data does not write into the data", async () => {
    const data = new Float32Array([1, 2]);
    const x = new Variable(zeros([2]));
    await x.assign(tensor(data));
    const step = compile(() => {
      x.assign(x.add(1));
      return x;
    });
    for (let i = 0; i < 4; i++) await step();
    expect([...data]).toEqual([1, 2]);
    expect(await x.array()).toEqual([5, 6]);
  });

  test("a variable may start from another one", async () => {
    const a = new Variable(random.normal([3]));
    const copy = new Variable(a.mul(1));
    expect(await copy.array()).toEqual(await a.array());
  });

  test("draws anew every run and again the same after the same seed", async () => {
    const draw = compile(() => random.uniform([4]));
    seed(7);
    const first = [await (await draw()).array(), await (await draw()).array()];
    seed(7);
    const second = [await (await draw()).array(), await (await draw()).array()];
    expect(second).toEqual(first);
    expect(first[0]).not.toEqual(first[1]);
  });

  test("goes on after its sessions were disposed of", async () => {
    const fn = compile((x: Tensor) => x.add(1));
    await fn([1]);
    await fn.dispose();
    expect(await (await fn([1])).array()).toEqual([2]);
  });

  test("more functions than sessions may be open at a time", async () => {
    const functions = Array.from({ length: 70 }, (_, i) => compile((x: Tensor) => x.add(i)));
    for (const fn of functions) await fn([0]);
    expect(await (await (functions[0] as (typeof functions)[0])([0])).item()).toBe(0);
    expect(await (await (functions[69] as (typeof functions)[0])([0])).item()).toBe(69);
  });
});

describe("compile says what is wrong", () => {
  test.each([
    ["an async function", async () => tensor(1), "compile: the function is async"],
    ["a class instance", () => new Date(), "a Date"],
  ])("with %s", async (_, fn, message) => {
    await expect(compile(fn as unknown as () => Tensor)()).rejects.toThrow(message);
    await expect(compile(fn as unknown as () => Tensor)()).rejects.toBeInstanceOf(KasaneError);
  });

  test.each([
    ["data()", (x: Tensor) => void x.data()],
    ["array()", (x: Tensor) => void x.array()],
    ["item()", (x: Tensor) => void x.item()],
    ["item()", (x: Tensor) => void x.add(1).item()],
    ["a compiled function", () => void compile((x: Tensor) => x)([1])],
    ["a compiled function", () => void compile((x: Tensor) => x).many([1])],
  ])("with %s while tracing: thrown at that line, and nothing is rejected unseen", async (name, use) => {
    const unseen: unknown[] = [];
    const note = (reason: unknown) => unseen.push(reason);
    process.on("unhandledRejection", note);
    let caught: unknown;
    const careful = compile((x: Tensor) => {
      try {
        use(x);
      } catch (error) {
        caught = error;
      }
      return x.add(1);
    });
    expect(await (await careful([1])).array()).toEqual([2]);
    expect(caught).toBeInstanceOf(KasaneError);
    expect(String(caught)).toContain(`${name} is called in a function that is being traced`);
    const careless = compile((x: Tensor) => {
      use(x);
      return x;
    });
    await expect(careless([1])).rejects.toThrow(`${name} is called`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.off("unhandledRejection", note);
    expect(unseen).toEqual([]);
  });

  test("with an async function that fails after its await, once", async () => {
    const unseen: unknown[] = [];
    const note = (reason: unknown) => unseen.push(reason);
    process.on("unhandledRejection", note);
    const fn = async (x: Tensor) => {
      await Promise.resolve();
      throw new Error(`late ${x}`);
    };
    await expect(compile(fn as unknown as (x: Tensor) => Tensor)([1])).rejects.toThrow("compile: the function is async");
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.off("unhandledRejection", note);
    expect(unseen).toEqual([]);
  });

  test("with a tensor from another traced function", async () => {
    let leaked: Tensor | undefined;
    await compile((x: Tensor) => {
      leaked = x.add(1);
      return x;
    })([1]);
    await expect((leaked as Tensor).data()).rejects.toThrow("traced function");
    await expect(compile((x: Tensor) => x.add(leaked as Tensor))([1])).rejects.toThrow("traced function");
  });

  test("with a device that is not there", async () => {
    await expect(compile((x: Tensor) => x, { device: "dml" })([1])).rejects.toThrow(
      /device "dml" is not available here: this machine offers .*cpu/,
    );
  });

  test("with a value of another shape assigned", async () => {
    const x = new Variable(zeros([2]), { name: "weights" });
    await expect(compile(() => void x.assign(zeros([3])))()).rejects.toThrow("assign to weights: got float32[3], expected float32[2]");
    expect(() => x.assign(zeros([2], "int32"))).toThrow("int32[2]");
  });

  test.each([
    ["wasm", "Gather: index 7 is out of range for an axis of 3"],
    ["onnxruntime", "Gather: index 7 is out of range for an axis of 3"],
  ] as const)("with an index out of range, and the state stays as it was: %s", async (executor, message) => {
    const x = counter(5);
    const table = tensor([1, 2, 3]);
    const fn = compile(
      (ids: Tensor) => {
        x.assign(x.add(1));
        return table.gather(ids);
      },
      { executor },
    );
    await expect(fn(tensor([7], { dtype: "int32" }))).rejects.toThrow(message);
    expect(await x.item()).toBe(5);
    expect(await (await fn(tensor([2], { dtype: "int32" }))).array()).toEqual([3]);
    expect(await (await fn(tensor([-3], { dtype: "int32" }))).array()).toEqual([1]);
  });

  test("an error while tracing leaves nothing behind", async () => {
    const fn = compile((x: Tensor) => x.matmul(x));
    await expect(fn([[1, 2, 3]])).rejects.toThrow("matmul: inner dimensions differ: [1, 3] x [1, 3]");
    expect(isTraining()).toBe(false);
    expect(await (await fn([[2]])).array()).toEqual([[4]]);
  });
});

describe("detectAnomalies", () => {
  test("takes no infinity for one that only stands for places that are not there", async () => {
    const step = compile((x: Tensor) => grad(maxPool(x, 3, { stride: 2, padding: 1 }).square().sum(), x), { detectAnomalies: true });
    const gradient = (await (await step(ones([1, 1, 4, 4]))).array()) as number[][][][];
    expect(gradient.flat(3).reduce((total, value) => total + value)).toBe(8);
  });

  test("names the operation that first made an infinity, and keeps the state", async () => {
    const x = counter(0);
    const step = compile(
      () => {
        const loss = x.log().exp().sub(x);
        x.assign(grad(loss, x));
        return loss;
      },
      { detectAnomalies: true },
    );
    await expect(step()).rejects.toThrow(/anomaly: Log\(float32\[\]\) made -Infinity/);
    expect(await x.item()).toBe(0);
  });

  test("is silent where all is finite", async () => {
    const fn = compile((x: Tensor) => stopGradient(x.exp().sum()), { detectAnomalies: true });
    expect(await (await fn([0, 0])).item()).toBe(2);
  });

  test("names the operation and the step within a loop, and within a loop of a loop", async () => {
    // 3 - t at step t: the logarithm of 0 is taken in step 3, whatever comes out of it later.
    const countdown = (length: number, reverse = false) =>
      scan(
        (left: Tensor, slice: Tensor) => {
          const lower = left.sub(slice);
          return { carry: lower, outputs: lower.log().exp() };
        },
        tensor(4),
        ones([length]),
        { unroll: 1, reverse },
      ).outputs;
    const fn = compile((x: Tensor) => countdown(20).mul(x), { detectAnomalies: true });
    await expect(fn(tensor(1))).rejects.toThrow(
      /anomaly: Log\(float32\[\]\) made -Infinity at element 0, in step 3 of a loop: the variables/,
    );
    const backwards = compile((x: Tensor) => countdown(20, true).mul(x), { detectAnomalies: true });
    await expect(backwards(tensor(1))).rejects.toThrow(/anomaly: Log\(float32\[\]\) made -Infinity at element 0, in step 16 of a loop/);
    const many = compile((x: Tensor) => countdown(20).add(x.sqrt().sum()), { detectAnomalies: true });
    await expect(many.many(ones([2, 3]))).rejects.toThrow(/Log\(float32\[\]\) made -Infinity at element 0, in step 3 of a loop: /);
    // √(√(1 - 9)) in the second step of the third run.
    const roots = compile(
      (x: Tensor) =>
        scan(
          (carry: Tensor, slice: Tensor) => {
            const root = carry.add(slice).sqrt();
            return { carry: root, outputs: root };
          },
          tensor([0, 0]),
          x,
          { unroll: 1 },
        ).outputs,
      { detectAnomalies: true },
    );
    const slices = tensor(
      Float32Array.from({ length: 60 }, (_, i) => (i === 43 ? -9 : 1)),
      { shape: [3, 10, 2] },
    );
    await expect(roots.many(slices)).rejects.toThrow(
      /Sqrt\(float32\[2\]\) made NaN at element 1, in step 2 of a loop, in step 1 of a loop/,
    );
    expect((await roots.many(ones([3, 10, 2]))).shape).toEqual([3, 10, 2]);
  });

  test.each([
    ["float16", 60000],
    ["float32", 3e38],
    ["float64", 1e308],
  ] as const)("sees NaN and infinity in %s", async (dtype, large) => {
    const double = compile((x: Tensor) => x.add(x), { detectAnomalies: true });
    await expect(double(tensor([1, large], { dtype }))).rejects.toThrow(
      `anomaly: Add(${dtype}[2], ${dtype}[2]) made Infinity at element 1`,
    );
    expect(await (await double(tensor([1, 2], { dtype }))).array()).toEqual([2, 4]);
    const root = compile((x: Tensor) => x.sqrt(), { detectAnomalies: true });
    await expect(root(tensor([1, 4, -1], { dtype }))).rejects.toThrow(`anomaly: Sqrt(${dtype}[3]) made NaN at element 2`);
    await expect(root(tensor([1, 4, 9], { dtype }))).resolves.toBeDefined();
  });
});
