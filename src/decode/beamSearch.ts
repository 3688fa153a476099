import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { tensor } from "../ops/create.js";
import { add, floorDiv, mod } from "../ops/elementwise.js";
import { gather, topK } from "../ops/indexing.js";
import { logSoftmax } from "../ops/normalize.js";
import { reshape } from "../ops/shapes.js";
import { CompiledStep, checkOptions, type DecodeOptions, type DecoderStep, type Hypothesis, rowsOf } from "./decoder.js";
import type { Decoder } from "./stepByStep.js";

/** Settings of {@link beamSearch}. */
export interface BeamOptions extends DecodeOptions {
  /** How many unfinished hypotheses of a sequence are followed. */
  readonly beams: number;
  /** How many hypotheses are given back for each row, by default 1. */
  readonly best?: number;
  /** α of the length penalty, by default 0: none. Greater ones favour longer sequences. */
  readonly lengthPenalty?: number;
}

/** A hypothesis with what it was ranked by. */
export interface RankedHypothesis extends Hypothesis {
  /** Its log-probability divided by the length penalty. */
  readonly score: number;
}

/** An unfinished hypothesis: its tokens as a list from the last one back. */
interface Beam {
  readonly logProbability: number;
  readonly token: number;
  readonly before: Beam | undefined;
}

/** A beam that follows nothing, where there are fewer hypotheses than beams. */
const nothing: Beam = { logProbability: Number.NEGATIVE_INFINITY, token: 0, before: undefined };

/**
 * Beam search: at every step the most probable continuations of all beams are kept; those that end leave their place to others.
 * The search of a row ends when it has as many ended hypotheses as beams, and no beam can come to a better one.
 * Hypotheses are ranked by `ln p / ((5 + length) / 6)^α`, the end mark counted in the length (Wu et al. 2016, Google's neural machine
 * translation system, equation 14).
 * @returns a decoder that gives the best hypotheses of each row, from the best on; fewer than asked for where there are no more
 */
export function beamSearch(step: DecoderStep, options: BeamOptions): Decoder<RankedHypothesis[][]> {
  checkOptions(options);
  const { begin, end, maximumLength, beams, best = 1, lengthPenalty = 0, device } = options;
  check(Number.isInteger(beams) && beams > 0, () => `beamSearch: ${beams} beams: expected a whole number from 1`);
  check(Number.isInteger(best) && best > 0 && best <= beams, () => `beamSearch: best ${best}: expected 1 to ${beams}, the number of beams`);
  check(lengthPenalty >= 0, () => `beamSearch: lengthPenalty ${lengthPenalty}: expected a number from 0`);
  const penalty = (length: number) => ((5 + length) / 6) ** lengthPenalty;

  const compiled = new CompiledStep(
    step,
    (logits, { logProbabilities }: BeamInputs) => {
      const [rows, vocabulary] = logits.shape as [number, number];
      // [rows, vocabulary] to [sequences, beams * vocabulary]
      const totals = reshape(add(logSoftmax(logits), reshape(logProbabilities, [rows, 1])), [-1, beams * vocabulary]);
      // Twice as many as beams, as all beams may end at once.
      const { values, indices } = topK(totals, Math.min(2, vocabulary) * beams);
      return { values, places: floorDiv(indices, vocabulary), tokens: mod(indices, vocabulary) };
    },
    device,
    (state, { parents }) => gather(state, parents),
  );

  const decode = async (first: readonly Tensor[]) => {
    const sequences = rowsOf(first);
    const rows = sequences * beams;
    const repeated = tensor(Int32Array.from({ length: rows }, (_, row) => Math.floor(row / beams)));
    let state: readonly Tensor[] = first.map((part) => gather(part, repeated));
    const parents = Int32Array.from({ length: rows }, (_, row) => row);
    // At first all beams of a sequence are alike: one is followed.
    const root: Beam = { logProbability: 0, token: begin, before: undefined };
    const searches = Array.from({ length: sequences }, () => ({
      live: [root, ...new Array<Beam>(beams - 1).fill(nothing)],
      found: [] as RankedHypothesis[],
      done: false,
    }));
    for (let length = 1; length <= maximumLength && searches.some(({ done }) => !done); length++) {
      const live = searches.flatMap((search) => search.live);
      const next = await compiled.advance(
        Int32Array.from(live, ({ token }) => token),
        state,
        { parents, logProbabilities: Float32Array.from(live, ({ logProbability }) => logProbability) },
      );
      state = next.state;
      const { choice } = next;
      const [values, places, tokens] = [await choice.values.data(), await choice.places.data(), await choice.tokens.data()];
      const count = values.length / sequences;
      searches.forEach((search, sequence) => {
        if (search.done) return;
        const kept: { beam: Beam; parent: number }[] = [];
        for (let rank = 0; rank < count && kept.length < beams; rank++) {
          const at = sequence * count + rank;
          const [logProbability, parent, token] = [Number(values[at]), Number(places[at]), Number(tokens[at])];
          if (logProbability === Number.NEGATIVE_INFINITY) break;
          const beam: Beam = { logProbability, token, before: search.live[parent] as Beam };
          const ended = token === end;
          // What ends must be among the best, as it would hold a beam; what goes on takes the next free beam.
          if (!ended && length < maximumLength) kept.push({ beam, parent });
          else if (rank < beams)
            search.found.push({ tokens: tokensOf(beam, ended), logProbability, ended, score: logProbability / penalty(length) });
        }
        search.found.sort((a, b) => b.score - a.score);
        search.found.splice(beams);
        // ln p never grows, so at best it stays and the penalty becomes the greatest.
        const hope = (kept[0]?.beam.logProbability ?? Number.NEGATIVE_INFINITY) / penalty(maximumLength);
        search.done = kept.length === 0 || (search.found.length === beams && hope <= (search.found.at(-1) as RankedHypothesis).score);
        for (let i = 0; i < beams; i++) {
          search.live[i] = kept[i]?.beam ?? nothing;
          parents[sequence * beams + i] = sequence * beams + (kept[i]?.parent ?? 0);
        }
      });
    }
    return searches.map(({ found }) => found.slice(0, best));
  };
  return Object.assign(decode, { dispose: () => compiled.dispose() });
}

/** What chooses the next beams: the row that each goes on from, and how probable each is. */
type BeamInputs = { readonly parents: Tensor; readonly logProbabilities: Tensor };

function tokensOf(last: Beam, ended: boolean): number[] {
  const tokens: number[] = [];
  for (let beam = ended ? last.before : last; beam?.before; beam = beam.before) tokens.push(beam.token);
  return tokens.reverse();
}
