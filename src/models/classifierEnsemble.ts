import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { concat, split } from "../ops/slicing.js";
import { ImageClassifier } from "./classifier.js";
import { together } from "./ensemble.js";

/**
 * Networks that tell what images show together, by the mean of their probabilities: its logits are the logarithms of these. Each learns by itself from
 * other initial weights, so they make different errors (Hansen and Salamon 1990, Neural network ensembles). Their maps are of one shape.
 */
export class ClassifierEnsemble extends ImageClassifier {
  /** @throws KasaneError where there is no member, or they are of different classes or images */
  constructor(readonly members: readonly ImageClassifier[]) {
    const [first] = members;
    check(first !== undefined, () => "ClassifierEnsemble: no members: expected one or more classifiers");
    const { classes, imageChannels } = first;
    super({ classes, imageChannels });
    for (const member of members) {
      check(
        member.classes === classes && member.imageChannels === imageChannels,
        () =>
          `ClassifierEnsemble: got members of ${classes} classes and ${imageChannels} channels, and of ${member.classes} and ` +
          `${member.imageChannels}: expected the same of all`,
      );
    }
  }

  /** The maps of all members, one after the other along the channels. */
  features(images: Tensor): Tensor {
    return concat(
      this.members.map((member) => member.features(images)),
      { axis: 1 },
    );
  }

  classify(maps: Tensor): Tensor {
    return together(this.memberClassify(maps));
  }

  override memberClassify(maps: Tensor): readonly Tensor[] {
    const parts = split(maps, this.members.length, { axis: 1 });
    return this.members.map((member, i) => member.classify(parts[i] as Tensor));
  }

  override memberLogits(images: Tensor): readonly Tensor[] {
    return this.members.map((member) => member.forward(images));
  }
}
