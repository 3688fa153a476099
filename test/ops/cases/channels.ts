import * as k from "kasane";
import { type CaseTable, of, spread } from "./case.js";

const image = spread([2, 3, 2, 3]);
const perChannel = [spread([3], 0.5, 2), spread([3])];
const running = [spread([3], -0.5, 0.5), spread([3], 0.5, 2)];

/** Normalisation of channels. */
export const channels: CaseTable = {
  batchNorm: [
    of("of a batch of images", [image, ...perChannel], (x, weight, bias) => k.batchNorm(x, { weight, bias })),
    of("of a batch of vectors", [spread([4, 3])], (x) => k.batchNorm(x, { epsilon: 1e-3 })),
    of("of sequences with a weight alone", [spread([2, 3, 4]), spread([3], 0.5, 2)], (x, weight) => k.batchNorm(x, { weight })),
    of("of volumes with a bias alone", [spread([2, 3, 2, 1, 2]), spread([3])], (x, bias) => k.batchNorm(x, { bias })),
    of("far from 0", [spread([2, 2, 3], 30, 32)], (x) => k.batchNorm(x)),
    of("by running statistics", [image, ...perChannel, ...running], (x, weight, bias, mean, variance) =>
      k.batchNorm(x, { weight, bias, mean, variance }),
    ),
    of("by running statistics alone", [spread([2, 3]), ...running], (x, mean, variance) =>
      k.batchNorm(x, { mean, variance, epsilon: 0.1 }),
    ),
  ],
  instanceNorm: [
    of("of images", [image, ...perChannel], (x, weight, bias) => k.instanceNorm(x, { weight, bias })),
    of("of sequences", [spread([2, 3, 4])], (x) => k.instanceNorm(x, { epsilon: 1e-3 })),
  ],
  groupNorm: [
    of("of images", [spread([2, 4, 2, 3]), spread([4], 0.5, 2), spread([4])], (x, weight, bias) => k.groupNorm(x, 2, { weight, bias })),
    of("of vectors", [spread([2, 6])], (x) => k.groupNorm(x, 2, { epsilon: 1e-3 })),
    of("of one group", [image, ...perChannel], (x, weight, bias) => k.groupNorm(x, 1, { weight, bias })),
  ],
  localResponseNorm: [
    of("of images", [spread([2, 5, 2, 3])], (x) => k.localResponseNorm(x, 3, { alpha: 0.5, k: 2 })),
    of("of an even size", [spread([2, 5, 3])], (x) => k.localResponseNorm(x, 4, { alpha: 1, beta: 0.5 })),
    of("of more neighbours than there are channels", [spread([2, 2, 3])], (x) => k.localResponseNorm(x, 5)),
  ],
};
