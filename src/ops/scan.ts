import type { Tensor, TensorType } from "../graph/tensor.js";
import { nodesSince, replay } from "../graph/walk.js";
import { declare, family, type JointRule, type Loop } from "./operator.js";
import { stack, unstack } from "./slicing.js";

let bodies = 0;

/** The graph of one step of a loop, on leaves of its own. */
export class Body {
  private readonly id = bodies++;

  /** Bodies of one origin are of the same inputs and carry the same; each gives out values of that step of its own choice. */
  constructor(
    readonly inputs: readonly Tensor[],
    readonly outputs: readonly Tensor[],
    readonly origin = bodies++,
  ) {}

  /** What tells two bodies apart where attributes are compared. */
  toJSON(): string {
    return `body ${this.id}`;
  }
}

/** The settings of a loop over the first axis of its sequences. */
export interface ScanAttributes extends Loop {
  readonly body: Body;
  /** The gradients; undefined for loops that nobody differentiates. */
  readonly rule?: JointRule<ScanAttributes>["all"];
}

/** Loops. */
export const loops = family({
  Scan: declare<ScanAttributes>({
    infer: (_, { body, carries, length }) =>
      body.outputs.map(({ dtype, shape }, i): TensorType => ({ dtype, shape: i < carries ? shape : [length, ...shape] })),
    kind: { is: "loop", loop: (attributes) => attributes },
    gradient: { all: (node) => node.attributes.rule?.(node) ?? [] },
    // The steps one after the other.
    decompose: copied,
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

/** What a step gives, or what all steps of a loop give: the carry, and the results, of all steps stacked along a new first axis. */
export interface LoopResult {
  readonly carry: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/** One step of a loop, from the carry and one slice of each sequence. */
export type LoopStep = (carry: readonly Tensor[], slices: readonly Tensor[]) => LoopResult;

/** A loop as so many steps one after the other, one or more. */
export function unrolled(
  step: LoopStep,
  carry: readonly Tensor[],
  sequences: readonly Tensor[],
  length: number,
  reverse: boolean,
): LoopResult {
  const slices = sequences.map(unstack);
  const results: (readonly Tensor[])[] = [];
  let current = carry;
  for (let i = 0; i < length; i++) {
    const at = reverse ? length - 1 - i : i;
    const result = step(
      current,
      slices.map((slice) => slice[at] as Tensor),
    );
    current = result.carry;
    results[at] = result.outputs;
  }
  return { carry: current, outputs: (results[0] ?? []).map((_, k) => stack(results.map((outputs) => outputs[k] as Tensor))) };
}

/** The outputs of a loop whose steps are copies of its body. */
function copied(inputs: readonly Tensor[], { body, carries, sequences, length, reverse }: ScanAttributes): readonly Tensor[] {
  const own = carries + sequences;
  const { nodes } = nodesSince(0, body.outputs);
  const step: LoopStep = (carry, slices) => {
    const values = [...carry, ...slices, ...inputs.slice(own)];
    const outputs = replay(body.outputs, nodes, new Map(body.inputs.map((leaf, k) => [leaf, values[k] as Tensor])));
    return { carry: outputs.slice(0, carries), outputs: outputs.slice(carries) };
  };
  const { carry, outputs } = unrolled(step, inputs.slice(0, carries), inputs.slice(carries, own), length, reverse);
  return [...carry, ...outputs];
}
