import { rl } from "kasane";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import * as option from "../options.js";
import { controlOptions, dqnNames, dqnVariants, playTrained, several, type Training, trainAgent } from "./control.js";
import { episodeText } from "./episode.js";

const schema = z.object({
  method: z.enum(["ppo", "dqn"]).default("ppo").describe("how the agent learns"),
  ...controlOptions,
  ...dqnVariants,
});

type Options = z.output<typeof schema>;

const environment = () => new rl.Acrobot();

function training({ method, steps, ...variants }: Options): Training {
  if (method === "dqn") {
    const { double, dueling, prioritised, noisy, returnSteps } = variants;
    const exploration = noisy ? undefined : { steps: steps / 2 };
    return {
      agent: new rl.Dqn(several(1, environment), { double, dueling, prioritised, noisy, returnSteps, exploration }),
      environment,
      part: 1000,
    };
  }
  // Like the settings of RL Baselines3 Zoo: many environments, observations and rewards normalised.
  const agent = new rl.Ppo(several(16, environment), {
    ...{ steps: 128, minibatches: 16, decay: 0.94, entropyWeight: 0.003, learningRate: 7e-4, annealSteps: steps },
    ...{ normaliseObservations: true, normaliseRewards: true },
  });
  return { agent, environment, part: 16 * 128 };
}

/** Swings a double pendulum up, with a torque on its middle joint alone. */
export const acrobot = defineExperiment({
  name: "acrobot",
  title: "Acrobot: a double pendulum swung up by PPO and DQN",
  chapter: "reinforcement",
  options: option.usedOnly(schema, { names: dqnNames, when: ({ method }) => method === "dqn", needs: "--method dqn" }),
  run: (context, options) => trainAgent(context, training(options), options, `Acrobot by ${options.method}`),
  predict: { text: episodeText, run: (context, options, text) => playTrained(context, training(options), text) },
});
