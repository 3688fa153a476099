import type { TypedArray } from "../../graph/dtype.js";
import { check, KasaneError } from "../../graph/error.js";
import { type Named, type Tensor, totalBytes } from "../../graph/tensor.js";
import type { Variable } from "../../graph/variable.js";
import { encodeModel, unusedName } from "../../onnx/emit.js";
import { match } from "../../ops/match.js";
import { shapes } from "../../ops/shapes.js";
import type { Binding } from "../../passes/binding.js";
import { changedInPlace } from "../../passes/inPlace.js";
import { type Watched, watch } from "../../passes/watch.js";
import type { Draw, Executor, Measurement } from "../executor.js";
import { runtime } from "../runtime.js";
import { emptyOrt, fromOrt, stateOf, toOrt } from "../state.js";
import type { Update } from "../wasm/update.js";
import { detectAnomalies } from "./anomaly.js";
import { Constants, type Fed } from "./constants.js";
import type { Device } from "./devices.js";
import { isWeb, type ort } from "./onnxruntime.js";
import { type Pair, pairOf, pairToWrite } from "./pair.js";
import { Session } from "./session.js";

/** How ONNX Runtime runs a graph. */
export interface OnnxSettings {
  readonly device: Device;
  /** 0 for all cores. */
  readonly threads: number;
  readonly detectAnomalies?: boolean;
  readonly arena?: boolean;
  /** After how many runs with the same values the variables that it does not change become constants of the model; by default never. */
  readonly constantsAfter?: number;
}

/** Runs a graph as one ONNX model. */
export class OnnxExecutor implements Executor {
  private readonly names = new Set<string>();
  private readonly inputs: readonly Named[];
  private readonly variables: readonly Fed[];
  private readonly randoms: readonly Named[];
  private readonly updates: readonly (Named & { readonly variable: Variable })[];
  private readonly outputs: readonly Named[];
  /** The outputs that the update takes. */
  private readonly given: readonly Named[];
  /** The values that are checked for anomalies, and their names. */
  private readonly watched: readonly Watched[];
  private readonly watchedNames: readonly string[];
  private readonly session: Session;
  readonly constants: Constants | undefined;
  private readonly fetches: Record<string, ort.Tensor | null>;
  /** The variables that are written in place. */
  private readonly inPlace: ReadonlySet<Variable>;
  /** The variables whose values are in pairs. */
  private readonly changed: ReadonlySet<Variable>;
  /** The variables whose values a run needs. */
  private readonly read: ReadonlySet<Variable>;
  private readonly onDevice: boolean;
  /** Whether a run writes into tensors that it is handed: the next values of variables, and what the update is given. */
  private readonly writesInto: boolean;
  /** Whether it writes its other outputs so too. */
  private readonly handsOver: boolean;

  /** @param update what changes variables after a run, given the last outputs of the binding */
  constructor(
    readonly binding: Binding,
    { device, threads, detectAnomalies = false, arena, constantsAfter = Number.POSITIVE_INFINITY }: OnnxSettings,
    readonly update?: Update,
  ) {
    const { inputs, variables, randoms, outputs, updates } = binding;
    const { results, values, watched } = detectAnomalies ? watch(binding.results) : { results: binding.results, values: [], watched: [] };
    this.onDevice = device !== "cpu";
    this.writesInto = !this.onDevice && !isWeb;
    this.inputs = inputs.map(({ name, tensor }) => ({ name: this.unique(name), tensor }));
    this.read = new Set(variables);
    this.variables = variables.map((variable) => ({ name: this.unique(variable.name), variable }));
    this.randoms = randoms.map(({ leaf }) => ({ name: this.unique("random"), tensor: leaf }));
    const count = outputs.length - (update?.given.length ?? 0);
    const named = outputs.map((_, i) => {
      const result = results[i] as Tensor;
      return { name: this.unique(`output${i}`), tensor: i < count ? beforeReshape(result) : result };
    });
    [this.outputs, this.given] = [named.slice(0, count), named.slice(count)];
    this.updates = updates.map(({ variable }, i) => ({
      name: this.unique(`${variable.name}'`),
      tensor: results[outputs.length + i] as Tensor,
      variable,
    }));
    this.changed = new Set(updates.map(({ variable }) => variable));
    const computed = [...named, ...this.updates];
    const checked = values.map((tensor) => ({ name: this.unique("watched"), tensor }));
    this.watched = watched;
    this.watchedNames = checked.map(({ name }) => name);
    const feeds = [...this.inputs, ...this.variables.map(({ name, variable }) => ({ name, tensor: variable })), ...this.randoms];
    this.fetches = Object.fromEntries([...computed, ...checked].map(({ name }) => [name, null]));
    const isWorthIt = bytesOf([...this.given, ...this.updates]) >= worthHandingOver.again || bytesOf(this.outputs) >= worthHandingOver.anew;
    this.handsOver = this.writesInto && !detectAnomalies && isWorthIt;
    const inPlace = this.writesInto && !detectAnomalies ? changedInPlace({ updates, results }) : [];
    this.inPlace = new Set([...inPlace].filter((variable) => !update?.uses(variable)));
    const settings = { handOver: this.handsOver, device, threads, arena, resident: this.updates.map(({ name }) => name) };
    const sessionWith = (constants?: ReadonlyMap<string, TypedArray>) =>
      new Session(() => encodeModel(feeds, [...computed, ...checked], constants), settings);
    this.session = sessionWith();
    const kept = this.variables.filter(({ variable }) => !this.changed.has(variable));
    if (Number.isFinite(constantsAfter) && !this.onDevice && !detectAnomalies)
      this.constants = new Constants(kept, constantsAfter, (values) => {
        void this.session.release();
        return sessionWith(values);
      });
  }

  async run(values: readonly TypedArray[], draw: Draw): Promise<readonly Tensor[]> {
    const results = await this.compute(values, draw).catch((error: unknown) => {
      if (this.inPlace.size === 0 || !(error instanceof KasaneError)) throw error;
      const names = [...this.inPlace].map(({ name }) => name).join(", ");
      throw new KasaneError(`${error.message}; rows of ${names} may have been changed before that: set them anew before you go on`, {
        cause: error,
      });
    });
    if (this.watched.length > 0)
      detectAnomalies(
        this.watched,
        this.watchedNames.map((name) => results[name] as ort.Tensor),
      );
    for (const { name, variable } of this.updates) {
      const pair = await this.pairFor(variable);
      pair.advance(results[name] as ort.Tensor);
      stateOf(variable).advance(pair);
    }
    this.update?.finish(this.given.map(({ name }) => results[name] as ort.Tensor));
    return this.outputs.map(({ name }, i) => fromOrt(results[name] as ort.Tensor, this.binding.outputs[i] as Tensor));
  }

  /** @throws KasaneError on a GPU */
  async profile(inputs: readonly TypedArray[], draw: Draw, recordTo: string): Promise<Measurement> {
    check(!this.onDevice, () => "profile: times on a GPU are those of handing work over: compile the function for the CPU to profile it");
    const recording = this.session.recording(recordTo);
    const [plain, profiled, updates]: [number[], number[], number[]] = [[], [], []];
    const rehearsal = this.update?.rehearsal();
    const copies = await this.copies();
    const timed = async (times: number[], session: Session) => {
      const start = performance.now();
      await this.compute(inputs, draw, { session, copies });
      const computed = performance.now();
      rehearsal?.();
      const end = performance.now();
      times.push((end - start) * 1000);
      if (session === recording) updates.push((end - computed) * 1000);
    };
    const start = performance.now();
    for (let i = 0; i < fewest + warmUp || (i < most && performance.now() - start < duration); i++) {
      await timed(plain, this.session);
      await timed(profiled, recording);
    }
    await recording.endRecording();
    await recording.release();
    return {
      plain: plain.slice(warmUp),
      profiled: profiled.slice(warmUp),
      ...(this.update && { update: { path: this.update.path, times: updates.slice(warmUp) } }),
    };
  }

  /** Copies of the variables that a run writes in their places. */
  private async copies(): Promise<ReadonlyMap<Variable, ort.Tensor>> {
    const copyOf = async (variable: Variable) => toOrt(await stateOf(variable).read(), variable.dtype, variable.shape);
    return new Map(await Promise.all([...this.inPlace].map(async (variable) => [variable, await copyOf(variable)] as const)));
  }

  /**
   * What a run computes, by name. The variables keep their values, but for those that are written in their places.
   * @param copies what is read and written for those
   */
  private async compute(
    values: readonly TypedArray[],
    draw: Draw,
    { session, copies }: { session?: Session; copies?: ReadonlyMap<Variable, ort.Tensor> } = {},
  ): Promise<ort.InferenceSession.OnnxValueMapType> {
    const { fetches, onDevice } = this;
    const withConstants = session ? undefined : this.constants?.next();
    const feeds: Record<string, ort.Tensor> = {};
    this.inputs.forEach(({ name, tensor }, i) => {
      feeds[name] = toOrt(values[i] as TypedArray, tensor.dtype, tensor.shape);
    });
    const running = this.update?.start();
    for (const slot of running?.variables.values() ?? []) {
      const fetched = slot.update();
      if (fetched) await fetched;
    }
    for (const { name, variable } of this.variables) {
      if (withConstants && !this.changed.has(variable)) continue;
      const inPlace =
        onDevice || this.changed.has(variable) ? undefined : (running?.variables.get(variable) ?? stateOf(variable).holder).inPlace;
      const held = copies?.get(variable) ?? inPlace;
      if (held) {
        feeds[name] = held;
        continue;
      }
      const pair = pairOf(variable);
      // Awaiting what is there costs a small model more than its arithmetic.
      const value = (pair instanceof Promise ? await pair : pair).feed(onDevice);
      feeds[name] = value instanceof Promise ? await value : value;
    }
    runtime.draws.start(this.randoms.reduce((sum, { tensor }) => sum + tensor.size, 0));
    for (const { name, tensor } of this.randoms) {
      const numbers = runtime.draws.take(tensor.size);
      draw(tensor, numbers);
      feeds[name] = toOrt(numbers, "float32", tensor.shape);
    }
    if (this.handsOver) for (const { name, tensor } of this.outputs) fetches[name] = emptyOrt(tensor);
    if (this.writesInto) {
      this.given.forEach(({ name }, i) => {
        fetches[name] = running?.given[i]?.inPlace as ort.Tensor;
      });
      for (const { name, variable } of this.updates) {
        const pair = this.pairFor(variable);
        const ready = pair instanceof Promise ? await pair : pair;
        fetches[name] = this.inPlace.has(variable) ? (copies?.get(variable) ?? (await ready.feed(onDevice))) : ready.target();
      }
    }
    return (session ?? withConstants ?? this.session).run(feeds, fetches);
  }

  async release(): Promise<void> {
    await this.constants?.release();
    await this.session.release();
  }

  /** The pair of a variable that changes. */
  private pairFor(variable: Variable): Pair | Promise<Pair> {
    return this.read.has(variable) ? pairOf(variable) : pairToWrite(variable);
  }

  private unique(name: string): string {
    return unusedName(name, this.names);
  }
}

/** Profiled runs are repeated for so many milliseconds, within these bounds, after so many to warm up. */
const [duration, fewest, most, warmUp] = [1000, 3, 100, 2];

/**
 * With fewer bytes of results, copying them costs less than leaving a run early: 16 µs. Arrays that are written again at every run save more: what
 * ONNX Runtime copies into is new, as the arrays of outputs are in any case.
 */
const worthHandingOver = { again: 2 ** 17, anew: 2 ** 20 };

const bytesOf = (values: readonly Named[]): number => totalBytes(values.map(({ tensor }) => tensor));

/** What `x` is a reshape of, or `x`: as an output of the model, a reshape would be a copy. */
function beforeReshape(x: Tensor): Tensor {
  const reshaped = match(x, shapes.Reshape);
  return reshaped ? beforeReshape(reshaped.inputs[0]) : x;
}
