import { access, Code, encodeModule } from "../assembly/assembler.js";
import { instantiate } from "../assembly/webAssembly.js";
import type { Bernoulli } from "../graph/tensor.js";

/** So many numbers are drawn at a time. */
const batch = 2048;

/** Where the module keeps the four parts of the generator's state, the border and the value, each a vector of four lanes, and what it draws. */
const [stateAt, borderAt, valueAt, numbersAt] = [0, 64, 80, 96];

/** Draws a batch: in each of four lanes sfc32, as `fillUniform` has it; a number is the value where its 32 bits, with a sign, are below the border. */
function generator(): Uint8Array<ArrayBuffer> {
  const code = new Code();
  const [a, b, c, d, t] = [0, 1, 2, 3, 4].map(() => code.local("v128")) as [number, number, number, number, number];
  const load = (address: number) => code.constant(0).write(access("v128.load", address));
  [a, b, c, d].forEach((part, i) => load(stateAt + 16 * i).set(part));
  const ones = (code: Code) => code.constant(1).write("i32x4.splat");
  const shifted = (x: number, by: number, how: "i32x4.shl" | "i32x4.shr_u") => code.get(x).constant(by).write(how);
  code.loop(0, 4 * batch, 16, (place) => {
    // t = a + b + d, d = d + 1, a = b ^ (b >>> 9), b = c + (c << 3), c = (c rotated by 21) + t
    code.get(a).get(b).write("i32x4.add").get(d).write("i32x4.add").set(t);
    ones(code.get(d)).write("i32x4.add").set(d);
    code.get(b);
    shifted(b, 9, "i32x4.shr_u").write("v128.xor").set(a);
    code.get(c);
    shifted(c, 3, "i32x4.shl").write("i32x4.add").set(b);
    shifted(c, 21, "i32x4.shl");
    shifted(c, 11, "i32x4.shr_u").write("v128.or").get(t).write("i32x4.add").set(c);
    code.get(place);
    load(borderAt).get(t).write("i32x4.gt_s");
    load(valueAt).write("v128.and", access("v128.store", numbersAt));
  });
  [a, b, c, d].forEach((part, i) =>
    code
      .constant(0)
      .get(part)
      .write(access("v128.store", stateAt + 16 * i)),
  );
  return encodeModule([], [code], 1, []);
}

let started: { readonly state: Int32Array; readonly value: Float32Array; readonly numbers: Float32Array; run(): void } | undefined;

function start() {
  const { memory, run } = instantiate(generator());
  const { buffer } = memory;
  return {
    state: new Int32Array(buffer, stateAt, 20),
    value: new Float32Array(buffer, valueAt, 4),
    numbers: new Float32Array(buffer, numbersAt, batch),
    run,
  };
}

/** Fills `into` with `value` where, with the given probability (to 2^-32), a draw is one, else with 0: it follows from the key and the stream alone. */
export function fillBernoulli(
  into: Float32Array,
  [seed, counter]: readonly [number, number],
  stream: number,
  { probability, value }: Bernoulli,
): void {
  if (probability === 1) {
    into.fill(value);
    return;
  }
  started ??= start();
  const { state, numbers } = started;
  const high = Math.floor(counter / 2 ** 32) * 0x9e3779b1;
  for (let lane = 0; lane < 4; lane++) {
    state[lane] = seed;
    state[4 + lane] = counter;
    state[8 + lane] = stream ^ high ^ Math.imul(lane, 0x85ebca6b);
    state[12 + lane] = 1;
    state[16 + lane] = Math.floor(probability * 2 ** 32) - 2 ** 31;
  }
  started.value.fill(value);
  // The first batch mixes the key into all of the state, and is thrown away.
  started.run();
  for (let i = 0; i < into.length; i += batch) {
    started.run();
    into.set(into.length - i < batch ? numbers.subarray(0, into.length - i) : numbers, i);
  }
}
