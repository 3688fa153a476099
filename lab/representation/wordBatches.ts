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

/** Settings of {@link sampledBatches}. */
export interface SamplingOptions {
  readonly method: Method;
  readonly window: number;
  /** Words of a stretch that share the words drawn for them: a divisor of its length. */
  readonly group: number;
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

/** Hierarchical softmax: a word is told by the turns on its way down a tree (Morin and Bengio 2005). Each word of a stretch is a group of its own. */
export function treeBatches({ method, window, tree }: { method: Method; window: number; tree: data.HuffmanTree }): BatchMaker {
  const wide = 2 * window;
  const isSkipGram = method === "skip-gram";
  const texts = isSkipGram ? wide : 1;
  const pairs = new Int32Array(tree.innerNodes);
  const depth = tree.paths.reduce((most, path) => Math.max(most, path.length), 0);
  return (stretch, read = stretch.ids) => {
    const groups = stretch.reach.length;
    const inputs = new Int32Array(groups * wide);
    const nodes = new Int32Array(groups * depth);
    const targets = new Float32Array(groups * depth);
    const weights = new Float32Array(groups * texts * depth);
    const means = isSkipGram ? undefined : new Float32Array(groups * wide);
    pairs.fill(0);
    for (let g = 0; g < groups; g++) {
      const places = contextOf(stretch, window, g);
      if (places.length === 0) continue;
      const word = stretch.ids[window + g] as number;
      const path = tree.paths[word] as Int32Array;
      nodes.set(path, g * depth);
      targets.set(tree.codes[word] as Uint8Array, g * depth);
      for (const node of path) pairs[node] = (pairs[node] as number) + (isSkipGram ? places.length : 1);
      places.forEach((place, i) => {
        inputs[g * wide + i] = read[place] as number;
        if (means) means[g * wide + i] = 1 / places.length;
        if (means === undefined || i === 0) {
          const row = (g * texts + i) * depth;
          weights.fill(1, row, row + path.length);
        }
      });
    }
    return {
      inputs: tensor(inputs, { shape: [groups, wide] }),
      ...(means && { means: tensor(means, { shape: [groups, 1, wide] }) }),
      outcomes: tensor(nodes, { shape: [groups, depth] }),
      shares: tensor(
        Float32Array.from(nodes, (node) => Math.min(1, pairsOfNode / (pairs[node] as number))),
        { shape: [groups, depth] },
      ),
      targets: tensor(targets, { shape: [groups, 1, depth] }),
      weights: tensor(weights, { shape: [groups, texts, depth] }),
    };
  };
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
