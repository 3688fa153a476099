/** Writes the cases for `test/fixtures/operators.py`: their inputs, and what each output element counts in the loss. */

import { isDifferentiated, lossWeights, toTensor } from "./cases/case.js";
import { cases } from "./cases.js";

const described = cases.map(({ name, inputs, call }) => {
  const outputs = [call(...inputs.map((input) => toTensor(input)))].flat();
  const differentiated = inputs.map(isDifferentiated);
  return { name, inputs, differentiated, outputs: outputs.map(({ dtype, shape, size }) => ({ dtype, shape, weights: lossWeights(size) })) };
});
process.stdout.write(JSON.stringify(described));
