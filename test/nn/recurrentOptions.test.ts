import { compile, grad, matmul, nn, ones, random, seed, sum, type Tensor, tensor, transpose } from "kasane";
import { describe, expect, it } from "vitest";

const numbers = async (x: Tensor) => Array.from((await x.data()) as Float32Array);

describe("first weights of recurrent networks", () => {
  it("are uniform in ±1/√hiddenSize, as PyTorch's", async () => {
    const { weightInput, biasHidden } = new nn.GruCell(50, 100);
    for (const values of [await numbers(weightInput), await numbers(biasHidden as Tensor)]) {
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(largest).toBeLessThanOrEqual(0.1);
      expect(largest).toBeGreaterThan(0.098);
    }
  });

  it("are orthogonal gate by gate where asked", async () => {
    const { weightHidden } = new nn.LstmCell(3, 5, { recurrentInitialiser: nn.init.orthogonal() });
    for (const gate of weightHidden.split(4)) {
      const product = await numbers(matmul(gate, transpose(gate)));
      product.forEach((value, i) => expect(value).toBeCloseTo(i % 6 === 0 ? 1 : 0, 5));
    }
  });

  it("follow one initialiser, biases apart", async () => {
    const { weightInput, weightHidden, biasInput } = new nn.RnnCell(2, 3, { weightInitialiser: (shape) => random.uniform(shape, 7, 8) });
    for (const weight of [weightInput, weightHidden]) for (const value of await numbers(weight)) expect(value).toBeGreaterThanOrEqual(7);
    for (const value of await numbers(biasInput as Tensor)) expect(value).toBeLessThan(1);
  });

  it("give the forget gate the bias asked for, which both biases add up to", async () => {
    const { biasInput, biasHidden } = new nn.LstmCell(2, 3, { forgetBias: 1 });
    const biases = await numbers((biasInput as Tensor).add(biasHidden as Tensor));
    expect(biases.slice(3, 6)).toEqual([1, 1, 1]);
    for (const value of [...biases.slice(0, 3), ...biases.slice(6)]) expect(Math.abs(value)).toBeLessThan(2 / Math.sqrt(3));
  });
});

describe("dropout in recurrent networks", () => {
  const outputsOf = (layers: number, training: boolean) => {
    seed(3);
    const network = new nn.Rnn(3, 4, { layers, dropout: 0.5 });
    return compile((x: Tensor) => network.forward(x).outputs, { training });
  };
  const x = tensor(new Float32Array(24).fill(1), { shape: [4, 2, 3] });

  it("falls between the layers, and only in training", async () => {
    const trained = outputsOf(2, true);
    expect(await numbers(await trained(x))).not.toEqual(await numbers(await trained(x)));
    const applied = outputsOf(2, false);
    expect(await numbers(await applied(x))).toEqual(await numbers(await applied(x)));
    const oneLayer = outputsOf(1, true);
    expect(await numbers(await oneLayer(x))).toEqual(await numbers(await oneLayer(x)));
  });
});

describe("a cell of one's own", () => {
  class HalvingCell extends nn.GruCell {
    override recurrence(): nn.Recurrence<nn.HiddenState, nn.GruGates> {
      const { step } = super.recurrence();
      return { step: (projected, { hidden }) => step(projected, { hidden: hidden.mul(0.5) }) };
    }
  }
  class HalvingNetwork extends nn.RecurrentNetwork<nn.HiddenState> {
    constructor() {
      super(3, 4, (size) => new HalvingCell(size, 4), {});
    }
  }

  it("takes its own steps, also where no gradient needs them", async () => {
    const network = new HalvingNetwork();
    const x = tensor(
      Float32Array.from({ length: 24 }, (_, i) => Math.sin(5 * i)),
      { shape: [4, 2, 3] },
    );
    const { outputs } = network.forward(x);
    const [cell] = network.layers.map(({ forward }) => forward) as [HalvingCell];
    let state: nn.HiddenState | undefined;
    for (const [i, slice] of x.unstack().entries()) {
      state = cell.forward(slice, state);
      const [got, expected] = [await numbers(outputs.unstack()[i] as Tensor), await numbers(state.hidden)];
      got.forEach((value, i) => expect(value).toBeCloseTo(expected[i] as number, 6));
    }
  });
});

describe("what recurrent networks refuse", () => {
  const network = new nn.Lstm(3, 4, { layers: 2, bidirectional: true });
  const x = tensor(new Float32Array(30), { shape: [5, 2, 3] });
  const zeros = (...shape: number[]) => tensor(new Float32Array(shape.reduce((a, b) => a * b)), { shape });

  it("inputs, states and lengths of other shapes, naming those and the module", () => {
    expect(() => network.forward(zeros(5, 2, 4))).toThrow("got inputs [5, 2, 4], expected [time, batch, 3] (in Lstm)");
    expect(() => new nn.Gru(3, 4, { batchFirst: true }).forward(zeros(2, 3))).toThrow(
      "got inputs [2, 3], expected [batch, time, 3] (in Gru)",
    );
    const state = { hidden: zeros(4, 2, 4), cell: zeros(2, 2, 4) };
    expect(() => network.forward(x, { state })).toThrow("got cell float32[2, 2, 4], expected float32[4, 2, 4] (in Lstm)");
    const lengths = tensor([5, 5, 5], { dtype: "int32" });
    expect(() => network.forward(x, { lengths })).toThrow("got lengths int32[3], expected int32[2] (in Lstm)");
    expect(() => new nn.RnnCell(3, 4).forward(x)).toThrow("got inputs [5, 2, 3], expected [batch, 3] (in RnnCell)");
    expect(() => new nn.RnnCell(3, 4).forward(zeros(2, 3), { hidden: zeros(3, 4) })).toThrow(
      "got hidden float32[3, 4], expected float32[2, 4] (in RnnCell)",
    );
  });
});

describe("the state of a recurrent network", () => {
  const x = ones([3, 2, 3]);
  const [hidden, cell] = [ones([1, 2, 4]), ones([1, 2, 4]).mul(2)];
  const network = new nn.Lstm(3, 4);

  it("has all of its parts, and no others", () => {
    expect(() => network.forward(x, { state: { hidden } as nn.LstmState })).toThrow("state.cell is missing, expected float32[1, 2, 4]");
    expect(() => new nn.LstmCell(3, 4).forward(x.unstack()[0] as Tensor, { hidden } as nn.LstmState)).toThrow("state.cell is missing");
    expect(() => new nn.Gru(3, 4).forward(x, { state: { hidden, cell } as nn.HiddenState })).toThrow(
      "state.cell is float32[1, 2, 4], expected none",
    );
    const wide = { hidden: hidden.cast("float64"), cell };
    expect(() => network.forward(x, { state: wide })).toThrow("got hidden float64[1, 2, 4], expected float32[1, 2, 4]");
    expect(() => network.forward(x, { sate: { hidden, cell } } as never)).toThrow("unknown option sate: did you mean state?");
  });

  it("is found by names, in whatever order", async () => {
    const [one, other] = [
      { hidden, cell },
      { cell, hidden },
    ].map((state) => network.forward(x, { state }));
    expect(await numbers(one?.outputs as Tensor)).toEqual(await numbers(other?.outputs as Tensor));
    expect(Object.keys(other?.state ?? {})).toEqual(["hidden", "cell"]);
  });
});

describe.each(["onnxruntime", "wasm"] as const)("the lengths of sequences, by %s", (executor) => {
  const network = new nn.Gru(2, 3, { bidirectional: true });
  const x = ones([4, 2, 2]);
  const integers = (values: number[]) => tensor(values, { dtype: "int32" });
  const run = (training: boolean) =>
    compile(
      (lengths: Tensor) => {
        const { outputs } = network.forward(x, { lengths });
        return training ? grad(sum(outputs), network.parameters()[0] as Tensor) : outputs;
      },
      { executor },
    );

  it("are checked at once where they are at hand", () => {
    expect(() => network.forward(x, { lengths: integers([4, 5]) })).toThrow("lengths: 5 of sequence 1: expected 1 to 4 (in Gru)");
    expect(() => network.forward(x, { lengths: integers([0, 4]) })).toThrow("lengths: 0 of sequence 0: expected 1 to 4");
    expect(() => network.forward(x, { lengths: tensor([1, 4]) })).toThrow("got lengths float32[2], expected int32[2]");
  });

  it.each([false, true])("are checked in the run where they are not (training: %s)", async (training) => {
    const compiled = run(training);
    for (const lengths of [
      [4, 5],
      [0, 4],
      [-1, 4],
      [2 ** 31 - 1, 1],
    ])
      await expect(compiled(integers(lengths))).rejects.toThrow();
    await expect(compiled(integers([1, 4]))).resolves.toBeDefined();
  });
});

describe("recurrent networks of no steps or no sequences", () => {
  it.each(["onnxruntime", "wasm"] as const)("give empty outputs and the state that they started from: %s", async (executor) => {
    const network = new nn.Lstm(2, 3, { layers: 2, bidirectional: true });
    const run = compile((x: Tensor, state: nn.LstmState) => network.forward(x, { state }), { executor });
    const state = { hidden: ones([4, 5, 3]), cell: ones([4, 5, 3]).mul(2) };
    const none = await run(ones([0, 5, 2]), state);
    expect(none.outputs.shape).toEqual([0, 5, 6]);
    expect([await numbers(none.state.hidden), await numbers(none.state.cell)]).toEqual([new Array(60).fill(1), new Array(60).fill(2)]);
    const empty = await run(ones([4, 0, 2]), { hidden: ones([4, 0, 3]), cell: ones([4, 0, 3]) });
    expect([empty.outputs.shape, empty.state.cell.shape]).toEqual([
      [4, 0, 6],
      [4, 0, 3],
    ]);
  });
});

describe("a stateful network", () => {
  const [time, batch] = [10, 2];
  const all = tensor(
    Float32Array.from({ length: time * batch * 3 }, (_, i) => Math.sin(5 * i)),
    { shape: [time, batch, 3] },
  );
  const chunks = all.split(2);

  it("gives chunk by chunk what the network gives at once, until it is reset", async () => {
    const network = new nn.Lstm(3, 4, { layers: 2 });
    const stateful = new nn.StatefulNetwork(network, batch);
    const run = compile((x: Tensor) => stateful.forward(x));
    const inOne = await numbers((await compile((x: Tensor) => network.forward(x).outputs)(all)) as Tensor);
    const both = [...(await numbers(await run(chunks[0] as Tensor))), ...(await numbers(await run(chunks[1] as Tensor)))];
    both.forEach((value, i) => expect(value).toBeCloseTo(inOne[i] as number, 6));
    await stateful.reset();
    const again = await numbers(await run(chunks[0] as Tensor));
    expect(again).toEqual(both.slice(0, again.length));
  });

  it("has the gradient of the chunk alone", async () => {
    const network = new nn.Gru(3, 4);
    const stateful = new nn.StatefulNetwork(network, batch);
    const [weight] = network.parameters() as unknown as [Tensor];
    const truncated = compile((x: Tensor) => grad(sum(stateful.forward(x)), weight));
    await truncated(chunks[0] as Tensor);
    const { state } = await compile((x: Tensor) => network.forward(x))(chunks[0] as Tensor);
    const chunk = compile((x: Tensor, hidden: Tensor) => grad(sum(network.forward(x, { state: { hidden } }).outputs), weight));
    const expected = await numbers(await chunk(chunks[1] as Tensor, state.hidden));
    (await numbers(await truncated(chunks[1] as Tensor))).forEach((value, i) => expect(value).toBeCloseTo(expected[i] as number, 5));
  });

  it("keeps its state among the variables, none of which is trained", () => {
    const stateful = new nn.StatefulNetwork(new nn.Lstm(3, 4), batch);
    expect([...stateful.namedVariables().keys()]).toEqual(expect.arrayContaining(["state.hidden", "state.cell"]));
    expect(stateful.parameters()).toHaveLength(4);
  });
});
