import { compile, crossEntropy, type Device, decode, gather, models, type optim, type Tensor, tensor } from "kasane";
import { type CodeBatch, judgedBatches, silence } from "./codeBatches.js";
import type { Clip, Conditions } from "./sounds.js";

/** Windows that are judged at once. */
const judgedAtOnce = 4;

/**
 * A function that gives the nats a sample of recordings: the mean of the negative log probability of each code given those before it, by the average
 * of the weights.
 */
export function judgeOf(model: models.WaveNet, average: optim.WeightAverage, conditions: Conditions, length: number, device: Device) {
  const losses = compile(
    ({ codes, targets, labels }: CodeBatch) =>
      average.within(() => crossEntropy(model.forward(codes, labels), targets, { reduction: "none" })),
    { device },
  );
  const seen = model.receptiveField;
  return async (clips: readonly Clip[]): Promise<number> => {
    let [sum, samples] = [0, 0];
    for (const { ranges, ...batch } of judgedBatches(clips, conditions, { seen, step: Math.max(length, seen), batchSize: judgedAtOnce })) {
      const result = await losses(batch);
      const [, width] = result.shape as [number, number];
      const nats = (await result.data()) as Float32Array;
      ranges.forEach(({ from, to }, row) => {
        for (let i = from; i < to; i++) sum += nats[row * width + i] as number;
        samples += to - from;
      });
    }
    return sum / samples;
  };
}

/** A reader that keeps what the layers were given, for a sound of the given classes. */
export function cachedReader(model: models.WaveNet, labels: readonly number[]): Promise<decode.SignalReader> {
  const step = new models.WaveNetStep(model, labels);
  return decode.signalReader((code, past) => step.forward(code, past), { delays: step.delays, size: step.channels });
}

/** A reader that computes all that the network sees anew for each sample. */
export function naiveReader(model: models.WaveNet, labels: readonly number[], device: Device): decode.SignalReader {
  const seen = model.receptiveField;
  const classes = labels.length > 0 ? tensor(Int32Array.from(labels), { shape: [1, labels.length] }) : undefined;
  const last = compile((codes: Tensor, place: Tensor) => gather(model.forward(codes, classes).reshape([seen, -1]), place), { device });
  let read: number[] = [];
  return {
    async read(code) {
      read.push(code);
      if (read.length > seen) read.shift();
      const codes = Int32Array.from({ length: seen }, (_, i) => read[i] ?? silence);
      const logits = await last(tensor(codes, { shape: [1, seen] }), Int32Array.of(read.length - 1));
      return (await logits.data()) as Float32Array;
    },
    restart() {
      read = [];
    },
  };
}

/** Samples a second that a model draws, with what the layers were given kept and without. */
export async function speedsOf(
  model: models.WaveNet,
  labels: readonly number[],
  device: Device,
): Promise<Record<"cached" | "naive", number>> {
  const rate = async (reader: decode.SignalReader, length: number): Promise<number> => {
    const draw = () => decode.sampleSignal(reader, { length, begin: silence, uniform: () => 0.5 });
    await draw();
    const started = performance.now();
    await draw();
    return (1000 * length) / (performance.now() - started);
  };
  return { cached: await rate(await cachedReader(model, labels), 2000), naive: await rate(naiveReader(model, labels, device), 10) };
}
