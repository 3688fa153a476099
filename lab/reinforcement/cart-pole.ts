import { rl } from "kasane";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import * as option from "../options.js";
import { controlOptions, dqnNames, dqnVariants, playTrained, several, type Training, trainAgent } from "./control.js";
import { episodeText } from "./episode.js";

const schema = z.object({
  method: z.enum(["dqn", "reinforce", "a2c", "ppo"]).default("dqn").describe("how the agent learns"),
  ...controlOptions,
  ...dqnVariants,
  distributional: z.boolean().default(false).describe("DQN: learns the distribution of returns (C51)"),
  objective: z.enum(["discounted", "average"]).default("discounted").describe("REINFORCE: the discounted return, or the average reward"),
  baseline: z.boolean().default(true).describe("REINFORCE: subtracting a learnt value of the state from the return"),
});

type Options = z.output<typeof schema>;

const environment = () => new rl.CartPole();

const agents: Readonly<Record<Options["method"], (options: Options) => Pick<Training, "agent" | "part">>> = {
  // The settings of CleanRL's dqn.py, which are the library's.
  dqn: ({ double, dueling, prioritised, noisy, returnSteps, distributional, steps }) => ({
    agent: new rl.Dqn(several(1, environment), {
      ...{ double, dueling, prioritised, noisy, returnSteps },
      distribution: distributional ? { lowest: 0, highest: 100 } : undefined,
      exploration: noisy ? undefined : { steps: steps / 2 },
    }),
    part: 1000,
  }),
  // An episode's end brings -1: else every step brought the same on average.
  reinforce: ({ objective, baseline }) => ({
    agent: new rl.Reinforce(several(1, environment), {
      ...{ objective, baseline, entropyWeight: 0.01 },
      terminalReward: objective === "average" ? -1 : 0,
    }),
    part: 1000,
  }),
  a2c: ({ steps }) => ({ agent: new rl.A2c(several(8, environment), { annealSteps: steps }), part: 8 * 5 * 25 }),
  // The settings of CleanRL's ppo.py, which are the library's.
  ppo: ({ steps }) => ({ agent: new rl.Ppo(several(4, environment), { annealSteps: steps }), part: 4 * 128 * 4 }),
};

const training = (options: Options): Training => ({ ...agents[options.method](options), environment });

/** Balances a pole on a cart by four methods, each with the same networks as its published results. */
export const cartPole = defineExperiment({
  name: "cart-pole",
  title: "Cart-pole: a pole balanced by DQN, REINFORCE, A2C and PPO",
  chapter: "reinforcement",
  options: option.usedOnly(
    schema,
    { names: [...dqnNames, "distributional"], when: ({ method }) => method === "dqn", needs: "--method dqn" },
    { names: ["objective", "baseline"], when: ({ method }) => method === "reinforce", needs: "--method reinforce" },
  ),
  presets: {
    "reinforce-average": { method: "reinforce", objective: "average" },
    "reinforce-plain": { method: "reinforce", baseline: false },
    rainbow: { double: true, dueling: true, prioritised: true, noisy: true, returnSteps: 3, distributional: true },
  },
  run: (context, options) => trainAgent(context, training(options), options, `Cart-pole by ${options.method}`),
  predict: { text: episodeText, run: (context, options, text) => playTrained(context, training(options), text) },
});
