import type { data, vision } from "kasane";
import { files } from "kasane/node";
import { drawText, signHeight, textWidth } from "./pixelFont.js";
import { styleOf } from "./svg.js";
import { escape, widthOf } from "./text.js";

/** A box to be drawn on a picture. */
export interface DrawnBox {
  readonly box: vision.Box;
  readonly class: number;
  /** Of one that was found; one without is what there is, and is drawn in dots. */
  readonly score?: number;
}

/** A picture with its boxes. */
export interface BoxedPicture {
  readonly picture: data.augment.Picture;
  readonly boxes: readonly DrawnBox[];
}

/** Pictures with boxes side by side, and below them what the lines mean. */
export interface BoxesDrawing {
  readonly pictures: readonly BoxedPicture[];
  readonly classNames: readonly string[];
  /** How many pictures stand side by side, by default 2. */
  readonly columns?: number;
  /** How many pixels of the drawing a pixel is wide and high, by default 2. */
  readonly scale?: number;
}

/** Pixels around a picture. */
const gap = 4;
const legendRow = 20;
const fontSize = 13;
/** What boxes that are there are called, where both sorts are drawn. */
const truthName = "there is (dotted)";

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly places: readonly { readonly left: number; readonly top: number }[];
  readonly legend: readonly { readonly left: number; readonly top: number; readonly name: string; readonly style?: number }[];
  readonly scale: number;
}

function layOut({ pictures, classNames, columns = 2, scale = 2 }: BoxesDrawing): Layout {
  const wide = gap + scale * Math.max(1, ...pictures.map(({ picture }) => picture.width));
  const tall = gap + scale * Math.max(1, ...pictures.map(({ picture }) => picture.height));
  const across = Math.max(1, Math.min(columns, pictures.length));
  const width = Math.max(160, gap + across * wide);
  const places = pictures.map((_, i) => ({ left: gap + (i % across) * wide, top: gap + Math.floor(i / across) * tall }));
  const hasTruths = pictures.some(({ boxes }) => boxes.some(({ score }) => score === undefined));
  const counted = classNames.map((name, of) => {
    const count = pictures.reduce((sum, { boxes }) => sum + boxes.filter((box) => box.class === of && box.score !== undefined).length, 0);
    return { name: `${name}: ${count}`, style: of };
  });
  let [left, top] = [gap, gap + Math.ceil(pictures.length / across) * tall];
  const legend = [...counted, ...(hasTruths ? [{ name: truthName }] : [])].map((entry) => {
    const room = 40 + Math.ceil(widthOf(entry.name, fontSize));
    if (left > gap && left + room > width) [left, top] = [gap, top + legendRow];
    const placed = { ...entry, left, top };
    left += room + 8;
    return placed;
  });
  return { width, height: top + legendRow + gap, places, legend, scale };
}

/** The drawing as a stand-alone SVG image; a box says its class and score where the pointer rests on it. */
export function drawBoxesSvg(drawing: BoxesDrawing): string {
  const { width, height, places, legend, scale } = layOut(drawing);
  const parts = drawing.pictures.flatMap(({ picture, boxes }, i) => {
    const { left, top } = places[i] as Layout["places"][number];
    const { height: tall, width: wide } = picture;
    const png = Buffer.from(files.encodePng({ height: tall, width: wide, channels: 3, data: sideBySide(picture) })).toString("base64");
    const at = (value: number) => Math.round(value * scale * 10) / 10;
    return [
      `<image x="${left}" y="${top}" width="${wide * scale}" height="${tall * scale}" href="data:image/png;base64,${png}"/>`,
      ...boxes.map(({ box: [x1, y1, x2, y2], class: of, score }) => {
        const { colour, dash } = styleOf(of);
        const lines = `stroke="${colour}" stroke-width="2" stroke-dasharray="${score === undefined ? "1 4" : dash}"`;
        const title = `${drawing.classNames[of] ?? of}${score === undefined ? "" : ` ${score.toFixed(2)}`}`;
        return (
          `<rect x="${left + at(x1)}" y="${top + at(y1)}" width="${at(x2 - x1)}" height="${at(y2 - y1)}" fill="none" pointer-events="all" ${lines}>` +
          `<title>${escape(title)}</title></rect>`
        );
      }),
    ];
  });
  const entries = legend.flatMap(({ left, top, name, style }) => {
    const { colour, dash } = style === undefined ? { colour: "#222222", dash: "1 4" } : styleOf(style);
    return [
      `<path d="M${left} ${top + 10}h28" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"/>`,
      `<text x="${left + 34}" y="${top + 14}">${escape(name)}</text>`,
    ];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="${fontSize}" fill="#222222">
<rect width="${width}" height="${height}" fill="#ffffff"/>
${[...parts, ...entries].join("\n")}
</svg>
`;
}

/** The drawing as the bytes of a PNG file. */
export function drawBoxesPng(drawing: BoxesDrawing): Uint8Array {
  const { width, height, places, legend, scale } = layOut(drawing);
  const data = new Uint8Array(3 * width * height).fill(255);
  const put = (x: number, y: number, colour: readonly number[]) => {
    if (x >= 0 && x < width && y >= 0 && y < height) data.set(colour, 3 * (y * width + x));
  };
  drawing.pictures.forEach(({ picture, boxes }, i) => {
    const { left, top } = places[i] as Layout["places"][number];
    const pixels = sideBySide(picture);
    for (let y = 0; y < picture.height * scale; y++) {
      for (let x = 0; x < picture.width * scale; x++) {
        const at = 3 * (Math.floor(y / scale) * picture.width + Math.floor(x / scale));
        put(left + x, top + y, [pixels[at] as number, pixels[at + 1] as number, pixels[at + 2] as number]);
      }
    }
    for (const { box, class: of, score } of boxes) {
      const [x1, y1, x2, y2] = box.map((value) => Math.round(value * scale)) as [number, number, number, number];
      const drawn = isDrawn(score === undefined ? "1 4" : styleOf(of).dash);
      const colour = bytesOf(styleOf(of).colour);
      const along = (from: number, to: number, side: (at: number, thick: number) => void) => {
        for (let at = from; at <= to; at++) if (drawn(at - from)) for (const thick of [0, 1]) side(at, thick);
      };
      along(x1, x2, (x, thick) => {
        put(left + x, top + y1 + thick, colour);
        put(left + x, top + y2 - thick, colour);
      });
      along(y1, y2, (y, thick) => {
        put(left + x1 + thick, top + y, colour);
        put(left + x2 - thick, top + y, colour);
      });
    }
  });
  for (const { left, top, name, style } of legend) {
    const { colour, dash } = style === undefined ? { colour: "#222222", dash: "1 4" } : styleOf(style);
    const drawn = isDrawn(dash);
    for (let x = 0; x < 28; x++) if (drawn(x)) for (const thick of [0, 1]) put(left + x, top + 9 + thick, bytesOf(colour));
    const size = Math.max(1, Math.min(2, Math.floor((width - left - 34) / Math.max(1, textWidth(name)))));
    drawText(name, (x, y) => {
      for (let i = 0; i < size * size; i++) {
        put(
          left + 34 + size * x + (i % size),
          top + 10 - Math.floor((size * signHeight) / 2) + size * y + Math.floor(i / size),
          [34, 34, 34],
        );
      }
    });
  }
  return files.encodePng({ height, width, channels: 3, data });
}

/** Whether a line with SVG's dashes, on and off in turns, is drawn at a distance from its start. */
function isDrawn(dash: string): (distance: number) => boolean {
  const lengths = dash === "" ? [] : dash.split(" ").map(Number);
  const ends = lengths.map((_, i) => lengths.slice(0, i + 1).reduce((sum, length) => sum + length, 0));
  const period = ends.at(-1);
  return (distance) => period === undefined || ends.findIndex((end) => distance % period < end) % 2 === 0;
}

const bytesOf = (colour: string): number[] => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));

/** The bytes of a picture's pixels with red, green and blue side by side. */
export function sideBySide({ pixels, channels, height, width }: data.augment.Picture): Uint8Array {
  const size = height * width;
  const bytes = new Uint8Array(3 * size);
  for (let channel = 0; channel < 3; channel++) {
    const from = (channels === 1 ? 0 : channel) * size;
    for (let i = 0; i < size; i++) bytes[3 * i + channel] = pixels[from + i] as number;
  }
  return bytes;
}
