/** The loops of loops.ts as a peer. */
import { BinaryAddition, SinePrediction, type Weights } from "./loops.js";
import { Cannot, type Loaded, type Ready, serve } from "./protocol.js";

/** One step on one batch of the problem: the loss before its update. */
function stepOf({ name, batch }: Loaded, weights: Weights): (sample: number) => number {
  const [inputs, targets] = [batch.inputs?.data as Float32Array, batch.targets?.data as Float32Array];
  if (name === "binary-addition") {
    const network = new BinaryAddition(weights);
    return (sample) => network.step(inputs.subarray(16 * sample, 16 * sample + 16), targets.subarray(8 * sample, 8 * sample + 8));
  }
  if (name === "sine") {
    const network = new SinePrediction(weights);
    return (sample) => network.step(inputs, 2 * sample, targets[sample] as number);
  }
  throw new Cannot("written for the two smallest networks alone");
}

async function prepare(problem: Loaded): Promise<Ready> {
  const [input, hidden, output] = [...problem.weights.values()].map(({ data }) => Float32Array.from(data)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const step = stepOf(problem, { input, hidden, output });
  let done = 0;
  return {
    async run(steps) {
      let loss = 0;
      for (let i = 0; i < steps; i++) loss = step(done++ % problem.together);
      return loss;
    },
    weights: async () => [input, hidden, output],
    dispose: async () => {},
  };
}

serve({ versions: { Node: process.versions.node }, prepare });
