import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { arange, concat, gather, layerNorm, nn, ones, onnxModel, random, seed, type Tensor, tensor, Variable, where, zeros } from "kasane";
import { exportOnnx } from "kasane/node";
import { ModelProtoSchema } from "onnx-buf";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kasane-export-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A layer of attention over embedded tokens, in which sizes appear in reshapes, ranges, joins and expansions. */
class Attention extends nn.Module {
  readonly tokens = new Variable(random.normal([20, 8]));
  readonly places = new Variable(random.normal([50, 8]));
  readonly project = new nn.Linear(8, 24);
  readonly scale = new Variable(ones([8]));
  readonly shift = new Variable(zeros([8]));

  forward(ids: Tensor): { hidden: Tensor; pooled: Tensor } {
    const [batch, time] = ids.shape as [number, number];
    const x = gather(this.tokens, ids).add(gather(this.places, arange(time)));
    const heads = this.project.forward(x).reshape([batch, time, 3, 2, 4]).permute([2, 0, 3, 1, 4]);
    const [query, key, value] = heads.split(3).map((part) => part.squeeze({ axis: 0 })) as [Tensor, Tensor, Tensor];
    const mixed = query
      .matmul(key.transpose())
      .softmax()
      .matmul(value)
      .permute([0, 2, 1, 3])
      .reshape([batch * time, 8]);
    const hidden = layerNorm(mixed, this.scale, this.shift).reshape([batch, time, 8]);
    return { hidden: concat([zeros([batch, 1, 8]), hidden], { axis: 1 }), pooled: hidden.mean({ axis: 1 }) };
  }
}

describe("exportOnnx", () => {
  test("writes the value that a variable was assigned, and what was made of one before as it was then", async () => {
    const v = new Variable(tensor([1, 2]));
    const made = v.mul(3);
    await v.assign(tensor([5, 5]));
    const file = join(folder, "assigned.onnx");
    const forward = (x: Tensor) => {
      v.assign(v.add(x));
      return { v, made: made.add(x) };
    };
    await exportOnnx(forward, { x: { shape: [2] } }, file);
    const session = await ort.InferenceSession.create(file);
    const { v: assigned, made: kept } = await session.run({ x: new ort.Tensor("float32", [1, 1], [2]) });
    expect([Array.from(assigned?.data as Float32Array), Array.from(kept?.data as Float32Array)]).toEqual([[6, 6], [4, 7]]); // biome-ignore format: pairs
  });

  test("writes a file whose free dimensions take any size, with the numbers that the module gives", async () => {
    seed(1);
    const model = new Attention();
    const file = join(folder, "attention.onnx");
    await exportOnnx(model, { ids: { shape: ["batch", "time"], dtype: "int32" } }, file);
    const session = await ort.InferenceSession.create(file);
    const shapes = session.outputMetadata.map((output) => (output.isTensor ? output.shape : []));
    expect(shapes).toEqual([
      ["batch", "time+1", 8],
      ["batch", 8],
    ]);
    for (const [batch, time] of [
      [1, 1],
      [3, 7],
      [5, 50],
    ] as const) {
      const ids = Int32Array.from({ length: batch * time }, (_, i) => (i * 7) % 20);
      const given = await session.run({ ids: new ort.Tensor("int32", ids, [batch, time]) });
      const wanted = model.forward(tensor(ids, { shape: [batch, time] }));
      for (const name of ["hidden", "pooled"] as const) {
        expect(given[name]?.dims).toEqual(wanted[name].shape);
        const numbers = (await wanted[name].data()) as Float32Array;
        ((given[name] as ort.Tensor).data as Float32Array).forEach((x, i) => expect(x).toBeCloseTo(numbers[i] as number, 5));
      }
    }
  });

  test("a file names the standard's domain alone", async () => {
    const layer = new nn.TransformerEncoder(4, { heads: 2, layers: 1, innerSize: 8 });
    const bytes = await onnxModel((x: Tensor) => layer.forward(x).output.gelu(), { x: { shape: [2, 3, 4] } });
    const { opsetImport, graph } = fromBinary(ModelProtoSchema, bytes);
    expect(opsetImport.map(({ domain }) => domain)).toEqual([""]);
    expect(graph?.node.every(({ domain }) => domain === "")).toBe(true);
  });

  test("a model of fixed sizes computes nothing of shapes", async () => {
    const layer = new nn.Linear(3, 2);
    const session = await ort.InferenceSession.create(await onnxModel((x: Tensor) => layer.forward(x), { x: { shape: [4, 3] } }));
    expect(session.inputNames).toEqual(["x"]);
    expect(session.outputNames).toEqual(["output"]);
    const x = new Float32Array(12).map((_, i) => i / 10);
    const { output } = await session.run({ x: new ort.Tensor("float32", x, [4, 3]) });
    const wanted = (await layer.forward(tensor(x, { shape: [4, 3] })).data()) as Float32Array;
    ((output as ort.Tensor).data as Float32Array).forEach((value, i) => expect(value).toBeCloseTo(wanted[i] as number, 6));
  });

  test("says what in the graph is not free", async () => {
    const branches = onnxModel((x: Tensor) => ((x.shape[0] as number) % 997 === 0 ? x.exp() : x.log()), { x: { shape: ["batch"] } });
    await expect(branches).rejects.toThrow('export: the graph changes with "batch": node 0 is Exp at one size, Log at another');
    const count = onnxModel((x: Tensor) => x.mul(1 / (x.shape[0] as number)), { x: { shape: ["batch"] } });
    await expect(count).rejects.toThrow('a constant depends on "batch"');
    await expect(onnxModel(() => 5 as unknown as Tensor, { x: { shape: [1] } })).rejects.toThrow("must return a tensor");
  });

  test("a folder that cannot be written to is named", async () => {
    await expect(exportOnnx((x: Tensor) => x.add(1), { x: { shape: [1] } }, "/dev/null/model.onnx")).rejects.toThrow("/dev/null");
  });
});

test("0 and -0 are two constants", async () => {
  const inverses = (choice: Tensor) => [0, -0].map((zero) => where(choice, zero, 5).reciprocal());
  const { graph } = fromBinary(ModelProtoSchema, await onnxModel(inverses, { choice: { shape: [1], dtype: "bool" } }));
  const numbers = graph?.initializer.map(({ rawData }) => new Float32Array(rawData.slice().buffer)[0]);
  expect(numbers).toEqual(expect.arrayContaining([0, -0, 5]));
  expect(numbers).toHaveLength(3);
});

test.each<[string, object, (x: Tensor) => unknown]>([
  ['export: "x" is an input and an output', { x: { shape: [2] } }, (x) => ({ x: x.add(1) })],
  ['export: "output" is an input and an output', { output: { shape: [2] } }, (x) => x.add(1)],
  ["export: the input x: unknown option type", { x: { shape: [2], type: "int32" } }, (x) => x],
  [
    'export: the input x has the shape [-1,2], expected sizes from 0, and a name such as "batch"',
    { x: { shape: [-1, 2] } },
    (x) => x.relu(),
  ],
  ["export: the input x has the shape [null,2]", { x: { shape: [null, 2] } }, (x) => x.relu()],
])("%s", async (message, inputs, forward) => {
  await expect(onnxModel(forward, inputs as never)).rejects.toThrow(message);
});

test("an input may be called as a size is", async () => {
  const bytes = await onnxModel((size2: Tensor) => size2.reshape([-1, 2, 1]).tile([1, 1, 2]), { size2: { shape: ["batch", 2] } });
  const session = await ort.InferenceSession.create(bytes);
  const { output } = await session.run({ size2: new ort.Tensor("float32", [1, 2, 3, 4], [2, 2]) });
  expect(output?.dims).toEqual([2, 2, 2]);
});
