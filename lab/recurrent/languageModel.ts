import {
  add,
  check,
  crossEntropy,
  gather,
  isTraining,
  matmul,
  mean,
  mul,
  nn,
  random,
  reshape,
  type Tensor,
  transpose,
  Variable,
} from "kasane";

/** What a language model of words is made of. */
export interface LanguageModelOptions extends nn.SampledWords {
  /** The recurrent cell. */
  readonly cell: "rnn" | "lstm" | "gru";
  readonly layers: number;
  /** The units of each layer, and the size of the word vectors. */
  readonly hiddenSize: number;
  /** All weights start uniform in ± this. */
  readonly initialRange: number;
  /** Whether the vectors of the words read are also the weights of the words predicted. */
  readonly tied: boolean;
  /** The probability of dropout on every connection that is not recurrent. */
  readonly dropout: number;
  /** Whether the dropout masks are the same at all steps of a chunk (Gal and Ghahramani 2016). */
  readonly lockedDropout: boolean;
  /** LSTM: the probability of dropping a unit on the way to the next step; the mask is the same at all steps of a chunk. */
  readonly recurrentDropout: number;
  /** The probability of dropping a word of the vocabulary wherever it is read in a chunk. */
  readonly wordDropout: number;
}

/** A mask that drops the given share and scales the others, so that the mean stays. */
const dropoutMask = (shape: readonly number[], probability: number): Tensor =>
  random.bernoulli(shape, 1 - probability, "float32", 1 / (1 - probability));

/** Drops a part of `x` `[time, batch, size]` while training. */
function drop(x: Tensor, { dropout, lockedDropout }: LanguageModelOptions): Tensor {
  if (!isTraining() || dropout === 0) return x;
  const [, batch, size] = x.shape as [number, number, number];
  return mul(x, dropoutMask(lockedDropout ? [1, batch, size] : x.shape, dropout));
}

/** An LSTM cell whose hidden units are dropped on the way to the next step while training. */
class DroppingLstmCell extends nn.LstmCell {
  constructor(
    size: number,
    private readonly batchSize: number,
    private readonly dropout: number,
    options: nn.LstmCellOptions,
  ) {
    super(size, size, options);
  }

  override recurrence(): nn.Recurrence<nn.LstmState, Tensor> {
    const cell = super.recurrence();
    if (!isTraining() || this.dropout === 0) return cell;
    const mask = dropoutMask([this.batchSize, this.hiddenSize], this.dropout);
    return { step: (projected, state) => cell.step(projected, { ...state, hidden: mul(state.hidden, mask) }) };
  }
}

/** The state of any of the cells. */
type State = nn.HiddenState & { readonly cell?: Tensor };

class RecurrentLayer extends nn.RecurrentNetwork<State> {
  constructor(batchSize: number, { cell, hiddenSize, recurrentDropout, initialRange }: LanguageModelOptions) {
    check(cell === "lstm" || recurrentDropout === 0, () => `recurrentDropout: only an LSTM has it, got cell ${cell}`);
    const options = { weightInitialiser: nn.init.uniform(-initialRange, initialRange) };
    const make = {
      rnn: (size: number): nn.RecurrentCell<State> => new nn.RnnCell(size, hiddenSize, options),
      lstm: (size: number): nn.RecurrentCell<State> => new DroppingLstmCell(size, batchSize, recurrentDropout, options),
      gru: (size: number): nn.RecurrentCell<State> => new nn.GruCell(size, hiddenSize, options),
    };
    super(hiddenSize, hiddenSize, make[cell], {});
  }
}

/** Predicts each next word: word vectors, recurrent layers, and a softmax over the vocabulary (Zaremba et al. 2014, Recurrent neural network regularization). */
export class LanguageModel extends nn.Module {
  /** `[vocabulary, hiddenSize]` */
  readonly vectors: Variable;
  readonly layers: readonly RecurrentLayer[];
  /** `[vocabulary, hiddenSize]`; the vectors where they are tied (Press and Wolf 2017, Using the output embedding to improve language models). */
  readonly output: Variable;
  /** `[vocabulary]` */
  readonly bias: Variable;

  /** @param batchSize sequences read side by side while training */
  constructor(
    readonly vocabularySize: number,
    readonly batchSize: number,
    readonly options: LanguageModelOptions,
  ) {
    super();
    const { hiddenSize, initialRange, tied, layers } = options;
    const matrix = () => new Variable(random.uniform([vocabularySize, hiddenSize], -initialRange, initialRange));
    this.vectors = matrix();
    this.layers = Array.from({ length: layers }, () => new RecurrentLayer(batchSize, options));
    this.output = tied ? this.vectors : matrix();
    this.bias = new Variable(random.uniform([vocabularySize], -initialRange, initialRange));
  }

  /** Word ids `[time, batch]` to the last layer's outputs `[time * batch, hiddenSize]`. The readers are of the model's layers. */
  forward(ids: Tensor, readers: Readers): Tensor {
    const { hiddenSize, wordDropout } = this.options;
    let x = gather(this.vectors, ids);
    if (isTraining() && wordDropout > 0) x = mul(x, gather(dropoutMask([this.vocabularySize, 1], wordDropout), ids));
    for (const layer of readers.layers) x = layer.forward(drop(x, this.options));
    return reshape(drop(x, this.options), [-1, hiddenSize]);
  }

  /** What {@link forward} gives to logits of the next words, `[time * batch, vocabulary]`. */
  logits(hidden: Tensor): Tensor {
    return add(matmul(hidden, transpose(this.output)), this.bias);
  }

  /** The mean cross entropy of the next words `[time, batch]`, in nats; while training by a sample of the vocabulary, if the options say so. */
  loss(ids: Tensor, targets: Tensor, readers: Readers): Tensor {
    const hidden = this.forward(ids, readers);
    const flat = reshape(targets, [-1]);
    const { frequentWords, sampledWords } = this.options;
    if (isTraining() && sampledWords > 0)
      return mean(nn.sampledCrossEntropy(hidden, flat, this.output, this.bias, { frequentWords, sampledWords }));
    return crossEntropy(this.logits(hidden), flat);
  }
}

/** The layers of a model together with the state that each has reached in a batch of texts. */
export class Readers {
  readonly layers: readonly nn.StatefulNetwork<State>[];

  constructor(model: LanguageModel, batchSize: number) {
    this.layers = model.layers.map((layer) => new nn.StatefulNetwork(layer, batchSize));
  }

  /** Goes back to the beginning of all texts. */
  async reset(): Promise<void> {
    await Promise.all(this.layers.map((layer) => layer.reset()));
  }

  /** The states, without the layers' own weights. */
  namedVariables(): Map<string, Variable> {
    return new Map(this.layers.flatMap(({ state }, i) => Object.entries(state).map(([part, variable]) => [`${i}.${part}`, variable])));
  }
}
