import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { sizeOf } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { currentTrace } from "../graph/trace.js";
import { Variable, withSubstitutes } from "../graph/variable.js";
import { add, mul } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { zeros } from "../ops/create.js";
import { matmul } from "../ops/matmul.js";
import { reshape } from "../ops/shapes.js";
import { type NamePatterns, namesThatFit } from "./freeze.js";
import { withinRoot } from "./init.js";
import { Module } from "./module.js";
import { checkSizes } from "./sizes.js";

/** Settings of {@link lora}. */
export interface LoraOptions {
  /** The number of columns of B and of rows of A. */
  readonly rank: number;
  /** What B A is multiplied by, times the rank. By default the rank. */
  readonly alpha?: number;
  /** The weights that are adapted; of the variables that fit, those with two axes or more. */
  readonly targets: NamePatterns;
  /** Variables that are no targets and stay what they are: trained, if they were, and saved, such as those of a new head, or running statistics. By default none. */
  readonly unfrozen?: NamePatterns;
}

/** The factors of what is added to a weight `[rows, ...]`, of `columns` elements a row. */
interface Factors {
  /** A: `[rank, columns]` */
  readonly a: Variable;
  /** B: `[rows, rank]` */
  readonly b: Variable;
}

/** A module with products of low rank added to its weights; see {@link lora}. */
export class Lora<Base extends Module> extends Module {
  readonly scale: number;
  readonly #module: Base;
  readonly #targets = new Map<Variable, Factors>();
  readonly #frozen = new Map<Variable, string>();
  /** What is trained and saved, by the names of the module's variables. */
  readonly #members: Record<string, Variable | Factors> = {};

  /** See {@link lora}. */
  constructor(module: Base, { rank, alpha = rank, targets, unfrozen = [] }: LoraOptions) {
    super();
    checkSizes("lora", { rank }, 1);
    check(Number.isFinite(alpha), () => `lora: alpha ${alpha}: expected a finite number`);
    this.#module = module;
    this.scale = alpha / rank;
    const variables = module.namedVariables();
    const fitting = (patterns: NamePatterns) => namesThatFit("lora", patterns, [...variables.keys()]);
    const [adapted, kept] = [fitting(targets), fitting(unfrozen)];
    for (const name of kept) check(!adapted.has(name), () => `lora: ${name} is a target and unfrozen: expected one of both`);
    check(
      [...adapted].some((name) => (variables.get(name)?.rank ?? 0) > 1),
      () => `lora: no target is a weight: expected variables of two axes or more, got ${[...adapted].join(", ") || "none"}`,
    );
    for (const [name, variable] of variables) {
      if (kept.has(name)) this.#members[name] = variable;
      else this.#frozen.set(variable, name);
      if (!adapted.has(name) || variable.rank < 2) continue;
      const factors = factorsOf(variable, rank);
      this.#targets.set(variable, factors);
      this.#members[name] = factors;
    }
    for (const variable of this.#frozen.keys()) variable.trainable = false;
  }

  /** The module that is adapted; its variables have the values before. */
  get module(): Base {
    return this.#module;
  }

  override memberFields(): object {
    return this.#members;
  }

  /** What the module computes with the adapted weights. */
  forward(...inputs: Parameters<Base["forward"]>): ReturnType<Base["forward"]> {
    return this.run(() => this.#module.forward(...inputs) as ReturnType<Base["forward"]>);
  }

  /** Runs a function with the adapted weights in the module, such as one that calls another of its methods. */
  run<Result>(body: () => Result): Result {
    const assigned = () => [...(currentTrace()?.assignments.keys() ?? [])];
    const before = new Set(assigned());
    const result = withSubstitutes(this.#adapted(), body);
    const unsaved = assigned().flatMap((variable) => (before.has(variable) ? [] : (this.#frozen.get(variable) ?? [])));
    check(
      unsaved.length === 0,
      () => `lora: the module assigns ${unsaved.join(", ")}: add them to the option unfrozen, so that they are saved`,
    );
    return result;
  }

  /** Adds the products to the weights for good, and starts anew with products of zeros. To be called outside traced functions. */
  async merge(): Promise<Base> {
    check(currentTrace() === undefined, () => "lora: merge in a traced function: call it outside");
    const adapted = this.#adapted();
    await Promise.all([...adapted].map(([variable, value]) => variable.assign(value)));
    await Promise.all([...this.#targets.values()].map(({ b }) => b.assign(zeros(b.shape, b.dtype))));
    return this.#module;
  }

  /** `W + alpha / rank · B A` of each target W. */
  #adapted(): Map<Variable, Tensor> {
    return new Map(
      [...this.#targets].map(([weight, { a, b }]) => [weight, add(weight, mul(reshape(matmul(b, a), weight.shape), this.scale))]),
    );
  }
}

/** Factors whose product is 0 at first: A uniform in ±1/√columns, B zeros. */
function factorsOf({ shape, dtype }: Variable, rank: number): Factors {
  const [rows = 1, ...others] = shape;
  const columns = sizeOf(others);
  return { a: new Variable(cast(withinRoot(columns)([rank, columns]), dtype)), b: new Variable(zeros([rows, rank], dtype)) };
}

/**
 * Adapts weights of a module by products of low rank: each target W stands for `W + alpha / rank · B A` (Hu et al. 2021, LoRA: Low-rank adaptation of
 * large language models, section 4.1). W counts as the matrix of its first axis by all others, whatever computes with it: linear layers, attention,
 * convolutions, and the weights of an `.onnx` file. The module's variables are frozen; those of the result, which optimizers train and files keep, are
 * the factors, as `layers.0.weight.a` and `layers.0.weight.b`. B starts as zeros, so the result first computes what the module does. A model that is
 * exported has the sum as a plain weight.
 * @throws KasaneError where a pattern fits no variable, or no target has two axes
 */
export function lora<Base extends Module>(module: Base, options: LoraOptions): Lora<Base> {
  checkOptions("lora", options, { rank: "required", alpha: "optional", targets: "required", unfrozen: "optional" });
  return new Lora(module, options);
}
