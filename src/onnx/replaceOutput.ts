import { check, excerpt } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { Module } from "../nn/module.js";
import type { OnnxModule } from "./onnxModule.js";

/** A module that makes a tensor of a tensor. */
type Head = Module & { forward(x: Tensor): Tensor };

/** Settings of {@link replaceOutput}. */
export interface ReplaceOutputOptions {
  /** The name that the file has for the value that the head is fed with. By default what the last product or convolution before the output is fed with. */
  readonly value?: string;
}

/** A model of a file that has another head in place of an output; see {@link replaceOutput}. */
export class ReplacedOutput<NewHead extends Head> extends Module {
  /** The name of the value that the head is fed with. */
  readonly value: string;

  /** See {@link replaceOutput}. */
  constructor(
    readonly model: OnnxModule,
    readonly output: string,
    readonly head: NewHead,
    { value }: ReplaceOutputOptions,
  ) {
    super();
    const names = model.outputs.map(({ name }) => name);
    check(
      names.includes(output),
      () => `replaceOutput: no output "${excerpt(output, 60)}": expected one of ${excerpt(names.join(", "), 300)}`,
    );
    this.value = value ?? model.lastProductInput(output);
    model.checkValue(this.value);
  }

  /**
   * @param inputs as those of the model
   * @returns its outputs by name, of which one is the head's
   */
  forward(inputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
    const kept = this.model.outputs.map(({ name }) => name).filter((name) => name !== this.output);
    const values = this.model.values(inputs, [...new Set([...kept, this.value])]);
    const result = this.head.forward(values[this.value] as Tensor);
    return Object.fromEntries(this.model.outputs.map(({ name }) => [name, name === this.output ? result : (values[name] as Tensor)]));
  }
}

/**
 * `model` with a new head in place of an output: the layer that gave the output, and what came after it, make way for `head`, which is fed with
 * what they were. The variables are those of the file, below `model`, and the head's, below `head`.
 * @throws KasaneError where there is no such output or value, or several values come together before the output and none is named
 */
export function replaceOutput<NewHead extends Head>(
  model: OnnxModule,
  output: string,
  head: NewHead,
  options: ReplaceOutputOptions = {},
): ReplacedOutput<NewHead> {
  checkOptions("replaceOutput", options, { value: "optional" });
  return new ReplacedOutput(model, output, head, options);
}
