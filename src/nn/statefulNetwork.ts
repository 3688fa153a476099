import { stopGradient } from "../autodiff/custom.js";
import type { Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { zeros } from "../ops/create.js";
import { Module } from "./module.js";
import type { RecurrentNetwork } from "./recurrent.js";
import type { HiddenState } from "./recurrentCell.js";

/**
 * A recurrent network that starts every call from the state in which the last one ended. The gradient does not reach back into earlier
 * calls: truncated backpropagation through time (Williams and Peng 1990). The state belongs to the variables that a checkpoint keeps.
 */
export class StatefulNetwork<State extends HiddenState> extends Module {
  /** Each part `[layers * directions, batch, hiddenSize]`. */
  readonly state: Readonly<Record<string, Variable>>;

  constructor(
    readonly network: RecurrentNetwork<State>,
    batch: number,
  ) {
    super();
    const shape = [network.states, batch, network.hiddenSize];
    this.state = Object.fromEntries(network.parts.map((part) => [part, new Variable(zeros(shape), { trainable: false })]));
  }

  /** The network's outputs for the next chunk of the sequences; see {@link RecurrentNetwork.forward}. */
  forward(x: Tensor): Tensor {
    const before = Object.entries(this.state).map(([part, variable]) => [part, stopGradient(variable)]);
    const { outputs, state } = this.network.forward(x, { state: Object.fromEntries(before) as State });
    for (const [part, variable] of Object.entries(this.state)) variable.assign(state[part as keyof State] as Tensor);
    return outputs;
  }

  /** Starts new sequences: sets the state to zeros. */
  async reset(): Promise<void> {
    await Promise.all(Object.values(this.state).map((variable) => variable.assign(zeros(variable.shape, variable.dtype))));
  }
}
