import { rl } from "kasane";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import { controlOptions, playTrained, several, type Training, trainAgent } from "./control.js";
import { episodeText } from "./episode.js";

const schema = z.object({
  ...controlOptions,
  steps: controlOptions.steps.default(300_000),
});

const environment = () => new rl.Pendulum();

/** Like the settings of RL Baselines3 Zoo, ten epochs of minibatches of 64 steps, with scaled rewards. */
function training({ steps }: z.output<typeof schema>): Training {
  const agent = new rl.Ppo(several(4, environment), {
    ...{ steps: 512, epochs: 10, minibatches: 32, discount: 0.95, decay: 0.95, clipValues: false },
    ...{ learningRate: 1e-3, entropyWeight: 0, normaliseRewards: true, annealSteps: steps },
  });
  return { agent, environment, part: 4 * 512 };
}

/** Swings a rod up and holds it there, by torques from a normal distribution. */
export const pendulum = defineExperiment({
  name: "pendulum",
  title: "Pendulum: a rod swung up by PPO, whose actions are numbers",
  chapter: "reinforcement",
  options: schema,
  run: (context, options) => trainAgent(context, training(options), options, "Pendulum by ppo"),
  predict: { text: episodeText, run: (context, options, text) => playTrained(context, training(options), text) },
});
