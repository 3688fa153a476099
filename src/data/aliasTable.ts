import { check } from "../graph/error.js";
import type { RandomGenerator } from "../random/generator.js";

/** Draws integers with given probabilities, each in constant time, by the alias method (Walker 1977; built as by Vose 1991). */
export class AliasTable {
  /** Of each entry how probable it is that its own integer is drawn, and not the other. */
  private readonly own: Float64Array;
  private readonly other: Int32Array;

  /**
   * @param weights of the integers from 0, of any sum
   * @throws KasaneError where one is negative or not finite, or all are 0
   */
  constructor(weights: ArrayLike<number>) {
    const values = Float64Array.from(weights);
    const total = values.reduce((sum, weight) => sum + weight, 0);
    const wrong = values.findIndex((weight) => !(weight >= 0 && Number.isFinite(weight)));
    check(wrong < 0, () => `AliasTable: weight ${wrong} is ${values[wrong]}: expected a number from 0`);
    check(total > 0 && Number.isFinite(total), () => `AliasTable: the weights add up to ${total}: expected a finite number above 0`);
    // The share of each in entries of equal size: what exceeds an entry fills those that are not full.
    const shares = values.map((weight) => (weight * values.length) / total);
    this.own = new Float64Array(values.length).fill(1);
    this.other = Int32Array.from(values.keys());
    const [small, large]: [number[], number[]] = [[], []];
    shares.forEach((share, i) => void (share < 1 ? small : large).push(i));
    while (small.length > 0 && large.length > 0) {
      const [less, more] = [small.pop() as number, large.pop() as number];
      this.own[less] = shares[less] as number;
      this.other[less] = more;
      shares[more] = (shares[more] as number) + (shares[less] as number) - 1;
      ((shares[more] as number) < 1 ? small : large).push(more);
    }
  }

  /** An integer from 0 below the number of weights. */
  draw(random: RandomGenerator): number {
    const entry = random.integer(this.own.length);
    return random.uniform() < (this.own[entry] as number) ? entry : (this.other[entry] as number);
  }
}
