import { compile, grad, matmul, nn, random, seed, sum, type Tensor, tensor, transpose } from "kasane";
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
    override recurrence(): nn.Recurrence {
      const next = super.recurrence();
      return (projected, [hidden]) => next(projected, [(hidden as Tensor).mul(0.5)]);
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
    expect(() => network.forward(x, { state })).toThrow("got cell [2, 2, 4], expected [4, 2, 4] (in Lstm)");
    const lengths = tensor([5, 5, 5], { dtype: "int32" });
    expect(() => network.forward(x, { lengths })).toThrow("got lengths [3], expected [2] (in Lstm)");
    expect(() => new nn.RnnCell(3, 4).forward(x)).toThrow("got inputs [5, 2, 3], expected [batch, 3] (in RnnCell)");
    expect(() => new nn.RnnCell(3, 4).forward(zeros(2, 3), { hidden: zeros(3, 4) })).toThrow(
      "got hidden [3, 4], expected [2, 4] (in RnnCell)",
    );
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
