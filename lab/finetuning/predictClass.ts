import { check, type OnnxModule, type Tensor } from "kasane";
import { files, loadOnnx } from "kasane/node";
import { z } from "zod";
import type { PredictContext } from "../context.js";
import { fittedTable } from "../layout.js";
import type { Reading } from "./reading.js";
import { probabilitiesOf, rowsOf } from "./tune.js";

/** What a run leaves of its model. */
export const modelFile = "model.onnx";
export const labelsFile = "labels.json";

/** Bytes that the names of the classes may have. */
const largestLabels = 2 ** 24;
/** Classes that a prediction lists, at most. */
const listed = 5;

/**
 * Prints the most probable classes of an example by the model that a run has written.
 * @param text the example as {@link Reading.read} takes it
 */
export async function predictClass(
  context: PredictContext,
  readingOf: (model: OnnxModule) => Promise<Reading>,
  text: string,
): Promise<void> {
  const { folder, device } = context;
  check(text.trim() !== "", () => "predict: got no text: expected an example");
  const json = files.readJson(folder.file(labelsFile), largestLabels);
  check(json !== undefined, () => `${folder.shown} has no ${labelsFile}: the run has not ended`);
  const names = files.parseAs(z.array(z.string()), json, `${folder.file(labelsFile)} is damaged`);
  const model = await loadOnnx(folder.file(modelFile));
  const reading = await readingOf(model);
  const judge = rowsOf((inputs) => model.forward(inputs).logits as Tensor, reading, device);
  const [row] = await judge([await reading.read(text)]);
  const probabilities = probabilitiesOf(row as Float32Array);
  const classes = names
    .map((name, i) => ({ name, probability: probabilities[i] as number }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, listed);
  const rows = classes.map(({ name, probability }) => [name, probability.toFixed(4)]);
  context.print(fittedTable(["class", "probability"], rows), { event: "prediction", text, class: classes[0]?.name, classes });
}
