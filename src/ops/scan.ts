import type { Tensor, TensorType } from "../graph/tensor.js";
import { declare, family, type Rule } from "./operator.js";

let bodies = 0;

/** The graph of one step of a loop, on leaves of its own. */
export class Body {
  /** Bodies of one origin compute the same leading outputs. */
  constructor(
    readonly inputs: readonly Tensor[],
    readonly outputs: readonly Tensor[],
    readonly origin = bodies++,
  ) {}

  /** What tells two bodies apart where attributes are compared. */
  toJSON(): string {
    return `body ${this.origin}`;
  }
}

/** The settings of a loop over the first axis of its sequences. */
export interface ScanAttributes {
  /** Its inputs: the carries, one slice of each sequence, then the captured values; its outputs: the next carries, then a slice of each result. */
  readonly body: Body;
  readonly carries: number;
  readonly sequences: number;
  readonly length: number;
  readonly reverse: boolean;
  readonly rule: Rule<ScanAttributes>;
}

/** Loops. */
export const loops = family({
  Scan: declare<ScanAttributes>({
    infer: (_, { body, carries, length }) =>
      body.outputs.map(({ dtype, shape }, i): TensorType => ({ dtype, shape: i < carries ? shape : [length, ...shape] })),
    gradient: (...context) => context[3].rule(...context),
    prefix: ({ body }) => String(body.origin),
    emit: (emitter, inputs, { body, carries, sequences, reverse }, { outputs }) => {
      const own = carries + sequences;
      const captured = new Map(body.inputs.slice(own).map((leaf, i) => [leaf, inputs[own + i] as string]));
      const directions = (count: number) => new Array<number>(count).fill(Number(reverse));
      return emitter.node(
        "Scan",
        inputs.slice(0, own),
        {
          body: emitter.subgraph(body.inputs.slice(0, own), body.outputs, captured),
          num_scan_inputs: sequences,
          scan_input_directions: directions(sequences),
          scan_output_directions: directions(outputs.length - carries),
        },
        outputs.length,
      );
    },
  }),
});
