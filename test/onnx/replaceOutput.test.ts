import { create, toBinary } from "@bufbuild/protobuf";
import { compile, KasaneError, nn, onnxModel, optim, readOnnx, replaceOutput, seed, type Tensor, tensor } from "kasane";
import { ModelProtoSchema } from "onnx-buf";
import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";

const floats = (name: string, dims: number[], floatData: number[]) => ({ name, dataType: 1, dims: dims.map(BigInt), floatData });
const value = (name: string, dim: object[] = []) => ({
  name,
  type: { value: { case: "tensorType", value: { elemType: 1, ...(dim.length > 0 && { shape: { dim } }) } } },
});

/** h = relu(x W1), logits = h W2ᵀ + b (the bias by a node of its own), probabilities = softmax(logits); total = h + logits. */
const bytes = (): Uint8Array => {
  const transposed = { name: "perm", type: 7, ints: [1n, 0n] };
  const graph = {
    name: "g",
    node: [
      { opType: "MatMul", input: ["x", "first"], output: ["m"] },
      { opType: "Relu", input: ["m"], output: ["h"] },
      { opType: "Transpose", input: ["second"], output: ["t"], attribute: [transposed] },
      { opType: "MatMul", input: ["h", "t"], output: ["p"] },
      { opType: "Add", input: ["p", "bias"], output: ["logits"] },
      { opType: "Softmax", input: ["logits"], output: ["probabilities"] },
      { opType: "Add", input: ["h", "logits"], output: ["total"] },
    ],
    input: [value("x", [{ value: { case: "dimParam", value: "n" } }, { value: { case: "dimValue", value: 2n } }])],
    output: [value("h"), value("probabilities"), value("total")],
    initializer: [floats("first", [2, 2], [1, 2, 3, -4]), floats("second", [2, 2], [1, 1, 2, 0]), floats("bias", [2], [0, 1])],
  };
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ domain: "", version: 17n }], graph } as never),
  );
};
const x = tensor([[1, 1], [2, -1]]); // biome-ignore format: a matrix

/** A linear layer `[2, 1]` of weight [10, 1] and bias 0. */
async function headOf() {
  const head = new nn.Linear(2, 1, { bias: false });
  await head.weight.assign(tensor([[10, 1]]));
  return head;
}

test("a new head is fed with what the last product was fed with, and the other outputs stay", async () => {
  const model = readOnnx(bytes());
  const replaced = replaceOutput(model, "probabilities", await headOf());
  expect(replaced.value).toBe("h");
  const outputs = replaced.forward({ x });
  // x W1 = [[4, -2], [-1, 8]]
  expect(Object.keys(outputs)).toEqual(["h", "probabilities", "total"]);
  expect(await outputs.h?.array()).toEqual([[4, 0], [0, 8]]); // biome-ignore format: a matrix
  expect(await outputs.probabilities?.array()).toEqual([[40], [8]]);
  expect(await outputs.total?.array()).toEqual(await model.forward({ x }).total?.array());
});

test("a head may be fed with any value of the file", async () => {
  const replaced = replaceOutput(readOnnx(bytes()), "total", await headOf(), { value: "m" });
  expect(await replaced.forward({ x }).total?.array()).toEqual([[38], [-2]]);
  const values = readOnnx(bytes()).values({ x }, ["m"]);
  expect(await values.m?.array()).toEqual([[4, -2], [-1, 8]]); // biome-ignore format: a matrix
});

test("says which outputs and values there are", async () => {
  const model = readOnnx(bytes());
  const head = await headOf();
  expect(() => replaceOutput(model, "logit", head)).toThrow('replaceOutput: no output "logit": expected one of h, probabilities, total');
  expect(() => replaceOutput(model, "total", head)).toThrow("has 2 inputs that are no weights: name the value that the head is fed with");
  expect(() => replaceOutput(model, "h", head, { value: "logit" })).toThrow('the model has no value "logit": did you mean logits?');
  expect(() => replaceOutput(model, "h", head, { from: "m" } as object)).toThrow(KasaneError);
});

test("a file's model with a new head and factors of its weights is trained, and written with plain weights", async () => {
  seed(1);
  const model = readOnnx(bytes());
  expect(model.factors).toEqual(["first"]);
  const replaced = replaceOutput(model, "probabilities", new nn.Linear(2, 1));
  const adapted = nn.lora(replaced, { rank: 1, targets: model.factors.map((name) => `model.${name}`), unfrozen: "head.*" });
  expect([...adapted.namedVariables().keys()]).toEqual(["model.first.a", "model.first.b", "head.weight", "head.bias"]);
  const before = await model.stateDict();
  const optimizer = new optim.Adam(adapted.parameters(), { learningRate: 0.05 });
  const step = compile(
    (x: Tensor) => {
      const loss = (adapted.forward({ x }).probabilities as Tensor).sub(tensor([[1], [-1]])).square().mean(); // biome-ignore format: one line
      optimizer.minimize(loss);
      return loss;
    },
    { training: true },
  );
  const losses: number[] = [];
  for (let i = 0; i < 30; i++) losses.push(await (await step(x)).item());
  expect(losses.at(-1)).toBeLessThan(0.5 * (losses[0] as number));
  expect(await model.stateDict()).toEqual(before);

  const written = await onnxModel((x: Tensor) => adapted.forward({ x }), { x: { shape: ["n", 2] } });
  const variables = readOnnx(written).namedVariables();
  expect([...variables.values()].map(({ shape }) => shape)).not.toContainEqual([2, 1]);
  const session = await ort.InferenceSession.create(written);
  const { probabilities } = await session.run({ x: new ort.Tensor("float32", (await x.data()) as Float32Array, [2, 2]) });
  await adapted.merge();
  expect(await model.stateDict()).not.toEqual(before);
  const expected = await replaced.forward({ x }).probabilities?.data();
  Array.from((probabilities as ort.Tensor).data as Float32Array).forEach((each, i) => expect(each).toBeCloseTo(Number(expected?.[i]), 5));
});
