import { fileURLToPath } from "node:url";
import { fromBinary } from "@bufbuild/protobuf";
import { add, compile, grad, mul, nn, onnxModel, sum, type Tensor, tensor } from "kasane";
import { files } from "kasane/node";
import { ModelProtoSchema } from "onnx-buf";
import * as ort from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import type { StoredTensor } from "../../src/graph/tensor.js";
import { relativeError } from "../ops/evaluate.js";

/** Results and gradients of PyTorch's recurrent networks (test/fixtures/recurrent.py). */
const { tensors } = await files.readSafetensors(fileURLToPath(new URL("../fixtures/recurrent.safetensors", import.meta.url)));

/** Relative to the greatest element of each tensor; numbers below `least` count as 0. */
const [tolerance, least] = [1e-5, 1e-3];

const networks = { rnn: nn.Rnn, lstm: nn.Lstm, gru: nn.Gru };
const cells = { rnn: nn.RnnCell, lstm: nn.LstmCell, gru: nn.GruCell };
type Kind = keyof typeof networks;

/** The tensors of a case below `prefix`, by the rest of their names. */
const partOf = (name: string, prefix: string): Map<string, StoredTensor> =>
  new Map(
    [...tensors].flatMap(([key, value]) =>
      key.startsWith(`${name}/${prefix}`) ? [[key.slice(name.length + 1 + prefix.length), value]] : [],
    ),
  );

const asTensor = ({ data, shape, dtype }: StoredTensor): Tensor => tensor(data, { shape, dtype });

/** The names of the state's parts that a case has. */
const partsOf = (name: string) => [...partOf(name, "final/").keys()];

/** The result of a module and the gradients of a sum over all of it, by the names that the fixture has for them. */
function differentiate(name: string, module: nn.Module, inputs: Record<string, Tensor>, results: Record<string, Tensor>) {
  const factors = partOf(name, "factor/");
  const loss = Object.entries(results)
    .map(([key, value]) => sum(mul(value, asTensor(factors.get(key) as StoredTensor))))
    .reduce(add);
  const torchNames = nn.torchNames(module);
  const wrt: Record<string, Tensor> = { ...inputs };
  for (const [path, variable] of module.namedVariables()) wrt[`state/${torchNames.get(path)}`] = variable;
  const gradients = grad(loss, Object.values(wrt));
  return { ...results, ...Object.fromEntries(Object.keys(wrt).map((key, i) => [`gradient/${key}`, gradients[i] as Tensor])) };
}

interface Case {
  readonly name: string;
  readonly module: nn.Module;
  run(inputs: Record<string, Tensor>): Record<string, Tensor>;
}

const named = (parts: Record<string, Tensor>) => Object.fromEntries(Object.entries(parts).map(([part, value]) => [`final/${part}`, value]));

function networkCase(name: string, options: nn.RecurrentOptions & nn.RnnCellOptions): Case {
  const module = new networks[name.split("-")[0] as Kind](3, 4, options);
  return {
    name,
    module,
    run: ({ x, lengths, ...given }) => {
      const { outputs, state } = (module as nn.RecurrentNetwork<nn.HiddenState>).forward(x as Tensor, { state: given as never, lengths });
      return differentiate(name, module, { x: x as Tensor, ...given }, { outputs, ...named({ ...state }) });
    },
  };
}

function cellCase(kind: Kind): Case {
  const module = new cells[kind](3, 4);
  const name = `${kind}Cell`;
  return {
    name,
    module,
    run: ({ x, ...state }) => {
      const after = (module as nn.RecurrentCell<nn.HiddenState>).forward(x as Tensor, state as never);
      return differentiate(name, module, { x: x as Tensor, ...state }, named({ ...after }));
    },
  };
}

const kinds = Object.keys(networks) as Kind[];
const casesFor = (unroll: number): Case[] => [
  ...kinds.flatMap((kind) =>
    [1, 2].flatMap((layers) =>
      [1, 2].flatMap((directions) =>
        ["whole", "ragged"].map((lengths) =>
          networkCase(`${kind}-${layers}-${directions}-${lengths}`, { layers, bidirectional: directions === 2, unroll }),
        ),
      ),
    ),
  ),
  ...kinds.map((kind) => networkCase(`${kind}-batchFirst`, { batchFirst: true, unroll })),
  ...kinds.map((kind) => networkCase(`${kind}-noBias`, { bias: false, unroll })),
  networkCase("rnn-relu", { activation: "relu", unroll }),
  ...kinds.map(cellCase),
];

describe.each([
  { form: "written out", unroll: 64 },
  { form: "as loops", unroll: 0 },
])("recurrent networks, $form, against PyTorch", ({ unroll }) => {
  const cases = casesFor(unroll);
  let results: Record<string, Tensor>[] = [];

  beforeAll(async () => {
    const inputs = cases.map(({ name }) =>
      Object.fromEntries(
        ["x", "hidden", "cell", "lengths"].flatMap((key) => {
          const stored = tensors.get(`${name}/${key}`);
          return stored ? [[key, asTensor(stored)]] : [];
        }),
      ),
    );
    await Promise.all(cases.map(({ name, module }) => nn.loadTorchStateDict(module, partOf(name, "state/"))));
    const run = compile((inputs: Record<string, Tensor>[]) => cases.map((each, i) => each.run(inputs[i] as Record<string, Tensor>)));
    results = await run(inputs);
    await run.dispose();
  }, 60_000);

  it.each(cases.map(({ name }, i) => ({ name, i })))("$name", async ({ name, i }) => {
    const expected = [...partOf(name, "gradient/").keys()].map((key) => `gradient/${key}`);
    expected.push(...partsOf(name).map((part) => `final/${part}`), ...(tensors.has(`${name}/outputs`) ? ["outputs"] : []));
    expect(Object.keys(results[i] as object).sort()).toEqual(expected.sort());
    for (const [key, value] of Object.entries(results[i] as object)) {
      const right = tensors.get(`${name}/${key}`) as StoredTensor;
      const numbers = (x: StoredTensor["data"]) => Array.from(x as Float32Array);
      expect(value.shape, key).toEqual(right.shape);
      expect(relativeError(numbers(await value.data()), numbers(right.data), least), key).toBeLessThan(tolerance);
    }
  });
});

describe("an exported recurrent network", () => {
  const kinds = { RNN: nn.Rnn, LSTM: nn.Lstm, GRU: nn.Gru };

  /** The operators of an ONNX model, and of the bodies of its loops. */
  const operatorsOf = (model: Uint8Array) => (fromBinary(ModelProtoSchema, model).graph?.node ?? []).map(({ opType }) => opType);

  async function runModel(model: Uint8Array, feeds: Record<string, Tensor>): Promise<Map<string, StoredTensor["data"]>> {
    const session = await ort.InferenceSession.create(model);
    const values = Object.entries(feeds).map(
      async ([name, x]) => [name, new ort.Tensor(x.dtype, (await x.data()) as never, x.shape)] as const,
    );
    const results = await session.run(Object.fromEntries(await Promise.all(values)));
    await session.release();
    return new Map(Object.entries(results).map(([name, { data }]) => [name, data as StoredTensor["data"]]));
  }

  it.each(Object.keys(kinds) as (keyof typeof kinds)[])("is made of %s nodes and gives the same numbers at any size", async (type) => {
    const network = new kinds[type](3, 4, { layers: 2, bidirectional: true });
    const forward = (x: Tensor, lengths: Tensor) => {
      const { outputs, state } = network.forward(x, { lengths });
      return { outputs, ...state };
    };
    const model = await onnxModel(forward, { x: { shape: ["time", "batch", 3] }, lengths: { shape: ["batch"], dtype: "int32" } });
    const operators = operatorsOf(model);
    expect(operators.filter((each) => each === type)).toHaveLength(4);
    expect(operators).not.toContain("Scan");
    for (const [time, batch] of [
      [6, 3],
      [70, 1],
    ] as const) {
      const x = tensor(
        Float32Array.from({ length: time * batch * 3 }, (_, i) => Math.sin(7 * i)),
        { shape: [time, batch, 3] },
      );
      const lengths = tensor(
        Array.from({ length: batch }, (_, i) => time - 2 * i),
        { dtype: "int32" },
      );
      const results = await runModel(model, { x, lengths });
      // The steps, which a gradient makes the forward pass take.
      const steps = compile((x: Tensor, lengths: Tensor) => {
        const result = forward(x, lengths);
        return { result, gradient: grad(sum(result.outputs), x) };
      });
      const { result } = await steps(x, lengths);
      for (const [name, value] of Object.entries(result)) {
        const got = Array.from(results.get(name) as Float32Array);
        expect(relativeError(got, Array.from((await value.data()) as Float32Array), least), name).toBeLessThan(tolerance);
      }
      await steps.dispose();
    }
  });

  it.each(["tanh", "relu", "sigmoid"] as const)("has the activation %s, and starts from a given state", async (activation) => {
    const network = new nn.Rnn(3, 4, { activation, bias: false, batchFirst: true });
    const forward = (x: Tensor, hidden: Tensor) => network.forward(x, { state: { hidden } }).outputs;
    const model = await onnxModel(forward, { x: { shape: ["batch", 5, 3] }, hidden: { shape: [1, "batch", 4] } });
    expect(operatorsOf(model)).toContain("RNN");
    const x = tensor(
      Float32Array.from({ length: 30 }, (_, i) => Math.sin(7 * i)),
      { shape: [2, 5, 3] },
    );
    const hidden = tensor(
      Float32Array.from({ length: 8 }, (_, i) => Math.cos(i)),
      { shape: [1, 2, 4] },
    );
    const { outputs } = await compile((x: Tensor, hidden: Tensor) => {
      const outputs = forward(x, hidden);
      return { outputs, gradient: grad(sum(outputs), x) };
    })(x, hidden);
    const got = (await runModel(model, { x, hidden })).get("output") as Float32Array;
    expect(relativeError(Array.from(got), Array.from((await outputs.data()) as Float32Array), least)).toBeLessThan(tolerance);
  });
});
