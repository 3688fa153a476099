import { decode, expand, type Tensor } from "kasane";
import { expect, it } from "vitest";

/** Gives out the codes of 1 and of 3 samples ago as logits. */
const memory = (codes: Tensor, past: Tensor) => ({
  logits: past.reshape([1, 2]),
  present: expand(codes.cast("float32").reshape([1, 1, 1]), [2, 1, 1]),
});

it("hands each row in again when its delay is over", async () => {
  const reader = await decode.signalReader(memory, { delays: [1, 3], size: 1 });
  const read = async (codes: readonly number[]) => {
    const seen: number[][] = [];
    for (const code of codes) seen.push([...(await reader.read(code))]);
    return seen;
  };
  const expected = [
    [0, 0],
    [5, 0],
    [6, 0],
    [7, 5],
    [8, 6],
  ];
  expect(await read([5, 6, 7, 8, 9])).toEqual(expected);
  reader.restart();
  expect(await read([5, 6, 7, 8, 9])).toEqual(expected);
});

/** Gives out the same logits always, and tells what it read. */
function constant(logits: readonly number[]) {
  const codes: number[] = [];
  const reader = {
    read(code: number) {
      codes.push(code);
      return Float32Array.from(logits);
    },
    restart: () => codes.splice(0),
  };
  return { codes, reader };
}

it("draws by the probabilities, to the power of 1 / temperature", async () => {
  const probabilities = [0.1, 0.2, 0.7];
  const { reader } = constant(probabilities.map(Math.log));
  const grid = 1000;
  const shares = async (temperature?: number) => {
    let i = 0;
    const drawn = await decode.sampleSignal(reader, { length: grid, begin: 0, temperature, uniform: () => (i++ + 0.5) / grid });
    return probabilities.map((_, value) => drawn.filter((each) => each === value).length / grid);
  };
  expect(await shares()).toEqual(probabilities);
  // Squares, of which the sum is 0.54.
  expect(await shares(0.5)).toEqual([0.019, 0.074, 0.907]);
});

it("reads the beginning, the prime and what it drew, in this order", async () => {
  const { codes, reader } = constant([0, 0]);
  expect(await decode.sampleSignal(reader, { length: 3, begin: 9, prime: [4, 5], uniform: () => 0.6 })).toEqual(Int32Array.of(1, 1, 1));
  expect(codes).toEqual([9, 4, 5, 1, 1]);
  expect(await decode.sampleSignal(reader, { length: 0, begin: 9, uniform: () => 0 })).toEqual(new Int32Array(0));
});

it("refuses options out of range", async () => {
  const { reader } = constant([0, 0]);
  const uniform = () => 0;
  await expect(decode.signalReader(memory, { delays: [1, 0], size: 1 })).rejects.toThrow("signalReader: got the delays [1, 0]");
  await expect(decode.sampleSignal(reader, { length: -1, begin: 0, uniform })).rejects.toThrow("got length -1, expected an integer from 0");
  await expect(decode.sampleSignal(reader, { length: 1, begin: 0, temperature: 0, uniform })).rejects.toThrow("got temperature 0");
});

it("refuses what is no code, rows of other sizes and logits that say nothing", async () => {
  const reader = await decode.signalReader(memory, { delays: [1, 3], size: 1 });
  for (const code of [1.7, -1, Number.NaN])
    expect(() => reader.read(code)).toThrow(`signalReader: got the sample ${code}, expected a code`);
  const wide = (codes: Tensor, past: Tensor) => ({ ...memory(codes, expand(past, [2, 1, 1])) });
  await expect(decode.signalReader(wide, { delays: [1], size: 1 })).rejects.toThrow("the step gives out [2, 1, 1], expected");
  const draw = (logits: readonly number[], uniform: number) =>
    decode.sampleSignal(constant(logits).reader, { length: 1, begin: 0, uniform: () => uniform });
  await expect(draw([Number.NaN, 0], 0.5)).rejects.toThrow("sampleSignal: the logits are no numbers");
  await expect(draw([0, 0], 1)).rejects.toThrow("sampleSignal: uniform gave 1, expected");
});
