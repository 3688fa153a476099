import { compile, models, nn, ones, optim, printGraph, relu, type StoredTensor, type Tensor, tensor, Variable, zeros } from "kasane";
import { describe, expect, it } from "vitest";

class Mlp extends nn.Module {
  readonly layers = [new nn.Linear(3, 4), new nn.Linear(4, 2, { bias: false })] as const;
  readonly extra = { scale: new Variable(ones([2])), count: new Variable(zeros([], "int32"), { trainable: false }) };
  readonly hiddenSize = 4;
  readonly words = ["not", "a", "weight"];

  forward(x: Tensor): Tensor {
    const [first, second] = this.layers;
    return second.forward(relu(first.forward(x))).mul(this.extra.scale);
  }
}

/** An embedding whose table also makes the logits, under a second path. */
class Tied extends nn.Module {
  readonly embedding = new nn.Embedding(5, 3);
  readonly head = { decoder: new nn.Linear(3, 5) };

  constructor() {
    super();
    Object.assign(this.head.decoder, { weight: this.embedding.weight });
  }

  forward(ids: Tensor): Tensor {
    return this.head.decoder.forward(this.embedding.forward(ids));
  }
}

describe("the variables of a module", () => {
  it("are named by the path of fields, through arrays and plain objects", () => {
    const model = new Mlp();
    const names = ["layers.0.weight", "layers.0.bias", "layers.1.weight", "extra.scale"];
    expect([...model.namedVariables().keys()]).toEqual([...names, "extra.count"]);
    expect(model.parameters()).toEqual(names.map((name) => model.namedVariables().get(name)));
  });

  it("carry their paths as names once the module ran, the path from furthest out", () => {
    const model = new Mlp();
    model.forward(zeros([1, 3]));
    expect(model.layers[0].weight.name).toBe("layers.0.weight");
    model.layers[0].forward(zeros([1, 3]));
    expect(model.layers[0].weight.name).toBe("layers.0.weight");
  });

  it("are named when their module is first asked for them, and no module within renames them", () => {
    const model = new Mlp();
    model.layers[1].parameters();
    expect(model.layers[1].weight.name).toBe("weight");
    model.parameters();
    expect(model.layers[1].weight.name).toBe("layers.1.weight");
    model.layers[1].parameters();
    expect(model.layers[1].weight.name).toBe("layers.1.weight");
  });

  it("are named by their path whatever it ends with", () => {
    class Named extends nn.Module {
      readonly scale = new Variable(ones([1]), { name: "grayscale" });
      forward = () => this.scale;
    }
    const model = new Named();
    model.parameters();
    expect(model.scale.name).toBe("scale");
  });

  it("can be frozen before their optimizer is made, which trains the others", async () => {
    const model = new Mlp();
    expect(model.parameterCount()).toBe(26);
    for (const variable of model.layers[0].parameters()) variable.trainable = false;
    expect(model.parameterCount()).toBe(10);
    const optimizer = new optim.Sgd(model, { learningRate: 1 });
    expect(optimizer.parameters).toEqual([model.layers[1].weight, model.extra.scale]);
    // It goes on with those that were trainable when it was made.
    model.extra.scale.trainable = false;
    const before = await model.stateDict();
    await compile((x: Tensor) => optimizer.minimize(model.forward(x).sum()), { training: true })(ones([1, 3]));
    const after = await model.stateDict();
    const changed = [...before.keys()].filter((name) => String(before.get(name)?.data) !== String(after.get(name)?.data));
    expect(changed).toEqual(["layers.1.weight", "extra.scale"]);
  });

  it("are counted once where they are shared", () => {
    const model = new Tied();
    expect(model.parameterCount()).toBe(20);
    expect([...model.namedVariables().keys()]).toEqual(["embedding.weight", "head.decoder.bias"]);
    expect(model.parameters()).toHaveLength(2);
  });
});

describe("a state dict", () => {
  it("goes into another model of the same class and back", async () => {
    const [from, to] = [new Mlp(), new Mlp()];
    await from.extra.count.assign(tensor(7, { dtype: "int32" }));
    const state = await from.stateDict();
    expect(state.get("layers.1.weight")).toMatchObject({ dtype: "float32", shape: [2, 4] });
    expect((await to.stateDict()).get("layers.0.weight")).not.toEqual(state.get("layers.0.weight"));
    await to.loadStateDict(state);
    expect(await to.stateDict()).toEqual(state);
    const x = ones([1, 3]);
    expect(await to.forward(x).data()).toEqual(await from.forward(x).data());
  });

  it("takes a shared variable under any of its paths, and floats of another precision", async () => {
    const model = new Tied();
    const weight = { dtype: "float64", shape: [5, 3], data: Float64Array.from({ length: 15 }, (_, i) => i / 4) } as const;
    const bias = { dtype: "float32", shape: [5], data: new Float32Array(5) } as const;
    await model.loadStateDict(
      new Map<string, StoredTensor>([
        ["head.decoder.weight", weight],
        ["head.decoder.bias", bias],
      ]),
    );
    expect(await model.embedding.weight.data()).toEqual(Float32Array.from(weight.data));
  });

  it("that does not fit is refused whole, naming what is wrong", async () => {
    const model = new Mlp();
    const before = await model.stateDict();
    const state = new Map(before);
    state.delete("layers.1.weight");
    state.set("layers.2.weight", before.get("layers.1.weight") as StoredTensor);
    state.set("layers.0.bias", { dtype: "float32", shape: [5], data: new Float32Array(5) });
    state.set("extra.count", { dtype: "float32", shape: [], data: new Float32Array(1) });
    state.set("layers.0.weight", { dtype: "float32", shape: [4, 3], data: new Float32Array(12) });
    await expect(model.loadStateDict(state)).rejects.toThrow(
      "loadStateDict: the state does not fit the model: layers.0.bias is float32[5], expected float32[4]; " +
        "extra.count is float32[], expected int32[]; unexpected: layers.2.weight; missing: layers.1.weight",
    );
    expect(await model.stateDict()).toEqual(before);
  });
});

describe("PyTorch's names", () => {
  it("are those of a module built alike", () => {
    class Model extends nn.Module {
      readonly tokenEmbedding = new nn.Embedding(5, 3);
      readonly body = new nn.Sequential(new nn.LayerNorm(3), relu, new nn.Linear(3, 2));
      forward(ids: Tensor): Tensor {
        return this.body.forward(this.tokenEmbedding.forward(ids));
      }
    }
    expect(Object.fromEntries(nn.torchNames(new Model()))).toEqual({
      "tokenEmbedding.weight": "token_embedding.weight",
      "body.layers.0.scale": "body.0.weight",
      "body.layers.0.shift": "body.0.bias",
      "body.layers.2.weight": "body.2.weight",
      "body.layers.2.bias": "body.2.bias",
    });
  });

  it("go both ways, a shared variable under each of its names", async () => {
    const [from, to] = [new Tied(), new Tied()];
    const state = await nn.torchStateDict(from);
    expect([...state.keys()]).toEqual(["embedding.weight", "head.decoder.weight", "head.decoder.bias"]);
    await nn.loadTorchStateDict(to, state);
    expect(await to.stateDict()).toEqual(await from.stateDict());
  });
});

describe("the module path", () => {
  it("stands in errors and on nodes", async () => {
    const model = new Mlp();
    expect(() => model.forward(zeros([1, 5]))).toThrow("matmul: inner dimensions differ: [1, 5] x [3, 4] (in Mlp.layers.0)");
    await expect(compile((x: Tensor) => model.forward(x))(zeros([1, 5]))).rejects.toThrow("(in Mlp.layers.0)");
    const printed = printGraph([model.forward(zeros([1, 3]))]);
    expect(printed).toMatch(/MatMul\(.*\(Mlp\.layers\.0\)\n/);
    expect(printed).toMatch(/MatMul\(.*\(Mlp\.layers\.1\)\n/);
    expect(printed).toMatch(/Relu\(.*\(Mlp\)\n/);
  });

  it("begins at the module that was called, and ends with it, also where it threw", () => {
    const model = new Mlp();
    model.forward(zeros([1, 3]));
    expect(() => model.layers[1].forward(zeros([1, 3]))).toThrow(/\(in Linear\)$/);
    expect(() => zeros([2]).matmul(zeros([3]))).toThrow(/\[2\] x \[3\]$/);
  });

  it("is recorded for every method, also of a module that another one calls past the one between", () => {
    class Inner extends nn.Module {
      readonly linear = new nn.Linear(3, 3);
      get width(): number {
        return this.linear.outputSize;
      }
      forward(x: Tensor): Tensor {
        return this.linear.forward(x);
      }
      step(x: Tensor): Tensor {
        return this.#twice(this.half(x)).add(this.width);
      }
      half(x: Tensor): Tensor {
        return x.div(2);
      }
      #twice(x: Tensor): Tensor {
        return x.mul(2);
      }
    }
    class Outer extends nn.Module {
      readonly parts = [{ inner: new Inner() }] as const;
      forward(x: Tensor): Tensor {
        return this.parts[0].inner.forward(x);
      }
      score(x: Tensor): Tensor {
        // Past Inner, whose path Linear's holds all the same.
        return this.parts[0].inner.linear.forward(this.parts[0].inner.step(x)).exp();
      }
    }
    const outer = new Outer();
    const printed = printGraph([outer.score(zeros([1, 3]))]);
    for (const type of ["Mul", "Div", "Add"]) expect(printed).toMatch(new RegExp(`${type}\\(.*\\(Outer\\.parts\\.0\\.inner\\)\n`));
    expect(printed).toMatch(/MatMul\(.*\(Outer\.parts\.0\.inner\.linear\)\n/);
    expect(printed).toMatch(/Exp\(.*\(Outer\)\n/);
    expect(() => outer.parts[0].inner.step(zeros([2, 2]).matmul(zeros([2, 3])))).not.toThrow();
    expect(() => outer.score(zeros([1, 4]))).toThrow(/\(in Outer\.parts\.0\.inner\.linear\)$/);
    expect(zeros([1]).exp().toString()).toBe("float32[1] from Exp");
  });

  it("is that of the cached steps of a decoder, whose layers are called past their stack", () => {
    const model = new models.Transformer({ sourceVocabulary: 5, targetVocabulary: 5, size: 4, layers: 2, heads: 2, innerSize: 8 });
    const ids = zeros([1, 3], "int32");
    const { logits } = model.decoderStep(zeros([1], "int32"), model.encode(ids, 4));
    const paths = new Set([...printGraph([logits]).matchAll(/\((Transformer[\w.]*)\)\n/g)].map(([, path]) => path));
    for (const layer of [0, 1]) {
      for (const part of ["selfAttention", "crossAttention", "crossAttention.output", "feedForward.inner", "norms.2"]) {
        expect(paths).toContain(`Transformer.decoder.layers.${layer}.${part}`);
      }
    }
    expect([...paths].filter((path) => /^[A-Z]\w*\.[A-Z]|\.[A-Z]/.test(path as string))).toEqual([]);
  });

  it("leaves the class as it is: names, arguments, own fields, what replaces a method", () => {
    const model = new Mlp();
    expect([Mlp.prototype.forward.name, Mlp.prototype.forward.length]).toEqual(["forward", 1]);
    expect(Object.keys(model)).toEqual(["layers", "extra", "hiddenSize", "words"]);
    expect(Object.hasOwn(model, "forward")).toBe(false);
    expect(Object.keys(Mlp.prototype)).toEqual([]);
    model.forward = (x) => x.mul(2);
    expect(model.forward(ones([1])).toString()).toBe("float32[1] from Mul");
  });

  it("ends at the first await of an async method", async () => {
    class Waiting extends nn.Module {
      readonly inner = new nn.Linear(2, 2);
      async forward(x: Tensor): Promise<Tensor> {
        await Promise.resolve();
        return this.inner.forward(x);
      }
    }
    const result = new Waiting().forward(zeros([1, 2]));
    expect(() => zeros([2]).matmul(zeros([3]))).toThrow(/\[2\] x \[3\]$/);
    expect(printGraph([await result])).toMatch(/MatMul\(.*\(Linear\)\n/);
  });

  it("names a class that extends another once", () => {
    class Twice extends Mlp {
      override forward(x: Tensor): Tensor {
        return super.forward(x).mul(2);
      }
    }
    expect(() => new Twice().forward(zeros([1, 5]))).toThrow(/\(in Twice\.layers\.0\)$/);
  });
});

it("a summary shows modules, shapes and counts", () => {
  const model = new Mlp();
  const lines = (summary: string) => summary.split("\n").map((line) => line.trimEnd());
  expect(lines(model.summary())).toEqual([
    "path      module  output  variables                        elements",
    "          Mlp             extra.scale [2], extra.count []         3",
    "layers.0  Linear          weight [4, 3], bias [4]                16",
    "layers.1  Linear          weight [2, 4]                           8",
    "27 elements, of which 26 are trained",
  ]);
  model.forward(zeros([8, 3]));
  expect(lines(model.summary())).toEqual([
    "path      module  output  variables                        elements",
    "          Mlp     [8, 2]  extra.scale [2], extra.count []         3",
    "layers.0  Linear  [8, 4]  weight [4, 3], bias [4]                16",
    "layers.1  Linear  [8, 2]  weight [2, 4]                           8",
    "27 elements, of which 26 are trained",
  ]);
  expect(lines(new Tied().summary())).toEqual([
    "path          module     output  variables                         elements",
    "              Tied                                                        0",
    "embedding     Embedding          weight [5, 3]                           15",
    "head.decoder  Linear             weight [5, 3] (shared), bias [5]         5",
    "20 elements, of which 20 are trained",
  ]);
});

it("a layer is at most 30 lines: Linear's own, without comments and imports", async () => {
  const { readFile } = await import("node:fs/promises");
  const source = await readFile(new URL("../../src/nn/linear.ts", import.meta.url), "utf8");
  const code = source.split("\n").filter((line) => !/^\s*(import |\/?\*|\/\*\*|$)/.test(line));
  expect(code.length).toBeLessThanOrEqual(30);
});
