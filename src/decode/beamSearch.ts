import { check } from "../graph/error.js";
import type { OptionNames } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import type { Tree } from "../graph/tree.js";
import { add, floorDiv, mod } from "../ops/arithmetic.js";
import { gather } from "../ops/indexing.js";
import { logSoftmax } from "../ops/normalize.js";
import { reshape } from "../ops/shapes.js";
import { topKOfNumbers } from "../ops/sorting.js";
import {
  CompiledStep,
  checkDecoding,
  type DecodeOptions,
  type Decoder,
  type DecoderStep,
  decodeOptions,
  decoder,
  type Hypothesis,
  remaining,
  rowsOf,
} from "./decoder.js";

/** Settings of {@link beamSearch}. */
export interface BeamOptions extends DecodeOptions {
  /** How many unfinished hypotheses of a sequence are followed. */
  readonly beams: number;
  /** How many hypotheses are given back for each row, by default 1. */
  readonly best?: number;
  /** α of the length penalty, by default 0: none. Greater ones favour longer sequences. */
  readonly lengthPenalty?: number;
}

const beamOptions: OptionNames<BeamOptions> = { ...decodeOptions, beams: "required", best: "optional", lengthPenalty: "optional" };

/** A hypothesis with its score. */
export interface RankedHypothesis extends Hypothesis {
  /** Its log-probability divided by the length penalty. */
  readonly score: number;
}

/** The tokens of a hypothesis as a list from the last one back. */
interface Path {
  readonly logProbability: number;
  readonly token: number;
  readonly before: Path | undefined;
}

/** An unfinished hypothesis, and the beam of its sequence that it goes on from. */
interface Beam {
  readonly path: Path;
  readonly parent: number;
}

/** Fills the beams where there are fewer hypotheses than beams. */
const nothing: Path = { logProbability: Number.NEGATIVE_INFINITY, token: 0, before: undefined };

/**
 * Beam search: at every step the most probable continuations of all beams are kept; a hypothesis that ends frees its beam.
 * The search of a row ends when it has as many ended hypotheses as are asked for, and no beam can come to a better one.
 * Hypotheses are ranked by `ln p / ((5 + length) / 6)^α`, the end mark counted in the length (Wu et al. 2016, Google's neural machine
 * translation system, equation 14).
 * @returns a decoder that gives the best hypotheses of each row, from the best on; fewer than asked for where there are no more
 */
export function beamSearch<State extends Tree<State>>(
  step: DecoderStep<State>,
  options: BeamOptions,
): Decoder<State, RankedHypothesis[][]> {
  checkDecoding("beamSearch", options, beamOptions);
  const { begin, end, maximumLength, beams, best = 1, lengthPenalty = 0, device } = options;
  check(Number.isInteger(beams) && beams > 0, () => `beamSearch: ${beams} beams: expected an integer from 1`);
  check(Number.isInteger(best) && best > 0 && best <= beams, () => `beamSearch: best ${best}: expected 1 to ${beams}, the number of beams`);
  check(lengthPenalty >= 0, () => `beamSearch: lengthPenalty ${lengthPenalty}: expected a number from 0`);
  const penalty = (length: number) => ((5 + length) / 6) ** lengthPenalty;

  const compiled = new CompiledStep(
    step,
    (logits, { logProbabilities }: BeamInputs) => {
      const [rows, vocabulary] = logits.shape as [number, number];
      // [rows, vocabulary] to [sequences, beams * vocabulary]
      const totals = reshape(add(logSoftmax(logits), reshape(logProbabilities, [rows, 1])), [-1, beams * vocabulary]);
      // Twice as many as beams: all beams may end at once.
      const { values, indices } = topKOfNumbers(totals, Math.min(2, vocabulary) * beams);
      return { values, parents: floorDiv(indices, vocabulary), tokens: mod(indices, vocabulary) };
    },
    device,
    (state, { parents }) => gather(state, parents),
  );

  const search = async (first: State) => {
    // At first all beams of a sequence are alike: one is followed.
    const root: Path = { logProbability: 0, token: begin, before: undefined };
    const searches = Array.from({ length: rowsOf(first) }, () => ({
      live: Array.from({ length: beams }, (_, i): Beam => ({ path: i === 0 ? root : nothing, parent: 0 })),
      found: [] as RankedHypothesis[],
      done: false,
    }));
    /** The rows of all beams of the sequences at these places. */
    const rowsAt = (places: readonly number[], each: number) =>
      Int32Array.from({ length: places.length * beams }, (_, row) => (places[Math.floor(row / beams)] as number) * each + (row % each));
    /** Those whose beams are the rows of the state. */
    let searching = searches;
    await compiled.begin(first, rowsAt([...searches.keys()], 1));
    for (let length = 1; length <= maximumLength && searching.some(({ done }) => !done); length++) {
      const places = remaining(searching.map(({ done }) => done));
      if (places) {
        searching = places.map((place) => searching[place] as (typeof searching)[number]);
        await compiled.keep(rowsAt(places, beams));
      }
      const live = searching.flatMap((search) => search.live);
      const choice = await compiled.advance(
        Int32Array.from(live, ({ path }) => path.token),
        {
          parents: Int32Array.from(live, ({ parent }, row) => row - (row % beams) + parent),
          logProbabilities: Float32Array.from(live, ({ path }) => path.logProbability),
        },
      );
      const [values, parents, tokens] = [await choice.values.data(), await choice.parents.data(), await choice.tokens.data()];
      const count = values.length / searching.length;
      searching.forEach((search, sequence) => {
        if (search.done) return;
        const kept: Beam[] = [];
        for (let rank = 0; rank < count && kept.length < beams; rank++) {
          const at = sequence * count + rank;
          const [logProbability, parent, token] = [Number(values[at]), Number(parents[at]), Number(tokens[at])];
          if (logProbability === Number.NEGATIVE_INFINITY) break;
          const path: Path = { logProbability, token, before: (search.live[parent] as Beam).path };
          const ended = token === end;
          // A hypothesis that ends must be among the best `beams`. One that goes on takes the next free beam.
          if (!ended && length < maximumLength) kept.push({ path, parent });
          else if (rank < beams)
            search.found.push({ tokens: tokensOf(path, ended), logProbability, ended, score: logProbability / penalty(length) });
        }
        search.found.sort((a, b) => b.score - a.score);
        search.found.splice(best);
        // ln p never grows. At best it stays the same and the penalty becomes the greatest.
        const hope = (kept[0]?.path.logProbability ?? Number.NEGATIVE_INFINITY) / penalty(maximumLength);
        search.done = kept.length === 0 || (search.found.length === best && hope <= (search.found.at(-1) as RankedHypothesis).score);
        search.live = Array.from({ length: beams }, (_, i) => kept[i] ?? { path: nothing, parent: 0 });
      });
    }
    return searches.map(({ found }) => found);
  };
  return decoder(compiled, search);
}

/** Inputs of the choice of the next beams: the row that each continues, and its log-probability. */
type BeamInputs = { readonly parents: Tensor; readonly logProbabilities: Tensor };

function tokensOf(last: Path, ended: boolean): number[] {
  const tokens: number[] = [];
  for (let path = ended ? last.before : last; path?.before; path = path.before) tokens.push(path.token);
  return tokens.reverse();
}
