import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import { check, excerpt, printable } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { crc32 } from "./crc.js";
import { makeFolder, writing } from "./fileError.js";
import { graphDefinition } from "./graphEvent.js";
import { encodePng, type Pixels } from "./png.js";
import { bytes, double, doubles, float, integer, message } from "./protobuf.js";

/** Castagnoli's polynomial, which TFRecord files are checked with. */
const crc32c = crc32(0x82f63b78);

/** The number of bars of a histogram. */
const bars = 30;

/**
 * Writes a file of events that TensorBoard reads: `tensorboard --logdir FOLDER`. Node only.
 * A tag with slashes, such as `loss/training`, is shown in the group before them.
 */
export class EventWriter {
  /** The file that is written. */
  readonly file: string;
  /** Undefined once the file is closed: the system may then give its descriptor to another file. */
  private descriptor: number | undefined;
  /** The bytes of the file: those of whole events. */
  private size = 0;

  /**
   * @param folder made where it is missing; every writer makes a file of its own in it
   * @param now the time in seconds since 1970
   * @throws KasaneError, as every method that writes, naming the file where it cannot be written
   */
  constructor(
    folder: string,
    private readonly now: () => number = () => Date.now() / 1000,
  ) {
    makeFolder(folder);
    const time = `${Math.floor(now())}`.padStart(10, "0");
    this.file = join(folder, `events.out.tfevents.${time}.${hostname()}.${process.pid}.${threadId}.${written++}`);
    this.descriptor = writing(this.file, () => openSync(this.file, "wx"));
    this.write(0, bytes(3, "brain.Event:2"));
  }

  /** A number that changes from step to step. */
  scalar(tag: string, step: number, value: number): void {
    this.summary(tag, step, float(2, value));
  }

  /** How values are spread, such as a parameter's: 30 bars of equal width between the least and the greatest. What is not finite is left out. */
  histogram(tag: string, step: number, values: ArrayLike<number | bigint>): void {
    this.summary(tag, step, bytes(5, histogram(values)));
  }

  /** A text, shown as Markdown. */
  text(tag: string, step: number, text: string): void {
    const stringType = 7;
    const tensor = message(integer(1, stringType), bytes(2, message()), bytes(8, text));
    const tensorData = 2;
    const metadata = message(bytes(1, bytes(1, "text")), integer(4, tensorData));
    this.summary(tag, step, bytes(8, tensor), bytes(9, metadata));
  }

  /** An image. */
  image(tag: string, step: number, pixels: Pixels): void {
    const { height, width, channels } = pixels;
    this.summary(tag, step, bytes(4, message(integer(1, height), integer(2, width), integer(3, channels), bytes(4, encodePng(pixels)))));
  }

  /** The graph that computes `outputs`, in the scopes of its modules; of what a model gives for `zeros` of its input's shape, for example. */
  graph(outputs: readonly Tensor[]): void {
    this.write(0, bytes(4, graphDefinition(outputs)));
  }

  /** Says that a run was resumed: what earlier files of the folder hold of `step` and after is shown no more. */
  restart(step: number): void {
    const start = 1;
    this.write(step, bytes(7, integer(1, start)));
  }

  /** Closes the file; closing it again does nothing. Nothing is buffered: what was written is in the file before. */
  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  private summary(tag: string, step: number, ...value: readonly Uint8Array[]): void {
    check(tag !== "" && printable(tag) === tag, () => `EventWriter: the tag "${excerpt(tag)}": expected a name without control characters`);
    this.write(step, bytes(5, bytes(1, message(bytes(1, tag), ...value))));
  }

  /** Writes an event as a TFRecord: its length, the check of that, itself, its check. */
  private write(step: number, what: Uint8Array): void {
    check(Number.isSafeInteger(step) && step >= 0, () => `EventWriter: got step ${step}, expected an integer from 0`);
    const event = message(double(1, this.now()), integer(2, step), what);
    const record = Buffer.alloc(event.length + 16);
    record.writeBigUInt64LE(BigInt(event.length));
    record.writeUInt32LE(masked(record.subarray(0, 8)), 8);
    record.set(event, 12);
    record.writeUInt32LE(masked(event), event.length + 12);
    const { descriptor } = this;
    check(descriptor !== undefined, () => `EventWriter: ${this.file} is closed: nothing can be written to it any more`);
    try {
      writing(this.file, () => {
        // The system may write only a part of the bytes.
        for (let done = 0; done < record.length; ) done += writeSync(descriptor, record, done, record.length - done, this.size + done);
      });
    } catch (error) {
      // Readers go no further than a part of an event.
      writing(this.file, () => ftruncateSync(descriptor, this.size));
      throw error;
    }
    this.size += record.length;
  }
}

let written = 0;

/** A check as TFRecord stores it: rotated, and offset by a constant, since checks of data that contains checks are weak. */
function masked(data: Uint8Array): number {
  const check = crc32c(data);
  return (((check >>> 15) | (check << 17)) + 0xa282ead8) >>> 0;
}

/** TensorFlow's HistogramProto: the upper end of each bar and the number of values in it. */
function histogram(values: ArrayLike<number | bigint>): Uint8Array {
  const finite = Array.from(values, Number).filter(Number.isFinite);
  let [least, greatest, sum, squares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (const value of finite) {
    least = Math.min(least, value);
    greatest = Math.max(greatest, value);
    sum += value;
    squares += value * value;
  }
  if (finite.length === 0) [least, greatest] = [0, 0];
  const count = least === greatest ? 1 : bars;
  const width = (greatest - least) / count;
  const limits = Array.from({ length: count }, (_, i) => (i === count - 1 ? greatest : least + (i + 1) * width));
  const counts = new Array<number>(count).fill(0);
  for (const value of finite) {
    const bar = width === 0 ? 0 : Math.min(count - 1, Math.floor((value - least) / width));
    counts[bar] = (counts[bar] as number) + 1;
  }
  return message(
    double(1, least),
    double(2, greatest),
    double(3, finite.length),
    double(4, sum),
    double(5, squares),
    doubles(6, limits),
    doubles(7, counts),
  );
}
