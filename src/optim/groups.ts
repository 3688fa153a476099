import { check } from "../graph/error.js";
import { checkNumbers } from "../graph/numbers.js";
import { checkOptions } from "../graph/options.js";
import type { Variable } from "../graph/variable.js";

/** Parameters that an optimizer treats in a way of their own. */
export interface ParameterGroup {
  /** Which parameters: those whose path the pattern is found in, or for which the function is true. The path of one in a list is its place there. */
  readonly where: RegExp | ((path: string, parameter: Variable) => boolean);
  /** What the learning rate is multiplied by; by default 1. With 0 they stay as they are, but count in the norm of the gradients. */
  readonly rateFactor?: number;
  /** The weight decay in place of the optimizer's, where it has one. */
  readonly weightDecay?: number;
}

/**
 * Whether a parameter has one axis or none, as biases, and scales and shifts of normalisations, have: what is mostly left out of weight decay, as
 * `groups: [{ where: isBiasOrNorm, weightDecay: 0 }]`.
 */
export const isBiasOrNorm = (_: string, { rank }: Variable): boolean => rank < 2;

/**
 * The group of each parameter, if it is in any.
 * @param decays whether the optimizer has a weight decay
 * @throws KasaneError where a group is wrong, or takes no parameter
 */
export function groupsOf(
  owner: string,
  groups: readonly ParameterGroup[],
  parameters: readonly (readonly [path: string, parameter: Variable])[],
  decays: boolean,
): (ParameterGroup | undefined)[] {
  const takes = ({ where }: ParameterGroup, path: string, parameter: Variable) =>
    where instanceof RegExp ? path.search(where) >= 0 : where(path, parameter);
  groups.forEach((group, i) => {
    checkOptions(`${owner}: group ${i}`, group, { where: "required", rateFactor: "optional", weightDecay: "optional" });
  });
  const found = parameters.map(([path, parameter]) => groups.find((group) => takes(group, path, parameter)));
  groups.forEach((group, i) => {
    const { rateFactor = 1, weightDecay } = group;
    checkNumbers(`${owner}: group ${i}`, { rateFactor, weightDecay });
    check(weightDecay === undefined || decays, () => `${owner}: group ${i}: weightDecay: ${owner} has none`);
    check(found.includes(group), () => {
      const paths = parameters.map(([path]) => path);
      return `${owner}: group ${i} takes none of the parameters ${paths.slice(0, 8).join(", ")}${paths.length > 8 ? ", ..." : ""}`;
    });
  });
  return found;
}
