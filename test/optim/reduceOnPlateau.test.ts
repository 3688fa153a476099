import { optim, tensor, Variable } from "kasane";
import { expect, it } from "vitest";

// PyTorch 2.15: ReduceLROnPlateau(SGD(lr=1), factor=0.5, patience=2) given these losses has these rates after each.
const losses = [1, 0.9, 0.95, 0.9, 0.90001, 0.9, 0.91, 0.8, 0.85, 0.85, 0.85, 0.85];
const rates = [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25];

it("lowers the rate as PyTorch does, also when it goes on from a checkpoint", async () => {
  const optimizer = new optim.Sgd([new Variable(tensor(1))], { learningRate: 1 });
  let plateau = new optim.ReduceOnPlateau(optimizer, { factor: 0.5, patience: 2 });
  for (const [i, loss] of losses.entries()) {
    const kept = await Promise.all([...plateau.namedVariables()].map(async ([name, variable]) => [name, await variable.data()] as const));
    plateau = new optim.ReduceOnPlateau(optimizer, { factor: 0.5, patience: 2 });
    for (const [name, elements] of kept)
      await plateau
        .namedVariables()
        .get(name)
        ?.assign(tensor(elements, { shape: [] }));
    await plateau.observe(loss);
    expect(await optimizer.learningRate.item(), `after ${i}`).toBe(rates[i]);
  }
});

it("goes up for figures that shall be high, and stops at the minimum", async () => {
  const optimizer = new optim.Sgd([new Variable(tensor(1))], { learningRate: 1 });
  const plateau = new optim.ReduceOnPlateau(optimizer, { mode: "max", patience: 0, minimumRate: 0.05 });
  expect([await plateau.observe(-2), await plateau.observe(-1), await plateau.observe(-1), await plateau.observe(-1)]).toEqual([
    false,
    false,
    true,
    true,
  ]);
  expect(await optimizer.learningRate.item()).toBeCloseTo(0.05, 6);
  // There it stays, and a rate that is lower by hand is not raised.
  expect(await plateau.observe(-1)).toBe(false);
  optimizer.learningRate = 0.01;
  expect(await plateau.observe(-1)).toBe(false);
  expect(await optimizer.learningRate.item()).toBeCloseTo(0.01, 6);
  await expect(plateau.observe(Number.NaN)).rejects.toThrow("the figure is NaN");
  await expect(plateau.observe(undefined as never)).rejects.toThrow("the figure is undefined, expected a number");
  for (const [options, message] of [
    [{ patienc: 3 }, "unknown option patienc: did you mean patience?"],
    [{ mode: "maximum" }, 'mode "maximum": expected "min" or "max"'],
    [{ minimumRate: -1 }, "minimumRate -1: expected a number from 0"],
  ] as const) {
    expect(() => new optim.ReduceOnPlateau(optimizer, options as never)).toThrow(message);
  }
  expect(() => new optim.ReduceOnPlateau(optimizer, { factor: 2 })).toThrow("factor 2");
});

it("knows better from the same, and finite from infinite", async () => {
  for (const [figures, options, lowered] of [
    // 0.1 is not what float32 keeps of it.
    [[0.1, 0.1, 0.1], { threshold: 0 }, [false, false, true]],
    [[Number.POSITIVE_INFINITY, 3, 2, 1], {}, [false, false, false, false]],
  ] as const) {
    const optimizer = new optim.Sgd([new Variable(tensor(1))], { learningRate: 1 });
    const plateau = new optim.ReduceOnPlateau(optimizer, { patience: 1, ...options });
    for (const [i, figure] of figures.entries()) expect(await plateau.observe(figure)).toBe(lowered[i]);
  }
});
