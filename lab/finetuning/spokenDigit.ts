import { check, compile, type Device, data, type OnnxModule, type Tensor, tensor } from "kasane";
import { loadOnnx } from "kasane/node";

/** Samples a second that Google's speech embedding takes. */
const rate = 16_000;
/** Samples of a word: they give the 76 frames of 25 ms, 10 ms apart, that the embedding takes. */
const samples = 12_640;
/** Frames and bands of a word. */
export const melShape = [76, 32, 1] as const;

/** Computes what the speech embedding takes of a sound: 32 mel bands, logarithmic, at 76 places. */
export type Mel = (sound: data.Sound) => Promise<Float32Array>;

/** {@link Mel} by the front end that belongs to the embedding, `melspectrogram.onnx`. */
export async function melBy(file: string, device: Device): Promise<Mel> {
  const model: OnnxModule = await loadOnnx(file);
  const [input, output] = [model.inputs[0]?.name, model.outputs[0]?.name];
  check(input !== undefined && output !== undefined, () => `${file} has no input or no output: expected melspectrogram.onnx`);
  // The embedding was trained on decibels / 10 + 2.
  const compute = compile((x: Tensor) => (model.forward({ [input]: x })[output] as Tensor).div(10).add(2), { device });
  return async (sound) => {
    // One by one: the front end cuts off what is 80 decibels below the loudest of the whole batch.
    const mel = await compute(tensor(wordOf(sound), { shape: [1, samples] }));
    check(mel.size === melShape[0] * melShape[1], () => `${file} gives [${mel.shape.join(", ")}]: expected 76 frames of 32 bands`);
    return (await mel.data()) as Float32Array;
  };
}

/** So many samples around the middle of a sound's energy, as integers of 16 bits would be; what is beyond its ends is silent. */
function wordOf(sound: data.Sound): Float32Array<ArrayBuffer> {
  const [heard] = data.resampleSound(sound, rate).channels as [Float32Array];
  const energy = heard.reduce((sum, value) => sum + value * value, 0);
  const middle = heard.reduce((sum, value, i) => sum + i * value * value, 0) / (energy || 1);
  const start = Math.max(
    Math.min(Math.round(middle - samples / 2), heard.length - samples),
    Math.min(0, Math.round((heard.length - samples) / 2)),
  );
  return Float32Array.from({ length: samples }, (_, i) => 2 ** 15 * (heard[start + i] ?? 0));
}
