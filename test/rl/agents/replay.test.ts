import { RandomGenerator, rl } from "kasane";
import { describe, expect, test } from "vitest";

/** A buffer with the steps of one episode of observations 0, 1, 2, ... and rewards 1, 10, 100, ... */
function bufferOf(options: Partial<rl.ReplayOptions>, lengths: readonly { readonly steps: number; readonly terminated: boolean }[]) {
  const buffer = new rl.ReplayBuffer({ capacity: 16, batchSize: 256, observationSize: 1, discount: 0.5, ...options });
  for (const { steps, terminated } of lengths) {
    for (let i = 0; i < steps; i++) {
      const ends = i === steps - 1;
      buffer.add(0, Float32Array.of(i), i % 2, 10 ** i, Float32Array.of(i + 1), terminated && ends, ends);
    }
  }
  return buffer;
}

/** The different transitions among those drawn, by their first observations. */
function transitionsOf(buffer: rl.ReplayBuffer) {
  const { observations, actions, rewards, nextObservations, discounts } = buffer.draw(new RandomGenerator());
  const rows = Array.from(observations, (observation, i) => [observation, actions[i], rewards[i], nextObservations[i], discounts[i]]);
  return [...new Map(rows.map((row) => [`${row}`, row])).values()].sort(
    (a, b) => (a[0] as number) - (b[0] as number) || (a[4] as number) - (b[4] as number),
  );
}

describe("ReplayBuffer", () => {
  test("refuses steps of other environments, actions and observations", () => {
    const buffer = bufferOf({ environments: 2 }, []);
    const row = Float32Array.of(1, 2);
    expect(() => buffer.add(2, row, 0, 0, row, false, false)).toThrow("ReplayBuffer: environment 2, expected 0 to 1");
    expect(() => buffer.add(0, row, 0.7, 0, row, false, false)).toThrow("ReplayBuffer: action 0.7, expected an index");
    expect(() => buffer.add(1, row, 0, 0, row.subarray(1), false, false)).toThrow("got 2 and 1 numbers of observations, expected 2 x 1");
  });

  test("keeps the last steps; one that terminates counts no value, one that is truncated does", () => {
    expect(transitionsOf(bufferOf({}, [{ steps: 3, terminated: true }]))).toEqual([
      [0, 0, 1, 1, 0.5],
      [1, 1, 10, 2, 0.5],
      [2, 0, 100, 3, 0],
    ]);
    expect(transitionsOf(bufferOf({ capacity: 2 }, [{ steps: 3, terminated: false }]))).toEqual([
      [1, 1, 10, 2, 0.5],
      [2, 0, 100, 3, 0.5],
    ]);
  });

  test("adds up the discounted rewards of several steps, fewer at an episode's end, and never over it", () => {
    const lengths = [
      { steps: 4, terminated: true },
      { steps: 2, terminated: false },
    ];
    // γ = 1/2: 1 + 10/2 + 100/4 = 31, 10 + 100/2 + 1000/4 = 310, 100 + 1000/2 = 600; truncated: 1 + 10/2 = 6.
    expect(transitionsOf(bufferOf({ steps: 3 }, lengths))).toEqual([
      [0, 0, 31, 3, 0.125],
      [0, 0, 6, 2, 0.25],
      [1, 1, 310, 4, 0],
      [1, 1, 10, 2, 0.5],
      [2, 0, 600, 4, 0],
      [3, 1, 1000, 4, 0],
    ]);
  });

  test("draws by priority, and weighs by the share that it drew", () => {
    const buffer = bufferOf({ batchSize: 4, prioritised: { exponent: 1, floor: 0 }, capacity: 4 }, [{ steps: 4, terminated: true }]);
    const random = new RandomGenerator();
    // Equal priorities at first: each quarter of them is one transition.
    expect([...buffer.draw(random).observations].sort()).toEqual([0, 1, 2, 3]);
    const batch = buffer.draw(random);
    buffer.prioritise(Array.from(batch.observations, (observation) => [-6, 2, 0, 0][observation] as number));
    let firsts = 0;
    for (let i = 0; i < 100; i++) {
      const { observations, weights } = buffer.draw(random, 1);
      for (const [j, observation] of observations.entries()) {
        expect(observation).toBeLessThan(2);
        // In proportion to 1 / priority, the largest 1.
        expect(weights[j]).toBeCloseTo(observation === 0 && observations.includes(1) ? 1 / 3 : 1, 6);
        if (observation === 0) firsts++;
      }
    }
    // 6 of 8 parts of the priorities, stratified: three of four draws.
    expect(firsts).toBe(300);
  });

  test("a restored buffer draws the same", () => {
    const options = { prioritised: true, steps: 2, bytes: true } as const;
    const buffer = bufferOf(options, [{ steps: 9, terminated: false }]);
    const other = bufferOf(options, []);
    for (const [name, array] of buffer.namedArrays())
      other
        .namedArrays()
        .get(name)
        ?.set(array as never);
    for (const each of [buffer, other]) each.add(0, Float32Array.of(7), 1, 5, Float32Array.of(8), true, true);
    expect(transitionsOf(other)).toEqual(transitionsOf(buffer));
    expect(other.count).toBe(10);
  });

  test("says what it cannot take", () => {
    expect(() => bufferOf({ capacity: 0 }, [])).toThrow("ReplayBuffer: got capacity 0, expected an integer from 1");
    expect(() => bufferOf({ discount: 2 }, [])).toThrow("ReplayBuffer: got discount 2, expected a number from 0 to 1");
    expect(() => bufferOf({ prioritised: { exponent: -1 } }, [])).toThrow("prioritised: exponent -1: expected a number from 0");
    for (const observation of [0.5, -1, 256]) {
      const add = () => bufferOf({ bytes: true }, []).add(0, Float32Array.of(7), 1, 5, Float32Array.of(observation), true, true);
      expect(add).toThrow(`bytes: an observation has ${observation}, expected integers from 0 to 255`);
      const begin = () => bufferOf({ bytes: true }, []).add(0, Float32Array.of(observation), 1, 5, Float32Array.of(7), true, true);
      expect(begin).toThrow(`bytes: an observation has ${observation}, expected integers from 0 to 255`);
    }
    expect(() => bufferOf({}, []).draw(new RandomGenerator())).toThrow("ReplayBuffer: a draw before the first transition: add some first");
  });
});

test("SumTree finds each place by its part of the sum", () => {
  const tree = new rl.SumTree(5);
  [3, 0, 1, 0, 2].forEach((priority, place) => tree.set(place, priority));
  expect(tree.total).toBe(6);
  expect([0, 2.9, 3, 3.9, 4, 5.9].map((sum) => tree.find(sum))).toEqual([0, 0, 2, 2, 4, 4]);
  tree.set(0, 0);
  expect([0, 0.9, 1, 3].map((sum) => tree.find(sum))).toEqual([2, 2, 4, 4]);
});
