import { compile, nn, rl, seed, type Tensor, tensor } from "kasane";
import { describe, expect, test } from "vitest";
import { learnValues } from "../../../src/rl/agents/actionValues.js";
import { distributionOver } from "../../../src/rl/agents/distributions.js";
import { Rollout } from "../../../src/rl/agents/rollout.js";
import { RunningMoments } from "../../../src/rl/agents/runningMoments.js";

/** A network that gives a table's row by the first number of an observation. */
const table = (rows: Tensor): rl.Network => {
  class Table extends nn.Module {
    forward(observations: Tensor): Tensor {
      return observations
        .cast("int32")
        .reshape([-1])
        .equal(tensor([[0], [1]]))
        .cast("float32")
        .transpose()
        .matmul(rows.reshape([2, -1]))
        .reshape([-1, ...rows.shape.slice(1)]);
    }
  }
  return new Table();
};

const batch = {
  observations: tensor([[0], [1]]),
  actions: tensor([1, 0], { dtype: "int32" }),
  rewards: tensor([1, -1]),
  nextObservations: tensor([[1], [0]]),
  discounts: tensor([0.5, 0]),
  weights: tensor([1, 0.5]),
};

describe("learnValues", () => {
  const online = table(
    tensor([
      [1, 2],
      [5, 3],
    ]),
  );
  const target = table(
    tensor([
      [0, 0],
      [10, 20],
    ]),
  );
  const learnt = async (double: boolean, loss: "squared" | "huber") => {
    const result = await compile(() => learnValues(online, target, batch, { double, loss, support: undefined }))();
    return [await result.loss.item(), await result.errors.array(), await result.value.item()];
  };

  test("moves values to the reward and the target network's best value of what follows", async () => {
    // 1 + 0.5 max(10, 20) - 2 = 9 and -1 - 5 = -6; (9² + 0.5 6²) / 2
    expect(await learnt(false, "squared")).toEqual([49.5, [9, -6], 3.5]);
    // |d| - 1/2 beyond 1
    expect((await learnt(false, "huber"))[0]).toBe((8.5 + 0.5 * 5.5) / 2);
  });

  test("by double Q-learning the online network chooses", async () => {
    // It prefers action 0 in state 1, which the target network values at 10.
    expect(await learnt(true, "squared")).toEqual([(16 + 18) / 2, [4, -6], 3.5]);
  });

  test("puts a distribution that was moved onto the atoms again", async () => {
    const support = { lowest: 0, highest: 4, atoms: 5 };
    const certain = (atom: number) => Array.from({ length: 5 }, (_, i) => (i === atom ? 30 : 0));
    const logits = table(
      tensor([
        [certain(0), certain(1)],
        [certain(3), certain(2)],
      ]),
    );
    const even = table(
      tensor([
        [certain(0), [0, 0, 0, 0, 0]],
        [[0, 0, 0, 0, 0], certain(2)],
      ]),
    );
    const moved = { ...batch, rewards: tensor([1.25, 9]), weights: tensor([1, 1]) };
    const { errors } = await compile(() => learnValues(even, logits, moved, { double: false, loss: "squared", support }))();
    // The best action of state 1 returns 3: 1.25 + 0.5 3 = 2.75, between the atoms 2 and 3. The other is held at 4. All of both are log 5 from even.
    expect((await errors.array()) as number[]).toEqual([expect.closeTo(Math.log(5), 5), expect.closeTo(Math.log(5), 5)]);
    const sharp = table(
      tensor([
        [
          [0, 0, 0, 0, 0],
          [0, 0, Math.log(2), Math.log(5), 0],
        ],
        [
          [0, 0, 0, 0, Math.log(9)],
          [0, 0, 0, 0, 0],
        ],
      ]),
    );
    const { errors: sharper } = await compile(() => learnValues(sharp, logits, moved, { double: false, loss: "squared", support }))();
    const [first, second] = (await sharper.array()) as number[];
    expect(first).toBeCloseTo(-(0.25 * Math.log(2 / 10) + 0.75 * Math.log(5 / 10)), 5);
    expect(second).toBeCloseTo(-Math.log(9 / 13), 5);
  });
});

describe("distributions of actions", () => {
  const value = tensor([0, 0]);

  test("indices: log softmax, entropy and frequencies of draws", async () => {
    const distribution = distributionOver(new rl.Discrete(2));
    const output = {
      policy: tensor([
        [Math.log(3), 0],
        [0, 0],
      ]),
      value,
    };
    const logs = await distribution.logProbability(output, tensor([0, 1], { dtype: "int32" })).array();
    expect(logs).toEqual([expect.closeTo(Math.log(0.75), 6), expect.closeTo(Math.log(0.5), 6)]);
    const entropies = (await distribution.entropy(output).array()) as number[];
    expect(entropies[0]).toBeCloseTo(-(0.75 * Math.log(0.75) + 0.25 * Math.log(0.25)), 6);
    expect(entropies[1]).toBeCloseTo(Math.log(2), 6);
    expect(
      await distribution
        .mode({
          ...output,
          policy: tensor([
            [0, 1],
            [2, 0],
          ]),
        })
        .array(),
    ).toEqual([1, 0]);
    seed(1);
    const many = { policy: output.policy.slice([[0, 1]]).expand([4000, 2]), value };
    const drawn = await distribution.sample(many).cast("float32").mean().item();
    // Within four standard deviations of a share of 1/4.
    expect(Math.abs(drawn - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / 4000));
  });

  test("numbers: the normal density and entropy", async () => {
    const distribution = distributionOver(new rl.Box([-1, -1], [1, 1]));
    const output = {
      policy: tensor([
        [1, 0],
        [0, 0],
      ]),
      logDeviations: tensor([Math.log(2), 0]),
      value,
    };
    const logs = (await distribution
      .logProbability(
        output,
        tensor([
          [3, 1],
          [0, 0],
        ]),
      )
      .array()) as number[];
    const density = (x: number, deviation: number) => -0.5 * (x / deviation) ** 2 - Math.log(deviation * Math.sqrt(2 * Math.PI));
    expect(logs[0]).toBeCloseTo(density(2, 2) + density(1, 1), 5);
    expect(logs[1]).toBeCloseTo(density(0, 2) + density(0, 1), 5);
    const entropy = Math.log(2 * Math.PI * Math.E) + Math.log(2);
    expect(await distribution.entropy(output).array()).toEqual([expect.closeTo(entropy, 5), expect.closeTo(entropy, 5)]);
  });
});

test("generalised advantages are sums of discounted errors, cut at the ends of episodes", () => {
  const rollout = new Rollout({ environments: 2, steps: 3, observationSize: 1, actionSize: undefined });
  rollout.rewards.set([1, 1, 2, 2, 3, 3]);
  rollout.values.set([10, 10, 20, 20, 30, 30]);
  rollout.ends.set([0, 0, 1, 0, 0, 0]);
  rollout.estimate([40, 40], 0.5, 0.5);
  // δ = r + V'/2 - V: of the second environment 1 + 10 - 10, 2 + 15 - 20, 3 + 20 - 30; advantages add up quarters.
  const [third, second] = [-7, -3 - 7 / 4];
  expect([...rollout.advantages]).toEqual([1 + (2 - 20) / 4, 1 + second / 4, 2 - 20, second, third, third]);
  expect(rollout.returns[5]).toBe(23);
});

test("running moments are those of all rows", () => {
  const rows = Array.from({ length: 40 }, (_, i) => 5 + Math.sin(i * i));
  const moments = new RunningMoments(2);
  for (let i = 0; i < rows.length; i += 8) moments.add(rows.slice(i, i + 8));
  const column = rows.filter((_, i) => i % 2 === 1);
  const mean = column.reduce((sum, x) => sum + x) / column.length;
  const variance = column.reduce((sum, x) => sum + (x - mean) ** 2, 0) / column.length;
  // The count of 1e-4 that they start with is left in them.
  expect(moments.memory[1]).toBeCloseTo(mean, 3);
  expect(moments.memory[3]).toBeCloseTo(variance, 3);
  const [into, first] = [new Float32Array(2), rows.slice(0, 2)];
  moments.normalise(first, into);
  expect(into[1]).toBeCloseTo(((first[1] as number) - mean) / Math.sqrt(variance), 3);
});
