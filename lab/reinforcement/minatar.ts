import { nn, relu, rl, type Tensor } from "kasane";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import { controlOptions, playTrained, several, type Training, trainAgent } from "./control.js";
import { episodeText } from "./episode.js";

/** The sides of the board. */
const side = 10;

const games = {
  breakout: () => new rl.Breakout(),
  freeway: () => new rl.Freeway(),
  asterix: () => new rl.Asterix(),
  "space-invaders": () => new rl.SpaceInvaders(),
  seaquest: () => new rl.Seaquest(),
} as const;

type Game = keyof typeof games;

const schema = z.object({
  game: z
    .enum(Object.keys(games) as [Game, ...Game[]])
    .default("breakout")
    .describe("what is played"),
  network: z
    .enum(["dense", "convolutional"])
    .default("convolutional")
    .describe("two layers of 128 units, or 16 filters of 3 by 3 and a layer of 128"),
  ...controlOptions,
  steps: controlOptions.steps.default(1_500_000),
});

/** The network of the paper's baselines: one convolution, one dense layer, then the policy and the value of the state. */
class BoardNetwork extends nn.Module {
  readonly filters: nn.Conv2d;
  readonly hidden: nn.Linear;
  readonly policy: nn.Linear;
  readonly value: nn.Linear;

  constructor(
    private readonly planes: number,
    actions: number,
  ) {
    super();
    const weights = (gain: number) => ({ weightInitialiser: nn.init.orthogonal(gain), biasInitialiser: nn.init.zeros });
    this.filters = new nn.Conv2d(planes, 16, 3, weights(Math.SQRT2));
    this.hidden = new nn.Linear(16 * (side - 2) ** 2, 128, weights(Math.SQRT2));
    this.policy = new nn.Linear(128, actions, weights(0.01));
    this.value = new nn.Linear(128, 1, weights(1));
  }

  /** `[batch, planes side side]` to the logits `[batch, actions]` and the values `[batch]`. */
  forward(observations: Tensor): rl.PolicyOutput {
    const board = observations.reshape([-1, this.planes, side, side]);
    const features = relu(this.hidden.forward(relu(this.filters.forward(board)).reshape([-1, this.hidden.inputSize])));
    return { policy: this.policy.forward(features), value: this.value.forward(features).reshape([-1]) };
  }
}

function training({ game, network, steps }: z.output<typeof schema>): Training {
  const environment = games[game];
  const { planes, actionSpace } = environment();
  const agent = new rl.Ppo(several(64, environment), {
    ...{ steps: 128, minibatches: 8, learningRate: 2.5e-3, annealSteps: steps },
    ...(network === "dense" ? { hiddenSizes: [128, 128] } : { network: () => new BoardNetwork(planes.length, actionSpace.count) }),
  });
  return { agent, environment, part: 64 * 128 };
}

/** Plays five small games after Atari's. */
export const minatar = defineExperiment({
  name: "minatar",
  title: "MinAtar: Breakout, Freeway and three other small games, played by PPO",
  chapter: "reinforcement",
  options: schema,
  run: (context, options) => trainAgent(context, training(options), options, `${options.game} by ppo`),
  predict: { text: episodeText, run: (context, options, text) => playTrained(context, training(options), text) },
});
