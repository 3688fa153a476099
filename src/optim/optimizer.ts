import { stopGradient } from "../autodiff/custom.js";
import { grad } from "../autodiff/grad.js";
import type { DType } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkNumbers } from "../graph/numbers.js";
import { checkOptions, type OptionNames } from "../graph/options.js";
import { sameShape, showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { currentTrace, inModule } from "../graph/trace.js";
import { Variable } from "../graph/variable.js";
import { Module } from "../nn/module.js";
import { add, mul, where } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { less } from "../ops/compare.js";
import { scalar } from "../ops/constants.js";
import { zeros } from "../ops/create.js";
import { allReduce } from "../ops/exchange.js";
import { scatteredRows } from "../ops/rows.js";
import { Accumulation } from "./accumulation.js";
import { clipByGlobalNorm, clipByValue } from "./clip.js";
import { groupsOf, type ParameterGroup } from "./groups.js";
import { type Assignable, byRows, whole } from "./rows.js";
import type { Schedule } from "./schedule.js";

/** Settings that all optimizers have. */
export interface OptimizerOptions {
  /** The step size η, or how it follows from the number of updates made before. */
  readonly learningRate: number | Schedule;
  /** The limit of {@link clipByValue}; by default gradients are taken as they are. */
  readonly clipValue?: number;
  /** The limit of {@link clipByGlobalNorm}; by default gradients are taken as they are. */
  readonly clipGlobalNorm?: number;
  /**
   * Whether a parameter of which a step reads some rows alone (an embedding) is updated in these rows alone, as by PyTorch's SparseAdam: what is
   * kept for the other rows does not decay then, no momentum moves them, no weight decay shrinks them. Rules that leave a row without a gradient
   * as it is anyway ({@link Sgd} without momentum, {@link Adagrad}) update by rows without being told.
   */
  readonly sparse?: boolean;
  /**
   * How many steps make one update, of the mean of their gradients: for losses that are means, the update of one batch as large as theirs
   * together. Sums of gradients are kept from step to step, by checkpoints too. An update counts as one for a schedule. By default 1.
   */
  readonly accumulate?: number;
  /** Parameters with settings of their own; one that several groups take belongs to the first. */
  readonly groups?: readonly ParameterGroup[];
}

/** The names of the settings that all optimizers have. */
export const optimizerOptions: OptionNames<OptimizerOptions> = {
  learningRate: "required",
  clipValue: "optional",
  clipGlobalNorm: "optional",
  sparse: "optional",
  accumulate: "optional",
  groups: "optional",
};

/** What an optimizer trains: a module, or variables, which checkpoints then know by their places in the list. */
export type Trained = Module | readonly Variable[];

/** The values that an optimizer keeps for one parameter, by name; of a parameter updated by rows, these rows. Of a float16 parameter they are float32. */
export type Slots<Slot extends string> = Readonly<Record<Slot, Assignable>>;

/**
 * Gives what is subtracted from a parameter (or from some of its rows), and assigns what it keeps. It is proportional to the rate. The gradient is
 * float32 where it was float16.
 * @param weightDecay that of the parameter's group, where it has its own
 */
export type Rule<Slot extends string> = (
  gradient: Tensor,
  parameter: Tensor,
  slots: Slots<Slot>,
  weightDecay: number | undefined,
) => Tensor;

/**
 * What optimizers share: the parameters, the learning rate, clipping, and what is kept for each parameter.
 * An optimizer is what it adds, a {@link rule}; what it does in a traced function is nothing but `assign`s.
 * @typeParam Slot the names of the values kept for each parameter
 */
export abstract class Optimizer<Slot extends string = string, Options extends OptimizerOptions = OptimizerOptions> {
  /** The variables that are trained: those that were trainable when the optimizer was made. */
  readonly parameters: readonly Variable[];
  /** How many updates were made: int32, since a float32 cannot count past 2^24. Counted only where a schedule asks for it. */
  readonly step = new Variable(scalar(0, "int32"), { name: "step", trainable: false });
  /** How many steps make one update. */
  readonly accumulate: number;
  private readonly names: readonly string[];
  private readonly accumulation: Accumulation | undefined;
  private readonly slots: readonly Readonly<Record<Slot, Variable>>[];
  private readonly groups: readonly (ParameterGroup | undefined)[];
  /** The rate where there is no schedule. */
  private readonly start: number | undefined;
  private readonly schedule: Schedule | undefined;
  /** The rate set by hand; below 0 where the schedule holds. (A NaN would not do: GPU code need not tell it from numbers.) */
  private readonly rate: Variable;

  /**
   * @param names of the options, and which must be given
   * @param slotsOf names of the values kept for each parameter; they start as zeros of its shape
   * @throws KasaneError where an option is unknown or missing
   */
  constructor(
    parameters: Trained,
    protected readonly options: Options,
    names: OptionNames<Options>,
    slotsOf: (options: Options) => readonly Slot[] = () => [],
  ) {
    checkOptions(this.constructor.name, options, names);
    const slots = slotsOf(options);
    const named =
      parameters instanceof Module ? [...parameters.namedVariables()] : [...new Set(parameters)].map((p, i) => [`${i}`, p] as const);
    const trained = named.filter(([, variable]) => variable.trainable);
    check(trained.length > 0, () => `${this.constructor.name}: got no trainable variables`);
    this.names = trained.map(([name]) => name);
    this.parameters = trained.map(([, variable]) => variable);
    this.groups = groupsOf(this.constructor.name, options.groups ?? [], trained, "weightDecay" in names);
    this.slots = trained.map(([name, variable]) => {
      const keep = (slot: Slot) => new Variable(zeros(variable.shape, wideType(variable)), { name: `${slot}/${name}`, trainable: false });
      return Object.fromEntries(slots.map((slot) => [slot, keep(slot)])) as Record<Slot, Variable>;
    });
    const { learningRate, accumulate = 1, sparse } = options;
    this.accumulate = accumulate;
    check(
      Number.isSafeInteger(accumulate) && accumulate >= 1 && accumulate < 2 ** 31,
      () => `${this.constructor.name}: got accumulate ${accumulate}, expected an integer from 1`,
    );
    check(!sparse || accumulate === 1, () => `${this.constructor.name}: accumulate keeps sums of whole gradients: leave out sparse`);
    const gradients = trained.map(([name, variable]) => ({ name, shape: variable.shape, dtype: wideType(variable) }));
    this.accumulation = accumulate > 1 ? new Accumulation(accumulate, gradients) : undefined;
    this.schedule = typeof learningRate === "function" ? learningRate : undefined;
    this.start = typeof learningRate === "function" ? undefined : this.checkRate(learningRate);
    this.rate = new Variable(scalar(this.start ?? -1, "float32"), { name: "learningRate", trainable: false });
  }

  /** Whether a row whose gradient is zero stays as it is, with all that is kept for it. */
  protected leavesRows(): boolean {
    return false;
  }

  /** Whether a change is the gradient times a number, so that parts of a gradient may be subtracted one by one. */
  protected isProportional(): boolean {
    return false;
  }

  /** How one parameter changes. Called once a traced step, so what does not depend on the parameter is computed once. */
  protected abstract rule(rate: Tensor): Rule<Slot>;

  /** The rate of the next update, a float32 scalar: `await optimizer.learningRate.item()`, or a result of the traced step. */
  get learningRate(): Tensor {
    // A checkpoint of an optimizer with a schedule has -1 for the rate.
    return where(less(this.rate, 0), this.schedule?.(cast(this.step, "float32")) ?? (this.start as number), this.rate);
  }

  /** Sets the rate from the next step on, with no retrace; a schedule is followed no more. */
  set learningRate(rate: number) {
    void this.rate.assign(scalar(this.checkRate(rate), "float32"));
  }

  private checkRate(learningRate: number): number {
    checkNumbers(this.constructor.name, { learningRate });
    return learningRate;
  }

  /** Differentiates the loss, a scalar, and makes one update; called in a function that is compiled. */
  minimize(loss: Tensor): void {
    const gradients = grad(loss, this.parameters);
    check(
      !(this.options.sparse && currentTrace()?.divided && gradients.some(scatteredRows)),
      () =>
        `${this.constructor.name}: sparse: workers exchange whole gradients: compile the step without workers, or update without sparse`,
    );
    this.apply(gradients.map((gradient) => allReduce(gradient, { like: loss })));
  }

  /** Makes one update from gradients (or adds them up, where `accumulate` says so), one a parameter in the order of {@link parameters}; called in a function that is compiled. */
  apply(gradients: readonly Tensor[]): void {
    const trace = currentTrace();
    check(trace !== undefined, () => `${this.constructor.name}: an update is part of a step: make it in a function given to compile`);
    check(
      trace.training,
      () =>
        `${this.constructor.name}: an update in a function compiled without training, where dropout is off: compile it with { training: true }`,
    );
    check(
      gradients.length === this.parameters.length,
      () => `apply: got ${gradients.length} gradients for ${this.parameters.length} parameters`,
    );
    gradients.forEach(({ shape }, i) => {
      const parameter = this.parameters[i] as Variable;
      check(
        sameShape(shape, parameter.shape),
        () => `apply: the gradient of ${parameter.name} is ${showShape(shape)}, expected ${showShape(parameter.shape)}`,
      );
    });
    const { accumulation } = this;
    inModule(this.constructor.name, () => {
      if (accumulation) accumulation.apply(trace, gradients.map(widened), (means) => this.update(means));
      else this.update(gradients);
    });
  }

  private update(gradients: readonly Tensor[]): void {
    const { clipValue, clipGlobalNorm, sparse = this.leavesRows() && "few" } = this.options;
    const summed = clipValue !== undefined || clipGlobalNorm !== undefined || !this.isProportional();
    const settings = { onlyFew: sparse === "few", summed };
    const updates = gradients.map((g, i) => (sparse && byRows(g, this.parameters[i] as Variable, settings)) || whole(g));
    const values = updates.map(({ gradient }) => widened(gradient));
    const bounded = clipValue === undefined ? values : clipByValue(values, clipValue);
    const clipped = clipGlobalNorm === undefined ? bounded : clipByGlobalNorm(bounded, clipGlobalNorm);
    const rule = this.rule(this.learningRate);
    if (this.schedule) this.step.assign(add(this.step, 1));
    updates.forEach(({ gradientOf, partOf, subtract }, i) => {
      const parameter = partOf(this.parameters[i] as Variable);
      const slots = Object.entries<Variable>(this.slots[i] as Record<Slot, Variable>).map(([slot, variable]) => [slot, partOf(variable)]);
      const { weightDecay, rateFactor = 1 } = this.groups[i] ?? {};
      const change = rule(gradientOf(clipped[i] as Tensor), parameter, Object.fromEntries(slots) as Slots<Slot>, weightDecay);
      // To gradients taken later in the same step a change is a constant, as it is to those of the next step.
      subtract(parameter, stopGradient(rateFactor === 1 ? change : mul(change, rateFactor)));
    });
  }

  /** What a checkpoint keeps: the rate, the number of updates, the slots by `slot/parameter`, and sums of gradients. */
  namedVariables(): Map<string, Variable> {
    const slots = this.slots.flatMap((kept, i) =>
      Object.entries<Variable>(kept).map(([slot, variable]) => [`${slot}/${this.names[i]}`, variable] as const),
    );
    return new Map([["learningRate", this.rate], ["step", this.step], ...slots, ...(this.accumulation?.namedVariables() ?? [])]);
  }
}

/** What is computed in: float16 squares of gradients are often 0, and what is added to them too. */
const wideType = ({ dtype }: Tensor): DType => (dtype === "float16" ? "float32" : dtype);

const widened = (gradient: Tensor): Tensor => cast(gradient, wideType(gradient));

/** Throws unless the ε of a denominator is above 0: where all gradients so far were zero, nothing else is in it. */
export function checkEpsilon({ epsilon }: { readonly epsilon?: number }): void {
  check(
    epsilon === undefined || Math.fround(epsilon) > 0,
    () => `epsilon: ${epsilon}: expected a number above 0, also in float32: a gradient of zero is divided by it`,
  );
}

/** `kept ← decay kept + (1 - decay) value`; returns the new average. */
export function movingAverage(kept: Assignable, value: Tensor, decay: number): Tensor {
  const average = add(mul(decay, kept), mul(1 - decay, value));
  kept.assign(average);
  return average;
}
