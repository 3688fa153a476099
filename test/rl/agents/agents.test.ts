import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rl, seed, type Tensor, tensor, zeros } from "kasane";
import { train } from "kasane/node";
import { describe, expect, test } from "vitest";
import { bestReturn, Corridor, corridors } from "./corridor.js";

const fast = {
  ...{ hiddenSizes: [16], learningRate: 0.01, batchSize: 32, learningStarts: 100, bufferSize: 1000, updateEvery: 4, targetEvery: 40 },
  exploration: { steps: 1000 },
} as const;

const agents: Readonly<Record<string, { make(): rl.NetworkAgent; readonly steps: number; readonly part: number }>> = {
  DQN: { make: () => new rl.Dqn(corridors(1), fast), steps: 2000, part: 250 },
  "DQN of two environments": { make: () => new rl.Dqn(corridors(2), fast), steps: 2000, part: 250 },
  "DQN with every option": {
    make: () =>
      new rl.Dqn(corridors(1), {
        ...fast,
        ...{ double: true, dueling: true, noisy: true, returnSteps: 3, prioritised: true },
        distribution: { lowest: -2, highest: 1, atoms: 13 },
      }),
    steps: 2000,
    part: 250,
  },
  A2C: { make: () => new rl.A2c(corridors(4), { learningRate: 0.01, hiddenSizes: [16] }), steps: 6000, part: 200 },
  PPO: {
    make: () =>
      new rl.Ppo(corridors(4), { steps: 32, learningRate: 0.005, hiddenSizes: [16], normaliseObservations: true, normaliseRewards: true }),
    steps: 3840,
    part: 640,
  },
  REINFORCE: { make: () => new rl.Reinforce(corridors(1), { learningRate: 0.01, hiddenSizes: [16] }), steps: 3000, part: 250 },
  "REINFORCE without a baseline": {
    make: () => new rl.Reinforce(corridors(1), { learningRate: 0.01, hiddenSizes: [16], baseline: false }),
    steps: 6000,
    part: 250,
  },
  "REINFORCE by the average reward": {
    make: () => new rl.Reinforce(corridors(1), { learningRate: 0.01, hiddenSizes: [16], objective: "average" }),
    steps: 4000,
    part: 250,
  },
};

const meanReturn = async (agent: rl.NetworkAgent) => {
  const returns = await rl.evaluatePolicy(await agent.policy(), new Corridor(), { seed: 77, episodes: 200 });
  return returns.reduce((sum, each) => sum + each, 0) / returns.length;
};

describe.each(Object.entries(agents))("%s", (_, { make, steps, part }) => {
  test("learns the shortest way", async () => {
    seed(2);
    const agent = make();
    const first = await agent.train(part);
    for (let done = part; done < steps; done += part) await agent.train(part);
    expect(Object.values(first).every(Number.isFinite)).toBe(true);
    // The mean over where episodes begin varies by 0.1 √(2/3) / √200.
    expect(await meanReturn(agent)).toBeGreaterThan(bestReturn - 0.03);
  });

  test("goes on to the bit from a checkpoint", async () => {
    seed(3);
    const file = join(await mkdtemp(join(tmpdir(), "kasane-")), "agent.safetensors");
    const agent = make();
    await agent.train(part);
    await train.saveCheckpoint(file, { state: { agent }, step: part });
    const expected = await agent.train(part);

    seed(4);
    const other = make();
    await other.train(part);
    await train.loadCheckpoint(file, { agent: other });
    expect(await other.train(part)).toEqual(expected);
    seed(5);
    const fresh = make();
    await train.loadCheckpoint(file, { agent: fresh });
    expect(await fresh.train(part)).toEqual(expected);
  });
});

describe("errors", () => {
  test("a loss that is no number ends the training with one line", async () => {
    const agent = new rl.Dqn(corridors(1), { ...fast, learningRate: 1e38 });
    await expect(agent.train(1000)).rejects.toThrow(/^Dqn: the loss of update \d+ is (NaN|Infinity): lower the learning rate/);
  });

  test("says which agent takes which actions, and how many steps", async () => {
    const pendulums = () => new rl.VectorEnvironment([new rl.Pendulum()]);
    expect(() => new rl.Dqn(pendulums())).toThrow("Dqn: got actions that are 1 number from -2 to 2, expected indices: use Ppo");
    expect(() => new rl.Reinforce(corridors(2))).toThrow("Reinforce: got 2 environments, expected one");
    await expect(new rl.Ppo(corridors(4)).train(500)).rejects.toThrow("Ppo: got 500 steps to make, expected a multiple of 512");
    expect(() => new rl.Ppo(corridors(1), { steps: 10 })).toThrow("Ppo: 10 steps of 1 environments are not 4 equal minibatches");
    const network = () => new rl.QNetwork(5, 3);
    await expect(new rl.Dqn(corridors(1), { network }).train(10)).rejects.toThrow(
      "Dqn: the network gave [1, 3], expected [1, 2]: [batch, actions]",
    );
    expect(() => new rl.Dqn(corridors(1), { network, hiddenSizes: [3] })).toThrow(
      "Dqn: got a network and hiddenSizes, which belong to the default network: leave out one of both",
    );
    await expect(new rl.Dqn(corridors(2), fast).train(3)).rejects.toThrow("Dqn: got 3 steps to make, expected a multiple of 2");
    for (const [options, message] of [
      [{ exploration: { start: 5 } }, "Dqn: exploration: start 5: expected a number from 0 to 1"],
      [{ exploration: { final: 0.5 } }, "Dqn: exploration: unknown option final"],
      [{ exploration: { steps: 0 } }, "got 0, expected numbers above 0"],
      [{ distribution: { lowest: 0, highest: 1, bins: 5 } }, "Dqn: distribution: unknown option bins"],
      [{ targetRate: 7 }, "Dqn: targetRate 7: expected a number from 0 to 1"],
      [{ learningStarts: -1 }, "Dqn: learningStarts -1: expected a number from 0"],
      [{ loss: "absolute" }, 'Dqn: loss "absolute": expected "squared" or "huber"'],
      [{ updates: 0 }, "Dqn: got updates 0, expected an integer from 1"],
    ] as const) {
      expect(() => new rl.Dqn(corridors(1), options as never)).toThrow(message);
    }
    for (const [options, message] of [
      [{ objective: "total" }, 'Reinforce: objective "total": expected "discounted" or "average"'],
      [{ episodes: 1.5 }, "Reinforce: got episodes 1.5, expected an integer from 1"],
      [{ discount: -1 }, "Reinforce: discount -1: expected a number from 0 to 1"],
      [{ entropyWeight: Number.NaN }, "Reinforce: entropyWeight NaN: expected a number from 0"],
      [{ terminalReward: Number.POSITIVE_INFINITY }, "Reinforce: terminalReward Infinity: expected a number"],
    ] as const) {
      expect(() => new rl.Reinforce(corridors(1), options as never)).toThrow(message);
    }
    const cartPoles = new rl.VectorEnvironment([new rl.CartPole()]);
    expect(() => new rl.Dqn(cartPoles, { bytes: true })).toThrow("Dqn: bytes: observations are 4 numbers");
    for (const [options, message] of [
      [{ discount: 5 }, "Ppo: discount 5: expected a number from 0 to 1"],
      [{ decay: 2 }, "Ppo: decay 2"],
      [{ clipRatio: -1 }, "Ppo: clipRatio -1: expected a number from 0"],
      [{ annealSteps: -100 }, "Ppo: annealSteps -100"],
      [{ annealSteps: 0 }, "Ppo: annealSteps 0: expected a number above 0"],
    ] as const) {
      expect(() => new rl.Ppo(corridors(4), options)).toThrow(message);
    }
    await expect(new rl.Ppo(corridors(4)).train(-512)).rejects.toThrow("got -512 steps to make");
    expect(() => new rl.Dqn(corridors(1), { lr: 1 } as object)).toThrow("Dqn: unknown option lr: did you mean learningRate?");
  });
});

describe("what a network or a caller gives is held to its shape", () => {
  class Wrong extends rl.ActorCritic {
    constructor(private readonly part: "policy" | "value" | "logDeviations") {
      super(5, new rl.Discrete(2), {});
    }
    override forward(observations: Tensor): rl.PolicyOutput {
      const output = super.forward(observations);
      return { ...output, [this.part]: zeros([observations.shape[0] as number, 1]) };
    }
  }
  test.each([
    ["policy", "policy: the network gave policy [4, 1], expected [4, 2]"],
    ["value", "policy: the network gave value [4, 1], expected [4]"],
    ["logDeviations", "policy: the network gave logDeviations [4, 1], expected [2]"],
  ] as const)("%s", async (part, message) => {
    await expect(new rl.A2c(corridors(4), { network: () => new Wrong(part) }).train(20)).rejects.toThrow(message);
  });

  test("seeds, steps, options, environments", async () => {
    const policy = async () => 1;
    await expect(rl.evaluatePolicy(policy, new Corridor(), { seed: "5" as never })).rejects.toThrow('evaluatePolicy: got seed "5"');
    expect(() => rl.evaluate(new Corridor(), () => 1, { episode: 3 } as never)).toThrow("evaluate: unknown option episode");
    expect(() => rl.playEpisode(new Corridor(), () => 1, { sed: 3 } as never)).toThrow("playEpisode: unknown option sed");
    expect(() => corridors(2).reset("5" as never)).toThrow('VectorEnvironment: got seed "5"');
    const same = new Corridor();
    expect(() => new rl.VectorEnvironment([same, same])).toThrow("an environment is there twice");
    const network = new rl.QNetwork(5, 2);
    expect(() => new rl.Dqn(corridors(1), { network: () => network })).toThrow("Dqn: network gave the same module twice");
    await expect(new rl.Reinforce(corridors(1)).train(-3)).rejects.toThrow("Reinforce: got -3 steps to make");
  });
});

test("PPO takes continuous actions, held within their bounds", async () => {
  seed(1);
  const agent = new rl.Ppo(new rl.VectorEnvironment([new rl.Pendulum(), new rl.Pendulum()]), { steps: 64, annealSteps: 1000 });
  const figures = await agent.train(256);
  expect(Object.values(figures).every(Number.isFinite)).toBe(true);
  const action = (await (await agent.policy())(Float32Array.of(1, 0, 0))) as Float32Array;
  expect(Math.abs(action[0] as number)).toBeLessThanOrEqual(2);
});

/** Nothing changes, each step brings 1, and the time limit cuts every episode off after three steps. */
class Forever extends rl.Environment<number> {
  readonly observationSpace = new rl.Box(0, 1, [1]);
  readonly actionSpace = new rl.Discrete(2);

  constructor() {
    super("Forever", 0, 3);
  }

  protected begin(): void {}

  protected advance(): number {
    return 1;
  }

  observe(into: Float32Array, at = 0): void {
    into[at] = 1;
  }
}

describe("an episode that the time limit cuts off still has a future: each state is worth 1 / (1 - γ)", () => {
  const [discount, worth] = [0.8, 5];
  const forever = (count: number) => new rl.VectorEnvironment(Array.from({ length: count }, () => new Forever()));
  const state = tensor([[1]]);
  const common = { discount, hiddenSizes: [8], learningRate: 0.02 };

  test("DQN", async () => {
    seed(1);
    const agent = new rl.Dqn(forever(1), { ...fast, ...common, returnSteps: 2 });
    await agent.train(2500);
    for (const value of await agent.network.forward(state).data()) expect(Math.abs(Number(value) - worth)).toBeLessThan(0.25);
  });

  test.each([
    ["PPO", () => new rl.Ppo(forever(4), { ...common, steps: 32, clipValues: false }), 4096],
    ["A2C", () => new rl.A2c(forever(4), common), 12_000],
    ["REINFORCE", () => new rl.Reinforce(forever(1), { ...common, clipGlobalNorm: 10 }), 6000],
  ] as const)("%s", async (_, make, steps) => {
    seed(1);
    const agent = make();
    await agent.train(steps);
    expect(Math.abs((await agent.network.forward(state).value.item()) - worth)).toBeLessThan(0.25);
  });
});
