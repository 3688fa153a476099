import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";

/** A place in a picture: to the right and down from the upper left corner. */
export type Place = readonly [x: number, y: number];

/** What a picture is made of, in the order in which it is drawn. */
export type Shape =
  | { readonly kind: "line"; readonly points: readonly Place[]; readonly colour: string; readonly width: number }
  | { readonly kind: "polygon"; readonly points: readonly Place[]; readonly colour: string }
  | { readonly kind: "circle"; readonly centre: Place; readonly radius: number; readonly colour: string }
  | { readonly kind: "text"; readonly at: Place; readonly text: string; readonly size: number; readonly colour: string };

/** How something looks, with no thought of where it is drawn. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly shapes: readonly Shape[];
}

/** Something that can be looked at. */
export interface Drawable {
  /** How it looks now. */
  draw(): Picture;
  /** The same in characters. By default the picture in braille dots. */
  text?(): string;
}

/** A rectangle. */
export const rectangle = (left: number, top: number, width: number, height: number, colour: string): Shape => ({
  kind: "polygon",
  points: [
    [left, top],
    [left + width, top],
    [left + width, top + height],
    [left, top + height],
  ],
  colour,
});

/** Options of {@link drawFrames}. */
export interface FrameOptions {
  readonly title: string;
  readonly framesPerSecond?: number;
  /** The width of the image, in pixels. */
  readonly width?: number;
  /** What is written below each picture, such as the rewards so far. */
  readonly captions?: readonly string[];
}

/**
 * Pictures of one size as an SVG image, which shows one after the other, over and over; the last one stays for a second. What all of them begin with
 * is drawn once.
 */
export function drawFrames(pictures: readonly Picture[], options: FrameOptions): string {
  const names = { title: "required", framesPerSecond: "optional", width: "optional", captions: "optional" } as const;
  checkOptions<FrameOptions>("drawFrames", options, names);
  const { title, framesPerSecond = 30, width = 480, captions } = options;
  const [first] = pictures;
  check(first !== undefined, () => "drawFrames: got no pictures, expected one or more");
  const scale = width / first.width;
  const height = Math.round(first.height * scale);
  const drawn = pictures.map(({ shapes }, i) => [
    ...shapes.map((shape) => drawShape(shape, scale)),
    ...(captions ? [`<text x="8" y="${height + 17}" font-size="13">${escape(captions[i] ?? "")}</text>`] : []),
  ]);
  const shared = drawn.reduce((most, frame) => {
    let same = 0;
    while (same < most && frame[same] === drawn[0]?.[same]) same++;
    return same;
  }, drawn[0]?.length ?? 0);
  const seconds = (pictures.length - 1) / framesPerSecond + 1;
  const share = (frame: number) => Number((frame / framesPerSecond / seconds).toFixed(5));
  const frames = drawn.map((frame, i) => {
    const content = frame.slice(shared).join("");
    if (pictures.length === 1) return content;
    const [from, to] = [share(i), i === pictures.length - 1 ? 1 : share(i + 1)];
    const [values, times] =
      i === 0 ? ["inline;none", `0;${to}`] : to === 1 ? ["none;inline", `0;${from}`] : ["none;inline;none", `0;${from};${to}`];
    const animation = `attributeName="display" values="${values}" keyTimes="${times}" dur="${seconds.toFixed(3)}s" calcMode="discrete" repeatCount="indefinite"`;
    // Where nothing moves, as in a viewer without animations, the first picture is seen.
    return `<g${i === 0 ? "" : ' display="none"'}><animate ${animation}/>${content}</g>`;
  });
  const whole = height + (captions ? 26 : 0);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${whole}" width="${width}" height="${whole}" font-family="sans-serif" fill="#222222">
<title>${escape(title)}</title>
<rect width="${width}" height="${whole}" fill="#ffffff"/>
${[...(drawn[0]?.slice(0, shared) ?? []), ...frames].join("\n")}
</svg>
`;
}

function drawShape(shape: Shape, scale: number): string {
  const number = (value: number) => String(Math.round(value * scale * 10) / 10);
  const path = (points: readonly Place[]) => points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${number(x)} ${number(y)}`).join("");
  const colour = escape(shape.colour);
  switch (shape.kind) {
    case "line":
      return `<path d="${path(shape.points)}" fill="none" stroke="${colour}" stroke-width="${number(shape.width)}" stroke-linecap="round"/>`;
    case "polygon":
      return `<path d="${path(shape.points)}z" fill="${colour}"/>`;
    case "circle":
      return `<circle cx="${number(shape.centre[0])}" cy="${number(shape.centre[1])}" r="${number(shape.radius)}" fill="${colour}"/>`;
    case "text": {
      const size = number(shape.size);
      // Centred on its place.
      return `<text x="${number(shape.at[0])}" y="${number(shape.at[1] + 0.35 * shape.size)}" font-size="${size}" text-anchor="middle" fill="${colour}">${escape(shape.text)}</text>`;
    }
  }
}

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

/** The bits of a braille character's dots, by row and column of the 4 by 2 dots. */
const dotBits = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80];

/** A picture's lines, and the borders of its other shapes, in braille dots; texts are left out. */
export function drawText({ width, height, shapes }: Picture, columns = 60): string {
  const rows = Math.max(1, Math.round((columns * height) / width / 2));
  const cells = new Uint8Array(columns * rows);
  const dot = (x: number, y: number) => {
    const [column, row] = [Math.floor((x / width) * 2 * columns), Math.floor((y / height) * 4 * rows)];
    if (column < 0 || row < 0 || column >= 2 * columns || row >= 4 * rows) return;
    const cell = (row >> 2) * columns + (column >> 1);
    cells[cell] = (cells[cell] as number) | (dotBits[2 * (row & 3) + (column & 1)] as number);
  };
  const line = ([x, y]: Place, [toX, toY]: Place) => {
    const steps = Math.ceil(Math.max((Math.abs(toX - x) / width) * 2 * columns, (Math.abs(toY - y) / height) * 4 * rows, 1));
    for (let i = 0; i <= steps; i++) dot(x + ((toX - x) * i) / steps, y + ((toY - y) * i) / steps);
  };
  for (const shape of shapes) {
    if (shape.kind === "line" || shape.kind === "polygon") {
      const points = shape.kind === "polygon" ? [...shape.points, ...shape.points.slice(0, 1)] : shape.points;
      points.forEach((point, i) => line(points[i - 1] ?? point, point));
    } else if (shape.kind === "circle") {
      const corners = Array.from({ length: 17 }, (_, i): Place => {
        const angle = (2 * Math.PI * i) / 16;
        return [shape.centre[0] + shape.radius * Math.cos(angle), shape.centre[1] + shape.radius * Math.sin(angle)];
      });
      corners.forEach((point, i) => line(corners[i - 1] ?? point, point));
    }
  }
  return Array.from({ length: rows }, (_, row) =>
    Array.from(cells.subarray(row * columns, (row + 1) * columns), (bits) => (bits === 0 ? " " : String.fromCharCode(0x2800 + bits)))
      .join("")
      .trimEnd(),
  ).join("\n");
}

/** Something in characters. */
export const textOf = (drawable: Drawable): string => drawable.text?.() ?? drawText(drawable.draw());
