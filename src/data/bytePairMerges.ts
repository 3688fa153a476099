/** A pair of symbols that becomes one, by their ids. */
type Pair = readonly [number, number];

/** What byte-pair encoding learns from a text. */
export interface Merges {
  /** In the order of their ids: the special tokens, the characters, then what merges made. */
  readonly tokens: readonly string[];
  readonly merges: readonly (readonly [string, string])[];
}

/** More than there are symbols. The pair `(a, b)` is the exact number `a * radix + b`; these numbers have the order of the pairs. */
const radix = 2 ** 24;
const pairOf = (key: number): Pair => [Math.floor(key / radix), key % radix];

/**
 * Learns which pairs of symbols to merge: repeatedly the most frequent pair; of equally frequent ones the one with the lowest ids
 * (Sennrich et al. 2016, Neural machine translation of rare words with subword units; ties as in Hugging Face's trainer).
 * @param words with how often each occurs
 * @param specials tokens that come first
 * @param size how many tokens there may be
 */
export function learnMerges(words: ReadonlyMap<string, number>, specials: readonly string[], size: number): Merges {
  const alphabet = new Set<string>();
  for (const word of words.keys()) for (const character of word) alphabet.add(character);
  const byCodePoint = [...alphabet].sort((a, b) => (a.codePointAt(0) as number) - (b.codePointAt(0) as number));
  const tokens = [...new Set([...specials, ...byCodePoint])];
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const texts = [...words].map(([word, count]) => ({ symbols: Array.from(word, (character) => ids.get(character) as number), count }));
  const merges: (readonly [string, string])[] = [];

  const counts = new Map<number, number>();
  /** The words that each pair occurs in, or once did. */
  const places = new Map<number, Set<number>>();
  const queue = new Heap();
  const count = (word: number, sign: 1 | -1, changed?: Set<number>) => {
    const { symbols, count } = texts[word] as (typeof texts)[0];
    for (let i = 1; i < symbols.length; i++) {
      const key = (symbols[i - 1] as number) * radix + (symbols[i] as number);
      counts.set(key, (counts.get(key) ?? 0) + sign * count);
      changed?.add(key);
      if (sign > 0) places.set(key, (places.get(key) ?? new Set()).add(word));
    }
  };
  for (const word of texts.keys()) count(word, 1);
  for (const [key, times] of counts) queue.push({ key, times });

  while (tokens.length < size) {
    const top = queue.pop();
    // A pair that occurs once says nothing about other words.
    if (!top || top.times < 2) break;
    const times = counts.get(top.key) ?? 0;
    if (times !== top.times) {
      if (times > 0) queue.push({ key: top.key, times });
      continue;
    }
    const [left, right] = pairOf(top.key);
    const parts = [tokens[left] as string, tokens[right] as string] as const;
    const joined = parts.join("");
    // No text is cut into special tokens, also not one that spells them.
    if (specials.includes(joined)) continue;
    const id = ids.get(joined) ?? tokens.push(joined) - 1;
    ids.set(joined, id);
    merges.push(parts);
    const changed = new Set<number>();
    for (const word of places.get(top.key) ?? []) {
      const text = texts[word] as (typeof texts)[0];
      count(word, -1);
      text.symbols = merged(text.symbols, left, right, id);
      count(word, 1, changed);
    }
    counts.delete(top.key);
    places.delete(top.key);
    for (const key of changed) if (key !== top.key) queue.push({ key, times: counts.get(key) as number });
  }
  return { tokens, merges };
}

function merged(symbols: readonly number[], left: number, right: number, id: number): number[] {
  const result: number[] = [];
  for (let i = 0; i < symbols.length; i++) {
    const isPair = symbols[i] === left && symbols[i + 1] === right;
    result.push(isPair ? id : (symbols[i] as number));
    if (isPair) i++;
  }
  return result;
}

interface Entry {
  readonly key: number;
  /** How often the pair occurred when it was put in. */
  readonly times: number;
}

/** A binary heap; the most frequent pair is taken first. */
class Heap {
  private readonly entries: Entry[] = [];

  push(entry: Entry): void {
    const { entries } = this;
    let at = entries.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!precedes(entry, entries[parent] as Entry)) break;
      entries[at] = entries[parent] as Entry;
      at = parent;
    }
    entries[at] = entry;
  }

  pop(): Entry | undefined {
    const { entries } = this;
    const [first] = entries;
    const last = entries.pop();
    if (!last || entries.length === 0) return first;
    let at = 0;
    for (let child = 1; child < entries.length; child = 2 * at + 1) {
      if (child + 1 < entries.length && precedes(entries[child + 1] as Entry, entries[child] as Entry)) child++;
      if (!precedes(entries[child] as Entry, last)) break;
      entries[at] = entries[child] as Entry;
      at = child;
    }
    entries[at] = last;
    return first;
  }
}

const precedes = (a: Entry, b: Entry): boolean => a.times > b.times || (a.times === b.times && a.key < b.key);
