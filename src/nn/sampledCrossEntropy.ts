import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { add, floor, minimum, mul, sub, where } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { equal, less } from "../ops/compare.js";
import { arange } from "../ops/create.js";
import { checkClasses, gather } from "../ops/indexing.js";
import { matmul } from "../ops/matmul.js";
import { random } from "../ops/random.js";
import { logSumExp, sum } from "../ops/reduce.js";
import { transpose, unsqueeze } from "../ops/shapes.js";
import { slice, stack } from "../ops/slicing.js";

/** The words that a step's softmax is over. */
export interface SampledWords {
  /** The number of words from id 0 on, the most frequent ones, that are always in it. */
  readonly frequentWords: number;
  /** The number of the other words that are drawn. */
  readonly sampledWords: number;
}

/** A logit that adds nothing to a sum of exponentials. */
const nothing = -1e9;

/**
 * The cross entropy of the softmax over a large vocabulary in each row, `[rows]` in nats, from a part of it. The sum over all words in the denominator is estimated from
 * the frequent words, the target, and a sample of the rest, whose terms are weighted by the words that they stand for (importance sampling:
 * Bengio and Senécal 2003, Quick training of probabilistic neural nets by importance sampling). The rest is cut into `sampledWords` stretches of equally
 * many words, and one is drawn from each; as ids go by frequency, the words of a stretch are about equally probable.
 * @param hidden `[rows, size]`
 * @param targets word ids by descending frequency, `[rows]`
 * @param weight `[vocabulary, size]`
 * @param bias `[vocabulary]`
 */
export function sampledCrossEntropy(hidden: Tensor, targets: Tensor, weight: Tensor, bias: Tensor, words: SampledWords): Tensor {
  checkOptions<SampledWords>("sampledCrossEntropy", words, { frequentWords: "required", sampledWords: "required" });
  const { frequentWords, sampledWords } = words;
  const [vocabularySize] = weight.shape as [number];
  const areCounts = Number.isSafeInteger(frequentWords) && frequentWords >= 0 && Number.isSafeInteger(sampledWords) && sampledWords > 0;
  check(
    areCounts && frequentWords + sampledWords <= vocabularySize,
    () =>
      `sampledCrossEntropy: ${frequentWords} frequent words and ${sampledWords} drawn: expected 1 drawn or more, and no more than the ${vocabularySize} words`,
  );
  const stretch = (vocabularySize - frequentWords) / sampledWords;
  const places = mul(add(cast(arange(sampledWords), "float32"), random.uniform([sampledWords])), stretch);
  const drawn = minimum(add(cast(floor(places), "int32"), frequentWords), vocabularySize - 1);

  const ids = checkClasses("sampledCrossEntropy", targets, vocabularySize);
  const ofTarget = add(sum(mul(hidden, gather(weight, ids)), { axis: -1 }), gather(bias, ids));
  const ofFrequent = () => add(matmul(hidden, transpose(slice(weight, [[0, frequentWords]]))), slice(bias, [[0, frequentWords]]));
  const ofDrawn = add(matmul(hidden, transpose(gather(weight, drawn))), add(gather(bias, drawn), Math.log(stretch)));

  // ln Z with Z = Σ_frequent eˣ + stretch Σ_drawn eˣ + e^target, of which a frequent target is in the first sum, and a rare one not in the second
  const denominator = stack(
    [
      ...(frequentWords > 0 ? [logSumExp(ofFrequent(), { axis: -1 })] : []),
      logSumExp(where(equal(unsqueeze(ids, { axis: -1 }), drawn), nothing, ofDrawn), { axis: -1 }),
      where(less(ids, frequentWords), nothing, ofTarget),
    ],
    { axis: -1 },
  );
  return sub(logSumExp(denominator, { axis: -1 }), ofTarget);
}
