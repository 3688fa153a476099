import { textTable } from "../../src/graph/textTable.js";
import { type CaseResult, median, type PeerResult, ratioOf, type StartResult } from "../run/results.js";
import { barRows } from "./bars.js";
import { showNumber, showThreads, showTime } from "./text.js";

/** One case as a table: median, spread, ratio to Kasane, and the machine's limit. */
export function caseTable(result: CaseResult): string {
  const rows = result.peers.map((peer) => [peer.label, ...figuresOf(result, peer)]);
  const limit = `limit, by ${result.limitedBy === "products" ? "matrix products" : "memory"}`;
  const own = result.peers.find(({ peer }) => peer === "kasane");
  const share = own?.rounds ? showNumber(result.limit / median(own.rounds)) : "";
  return [
    `${result.title}; ${showThreads(result.threads)}`,
    textTable(["peer", "a step", "from", "to", "Kasane's times", "remark"], [...rows, [limit, showTime(result.limit), "", "", share, ""]]),
    checkLine(result),
  ].join("\n");
}

function checkLine({ reference, difference: { loss, element, change } }: CaseResult): string {
  const differences = [loss, element, change].map((value) => value.toExponential(0)).join(", ");
  return `the same arithmetic as ${reference}: loss, elements, changes within ${differences}`;
}

/** Who did the arithmetic of a case, and who could not. */
export function checkReport(result: CaseResult): string {
  const able = result.peers.filter(({ rounds }) => rounds).map(({ label }) => label);
  const unable = result.peers.filter(({ rounds }) => !rounds).map(({ label, cannot }) => `  ${label}: ${cannot ?? "too slow"}`);
  return [`${result.name}, ${showThreads(result.threads)}: ${able.join("; ")}`, `  ${checkLine(result)}`, ...unable].join("\n");
}

function figuresOf(result: CaseResult, peer: PeerResult): string[] {
  const { rounds, atLeast, cannot, remark = "" } = peer;
  if (cannot) return ["", "", "", "", cannot];
  const ratio = showNumber(ratioOf(result, peer) ?? Number.NaN);
  if (atLeast) return [`> ${showTime(atLeast)}`, "", "", `> ${ratio}`, "not waited for"];
  if (!rounds) return [];
  return [showTime(median(rounds)), showTime(Math.min(...rounds)), showTime(Math.max(...rounds)), ratio, remark];
}

/** How long peers take to their first step, and the memory they take. */
export function startTable(starts: readonly StartResult[], title: string): string {
  const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MB`;
  const rows = starts
    .toSorted((a, b) => median(a.firstStep) - median(b.firstStep))
    .map(({ label, load, firstStep, memory }) => [
      label,
      showTime(1e6 * median(firstStep)),
      showTime(1e6 * Math.min(...firstStep)),
      showTime(1e6 * Math.max(...firstStep)),
      showTime(1e6 * median(load)),
      megabytes(median(memory)),
    ]);
  return `Starting anew, ${title}; ${showThreads(starts[0]?.threads ?? 1)}\n${textTable(["peer", "first step", "from", "to", "loading before", "peak memory"], rows)}`;
}

/** The goals, and where this run stands. */
export const barsTable = (cases: readonly CaseResult[], starts: readonly StartResult[]): string =>
  textTable(["case", "threads", "against", "goal", "measured", ""], barRows(cases, starts, { met: "met", missed: "MISSED" }));
