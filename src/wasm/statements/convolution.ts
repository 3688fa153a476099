import { access as instruction } from "../../assembly/assembler.js";
import { type Shape, sizeOf } from "../../graph/shape.js";
import { rowMajor } from "../../graph/view.js";
import type { ConvolutionGeometry } from "../../ops/convolutionGeometry.js";
import { placesOf } from "../blocks.js";
import { type Access, addressesOf, load, store, type Term } from "../buffers.js";
import { type Value, Values } from "../values.js";
import { accumulators, inBlocks, mostWide, type Place } from "./product.js";
import { type Emission, offsetsAt, type Statement, type Strides, termsOf } from "./statement.js";

/** What a convolution reads and writes. */
export interface ConvolutionOperands {
  /** `[batch, group, ...]`, padded; an element of it is found by its offset from the first one of its group. */
  readonly image: Access;
  /** The offset in bytes of the first element that a kernel meets at each place, int32 `[places]`. */
  readonly places: Access;
  /** The offset in bytes of each element from the first one that the kernel meets, int32 `[inner]`. */
  readonly taps: Access;
  /** `[group, inner, outputs]`, row-major */
  readonly kernel: Access;
  /** `[group, outputs]` */
  readonly bias?: Access | undefined;
  /** `[batch, group, outputs, places]` */
  readonly to: Access;
}

/** The places and the taps of {@link ConvolutionOperands}, for a padded image and its kernel. */
export function convolutionOffsets(
  image: Shape,
  kernel: Shape,
  places: Shape,
  { strides, dilations }: ConvolutionGeometry,
): { readonly places: readonly number[]; readonly taps: readonly number[] } {
  const along = rowMajor(image)
    .strides.slice(1)
    .map((stride) => 4 * stride);
  const within = (shape: Shape, steps: readonly number[]) =>
    placesOf(shape).map((index) => index.reduce((sum, place, axis) => sum + place * (steps[axis] as number), 0));
  const spatial = along.slice(1);
  return {
    places: within(
      places,
      spatial.map((stride, i) => stride * (strides[i] as number)),
    ),
    taps: within(kernel.slice(1), [along[0] as number, ...spatial.map((stride, i) => stride * (dilations[i] as number))]),
  };
}

/** Convolves images: vectors lie along the output channels, and a block of the result at several places is in registers. */
export class ConvolutionStatement implements Statement {
  constructor(private readonly operands: ConvolutionOperands) {}

  get reads() {
    const { image, places, taps, kernel, bias } = this.operands;
    return [image, places, taps, kernel, ...(bias ? [bias] : [])].map(({ buffer }) => buffer);
  }

  get writes() {
    return [this.operands.to.buffer];
  }

  emit(emission: Emission): void {
    const { shape } = this.operands.to.view;
    if (sizeOf(shape) === 0) return;
    const [batch, group, outputs, places] = shape as readonly [number, number, number, number];
    const { code } = emission;
    const wide = Math.min(Math.ceil(outputs / 4), mostWide);
    const high = Math.floor(accumulators / wide);
    inBlocks(code, batch, 1, (image) =>
      inBlocks(code, group, 1, (part) =>
        inBlocks(code, outputs, 4 * wide, (output, width) => {
          const lanes = Array.from({ length: width }, (_, i) => output.start + i);
          const fours = lanes.flatMap((_, i) => (i % 4 === 0 ? [lanes.slice(i, i + 4)] : []));
          inBlocks(code, places, high, (place, height) => this.block(emission, [image, part, output, place], fours, height));
        }),
      ),
    );
  }

  /** Each of `fours` output channels at `height` places. */
  private block(emission: Emission, at: At, fours: readonly (readonly number[])[], height: number): void {
    const { code, constants } = emission;
    const { image, places, taps, kernel, bias, to } = this.operands;
    const [batch, part, output, place] = at;
    const starts = Array.from({ length: height }, (_, i) => place.start + i).map((each) => {
      const values = new Values(code, constants);
      const start = word(values, places, each, [...termsOf(places, [], [], emission), ...moving(place, 1)]);
      const terms = [...termsOf(image, [], [], emission), ...movingOf(image.view.strides, batch, part)];
      const address = bytesAt(values, start, terms, offsetOf(image.view.strides, batch, part));
      const local = code.local("i32");
      values.push(values.use(address)).set(local);
      return local;
    });
    const sums = starts.map(() => fours.map(() => code.local("v128")));
    for (const row of sums) {
      row.forEach((sum, j) => {
        const values = new Values(code, constants);
        const terms = bias && [...termsOf(bias, [], [], emission), ...movingOf(bias.view.strides, part, output)];
        const offsets = (fours[j] as readonly number[]).map((each) => this.inGroup(bias, part) + each * (bias?.view.strides[1] ?? 0));
        const first = bias && terms ? load(values, bias, offsets, terms) : values.constant(0);
        values.push(values.use(first)).set(sum);
      });
    }
    const inner = taps.view.shape[0] as number;
    const [ofGroup, ofTap] = kernel.view.strides as [number, number];
    const step = (tap: number) => {
      const values = new Values(code, constants);
      const shift = word(values, taps, 0, [...termsOf(taps, [], [], emission), { local: tap, stride: 1 }]);
      const terms = [...termsOf(kernel, [], [], emission), { local: tap, stride: ofTap }, ...moving(part, ofGroup), ...moving(output, 1)];
      const weights = fours.map((four) =>
        load(
          values,
          kernel,
          four.map((each) => part.start * ofGroup + each),
          terms,
        ),
      );
      const next = starts.map((start) => {
        const address = values.make("i32.add", [values.local(start, "i32", "int32"), shift], "int32", "i32");
        const element = values.make(instruction("v128.load32_splat", image.buffer.address + 4 * image.view.offset), [address]);
        return weights.map((weight) => values.make("f32x4.mul", [element, weight]));
      });
      next.forEach((row, i) =>
        row.forEach((value, j) => {
          const sum = (sums[i] as number[])[j] as number;
          values.push(values.use(values.make("f32x4.add", [values.local(sum), value]))).set(sum);
        }),
      );
    };
    if (inner > 0) code.loop(0, inner, 1, step);
    const values = new Values(code, constants);
    const terms = [...termsOf(to, [], [], emission), ...movingOf(to.view.strides, ...at)];
    const stores = sums.flatMap((row, i) =>
      row.map((sum, j) => {
        const points = (fours[j] as readonly number[]).map((each) => [batch.start, part.start, each, place.start + i]);
        return store(values, to, offsetsAt(points, to.view.strides), terms, values.local(sum));
      }),
    );
    for (const write of stores) write(code);
  }

  private inGroup(bias: Access | undefined, part: Place): number {
    return part.start * (bias?.view.strides[0] ?? 0);
  }
}

/** An image of the batch, a group, an output channel and a place. */
type At = readonly [Place, Place, Place, Place];

const moving = ({ local }: Place, stride: number): Term[] => (local === undefined ? [] : [{ local, stride }]);

/** What moves along the first axes of an access. */
const movingOf = (strides: Strides, ...at: readonly Place[]): Term[] => at.flatMap((place, axis) => moving(place, strides[axis] as number));

/** The offset of the beginnings of places along the first axes. */
const offsetOf = (strides: Strides, ...at: readonly Place[]): number =>
  at.reduce((sum, { start }, axis) => sum + start * (strides[axis] as number), 0);

/** An integer in memory. */
function word(values: Values, access: Access, index: number, terms: readonly Term[]): Value {
  const { base, more } = addressesOf(values, access, [index], terms);
  return values.make(instruction("i32.load", more[0] as number), [base], "int32", "i32");
}

/** `start` plus what terms and an offset in elements add, in bytes. */
function bytesAt(values: Values, start: Value, terms: readonly Term[], offset: number): Value {
  const parts = terms.map(({ local, stride }) =>
    values.make("i32.mul", [values.local(local, "i32", "int32"), values.integer(4 * stride)], "int32", "i32"),
  );
  return [...parts, ...(offset === 0 ? [] : [values.integer(4 * offset)])].reduce(
    (sum, part) => values.make("i32.add", [sum, part], "int32", "i32"),
    start,
  );
}
