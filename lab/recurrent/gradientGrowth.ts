import { grad, type nn, type Tensor, zeros } from "kasane";

/**
 * How the gradient of what is read from the last state grows on its way back to the state before the first step:
 * `|∂o/∂h₀| / |∂o/∂h_T|`, the root mean square over a batch. Below 1 it vanishes, far above 1 it explodes (Pascanu et al. 2013, section 2).
 * @param x `[time, batch, inputSize]`
 * @param readout makes the one output `o` of the last hidden state
 */
export function gradientGrowth(network: nn.Rnn | nn.Lstm | nn.Gru, readout: nn.Linear, x: Tensor): Tensor {
  const batch = x.shape[1] as number;
  const start = zeros([network.states, batch, network.hiddenSize]);
  const { state } = network.forward(x, { state: Object.fromEntries(network.parts.map((part) => [part, start])) as never });
  const back = grad(readout.forward(state.hidden).sum(), start);
  return back.norm().div(readout.weight.norm()).div(Math.sqrt(batch));
}
