import { data } from "kasane";
import { files } from "kasane/node";
import { axesOf } from "./chart.js";
import { escape, widest } from "./text.js";

/** A sound to be drawn. */
export interface SoundPicture {
  readonly title: string;
  /** From -1 to 1. */
  readonly samples: ArrayLike<number>;
  /** Samples a second. */
  readonly sampleRate: number;
  /** A point of time, in seconds, that is marked. */
  readonly mark?: number;
}

/** Pixels. */
const [width, waveHeight, margin, titleRoom, gap] = [800, 120, 20, 30, 14];
const [fontSize, titleSize] = [13, 16];

/** Samples of a Fourier transform: 32 ms of speech at 8 kHz. */
const fftSize = 256;
/** What the shades span. */
const decibels = 80;

/**
 * A sound's waveform over its spectrogram, as a stand-alone SVG image; the spectrogram is a PNG within it, the darker the louder. A sound shorter than
 * a Fourier transform is followed by silence.
 */
export async function drawSound({ title, samples, sampleRate, mark }: SoundPicture): Promise<string> {
  const seconds = samples.length / sampleRate;
  const { pixels, height } = await spectrogramPixels(samples);
  const kilohertz = sampleRate / 2000;
  const axes = axesOf({ title, xLabel: "", yLabel: "", series: [{ name: "", x: [0, Math.max(seconds, 1e-3)], y: [0, kilohertz] }] }, 8, 4);
  const ticks = axes.y.ticks.filter(({ value }) => value <= kilohertz);
  const left = Math.ceil(
    margin +
      24 +
      widest(
        ticks.map(({ label }) => label),
        fontSize,
      ),
  );
  const [waveTop, right] = [margin + titleRoom, left + width];
  const mapTop = waveTop + waveHeight + gap;
  const [mapBottom, middle] = [mapTop + height, waveTop + waveHeight / 2];
  const across = (time: number) => round(left + (time / Math.max(seconds, 1e-3)) * width);
  const image = Buffer.from(files.encodePng({ height, width, channels: 1, data: pixels })).toString("base64");
  const parts = [
    `<text x="${left}" y="${margin + 14}" font-size="${titleSize}">${escape(title)}</text>`,
    `<path d="M${left} ${middle}h${width}" stroke="#dddddd"/>`,
    `<path d="${envelope(samples, left, middle)}" stroke="#0072b2" fill="none"/>`,
    `<image x="${left}" y="${mapTop}" width="${width}" height="${height}" href="data:image/png;base64,${image}"/>`,
    `<path d="M${left} ${mapTop}V${mapBottom}H${right}" fill="none" stroke="#222222"/>`,
    ...ticks.map(({ value, label }) => {
      const y = round(mapBottom - (value / kilohertz) * height);
      return `<path d="M${left - 5} ${y}h5" stroke="#222222"/><text x="${left - 8}" y="${y + 4}" text-anchor="end">${label}</text>`;
    }),
    ...axes.x.ticks
      .filter(({ value }) => value <= seconds)
      .map(({ value, label }) => {
        const x = across(value);
        return `<path d="M${x} ${mapBottom}v5" stroke="#222222"/><text x="${x}" y="${mapBottom + 20}" text-anchor="middle">${label}</text>`;
      }),
    `<text x="${left + width / 2}" y="${mapBottom + 40}" text-anchor="middle">time (s)</text>`,
    `<text x="${margin}" y="${(mapTop + mapBottom) / 2}" text-anchor="middle" transform="rotate(-90 ${margin} ${(mapTop + mapBottom) / 2})">frequency (kHz)</text>`,
  ];
  if (mark !== undefined) {
    parts.push(`<path d="M${across(mark)} ${waveTop}V${mapBottom}" stroke="#d55e00" stroke-width="1.5" stroke-dasharray="6 4"/>`);
  }
  const [wide, tall] = [right + margin, mapBottom + 40 + margin];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${wide} ${tall}" width="${wide}" height="${tall}" font-family="sans-serif" font-size="${fontSize}" fill="#222222">
<title>${escape(title)}</title>
<rect width="${wide}" height="${tall}" fill="#ffffff"/>
${parts.join("\n")}
</svg>
`;
}

/** For each column of pixels a line from the least sample to the greatest. */
function envelope(samples: ArrayLike<number>, left: number, middle: number): string {
  const columns = Array.from({ length: width }, (_, column) => {
    const from = Math.floor((column * samples.length) / width);
    const to = Math.max(from + 1, Math.floor(((column + 1) * samples.length) / width));
    let [low, high] = [1, -1];
    for (let i = from; i < Math.min(to, samples.length); i++) {
      low = Math.min(low, samples[i] as number);
      high = Math.max(high, samples[i] as number);
    }
    const [top, bottom] = [high, low].map((value) => round(middle - (value * waveHeight) / 2)) as [number, number];
    // A line of no length would not be seen.
    return low > high ? "" : `M${left + column + 0.5} ${top}V${Math.max(bottom, top + 1)}`;
  });
  return columns.join("");
}

/** A spectrogram as grey pixels, its lowest frequency at the bottom: white from so many decibels below the loudest on. */
async function spectrogramPixels(samples: ArrayLike<number>): Promise<{ readonly pixels: Uint8Array; readonly height: number }> {
  const padded = new Float32Array(Math.max(samples.length, fftSize));
  padded.set(Float32Array.from(samples));
  const hop = Math.max(1, Math.floor(padded.length / width));
  const spectrum = data.spectrogram(padded, { fftSize, hop });
  const [height, frames] = spectrum.shape as [number, number];
  const energy = (await spectrum.data()) as Float32Array;
  const loudest = energy.reduce((most, value) => Math.max(most, value), Number.MIN_VALUE);
  const pixels = Uint8Array.from({ length: height * width }, (_, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    const value = energy[(height - 1 - row) * frames + Math.floor((column * frames) / width)] as number;
    const share = 1 + (10 * Math.log10(value / loudest)) / decibels;
    return 255 - Math.round(255 * Math.min(1, Math.max(0, share)));
  });
  return { pixels, height };
}

const round = (value: number): number => Math.round(value * 10) / 10;
