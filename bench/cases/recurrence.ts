import { type Case, type Draw, updateBytes, type Weight } from "./case.js";

/** Samples that a step of its own learns from. */
const together = 100;
const update = { type: "sgd", learningRate: 0.1 } as const;

const weightsOf = (inputSize: number, hiddenSize: number): Weight[] => [
  { name: "input", shape: [hiddenSize, inputSize], bound: 1 },
  { name: "hidden", shape: [hiddenSize, hiddenSize], bound: 0.5 },
  { name: "output", shape: [1, hiddenSize], bound: 1 },
];

/** The report's first network: two bits in, one bit of the sum out, least significant first. */
const bits = 8;
export const binaryAddition: Case = {
  name: "binary-addition",
  title: "Binary addition: simple recurrent network, 8 steps, hidden 16, batch 1, plain gradient descent",
  model: "recurrence",
  settings: { activation: "sigmoid", everyStep: true },
  update,
  together,
  weights: weightsOf(2, 16),
  batch(draw: Draw) {
    const addends = draw.whole([together, 2], 0, 2 ** (bits - 1)).data;
    const [inputs, targets] = [new Float32Array(together * bits * 2), new Float32Array(together * bits)];
    for (let i = 0; i < together * bits; i++) {
      const [sample, place] = [Math.floor(i / bits), i % bits];
      const [a, b] = addends.subarray(2 * sample) as unknown as [number, number];
      inputs.set([(a >> place) & 1, (b >> place) & 1], 2 * i);
      targets[i] = ((a + b) >> place) & 1;
    }
    return { inputs: { shape: [together, bits, 1, 2], data: inputs }, targets: { shape: [together, bits, 1, 1], data: targets } };
  },
  // Forward; backward the gradients of the weights, of the states through W_out, and of the earlier states through W.
  multiplyAdds: bits * (2 * 32 + 2 * 256 + 2 * 16 + 16) + (bits - 1) * 256,
  bytes: updateBytes(weightsOf(2, 16), update),
};

/** The report's second network: two points of a sine curve in, the next one out. */
const steps = 2;
export const sine: Case = {
  name: "sine",
  title: "Sine prediction: simple recurrent network, 2 steps, hidden 5, batch 1, plain gradient descent",
  model: "recurrence",
  settings: { activation: "tanh", everyStep: false },
  update,
  together,
  weights: weightsOf(1, 5),
  batch(draw: Draw) {
    const starts = draw.uniform([together], 0, 2 * Math.PI).data;
    const curve = (offset: number) => Array.from(starts, (start) => Math.sin(start + offset * 0.063));
    const columns = [curve(0), curve(1)] as const;
    return {
      inputs: {
        shape: [together, steps, 1, 1],
        data: Float32Array.from({ length: 2 * together }, (_, i) => columns[i % 2]?.[i >> 1] ?? 0),
      },
      targets: { shape: [together, 1, 1], data: Float32Array.from(curve(2)) },
    };
  },
  multiplyAdds: steps * (2 * 5 + 2 * 25) + (steps - 1) * 25 + 3 * 5,
  bytes: updateBytes(weightsOf(1, 5), update),
};
