import { expect, it } from "vitest";
import { kinds, tryAll } from "./tries.js";

/** How many tries a kind gets here: few where each starts processes. `npm run hostile` makes more, with other seeds. */
const fewer: Readonly<Record<string, number>> = { killed: 1, killedWorkers: 1, fullDisk: 2, runFolder: 15, commandLine: 30 };

it.each(Object.keys(kinds))(
  "hostile: %s",
  async (name) => {
    const { taken, refused, faults } = await tryAll(name, 20_260_101, fewer[name] ?? 60);
    expect(faults).toEqual([]);
    expect(taken + refused).toBe(fewer[name] ?? 60);
  },
  120_000,
);
