import { axesOf } from "../../lab/plot/chart.js";
import { type CaseResult, ratioOf, timeOf } from "../run/results.js";
import { showThreads } from "./text.js";

/** Colours that colour-blind readers can tell apart (Okabe and Ito 2008), each with a letter, so that none is needed. */
const marks: Readonly<Record<string, readonly [letter: string, colour: string]>> = {
  torch: ["P", "#d55e00"],
  "torch-compile": ["C", "#a14a84"],
  jax: ["J", "#007a5a"],
  "jax-scan": ["S", "#007a5a"],
  tensorflow: ["T", "#8a6d00"],
  numpy: ["N", "#333333"],
  loops: ["L", "#333333"],
  "tfjs-wasm": ["W", "#0072b2"],
  "tfjs-cpu": ["U", "#0072b2"],
  "jax-js": ["X", "#0072b2"],
};

const [width, left, top, row] = [900, 170, 84, 30];

/** Every case a row, every peer a letter: how many times Kasane's time it takes, on a logarithmic axis. */
export function drawRatios(cases: readonly CaseResult[], threads: number): string {
  const shown = cases.filter((result) => result.threads === threads);
  const ratios = shown.map((result) =>
    result.peers.flatMap((peer) => {
      const ratio = ratioOf(result, peer);
      const mark = marks[peer.peer];
      return mark && ratio !== undefined ? [{ ratio, mark, label: `${peer.label}${peer.atLeast ? ", at least" : ""}` }] : [];
    }),
  );
  const limits = shown.map((result) => {
    const own = result.peers.find(({ peer }) => peer === "kasane");
    const time = own && timeOf(own);
    return time === undefined ? Number.NaN : result.limit / time;
  });
  const all = [1, ...limits.filter((limit) => limit > 0.01), ...ratios.flat().map(({ ratio }) => ratio)];
  const title = `How many times Kasane's time the others take, ${showThreads(threads)}`;
  const { y: axis } = axesOf({ title, xLabel: "", yLabel: "", logarithmic: true, series: [{ name: "", x: all, y: all }] }, 8, 8);
  const across = (value: number) => Math.round((left + axis.place(value) * (width - left - 30)) * 10) / 10;
  const bottom = top + shown.length * row;
  const parts = axis.ticks.map(
    ({ value, label }) =>
      `<path d="M${across(value)} ${top - 8}V${bottom}" stroke="#dddddd"/><text x="${across(value)}" y="${bottom + 18}" text-anchor="middle">${label}x</text>`,
  );
  parts.push(`<path d="M${across(1)} ${top - 8}V${bottom}" stroke="#222222"/>`);
  for (const [i, result] of shown.entries()) {
    const middle = top + i * row + row / 2;
    parts.push(`<text x="${left - 12}" y="${middle + 4}" text-anchor="end">${result.name}</text>`);
    parts.push(`<path d="M${left} ${middle}H${width - 30}" stroke="#eeeeee"/>`);
    const limit = limits[i] as number;
    if (limit > 0.01)
      parts.push(`<path d="M${across(limit)} ${middle - 9}v18" stroke="#222222" stroke-width="2"><title>limit</title></path>`);
    for (const { ratio, mark, label } of ratios[i] ?? []) {
      const [letter, colour] = mark;
      parts.push(`<circle cx="${across(ratio)}" cy="${middle}" r="9" fill="#ffffff" stroke="${colour}"><title>${label}</title></circle>`);
      parts.push(`<text x="${across(ratio)}" y="${middle + 4}" text-anchor="middle" font-size="11" fill="${colour}">${letter}</text>`);
    }
  }
  const used = new Map(ratios.flat().map(({ mark: [letter], label }) => [letter, label.replace(", at least", "")]));
  const legend = [...used].map(([letter, label]) => `${letter} ${label}`);
  const half = Math.ceil(legend.length / 2);
  const height = bottom + 66;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="13" fill="#222222">
<title>${title}</title>
<rect width="${width}" height="${height}" fill="#ffffff"/>
<text x="${width / 2}" y="26" text-anchor="middle" font-size="16">${title}</text>
<text x="${width / 2}" y="46" text-anchor="middle" font-size="11">${legend.slice(0, half).join(" · ")}</text>
<text x="${width / 2}" y="62" text-anchor="middle" font-size="11">${legend.slice(half).join(" · ")}</text>
${parts.join("\n")}
<text x="${width / 2}" y="${height - 14}" text-anchor="middle" font-size="11">The line at 1 is Kasane; left of it is faster. The bar left of it is the machine's limit, where it is within a hundredth.</text>
</svg>
`;
}
