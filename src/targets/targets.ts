import type { DType } from "../graph/dtype.js";
import { ofCpu, ofOnnxRuntime, ofWasm, ofWebGpu, withoutLoops } from "./gaps.js";
import type { Gaps, Target } from "./target.js";

interface Description {
  readonly gaps: Gaps;
  readonly freeSizes?: boolean;
  readonly transposesByBlocks?: boolean;
  readonly selectsByBranches?: boolean;
  readonly sumsRowByRow?: boolean;
  readonly absentTypes?: readonly DType[];
}

const descriptions = {
  /** onnxruntime-node's own kernels. */
  cpu: { gaps: ofCpu, transposesByBlocks: true, selectsByBranches: true, sumsRowByRow: true },
  /** onnxruntime-web's WebAssembly kernels. */
  web: { gaps: ofCpu },
  cuda: { gaps: ofOnnxRuntime },
  dml: { gaps: withoutLoops },
  coreml: { gaps: withoutLoops },
  webgpu: { gaps: ofWebGpu, absentTypes: ["int8", "int64", "float64"] },
  /** The executor of small graphs. */
  wasm: { gaps: ofWasm },
  /** Files: operators of the standard alone, and no decision by a size, since a size may be free. Double precision as where files mostly run. */
  portable: { gaps: ofOnnxRuntime, freeSizes: true },
} as const satisfies Record<string, Description>;

/** What graphs can be prepared for. */
export type TargetName = keyof typeof descriptions;

/**
 * The target of a name.
 * @param threads how many threads run a kernel; 0: as many as there are cores
 * @param channelBlock the block of channels of this machine's convolutions, by default 1: the plain layout
 */
export function targetOf(name: TargetName, threads = 0, channelBlock = 1): Target {
  const {
    gaps,
    freeSizes = false,
    transposesByBlocks = false,
    selectsByBranches = false,
    sumsRowByRow = false,
    absentTypes = [],
  }: Description = descriptions[name];
  return {
    threads,
    freeSizes,
    transposesByBlocks,
    selectsByBranches,
    sumsRowByRow,
    absentTypes,
    channelBlock,
    has: (application) => !(gaps[application.type]?.(application, threads) ?? false),
  };
}
