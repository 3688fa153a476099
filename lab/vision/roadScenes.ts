import type { datasets } from "kasane/node";

/** What the pixels of CamVid's scenes belong to (Brostow et al. 2009, in the eleven classes of SegNet), and the colours that they are drawn in. */
export const roadClasses = [
  { name: "sky", colour: [128, 128, 128] },
  { name: "building", colour: [128, 0, 0] },
  { name: "pole", colour: [192, 192, 128] },
  { name: "road", colour: [128, 64, 128] },
  { name: "pavement", colour: [60, 40, 222] },
  { name: "tree", colour: [128, 128, 0] },
  { name: "sign", colour: [192, 128, 128] },
  { name: "fence", colour: [64, 64, 128] },
  { name: "car", colour: [64, 0, 128] },
  { name: "pedestrian", colour: [64, 64, 0] },
  { name: "cyclist", colour: [0, 128, 192] },
] as const;

/** Pixels of this class belong to none of the eleven. */
export const nothing = 11;

/** Where the scenes are looked for. */
export const scenesFile = "camvid-120x90.tar.gz";

/** How many pixels of each class the masks have. */
export function pixelsOfClasses(samples: readonly datasets.SegmentationSample[]): number[] {
  const counts = new Array<number>(roadClasses.length).fill(0);
  for (const { mask } of samples) for (const value of mask) if (value !== nothing) counts[value] = (counts[value] as number) + 1;
  return counts;
}

/** A mask in the colours of its classes, red, green and blue of each pixel; what belongs to nothing is black. */
export function coloured(mask: ArrayLike<number>): Uint8Array {
  const data = new Uint8Array(3 * mask.length);
  for (let i = 0; i < mask.length; i++) data.set(roadClasses[mask[i] as number]?.colour ?? [0, 0, 0], 3 * i);
  return data;
}
