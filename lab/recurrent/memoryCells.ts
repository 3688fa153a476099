import { add, grad, nn, ones, scan, stack, type Tensor, tanh, zeros } from "kasane";

/** What a loop over time needs of a cell. */
type Cell = nn.Module & Pick<nn.RnnCell, "hiddenSize" | "project" | "recurrence"> & { readonly parts: readonly string[] };

/**
 * A constant error carousel without gates: `c' = c + tanh(W x + b)`, the output `c` itself. Its one connection to itself is fixed at 1, so that
 * `∂c_T / ∂c_t` is 1 at every lag (Hochreiter and Schmidhuber 1997, section 3.2).
 */
export class CarouselCell extends nn.Module {
  readonly parts = ["hidden"];
  readonly input: nn.Linear;

  constructor(
    inputSize: number,
    readonly hiddenSize: number,
  ) {
    super();
    this.input = new nn.Linear(inputSize, hiddenSize);
  }

  /** `[batch, inputSize]` and the state `[batch, hiddenSize]` to the state after the step. */
  forward(x: Tensor, state: Tensor): Tensor {
    return this.recurrence()(this.project(x), [state])[0] as Tensor;
  }

  project(x: Tensor): readonly Tensor[] {
    return [this.input.forward(x)];
  }

  recurrence(): nn.Recurrence {
    return ([projected], [state]) => [add(state as Tensor, tanh(projected as Tensor))];
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

/**
 * Runs a cell over `[time, batch, inputSize]`: the last hidden state, `[batch, hiddenSize]`.
 * @param nudges added to the parts of the state before each step, `[time, batch, hiddenSize]` each
 */
export function lastHidden(cell: Cell, x: Tensor, nudges: readonly Tensor[] = []): Tensor {
  const [time, batch, size] = x.shape as [number, number, number];
  const projected = cell.project(x.reshape([-1, size])).map((part) => part.reshape([time, batch, -1]));
  const next = cell.recurrence();
  const start = cell.parts.map(() => zeros([batch, cell.hiddenSize]));
  const step = (state: readonly Tensor[], slices: readonly Tensor[]) => {
    const added = slices.slice(projected.length);
    const nudged = state.map((part, i) => (added[i] ? add(part, added[i]) : part));
    return { carry: next(slices.slice(0, projected.length), nudged), outputs: [] };
  };
  return scan(step, start, [...projected, ...nudges]).carry[0] as Tensor;
}

/**
 * How long the gradient of the last hidden state is at each state before, `|∂o/∂s_(T-k)| / |∂o/∂h_T|` with `o` the sum over the units, `s` all parts
 * of the state together: the root mean square over the batch, `[time]`, for the lags `k` from `time` down to 1. All lags come from one graph:
 * zeros are added to the state before every step, and the gradient is by these.
 */
export function gradientByLag(cell: Cell, x: Tensor): Tensor {
  const [time, batch] = x.shape as [number, number, number];
  const nudges = cell.parts.map(() => zeros([time, batch, cell.hiddenSize]));
  const back = stack(grad(lastHidden(cell, x, nudges).sum(), nudges) as Tensor[]);
  const squares = back.square().sum({ axis: [0, 3] }); // [time, batch]
  return squares
    .mean({ axis: 1 })
    .sqrt()
    .div(ones([cell.hiddenSize]).norm());
}
