/**
 * Priorities of places, of which one is found by a sum of them in logarithmic time (Schaul et al. 2015, Prioritized experience replay, appendix
 * B.2.1): a binary tree whose leaves are the priorities, and whose other nodes are sums.
 */
export class SumTree {
  /** The root at 1; the children of node `i` at `2i` and `2i + 1`. */
  readonly sums: Float64Array<ArrayBuffer>;
  private readonly leaves: number;

  /** @param size the number of places; their priorities start at 0 */
  constructor(readonly size: number) {
    this.leaves = 2 ** Math.ceil(Math.log2(Math.max(size, 1)));
    this.sums = new Float64Array(2 * this.leaves);
  }

  /** The sum of all priorities. */
  get total(): number {
    return this.sums[1] as number;
  }

  /** The priority of a place. */
  at(place: number): number {
    return this.sums[this.leaves + place] as number;
  }

  /** Sets the priority of a place, a number from 0. */
  set(place: number, priority: number): void {
    const { sums } = this;
    let node = this.leaves + place;
    sums[node] = priority;
    for (node >>= 1; node > 0; node >>= 1) sums[node] = (sums[2 * node] as number) + (sums[2 * node + 1] as number);
  }

  /** The first place up to which the priorities add up to more than `sum`, a number from 0 to below {@link total}. Its priority is above 0. */
  find(sum: number): number {
    const { sums } = this;
    let [node, rest] = [1, sum];
    while (node < this.leaves) {
      node *= 2;
      const left = sums[node] as number;
      // Sums are rounded: what lies beyond the last priority belongs to it.
      if (rest < left || sums[node + 1] === 0) continue;
      rest -= left;
      node++;
    }
    return node - this.leaves;
  }
}
