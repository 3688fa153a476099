import { check } from "../graph/error.js";

/** A binary tree whose leaves are numbered as what they stand for. Inner nodes are numbered from 0; the root is the last. */
export interface HuffmanTree {
  /** The number of inner nodes. */
  readonly innerNodes: number;
  /** For each leaf the inner nodes on the way from the root. */
  readonly paths: readonly Int32Array[];
  /** For each leaf the turn taken at each of them: 0 or 1. */
  readonly codes: readonly Uint8Array[];
}

/**
 * The tree of the shortest mean code (Huffman 1952): what is frequent lies near the root.
 * @param counts of the leaves; none is below 0, and there are two or more
 */
export function huffmanTree(counts: readonly number[]): HuffmanTree {
  const leaves = counts.length;
  check(leaves >= 2, () => `huffmanTree: got ${leaves} leaves, expected two or more`);
  const wrong = counts.findIndex((count) => !(count >= 0 && Number.isFinite(count)));
  check(wrong < 0, () => `huffmanTree: count ${wrong} is ${counts[wrong]}: expected a number from 0`);
  // Two queues in ascending order: the leaves, and the inner nodes, which are made in that order.
  const order = Array.from(counts.keys()).sort((a, b) => (counts[a] as number) - (counts[b] as number) || b - a);
  const weights = new Float64Array(leaves - 1);
  const parents = new Int32Array(2 * leaves - 1);
  const turns = new Uint8Array(2 * leaves - 1);
  let [leaf, inner] = [0, 0];
  const next = (made: number): readonly [number, number] => {
    const weight = leaf < leaves ? (counts[order[leaf] as number] as number) : Number.POSITIVE_INFINITY;
    if (inner < made && (weights[inner] as number) < weight) return [leaves + inner, weights[inner++] as number];
    return [order[leaf++] as number, weight];
  };
  for (let made = 0; made < leaves - 1; made++) {
    const [first, second] = [next(made), next(made)];
    weights[made] = first[1] + second[1];
    parents[first[0]] = made;
    parents[second[0]] = made;
    turns[second[0]] = 1;
  }
  const root = leaves - 2;
  const paths: Int32Array[] = [];
  const codes: Uint8Array[] = [];
  for (let i = 0; i < leaves; i++) {
    const [path, code]: [number[], number[]] = [[], []];
    for (let node = i; node !== leaves + root; node = leaves + (path.at(-1) as number)) {
      path.push(parents[node] as number);
      code.push(turns[node] as number);
    }
    paths.push(Int32Array.from(path.reverse()));
    codes.push(Uint8Array.from(code.reverse()));
  }
  return { innerNodes: leaves - 1, paths, codes };
}
