import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf } from "../recurrent/interruption.js";
import { writeScenes } from "./roadPictures.js";

const parent = temporaryFolder();
const scenes = join(parent, "scenes");

beforeAll(() => writeScenes(scenes));

it("measures networks that see more and more, and gradients see what the layers tell", async () => {
  const words = [
    "run",
    "segment-field",
    "--scenes",
    scenes,
    "--ways",
    "dilation",
    "--width",
    "4",
    "--batch-size",
    "4",
    "--workers",
    "0",
    "--epochs",
    "1",
    "--threads",
    "1",
  ];
  const { code, stdout } = await kasane([...words, "--json", "--runs", parent]);
  expect(code).toBe(0);
  const networks = eventsOf(stdout, "network");
  // Two convolutions of the whole image before and after, two of the half in between: 6 + 8 d pixels from two of them, and 4 + 4 by those after.
  expect(networks.map(({ field }) => field)).toEqual([18, 26, 42, 74]);
  for (const { field, seen } of networks as { field: number; seen: number }[]) {
    // Pooling passes on one of two pixels at a border alone.
    expect(seen).toBeGreaterThanOrEqual(field - 2);
    expect(seen).toBeLessThanOrEqual(field);
  }
});
