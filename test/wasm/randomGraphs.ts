import { concat, gather, maximum, minimum, type Tensor, tensor, where } from "kasane";
import { fillUniform } from "../../src/random/uniform.js";

/** Random choices that follow from a seed. */
export class Choices {
  private readonly numbers = new Float32Array(4096);
  private place = 0;

  constructor(seed: number) {
    fillUniform(this.numbers, [seed, 0], 0);
  }

  /** In [0, 1). */
  next(): number {
    if (this.place === this.numbers.length) throw new Error("a graph takes fewer choices");
    return this.numbers[this.place++] as number;
  }

  /** A whole number below `count`. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** The list in another order. */
  shuffled<T>(list: readonly T[]): T[] {
    const rest = [...list];
    return list.map(() => rest.splice(this.below(rest.length), 1)[0] as T);
  }
}

const largest = 300;

/** What becomes of one value. All have slopes of at most about 1, so that rounding stays rounding. */
const unary: readonly ((x: Tensor) => Tensor)[] = [
  (x) => x.tanh(),
  (x) => x.sigmoid(),
  (x) => x.sin(),
  (x) => x.cos(),
  (x) => x.neg(),
  (x) => x.abs(),
  (x) => x.relu(),
  (x) => x.erf(),
  (x) => x.clip(-0.75, 0.5),
  (x) => x.mul(0.5).add(0.25),
  (x) => x.clip(-2, 1).exp().mul(0.25),
  (x) => x.abs().add(1).log(),
  (x) => x.abs().add(1).sqrt(),
  (x) => x.abs().add(1).pow(-0.5),
  (x) => x.clip(-1, 1).square().mul(0.5),
  (x) => tensor(1).div(x.abs().add(1)),
  (x) => where(x.greater(0.25), x, x.mul(0.5).sub(0.125)).mul(0.5),
];

const binary: readonly ((a: Tensor, b: Tensor) => Tensor)[] = [
  (a, b) => a.add(b).mul(0.5),
  (a, b) => a.sub(b).mul(0.5),
  (a, b) => a.tanh().mul(b.sin()),
  (a, b) => a.div(b.abs().add(1)),
  (a, b) => maximum(a, b),
  (a, b) => minimum(a, b),
];

/** What becomes of a value of one axis or more. */
const moves: readonly ((x: Tensor, choose: Choices) => Tensor)[] = [
  (x, choose) => x.transpose(choose.shuffled([...x.shape.keys()])),
  (x) => x.reshape([-1]),
  (x) => x.reshape([x.shape[0] as number, 1, -1]),
  (x, choose) => x.flip({ axis: choose.below(x.rank) }),
  (x, choose) => concat([x, x.mul(0.5)], { axis: choose.below(x.rank) }),
  (x, choose) =>
    x.slice(
      x.shape.map((size) => {
        const start = choose.below(size);
        return [start, start + 1 + choose.below(size - start)] as const;
      }),
    ),
  (x, choose) => x.pad(x.shape.map(() => [choose.below(2), choose.below(2)] as const)),
  (x, choose) => x.expand([2 + choose.below(2), ...x.shape]),
  (x, choose) => x.unsqueeze({ axis: choose.below(x.rank + 1) }),
  (x, choose) => {
    const axis = choose.below(x.rank);
    const ids = Int32Array.from({ length: 3 }, () => choose.below(x.shape[axis] as number));
    return gather(x, tensor(ids), { axis });
  },
  (x) =>
    x.rank < 2
      ? x
      : x.matmul(x.transpose([...x.shape.keys()].slice(0, -2).concat(x.rank - 1, x.rank - 2))).mul(1 / (x.shape.at(-1) as number)),
  (x, choose) => {
    const axes = [...x.shape.keys()].filter(() => choose.below(2) === 0);
    const options = { axis: axes, keepDims: choose.below(2) === 0 };
    const reduce = [
      (y: Tensor) => y.mean(options),
      (y: Tensor) => y.sum(options).mul(0.2),
      (y: Tensor) => y.max(options),
      (y: Tensor) => y.min(options),
    ];
    return choose.of(reduce)(x);
  },
  (x, choose) => x.softmax({ axis: choose.below(x.rank) }),
];

/** A chain of random operators on values that came before, the later the likelier. */
export function chain(choose: Choices, inputs: readonly Tensor[], length: number): Tensor[] {
  const values = [...inputs];
  const recent = () => values[Math.max(0, values.length - 1 - choose.below(4))] as Tensor;
  while (values.length < length) {
    const x = recent();
    const kind = choose.below(3);
    let made: Tensor;
    if (kind === 0) made = choose.of(unary)(x);
    else if (kind === 1 && x.rank > 0 && x.size > 0) made = choose.of(moves)(x, choose);
    else {
      // Any two broadcast once one is a mean along its last axes.
      const other = recent();
      const fits = x.shape.every((size, axis) => [size, 1].includes(other.shape[axis + other.rank - x.rank] ?? 1) || size === 1);
      made = choose.of(binary)(x, fits && other.rank <= x.rank ? other : other.mean());
    }
    if (made.size > 0 && made.size <= largest) values.push(made);
  }
  return values.slice(inputs.length);
}
