import { check, KasaneError } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import type { Features } from "./features.js";
import type { Box } from "./space.js";

/** Options of {@link TileCoding}. */
export interface TileCodingOptions {
  /** What is coded. Its bounds are finite. */
  readonly space: Box;
  /** How many grids lie over each other. Powers of 2 that are 4 times the number of dimensions or more spread best. */
  readonly tilings: number;
  /** How many tiles a grid has along each dimension. */
  readonly tiles: number;
  /** How many features there are: tiles that are met get one each, as long as there are some. By default 4096. */
  readonly size?: number;
}

/**
 * Codes real numbers by tiles: each of several grids, shifted against each other, has one tile that the numbers fall into. Tiles get their features
 * by hashing, when they are first met; where none is left, tiles share them. Sutton and Barto (2018), Reinforcement Learning, section 9.5.4; grids
 * are shifted by the odd numbers 1, 3, 5 and so on along the dimensions (Miller and Glanz 1996).
 */
export class TileCoding implements Features {
  readonly count: number;
  readonly active: number;
  private readonly space: Box;
  private readonly scale: Float64Array;
  /** `[count, 1 + dimensions]`: which tile a feature belongs to, the number of its grid plus 1 first. 0 where it belongs to none. */
  private readonly owners: Int32Array<ArrayBuffer>;
  /** How many features are taken. */
  private readonly taken = new Int32Array(1);
  private readonly tile: Int32Array;

  constructor(options: TileCodingOptions) {
    checkOptions<TileCodingOptions>("TileCoding", options, { space: "required", tilings: "required", tiles: "required", size: "optional" });
    const { space, tilings, tiles, size = 4096 } = options;
    for (const [name, value] of Object.entries({ tilings, tiles, size })) {
      check(Number.isInteger(value) && value > 0, () => `TileCoding: got ${name} ${value}, expected an integer from 1`);
    }
    check([...space.low, ...space.high].every(Number.isFinite), () => `TileCoding: got a space without bounds: ${space}`);
    this.count = size;
    this.active = tilings;
    this.space = space;
    this.scale = Float64Array.from(space.low, (low, i) => (tiles * tilings) / ((space.high[i] as number) - low));
    this.owners = new Int32Array(size * (1 + space.size));
    this.tile = new Int32Array(1 + space.size);
  }

  /** How many features belong to tiles. */
  get used(): number {
    return this.taken[0] as number;
  }

  find(observation: ArrayLike<number>, into: Int32Array): void {
    const { tile, scale, space, active } = this;
    for (let tiling = 0; tiling < active; tiling++) {
      tile[0] = tiling + 1;
      for (let i = 0; i < scale.length; i++) {
        // In steps of 1 / tilings of a tile.
        const place = Math.floor(((observation[i] as number) - (space.low[i] as number)) * (scale[i] as number));
        // A tile is an int32.
        if (!(Math.abs(place) < 2 ** 31)) {
          throw new KasaneError(
            `TileCoding: got ${observation[i]} as number ${i} of ${scale.length}: expected a number in or near the space`,
          );
        }
        tile[1 + i] = Math.floor((place + tiling * (2 * i + 1)) / active);
      }
      into[tiling] = this.featureOf(tile);
    }
  }

  /** The feature of a tile. It is looked for from the place that its hash says, until its own or a free one is met. */
  private featureOf(tile: Int32Array): number {
    const { owners, count } = this;
    let hash = 0x811c9dc5;
    for (let i = 0; i < tile.length; i++) hash = Math.imul((hash ^ (tile[i] as number)) | 0, 0x01000193) ^ (hash >>> 15);
    const first = (hash >>> 0) % count;
    for (let probe = 0; probe < count; probe++) {
      const feature = (first + probe) % count;
      const start = feature * tile.length;
      if (owners[start] === 0) {
        owners.set(tile, start);
        this.taken[0] = this.used + 1;
        return feature;
      }
      let same = 0;
      while (same < tile.length && owners[start + same] === tile[same]) same++;
      if (same === tile.length) return feature;
      // With all features taken a search would be long: the tile shares the one it is hashed to.
      if (this.used === count && probe === 7) return first;
    }
    return first;
  }

  /** Which tiles have features, for a checkpoint. */
  namedArrays(): ReadonlyMap<string, Int32Array<ArrayBuffer>> {
    const { owners, taken } = this;
    return new Map(Object.entries({ owners, taken }));
  }
}
