import { data } from "kasane";
import { type datasets, files } from "kasane/node";
import type { PredictContext } from "../context.js";
import { fittedTable } from "../layout.js";
import { sideBySide } from "../plot/boxes.js";
import { escape } from "../plot/text.js";
import { picturesIn } from "./picturesIn.js";
import { coloured, nothing, roadClasses } from "./roadScenes.js";

type Picture = data.augment.Picture;

/** Scenes that are drawn. */
const shownScenes = 8;

/** Scenes, beside what their pixels are and what they were taken for, as the bytes of a PNG file; what belongs to nothing is black in all. */
export function drawScenes(samples: readonly datasets.SegmentationSample[], told: readonly Uint8Array[]): Uint8Array {
  const every = Math.max(1, Math.floor(samples.length / shownScenes));
  const shown = [...samples.keys()].filter((i) => i % every === 0).slice(0, shownScenes);
  const { height, width } = (samples[0] as datasets.SegmentationSample).picture;
  const all = new Uint8Array(3 * shown.length * height * 3 * width);
  shown.forEach((index, row) => {
    const { picture, mask } = samples[index] as datasets.SegmentationSample;
    const guess = (told[index] as Uint8Array).map((value, i) => (mask[i] === nothing ? nothing : value));
    [sideBySide(picture), coloured(mask), coloured(guess)].forEach((image, column) => {
      for (let y = 0; y < height; y++) {
        all.set(image.subarray(3 * y * width, 3 * (y + 1) * width), 3 * (((row * height + y) * 3 + column) * width));
      }
    });
  });
  return files.encodePng({ height: shown.length * height, width: 3 * width, channels: 3, data: all });
}

/** How much a colour hides of the picture below it. */
const cover = 0.6;

/** A picture under the colours of its classes. */
function covered(picture: Picture, mask: Uint8Array): Uint8Array {
  const [below, above] = [sideBySide(picture), coloured(mask)];
  return below.map((value, i) => Math.round((1 - cover) * value + cover * (above[i] as number)));
}

/** The side of a pixel in a drawing, so that it is at least about 480 wide. */
const scaleFor = (width: number): number => Math.max(1, Math.round(480 / width));

/** A PNG file with the classes that occur in it named beside it, as an SVG image. */
function withLegend(png: Uint8Array, { height, width }: Picture, shares: readonly (readonly [c: number, share: number])[]): string {
  const scale = scaleFor(width);
  const [wide, tall] = [width * scale, Math.max(height * scale, 24 * shares.length + 12)];
  const entries = shares.map(([c, share], i) => {
    const { name, colour } = roadClasses[c] as (typeof roadClasses)[number];
    return (
      `<rect x="${wide + 12}" y="${12 + 24 * i}" width="16" height="16" fill="rgb(${colour.join(",")})"/>` +
      `<text x="${wide + 36}" y="${25 + 24 * i}">${escape(`${name} ${(100 * share).toFixed(1)} %`)}</text>`
    );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${wide + 180} ${tall}" width="${wide + 180}" height="${tall}" font-family="sans-serif" font-size="13" fill="#222222">
<rect width="100%" height="100%" fill="#ffffff"/>
<image href="data:image/png;base64,${Buffer.from(png).toString("base64")}" width="${wide}" height="${height * scale}" style="image-rendering:pixelated"/>
${entries.join("\n")}
</svg>
`;
}

/**
 * Tells the classes of the pixels of image files, and draws them into the run's folder: as a PNG file, and as SVG with a legend.
 * @param height that of the scenes that were learnt from, at which a picture is looked at
 */
export async function segmentFiles(
  context: PredictContext,
  segment: (pictures: readonly Picture[]) => Promise<Uint8Array[]>,
  { height }: { readonly height: number },
  text: string,
): Promise<void> {
  const told = [];
  for (const { file: path, name, picture: whole } of picturesIn(text, 3)) {
    const width = Math.max(1, Math.round((whole.width * height) / whole.height));
    const { picture } = data.augment.resize({ picture: whole }, [height, width]);
    const [mask] = (await segment([picture])) as [Uint8Array];
    const shares = roadClasses
      .map((_, c) => [c, mask.filter((value) => value === c).length / mask.length] as const)
      .filter(([, share]) => share > 0)
      .sort(([, a], [, b]) => b - a);
    const png = files.encodePng({ height: picture.height, width: picture.width, channels: 3, data: covered(picture, mask) });
    const file = context.folder.file(`${name}-classes`);
    await files.writeAtomically(`${file}.png`, png);
    await files.writeAtomically(`${file}.svg`, withLegend(png, picture, shares));
    const named = shares.map(([c, share]) => [(roadClasses[c] as (typeof roadClasses)[number]).name, share] as const);
    told.push({ path, shares: Object.fromEntries(named), files: [`${file}.png`, `${file}.svg`] });
  }
  const most = (shares: Readonly<Record<string, number>>) =>
    Object.entries(shares)
      .slice(0, 4)
      .map(([name, share]) => `${name} ${(100 * share).toFixed(0)} %`);
  const rows = told.map(({ path, shares, files: [, drawing] }) => [path, most(shares).join(", "), drawing as string]);
  context.print(fittedTable(["image", "shares of its pixels", "drawn in"], rows), { event: "prediction", images: told });
}
