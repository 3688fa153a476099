import { add, type decode, gather, matmul, random, seed, type Tensor, tanh, tensor } from "kasane";

type Matrix = readonly (readonly number[])[];

/** A table of logits by the last token: its state is a dummy that never changes. */
export const tableStep =
  (table: Matrix): decode.DecoderStep<readonly Tensor[]> =>
  (tokens, state) => ({ logits: gather(tensor(table as number[][]), tokens), state });

/** A small recurrent network with fixed random weights, whose logits follow from all tokens before and from the row's own source. */
export async function recurrentModel(vocabulary: number, size: number, rows: number) {
  seed(11);
  const draw = async (...shape: [number, number]) => (await random.normal(shape).array()) as number[][];
  const [embedding, recurrent, output, sources] = [
    await draw(vocabulary, size),
    await draw(size, size),
    await draw(size, vocabulary),
    await draw(rows, size),
  ];
  // h' = tanh(E[token] + h W + source), logits = 2 h' U
  const step: decode.DecoderStep<{ hidden: Tensor; source: Tensor }> = (tokens, { hidden, source }) => {
    const drive = add(gather(tensor(embedding), tokens), matmul(hidden, tensor(recurrent)));
    const next = tanh(add(drive, source));
    return { logits: matmul(next, tensor(output)).mul(2), state: { hidden: next, source } };
  };
  const state = (chosen: readonly number[]) => ({
    hidden: tensor(chosen.map(() => new Array<number>(size).fill(0))),
    source: tensor(chosen.map((row) => sources[row] as number[])),
  });
  const product = (x: readonly number[], matrix: Matrix) =>
    (matrix[0] as number[]).map((_, j) => x.reduce((sum, value, i) => sum + value * (matrix[i]?.[j] as number), 0));

  /** The log-probabilities of all tokens after the given ones, in float64, by plain loops. */
  const logProbabilities = (row: number, tokens: readonly number[]): number[] => {
    let hidden = new Array<number>(size).fill(0);
    for (const token of tokens) {
      const before = product(hidden, recurrent);
      hidden = before.map((value, i) => Math.tanh(value + (embedding[token]?.[i] as number) + (sources[row]?.[i] as number)));
    }
    const logits = product(hidden, output).map((value) => 2 * value);
    const total = Math.log(logits.reduce((sum, value) => sum + Math.exp(value), 0));
    return logits.map((value) => value - total);
  };

  /** Every sequence that there is, with its log-probability and its length, an end mark counted. */
  const all = (row: number, { begin, end, maximumLength }: decode.DecodeOptions) => {
    const found: { tokens: number[]; logProbability: number; ended: boolean; length: number }[] = [];
    const extend = (tokens: number[], logProbability: number) => {
      const next = logProbabilities(row, [begin, ...tokens]);
      const length = tokens.length + 1;
      next.forEach((value, token) => {
        const total = logProbability + value;
        if (token === end) found.push({ tokens, logProbability: total, ended: true, length });
        else if (length === maximumLength) found.push({ tokens: [...tokens, token], logProbability: total, ended: false, length });
        else extend([...tokens, token], total);
      });
    };
    extend([], 0);
    return found;
  };
  return { step, state, logProbabilities, all };
}
