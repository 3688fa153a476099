import { sameShape } from "../graph/shape.js";
import type { StoredTensor } from "../graph/tensor.js";
import { loadTorchStateDict, torchStateDict } from "../nn/torch.js";
import type { ImageClassifier } from "./classifier.js";

/**
 * Sets a classifier to weights that torchvision has for its architecture, be they of other classes or of coloured images: the layer that gives the logits
 * keeps its own values where the classes are others, and for grey images the first convolution takes the sums over its three channels, which gives
 * what the weights give for a grey image in colours.
 * @param stored a state dict of PyTorch, as `files.readSafetensors` gives it; counts of batches may be missing, as in old ones
 * @returns PyTorch's names of the variables that kept their values, all of the last layer
 * @throws KasaneError naming what is missing, unexpected or of another shape or type; then no variable has changed
 */
export async function loadPretrained(model: ImageClassifier, stored: ReadonlyMap<string, StoredTensor>): Promise<string[]> {
  const own = await torchStateDict(model);
  const last = [...own.keys()].at(-1) as string;
  const head = last.slice(0, last.lastIndexOf(".") + 1);
  const fitted = new Map([...own].filter(([name]) => name.endsWith("num_batches_tracked")));
  const kept: string[] = [];
  for (const [name, value] of stored) {
    const mine = own.get(name);
    const isHead = mine !== undefined && name.startsWith(head) && isOfOtherClasses(model, mine, value);
    if (isHead) kept.push(name);
    fitted.set(name, isHead ? mine : mine && isOfColours(mine, value) ? summedOverChannels(value) : value);
  }
  await loadTorchStateDict(model, fitted);
  return kept;
}

/** Whether a variable has a row for each class, of which the stored one has another number. */
const isOfOtherClasses = ({ classes }: ImageClassifier, mine: StoredTensor, value: StoredTensor): boolean =>
  mine.shape[0] === classes && value.shape[0] !== classes && sameShape(mine.shape.slice(1), value.shape.slice(1));

/** Whether a convolution of one channel has weights for three. */
const isOfColours = (mine: StoredTensor, { dtype, shape }: StoredTensor): boolean =>
  dtype === "float32" && shape.length === 4 && shape[1] === 3 && sameShape(mine.shape, [shape[0] as number, 1, ...shape.slice(2)]);

/** Weights `[outputs, 3, height, width]` as `[outputs, 1, height, width]`. */
function summedOverChannels({ shape, data }: StoredTensor): StoredTensor {
  const [outputs, , height, width] = shape as [number, number, number, number];
  const size = height * width;
  const sums = new Float32Array(outputs * size);
  for (let i = 0; i < 3 * sums.length; i++) {
    const at = Math.floor(i / (3 * size)) * size + (i % size);
    sums[at] = (sums[at] as number) + Number(data[i]);
  }
  return { dtype: "float32", shape: [outputs, 1, height, width], data: sums };
}
