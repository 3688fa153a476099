import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { compile, grad, nn, onnxModel, readOnnx, registerOnnxOperator, type Tensor, tensor, type Variable } from "kasane";
import { loadOnnx } from "kasane/node";
import { ModelProtoSchema } from "onnx-buf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "kasane-onnx-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Node = { opType: string; input: string[]; output: string[]; domain?: string; name?: string; attribute?: object[] };
interface Parts {
  readonly nodes: Node[];
  readonly inputs?: object[];
  readonly outputs?: string[];
  readonly constants?: object[];
  readonly functions?: object[];
  readonly version?: bigint;
}

const value = (name: string, shape?: (number | string)[], elemType = 1) => ({
  name,
  type: {
    value: {
      case: "tensorType" as const,
      value: {
        elemType,
        ...(shape && {
          shape: {
            dim: shape.map((size) => ({
              value:
                typeof size === "string" ? { case: "dimParam" as const, value: size } : { case: "dimValue" as const, value: BigInt(size) },
            })),
          },
        }),
      },
    },
  },
});

const floats = (name: string, dims: number[], data: number[]) => ({ name, dataType: 1, dims: dims.map(BigInt), floatData: data });
const integers = (name: string, data: number[]) => ({ name, dataType: 7, dims: [BigInt(data.length)], int64Data: data.map(BigInt) });

/** The bytes of a model whose input is `x` and whose output is `y`, unless told otherwise. */
function modelOf({
  nodes,
  inputs = [value("x", ["n", 2])],
  outputs = ["y"],
  constants = [],
  functions = [],
  version = 17n,
}: Parts): Uint8Array {
  const graph = { name: "g", node: nodes, input: inputs, output: outputs.map((name) => value(name)), initializer: constants };
  const opsetImport = [
    { domain: "", version },
    { domain: "local", version: 1n },
  ];
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, opsetImport, graph, functions } as never));
}

const linear = modelOf({
  nodes: [
    { opType: "MatMul", input: ["x", "layer.weight"], output: ["h"] },
    { opType: "Add", input: ["h", "layer.bias"], output: ["s"] },
    { opType: "Mul", input: ["s", "scale"], output: ["y"] },
  ],
  constants: [floats("layer.weight", [2, 3], [1, 2, 3, 4, 5, 6]), floats("layer.bias", [3], [0, 0, 1]), floats("scale", [], [2])],
});

describe("a model that was read", () => {
  test("has the file's weights as variables under the file's names, and trains those that have an axis", async () => {
    const module = readOnnx(linear);
    expect([...module.namedVariables()].map(([name, { trainable }]) => [name, trainable])).toEqual([
      ["layer.weight", true],
      ["layer.bias", true],
      ["scale", false],
    ]);
    expect(module.inputs).toEqual([{ name: "x", dtype: "float32", shape: ["n", 2] }]);
    expect(await module.forward({ x: tensor([[1, 1]]) }).y?.array()).toEqual([[10, 14, 20]]);
    const step = compile((x: Tensor) => grad(module.forward({ x }).y?.sum() as Tensor, module.parameters()));
    const [weight, bias] = await step(tensor([[1, 2]]));
    expect([await weight?.array(), await bias?.array()]).toEqual([[[2, 2, 2], [4, 4, 4]], [2, 2, 2]]); // biome-ignore format: matrices
    expect(module.summary()).toContain("MatMul 1, Add 1, Mul 1");
    expect(module.summary()).toContain("10 elements, of which 9 are trained");
  });

  test("is a part of another module under the paths of its fields", () => {
    class Classifier extends nn.Module {
      readonly backbone = readOnnx(linear);
      readonly head = new nn.Linear(3, 2);
      forward(x: Tensor): Tensor {
        return this.head.forward(this.backbone.forward({ x }).y as Tensor);
      }
    }
    const model = new Classifier();
    expect([...model.namedVariables().keys()]).toEqual([
      "backbone.layer.weight",
      "backbone.layer.bias",
      "backbone.scale",
      "head.weight",
      "head.bias",
    ]);
    expect(model.forward(tensor([[1, 2]])).shape).toEqual([1, 2]);
  });

  test("keeps its weights through a file of its own", async () => {
    const module = readOnnx(linear);
    await (module.namedVariables().get("layer.bias") as Variable).assign(tensor([5, 6, 7]));
    const again = readOnnx(await onnxModel((x: Tensor) => module.forward({ x }), { x: { shape: ["batch", 2] } }));
    expect([...again.namedVariables().keys()].sort()).toEqual(["layer.bias", "layer.weight", "scale"]);
    const x = tensor([[1, 2], [3, 4]]); // biome-ignore format: a matrix
    expect(await again.forward({ x }).y?.array()).toEqual(await module.forward({ x }).y?.array());
  });

  test("says what its inputs should be", () => {
    const module = readOnnx(linear);
    expect(() => module.forward({})).toThrow('the input "x" is missing: expected { x }');
    expect(() => module.forward({ x: tensor([1, 2]) })).toThrow('got [2] for the input "x", expected [n, 2]');
    expect(() => module.forward({ x: tensor([[true, false]]) })).toThrow('got bool for the input "x", expected float32');
    expect(() => module.forward({ x: tensor([[1, 2]]), z: tensor([1]) })).toThrow('unknown input "z"');
  });

  test("takes a batch where the file fixes one, through reshapes to fixed sizes", async () => {
    const fixed = modelOf({
      nodes: [
        { opType: "Reshape", input: ["x", "flat"], output: ["h"] },
        { opType: "MatMul", input: ["h", "w"], output: ["m"] },
        { opType: "Reshape", input: ["m", "rows"], output: ["r"] },
        { opType: "Concat", input: ["first", "r"], output: ["y"], attribute: [{ name: "axis", type: 2, i: 1n }] },
      ],
      inputs: [value("x", [1, 2, 2])],
      constants: [
        integers("flat", [1, -1]),
        integers("rows", [1, 2, 1]),
        floats("w", [4, 2], [1, 0, 0, 1, 1, 0, 0, 1]),
        floats("first", [1, 1, 1], [9]),
      ],
    });
    const x = tensor([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]); // biome-ignore format: matrices
    expect(() => readOnnx(fixed).forward({ x })).toThrow("free by the option lift");
    expect(await readOnnx(fixed, { lift: "batch" }).forward({ x }).y?.array()).toEqual([[[9], [4], [6]], [[9], [12], [14]]]); // biome-ignore format: matrices
  });

  test("calls the functions that the file defines, with the attributes of the call", async () => {
    const bytes = modelOf({
      nodes: [{ opType: "Leak", domain: "local", input: ["x"], output: ["y"], attribute: [{ name: "slope", type: 1, f: 0.5 }] }],
      functions: [
        {
          name: "Leak",
          domain: "local",
          input: ["a"],
          output: ["b"],
          attribute: ["slope"],
          opsetImport: [{ domain: "", version: 17n }],
          node: [{ opType: "LeakyRelu", input: ["a"], output: ["b"], attribute: [{ name: "alpha", type: 1, refAttrName: "slope" }] }],
        },
      ],
    });
    expect(
      await readOnnx(bytes)
        .forward({ x: tensor([[-2, 2]]) })
        .y?.array(),
    ).toEqual([[-1, 2]]);
  });

  test("computes in float64 where it is asked to", async () => {
    const { y } = readOnnx(linear, { dtype: "float64" }).forward({ x: tensor([[1, 1]]) });
    expect(y?.dtype).toBe("float64");
  });
});

describe("operators that are missing", () => {
  const unknown = modelOf({
    nodes: [
      { opType: "Twist", domain: "local", input: ["x"], output: ["h"], name: "first" },
      { opType: "Turn", input: ["h"], output: ["y"], name: "second" },
    ],
  });

  test("are all named at once, with how to register them", () => {
    expect(() => readOnnx(unknown)).toThrow(
      'the model: 2 operators are missing: Twist (domain local, version 1; 1 node, the first "first"); Turn (domain ai.onnx, version 17; ' +
        '1 node, the first "second"): register each, as by registerOnnxOperator("Twist", (node) => node.input(0), { domain: "local" })',
    );
  });

  test("are read once they are registered", async () => {
    registerOnnxOperator("Twist", (node) => node.input(0).mul(3), { domain: "local" });
    registerOnnxOperator("Turn", (node) => [node.input(0).neg()]);
    expect(
      await readOnnx(unknown)
        .forward({ x: tensor([[1, 2]]) })
        .y?.array(),
    ).toEqual([[-3, -6]]);
  });
});

describe("weights beside the model", () => {
  const beside = (location: string, offset = "0", length = "24") =>
    modelOf({
      nodes: [{ opType: "MatMul", input: ["x", "w"], output: ["y"] }],
      constants: [
        {
          name: "w",
          dataType: 1,
          dims: [2n, 3n],
          dataLocation: 1,
          externalData: Object.entries({ location, offset, length }).map(([key, text]) => ({ key, value: text })),
        },
      ],
    });
  const data = new Uint8Array(Float32Array.of(0, 0, 1, 2, 3, 4, 5, 6).buffer);
  const file = join(folder, "models", "model.onnx");
  beforeAll(() => {
    mkdirSync(join(folder, "models"));
    writeFileSync(join(folder, "models", "weights.bin"), data);
    writeFileSync(join(folder, "secret.bin"), data);
    symlinkSync(join(folder, "secret.bin"), join(folder, "models", "link.bin"));
  });
  const load = (...parts: Parameters<typeof beside>) => {
    writeFileSync(file, beside(...parts));
    return loadOnnx(file);
  };

  test("are read from the model's folder, or from bytes at hand", async () => {
    const expected = [[5, 7, 9]];
    expect(await (await load("weights.bin", "8")).forward({ x: tensor([[1, 1]]) }).y?.array()).toEqual(expected);
    const module = readOnnx(beside("weights.bin", "8"), { externalData: { "weights.bin": data } });
    expect(await module.forward({ x: tensor([[1, 1]]) }).y?.array()).toEqual(expected);
    expect(() => readOnnx(beside("weights.bin"))).toThrow('keeps weights in "weights.bin": give its bytes as externalData');
  });

  test("are never read from elsewhere, nor beyond their end", async () => {
    for (const location of ["../secret.bin", "link.bin", join(folder, "secret.bin"), "a/../../secret.bin", ".."]) {
      await expect(load(location), location).rejects.toThrow("lies outside the model's folder");
    }
    await expect(load("weights.bin", "16")).rejects.toThrow("has 32 bytes, but the model asks for those up to 40");
    await expect(load("weights.bin", "-1")).rejects.toThrow("expected an integer from 0");
    await expect(load("weights.bin", "0", "8")).rejects.toThrow("its shape takes 24");
    await expect(load("none.bin")).rejects.toThrow("no such file");
  });
});

describe("attributes", () => {
  const run = async (node: Omit<Node, "input" | "output">, x: number[][]) => {
    const module = readOnnx(modelOf({ nodes: [{ ...node, input: ["x"], output: ["y"] }] }));
    return (await module.forward({ x: tensor(x) }).y?.array()) as unknown;
  };

  test("of another type, or of an unknown word, are errors", async () => {
    const image = tensor([[[[1, 2]]]]);
    const alpha = (attribute: object) => run({ opType: "LeakyRelu", attribute: [{ name: "alpha", ...attribute }] }, [[-1, 2]]);
    await expect(alpha({ type: 2, i: 2n })).rejects.toThrow("LeakyRelu: the attribute alpha is of the type INT: expected FLOAT");
    // Files of old name no type.
    expect(await alpha({ f: 0.5 })).toEqual([[-0.5, 2]]);
    const space = (mode: string) => ({
      opType: "DepthToSpace",
      attribute: [
        { name: "mode", type: 3, s: new TextEncoder().encode(mode) },
        { name: "blocksize", type: 2, i: 1n },
      ],
    });
    const module = (mode: string) =>
      readOnnx(modelOf({ nodes: [{ ...space(mode), input: ["x"], output: ["y"] }], inputs: [value("x", [1, 1, 1, 2])] }));
    expect(() => module("XYZ").forward({ x: image })).toThrow("DepthToSpace: the mode XYZ: expected DCR or CRD");
    expect(await module("CRD").forward({ x: image }).y?.array()).toEqual([[[[1, 2]]]]);
  });

  test("of a normalizer: the greatest number divides, as in ONNX Runtime", async () => {
    const norm = (kind: string) =>
      run({ opType: "Normalizer", domain: "ai.onnx.ml", attribute: [{ name: "norm", type: 3, s: new TextEncoder().encode(kind) }] }, [
        [-4, 2],
      ]);
    expect(await norm("MAX")).toEqual([[-2, 1]]);
    await expect(norm("L3")).rejects.toThrow("Normalizer: the norm L3: expected MAX, L1 or L2");
  });

  test("of a fused product's activation: its second number too", async () => {
    const bytes = modelOf({
      nodes: [
        {
          opType: "FusedGemm",
          domain: "com.microsoft",
          input: ["x", "w"],
          output: ["y"],
          attribute: [
            { name: "activation", type: 3, s: new TextEncoder().encode("HardSigmoid") },
            { name: "activation_alpha", type: 1, f: 0.1 },
            { name: "activation_beta", type: 1, f: 0.3 },
          ],
        },
      ],
      constants: [floats("w", [2, 2], [1, 0, 0, 1])],
    });
    const rows = await readOnnx(bytes)
      .forward({ x: tensor([[1, 2]]) })
      .y?.array();
    expect(rows).toEqual([[expect.closeTo(0.4, 6), expect.closeTo(0.5, 6)]]);
  });
});

describe("files that are no models", () => {
  const relu = (input: string, output: string): Node => ({ opType: "Relu", input: [input], output: [output] });
  test.each([
    ["bytes that are none", () => Uint8Array.of(1, 2, 3, 255), "is no ONNX model"],
    ["a truncated model", () => linear.subarray(0, linear.length - 7), "is no ONNX model"],
    ["an old version", () => modelOf({ nodes: [relu("x", "y")], version: 6n }), "expected 7 to"],
    ["a cycle", () => modelOf({ nodes: [relu("b", "a"), relu("a", "b"), relu("b", "y")] }), "the graph has a cycle"],
    ["two values of one name", () => modelOf({ nodes: [relu("x", "y"), relu("x", "y")] }), 'two values are named "y"'],
    [
      "sizes without data",
      () => modelOf({ nodes: [{ ...relu("x", "y"), input: ["w"] }], constants: [floats("w", [2 ** 40, 4], [])] }),
      "0 elements of data",
    ],
    [
      "sizes beyond all numbers",
      () => modelOf({ nodes: [relu("w", "y")], constants: [floats("w", [2 ** 52, 2 ** 52], [])] }),
      "expected sizes from 0",
    ],
    [
      "an unsigned element that int64 does not hold, in a list",
      () =>
        modelOf({
          nodes: [relu("w", "y")],
          constants: [{ name: "w", dataType: 13, dims: [2n], uint64Data: [1n, 2n ** 63n] }],
        }),
      'tensor "w" has an element of 2^63 or more, expected what int64 holds',
    ],
    [
      "an unsigned element that int64 does not hold, as bytes",
      () =>
        modelOf({
          nodes: [relu("w", "y")],
          constants: [{ name: "w", dataType: 13, dims: [1n], rawData: new Uint8Array(8).fill(255) }],
        }),
      'tensor "w" has an element of 2^63 or more, expected what int64 holds',
    ],
  ] as const)("%s", (_, bytes, message) => {
    expect(() => readOnnx(bytes())).toThrow(message);
  });

  test("a value that nothing gives, and a function of itself", () => {
    const lost = readOnnx(modelOf({ nodes: [relu("nowhere", "y")] }));
    expect(() => lost.forward({ x: tensor([[1, 2]]) })).toThrow('the value "nowhere" is used and nothing gives it (in OnnxModule.Relu 0)');
    const self = {
      name: "F",
      domain: "local",
      input: ["a"],
      output: ["b"],
      node: [{ opType: "F", domain: "local", input: ["a"], output: ["b"] }],
    };
    const call = { opType: "F", domain: "local", input: ["x"], output: ["y"] };
    expect(() => readOnnx(modelOf({ nodes: [call], functions: [self] }))).toThrow("uses itself");
  });
});
