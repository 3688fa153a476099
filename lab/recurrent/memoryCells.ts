import { add, grad, mapTree, nn, ones, scan, stack, type Tensor, tanh, zeros } from "kasane";

/** What a loop over time needs of a cell. */
type Cell = nn.Module & Pick<nn.RecurrentCell<nn.HiddenState>, "hiddenSize" | "project" | "recurrence" | "zeroState">;

/**
 * A constant error carousel without gates: `c' = c + tanh(W x + b)`, the output `c` itself. Its one connection to itself is fixed at 1, so that
 * `∂c_T / ∂c_t` is 1 at every lag (Hochreiter and Schmidhuber 1997, section 3.2).
 */
export class CarouselCell extends nn.Module {
  readonly input: nn.Linear;

  constructor(
    inputSize: number,
    readonly hiddenSize: number,
  ) {
    super();
    this.input = new nn.Linear(inputSize, hiddenSize);
  }

  /** `[batch, inputSize]` and the state `[batch, hiddenSize]` to the state after the step. */
  forward(x: Tensor, hidden: Tensor): Tensor {
    return this.recurrence().step(this.project(x), { hidden }).hidden;
  }

  zeroState(batch: number): nn.HiddenState {
    return { hidden: zeros([batch, this.hiddenSize]) };
  }

  project(x: Tensor): Tensor {
    return this.input.forward(x);
  }

  recurrence(): nn.Recurrence<nn.HiddenState, Tensor> {
    return { step: (projected, { hidden }) => ({ hidden: add(hidden, tanh(projected)) }) };
  }
}

/** The cells that are compared, by the names of the command. */
export const cells = {
  rnn: { title: "simple RNN", make: (size: number, hidden: number): Cell => new nn.RnnCell(size, hidden) },
  carousel: { title: "carousel, no gates", make: (size: number, hidden: number): Cell => new CarouselCell(size, hidden) },
  lstm: { title: "LSTM", make: (size: number, hidden: number): Cell => new nn.LstmCell(size, hidden, { forgetBias: 1 }) },
  gru: { title: "GRU", make: (size: number, hidden: number): Cell => new nn.GruCell(size, hidden) },
};

/** A cell's name. */
export type CellName = keyof typeof cells;

/** What is added to the parts of a state, by their names, before each step: `[time, batch, hiddenSize]` each. */
type Nudges = Readonly<Record<string, Tensor>>;

/** Runs a cell over `[time, batch, inputSize]`: the last hidden state, `[batch, hiddenSize]`. */
export function lastHidden(cell: Cell, x: Tensor, nudges: Nudges = {}): Tensor {
  const [time, batch, size] = x.shape as [number, number, number];
  const { step } = cell.recurrence();
  const projected = mapTree(cell.project(x.reshape([-1, size])), (part) => part.reshape([time, batch, -1]));
  const next = (state: nn.HiddenState, slices: { readonly projected: object; readonly nudges: Nudges }) => {
    const nudged = mapTree(state, (value, part) => (slices.nudges[part] ? add(value, slices.nudges[part]) : value));
    return { carry: step(slices.projected, nudged), outputs: [] };
  };
  return scan(next, cell.zeroState(batch, x.dtype), { projected, nudges }).carry.hidden;
}

/**
 * How long the gradient of the last hidden state is at each state before, `|∂o/∂s_(T-k)| / |∂o/∂h_T|` with `o` the sum over the units, `s` all parts
 * of the state together: the root mean square over the batch, `[time]`, for the lags `k` from `time` down to 1. All lags come from one graph:
 * zeros are added to the state before every step, and the gradient is by these.
 */
export function gradientByLag(cell: Cell, x: Tensor): Tensor {
  const [time, batch] = x.shape as [number, number, number];
  const nudges = mapTree(cell.zeroState(batch, x.dtype), ({ shape }) => zeros([time, ...shape]));
  const back = stack(grad(lastHidden(cell, x, { ...nudges }).sum(), Object.values(nudges)));
  const squares = back.square().sum({ axis: [0, 3] }); // [time, batch]
  return squares
    .mean({ axis: 1 })
    .sqrt()
    .div(ones([cell.hiddenSize]).norm());
}
