import { type data, type models, RandomGenerator, tensor } from "kasane";

/** What is read and what is to be told: a word and those around it, or the mean of these and the word. */
export type Method = "skip-gram" | "cbow";

/**
 * Makes what a {@link models.Word2vec} learns from of a stretch of words.
 * @param read what each word of the stretch is as an input; by default its id
 */
export type BatchMaker = (stretch: data.WordStretch, read?: Int32Array) => models.Word2vecBatch;

/** The random stream of the first epoch, from which the words to be told from are drawn. */
const negativeStream = 0x3e6a;

/** What is read, and how much of it at once. */
export interface GroupOptions {
  readonly method: Method;
  readonly window: number;
  /** Neighbouring words of a stretch that are computed together: a divisor of its length. */
  readonly group: number;
}

/** Settings of {@link sampledBatches}, whose groups share the words drawn for them. */
export interface SamplingOptions extends GroupOptions {
  /** How many words are drawn for a group. */
  readonly drawn: number;
  /** How many words drawn at random each pair counts for. */
  readonly negatives: number;
  readonly table: data.AliasTable;
  readonly seed: number;
  readonly epoch: number;
}

/**
 * Negative sampling: words are told from others drawn at random. Each group of words shares those drawn for it, and each of these counts as many
 * times as all `negatives` of a word's pairs are for every one of them.
 */
export function sampledBatches({ method, window, group, drawn, negatives, table, seed, epoch }: SamplingOptions): BatchMaker {
  const random = new RandomGenerator(undefined, seed, negativeStream + epoch);
  const wide = group + 2 * window;
  const isSkipGram = method === "skip-gram";
  const positives = isSkipGram ? wide : group;
  const outcomes = positives + drawn;
  const targets = tensor(
    Float32Array.from({ length: outcomes }, (_, i) => Number(i < positives)),
    { shape: [1, 1, outcomes] },
  );
  return (stretch, read = stretch.ids) => {
    const groups = stretch.reach.length / group;
    const inputs = new Int32Array(groups * (isSkipGram ? group : wide));
    const outcomeIds = new Int32Array(groups * outcomes);
    const weights = new Float32Array(groups * group * outcomes);
    const means = isSkipGram ? undefined : new Float32Array(groups * group * wide);
    for (let g = 0; g < groups; g++) {
      const [around, within] = [
        [g * group, g * group + wide],
        [g * group + window, g * group + window + group],
      ] as const;
      inputs.set(read.subarray(...(isSkipGram ? within : around)), (g * inputs.length) / groups);
      outcomeIds.set(stretch.ids.subarray(...(isSkipGram ? around : within)), g * outcomes);
      for (let i = positives; i < outcomes; i++) outcomeIds[g * outcomes + i] = table.draw(random);
      for (let t = 0; t < group; t++) {
        const [row, text] = [(g * group + t) * outcomes, (g * group + t) * wide];
        const places = contextOf(stretch, window, g * group + t);
        if (means) for (const place of places) means[text + place - g * group] = 1 / places.length;
        else for (const place of places) weights[row + place - g * group] = 1;
        const pairs = isSkipGram ? places.length : Math.min(places.length, 1);
        if (!isSkipGram) weights[row + t] = pairs;
        weights.fill((pairs * negatives) / drawn, row + positives, row + outcomes);
      }
    }
    return {
      inputs: tensor(inputs, { shape: [groups, inputs.length / groups] }),
      ...(means && { means: tensor(means, { shape: [groups, group, wide] }) }),
      outcomes: tensor(outcomeIds, { shape: [groups, outcomes] }),
      targets,
      weights: tensor(weights, { shape: [groups, group, outcomes] }),
    };
  };
}

/** The most pairs of a batch whose gradients a node of the tree takes as a sum; of more it takes the mean so many times. */
const pairsOfNode = 64;

/** The outcomes of a group are filled up to a multiple of this, so that there are few different graphs. */
const pathStep = 16;

/** Settings of {@link treeBatches}. */
export interface TreeOptions extends GroupOptions {
  readonly tree: data.HuffmanTree;
}

/**
 * Hierarchical softmax: a word is told by the turns on its way down a tree (Morin and Bengio 2005). The ways of a group's words stand one behind the
 * other among its outcomes.
 */
export function treeBatches({ method, window, group, tree }: TreeOptions): BatchMaker {
  const wide = group + 2 * window;
  const isSkipGram = method === "skip-gram";
  const texts = isSkipGram ? wide : group;
  const pairs = new Int32Array(tree.innerNodes);
  const turns = Uint8Array.from(tree.paths, (path) => path.length);
  return (stretch, read = stretch.ids) => {
    const words = stretch.ids.subarray(window, window + stretch.reach.length);
    const groups = words.length / group;
    const outcomes = pathStep * Math.ceil(longest(words, turns, group) / pathStep);
    const inputs = new Int32Array(groups * wide);
    const nodes = new Int32Array(groups * outcomes);
    const targets = new Float32Array(nodes.length);
    const weights = new Float32Array(groups * texts * outcomes);
    const means = isSkipGram ? undefined : new Float32Array(groups * group * wide);
    pairs.fill(0);
    for (let g = 0; g < groups; g++) {
      inputs.set(read.subarray(g * group, g * group + wide), g * wide);
      let at = 0;
      for (let t = 0; t < group; t++) {
        const places = contextOf(stretch, window, g * group + t);
        if (places.length === 0) continue;
        const word = words[g * group + t] as number;
        const [path, code] = [tree.paths[word] as Int32Array, tree.codes[word] as Uint8Array];
        const told = means ? [t] : places.map((place) => place - g * group);
        for (let i = 0; i < path.length; i++) {
          const node = path[i] as number;
          nodes[g * outcomes + at + i] = node;
          targets[g * outcomes + at + i] = code[i] as number;
          pairs[node] = (pairs[node] as number) + told.length;
        }
        for (const text of told) {
          const row = (g * texts + text) * outcomes + at;
          weights.fill(1, row, row + path.length);
        }
        if (means) for (const place of places) means[(g * group + t) * wide + place - g * group] = 1 / places.length;
        at += path.length;
      }
    }
    const shares = new Float32Array(nodes.length);
    for (let i = 0; i < nodes.length; i++) shares[i] = Math.min(1, pairsOfNode / (pairs[nodes[i] as number] as number));
    return {
      inputs: tensor(inputs, { shape: [groups, wide] }),
      ...(means && { means: tensor(means, { shape: [groups, group, wide] }) }),
      outcomes: tensor(nodes, { shape: [groups, outcomes] }),
      shares: tensor(shares, { shape: [groups, outcomes] }),
      targets: tensor(targets, { shape: [groups, 1, outcomes] }),
      weights: tensor(weights, { shape: [groups, texts, outcomes] }),
    };
  };
}

/** The most turns that the words of a group have together. */
function longest(words: Int32Array, turns: Uint8Array, group: number): number {
  let most = 0;
  for (let first = 0; first < words.length; first += group) {
    let sum = 0;
    for (let i = first; i < first + group; i++) sum += turns[words[i] as number] as number;
    most = Math.max(most, sum);
  }
  return most;
}

/** The places in a stretch of the words around a word in its middle, within its reach and its line. */
function contextOf({ lines, reach }: data.WordStretch, window: number, word: number): number[] {
  const [centre, far] = [window + word, reach[word] as number];
  const places: number[] = [];
  for (let place = centre - far; place <= centre + far; place++) {
    if (place !== centre && lines[place] === lines[centre]) places.push(place);
  }
  return places;
}

/** The rows of parts are filled up to a multiple of this, so that there are few different graphs. */
const rowStep = 2048;

/**
 * Batches in which words are the means of their parts. Each different word of a batch is put together once.
 * @param rowsOf for each word the rows of its parts
 */
export function withParts(make: BatchMaker, rowsOf: readonly Int32Array[]): BatchMaker {
  const places = new Int32Array(rowsOf.length);
  return (stretch) => {
    const different = [...new Set(stretch.ids)];
    different.forEach((id, place) => {
      places[id] = place;
    });
    const count = different.reduce((sum, id) => sum + (rowsOf[id] as Int32Array).length, 0);
    // One word more than there can be: the rows that fill up the array are parts of it.
    const most = stretch.ids.length + 1;
    const rows = new Int32Array(rowStep * Math.ceil(count / rowStep));
    const words = new Int32Array(rows.length).fill(most - 1);
    const shares = new Float32Array(most);
    let at = 0;
    different.forEach((id, place) => {
      const parts = rowsOf[id] as Int32Array;
      rows.set(parts, at);
      words.fill(place, at, at + parts.length);
      shares[place] = 1 / parts.length;
      at += parts.length;
    });
    const batch = make(
      stretch,
      stretch.ids.map((id) => places[id] as number),
    );
    return { ...batch, parts: { rows: tensor(rows), words: tensor(words), shares: tensor(shares, { shape: [most, 1] }) } };
  };
}
