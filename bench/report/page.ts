import { type PeerDescription, peers } from "../run/peers.js";
import { type CaseResult, median, type PeerResult, type Results, ratioOf, type StartResult } from "../run/results.js";
import { barRows } from "./bars.js";
import { showNumber, showThreads, showTime } from "./text.js";

const markdown = (headings: readonly string[], rows: readonly (readonly string[])[]): string =>
  [headings, headings.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** The figures of a run as the page on performance shows them. */
export function drawPage(
  { date, command, machine, versions, missing, limits, cases, starts }: Results,
  chart: (threads: number) => string,
): string {
  const described = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const parts = [
    `Measured on ${date.slice(0, 10)} by \`${command}\`, on ${machine.cores} cores of ${machine.cpu}, ${machine.memory} GB, ${machine.system}; ${described.join(", ")}.`,
  ];
  for (const { threads, flops, by, bandwidth } of limits) {
    const able = cases.filter((result) => result.threads === threads);
    parts.push(`### ${showThreads(threads)[0]?.toUpperCase()}${showThreads(threads).slice(1)}`);
    parts.push(
      `The machine: ${showNumber(flops / 1e9)} GFLOP/s in a product of 1024 x 1024 matrices (by ${by}), ${showNumber(bandwidth / 1e9)} GB/s read and written in copying.`,
    );
    parts.push(timesTable(able));
    parts.push(`![How many times Kasane's time the others take](${chart(threads)})`);
  }
  if (starts.length > 0) {
    parts.push("### Starting");
    parts.push(startsTable(starts));
  }
  parts.push("### Goals");
  parts.push(markdown(["case", "threads", "against", "goal", "measured", "met"], barRows(cases, starts, { met: "yes", missed: "**no**" })));
  const lacking = [...Object.entries(missing).map(([name, reason]) => `- ${name}: ${reason}`), ...unable(cases)];
  if (lacking.length > 0) parts.push("### What has no figure, and why", lacking.join("\n"));
  return parts.join("\n\n");
}

/** What peers cannot do, one line for each reason. */
function unable(cases: readonly CaseResult[]): string[] {
  const reasons = new Map<string, Set<string>>();
  for (const { name, peers } of cases) {
    for (const { label, cannot } of peers) {
      if (!cannot) continue;
      const key = `${label}: ${cannot}`;
      reasons.set(key, (reasons.get(key) ?? new Set()).add(name));
    }
  }
  return [...reasons].map(([reason, names]) => `- ${reason} (${[...names].join(", ")})`);
}

/** A row for each case, a column for each peer; times, and in brackets how many times Kasane's. */
function timesTable(cases: readonly CaseResult[]): string {
  const columns = peers.filter(({ name }) => name !== "kasane" && cases.some((each) => each.peers.some(({ peer }) => peer === name)));
  const rows = cases.map((result) => {
    const own = result.peers.find(({ peer }) => peer === "kasane");
    const found = ({ name }: PeerDescription) => result.peers.find(({ peer }) => peer === name);
    const others = columns.map((column) => cellOf(result, found(column)));
    return [result.name, own?.rounds ? showSpread(own.rounds) : "-", showTime(result.limit), ...others];
  });
  return markdown(["case", "Kasane", "limit", ...columns.map(({ label }) => label)], rows);
}

const showSpread = (rounds: readonly number[]): string =>
  `**${showTime(median(rounds))}** (${showTime(Math.min(...rounds))} to ${showTime(Math.max(...rounds))})`;

function cellOf(result: CaseResult, peer: PeerResult | undefined): string {
  if (!peer || peer.cannot) return "-";
  const ratio = `${showNumber(ratioOf(result, peer) ?? Number.NaN)}x`;
  if (peer.atLeast) return `over ${showTime(peer.atLeast)} (over ${ratio})`;
  return `${showTime(median(peer.rounds ?? []))} (${ratio})`;
}

const startsTable = (starts: readonly StartResult[]): string =>
  markdown(
    ["peer", "threads", "first step", "spread", "loading the library before", "peak memory"],
    starts.map(({ label, threads, load, firstStep, memory }) => [
      label,
      `${threads}`,
      showTime(1e6 * median(firstStep)),
      `${showTime(1e6 * Math.min(...firstStep))} to ${showTime(1e6 * Math.max(...firstStep))}`,
      showTime(1e6 * median(load)),
      `${Math.round(median(memory) / 2 ** 20)} MB`,
    ]),
  );

const [begin, end] = ["<!-- figures of npm run bench -->", "<!-- end of the figures -->"];

/** Puts the figures into a page, between its two marks. */
export function insertFigures(page: string, figures: string): string {
  const [start, stop] = [page.indexOf(begin), page.indexOf(end)];
  if (start < 0 || stop < start) throw new Error(`the page has no "${begin}" before "${end}"`);
  return `${page.slice(0, start + begin.length)}\n\n${figures}\n\n${page.slice(stop)}`;
}
