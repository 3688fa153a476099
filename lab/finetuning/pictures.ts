import { check, data, type OnnxModule } from "kasane";
import { datasets, files } from "kasane/node";
import { foldersOf } from "./folders.js";
import { fixedReading, type Labelled, onlyInput, type Reading } from "./reading.js";

/** How the bytes of a picture become the numbers that a model takes: as they are, 0 to 1, or with ImageNet's means and deviations. */
export const pixelScales = ["bytes", "unit", "imagenet"] as const;
export type PixelScale = (typeof pixelScales)[number];

/** The means and deviations of ImageNet's pixels of red, green and blue, from 0 to 1, as torchvision's models take them. */
const imagenet = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] } as const;

/** Bytes that all pictures may have together. */
const mostBytes = 2 ** 32;

/** Options of pictures. */
export interface PictureOptions {
  /** Pixels of each side, where the model leaves that free. */
  readonly size?: number | undefined;
  readonly pixels: PixelScale;
}

/** Pictures for a model that takes them in grey or in colours, `[batch, channels, height, width]`, or with the channels last. */
export function pictureReading(
  model: OnnxModule,
  { size, pixels }: PictureOptions,
): Reading & { decode(bytes: Uint8Array, name: string): Uint8Array } {
  const input = onlyInput(model, "pictures");
  const { shape = [] } = input;
  const isLast = shape[1] !== 1 && shape[1] !== 3;
  const [channels, height, width] = [shape[isLast ? 3 : 1], ...(isLast ? shape.slice(1, 3) : shape.slice(2))];
  const isPicture = shape.length === 4 && (channels === 1 || channels === 3);
  check(isPicture, () => `the model takes [${shape.join(", ")}]: expected pictures, [batch, channels, height, width] with 1 or 3 channels`);
  const side = (given: number | string | undefined): number => {
    const sides = typeof given === "number" ? given : size;
    check(sides !== undefined, () => "the model takes pictures of any size: say with --size to how many pixels each side is brought");
    return sides;
  };
  const [rows, columns] = [side(height), side(width)];
  check(pixels !== "imagenet" || channels === 3, () => "--pixels imagenet: the model takes grey pictures: use unit or bytes");

  const area = rows * columns;
  const scaled = (value: number, channel: number): number => {
    if (pixels === "bytes") return value;
    return pixels === "unit" ? value / 255 : (value / 255 - (imagenet.mean[channel] as number)) / (imagenet.deviation[channel] as number);
  };
  const decode = (bytes: Uint8Array, name: string): Uint8Array => {
    const { picture } = data.augment.resize({ picture: files.decodePicture(bytes, name, channels) }, [rows, columns]);
    if (!isLast) return picture.pixels;
    return Uint8Array.from(
      { length: picture.pixels.length },
      (_, i) => picture.pixels[(i % channels) * area + Math.floor(i / channels)] as number,
    );
  };
  return {
    ...fixedReading(input, isLast ? [rows, columns, channels] : [channels, rows, columns], {
      plural: "pictures",
      elementOf: (value, place) => scaled(value, isLast ? place % channels : Math.floor(place / area)),
      read: async (file) => {
        const bytes = files.readIfThere(file, mostBytes);
        check(bytes !== undefined, () => `${file}: no such file: expected a PNG or JPEG file`);
        return decode(bytes, file);
      },
    }),
    decode,
  };
}

/** The pictures of a folder or `.tar.gz` that has a folder for each class. */
export function readPictures(path: string, { decode }: ReturnType<typeof pictureReading>): Labelled {
  const all = [...datasets.readFiles(path, { limit: mostBytes })].filter(([name]) => /\.(png|jpe?g)$/i.test(name));
  check(all.length > 0, () => `--images: ${path} has no .png or .jpg file`);
  return {
    examples: all.map(([name, bytes]) => decode(bytes, name)),
    labels: foldersOf(
      all.map(([name]) => name),
      path,
    ),
  };
}
