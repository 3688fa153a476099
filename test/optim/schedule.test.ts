import { compile, mul, optim, tensor } from "kasane";
import { expect, it } from "vitest";

/** Each schedule with its closed form in JavaScript's numbers. */
const cases: { name: string; schedule: optim.Schedule; expected: (t: number) => number }[] = [
  { name: "constant", schedule: optim.constant(0.3), expected: () => 0.3 },
  { name: "stepDecay", schedule: optim.stepDecay(0.1, 10, 0.5), expected: (t) => 0.1 * 0.5 ** Math.floor(t / 10) },
  { name: "stepDecay of every step", schedule: optim.stepDecay(0.1, 1, 0.97), expected: (t) => 0.1 * 0.97 ** t },
  {
    name: "cosine",
    schedule: optim.cosine(0.1, 40, 0.01),
    expected: (t) => 0.01 + (0.09 * (1 + Math.cos((Math.PI * Math.min(t, 40)) / 40))) / 2,
  },
  { name: "linear", schedule: optim.linear(0.1, 30, 0.01), expected: (t) => 0.1 - (0.09 * Math.min(t, 30)) / 30 },
  {
    name: "inverseSquareRoot",
    // The size of the model in Vaswani et al. is 512: 512^-0.5 min(n^-0.5, n 20^-1.5)
    schedule: optim.inverseSquareRoot((512 * 20) ** -0.5, 20),
    expected: (t) => 512 ** -0.5 * Math.min((t + 1) ** -0.5, (t + 1) * 20 ** -1.5),
  },
  {
    name: "piecewise",
    schedule: optim.piecewise([
      [0, 0.1],
      [5, optim.stepDecay(0.08, 1, 0.9)],
      [30, 0.01],
    ]),
    expected: (t) => (t < 5 ? 0.1 : t < 30 ? 0.08 * 0.9 ** (t - 5) : 0.01),
  },
  {
    // PyTorch 2.15: OneCycleLR(max_lr=0.1, total_steps=40), whose rise ends after 11 steps.
    name: "oneCycle",
    schedule: optim.oneCycle(0.1, 40),
    expected: (t) =>
      t < 11
        ? 0.1 - (0.096 * (1 + Math.cos((Math.PI * t) / 11))) / 2
        : 4e-7 + ((0.1 - 4e-7) * (1 + Math.cos((Math.PI * (Math.min(t, 39) - 11)) / 28))) / 2,
  },
  { name: "warmUp", schedule: optim.warmUp(10, 0.2), expected: (t) => 0.2 * Math.min((t + 1) / 10, 1) },
  {
    name: "warmUp, then cosine",
    schedule: optim.warmUp(10, optim.cosine(0.2, 30)),
    expected: (t) => (t < 10 ? (0.2 * (t + 1)) / 10 : 0.1 * (1 + Math.cos((Math.PI * Math.min(t - 10, 30)) / 30))),
  },
  {
    name: "a function of a schedule",
    schedule: (step) => mul(optim.stepDecay(0.1, 10, 0.5)(step), 3),
    expected: (t) => 0.3 * 0.5 ** Math.floor(t / 10),
  },
];

it.each(cases)("$name follows its formula", async ({ schedule, expected }) => {
  const steps = [0, 1, 4, 5, 9, 10, 11, 19, 20, 29, 30, 39, 40, 41, 60];
  const rate = compile(schedule);
  for (const t of steps) {
    const got = await (await rate(tensor(t))).item();
    // A cosine at its end is 0 but for float32's rounding of π.
    expect(Math.abs(got - expected(t))).toBeLessThan(1e-6 * expected(t) + 1e-8);
  }
  await rate.dispose();
});

it.each<[() => unknown, string]>([
  [() => optim.constant(-1), "constant: rate -1: expected a number from 0"],
  [() => optim.cosine(0.1, 0), "cosine: steps 0: expected a number above 0"],
  [() => optim.cosine(Number.NaN, 10), "cosine: rate NaN"],
  [() => optim.linear(0.1, 10, -1), "linear: final -1"],
  [() => optim.inverseSquareRoot(0.1, 0), "inverseSquareRoot: warmUp 0"],
  [() => optim.stepDecay(0.1, 0, 0.5), "stepDecay: every 0"],
  [() => optim.oneCycle(0.1, 40, { startDivisor: 0 }), "oneCycle: startDivisor 0"],
])("refuses what makes no rate: %#", (make, message) => {
  expect(make).toThrow(message);
});

it("tells what is wrong with pieces", () => {
  expect(() => optim.piecewise([[5, 0.1]])).toThrow("piecewise: the pieces start at [5]: expected 0 first, then ascending steps");
  expect(() =>
    optim.piecewise([
      [0, 0.1],
      [5, 0.2],
      [5, 0.3],
    ]),
  ).toThrow("the pieces start at [0, 5, 5]");
});
