/** The same work by Kasane and by its peers, in one run: `npm run bench -- --help`. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import type { Case } from "./cases/case.js";
import { cases } from "./cases/index.js";
import { lstm } from "./cases/language.js";
import { drawRatios } from "./report/chart.js";
import { drawPage, insertFigures } from "./report/page.js";
import { barsTable, caseTable, checkReport, startTable } from "./report/terminal.js";
import { showThreads } from "./report/text.js";
import { Bench, type Effort } from "./run/measure.js";
import { benchFolder, peers } from "./run/peers.js";
import type { Results } from "./run/results.js";
import { setUp } from "./run/setup.js";
import { measureStarts } from "./run/start.js";

const usual: Effort = { rounds: 7, round: 80, warmUp: 200, budget: 1500 };
const quick: Effort = { rounds: 3, round: 30, warmUp: 60, budget: 600 };
const starting = "start";
const resultsFolder = join(benchFolder, "results");

/** Names separated by commas, each one of those there are. */
const oneOf = (known: readonly string[]) => (text: string) => {
  const names = text.split(",");
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`"${unknown}": expected some of ${known.join(", ")}`);
  return names;
};
const positive = (text: string) => {
  const value = Number(text);
  if (!(Number.isInteger(value) && value > 0)) throw new InvalidArgumentError("expected an integer from 1");
  return value;
};

interface Options {
  readonly case: readonly string[];
  readonly peer: readonly string[];
  readonly threads: readonly number[];
  readonly rounds?: number;
  readonly quick?: boolean;
  readonly check?: boolean;
  readonly docs?: string | true;
  readonly profile?: boolean;
  readonly noisy?: boolean;
}

const caseNames = [...cases.map(({ name }) => name), starting];
const peerNames = peers.map(({ name }) => name);
const program = new Command("npm run bench --")
  .description(
    "Times the same work done by Kasane and by its peers, in alternating rounds, after checking that all do the same arithmetic.",
  )
  .option("--case <names>", `some of ${caseNames.join(", ")}`, oneOf(caseNames), caseNames)
  .option("--peer <names>", `some of ${peerNames.join(", ")}`, oneOf(peerNames), peerNames)
  .option("--threads <numbers>", "numbers of threads, each a run of its own", (text) => text.split(",").map(positive), [1, 2])
  .option("--rounds <number>", "rounds of each case", positive)
  .option("--quick", "few and short rounds")
  .option("--check", "only check the arithmetic; fails where a peer differs")
  .option("--profile", "print where Kasane's time in each case goes")
  .option("--noisy", "say in the results that the machine was doing other things")
  .option("--docs [file]", "measure nothing: put the figures of a file of results, by default the last, into docs/performance.md");

/** Puts the figures and the charts of a file of results into the documentation. */
function writeDocs(file: string): void {
  const results = JSON.parse(readFileSync(file, "utf8")) as Results;
  const docs = join(benchFolder, "..", "docs");
  const page = join(docs, "performance.md");
  for (const { threads } of results.limits) writeFileSync(join(docs, `performance-${threads}.svg`), drawRatios(results.cases, threads));
  const figures = drawPage(results, (threads) => `performance-${threads}.svg`);
  writeFileSync(page, insertFigures(readFileSync(page, "utf8"), figures));
  console.log(`docs/performance.md now has the figures of ${file}`);
}

const lastResults = (): string => {
  const [last] = readdirSync(resultsFolder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .reverse();
  if (!last) throw new Error("there are no results yet: npm run bench");
  return join(resultsFolder, last);
};

async function measure(options: Options, command: string): Promise<void> {
  const began = performance.now();
  const chosen = peers.filter(({ name }) => options.peer.includes(name));
  const missing = setUp(chosen);
  for (const [name, reason] of Object.entries(missing)) console.log(`${name}: ${reason}`);
  const present = chosen.filter(({ name }) => !(name in missing));
  const shape = options.quick || options.check ? quick : usual;
  const effort = { ...shape, rounds: options.check ? 0 : (options.rounds ?? shape.rounds) };
  const results: Results = {
    date: new Date().toISOString(),
    command: options.noisy ? `${command} (noisy: the machine was doing other things)` : command,
    machine: {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      memory: Math.round(totalmem() / 2 ** 30),
      system: `${type()} ${release()}`,
    },
    versions: {},
    missing,
    limits: [],
    cases: [],
    starts: [],
  };
  const file = join(resultsFolder, `${results.date.slice(0, 19).replaceAll(":", "")}.json`);
  const selected = cases.filter(({ name }) => options.case.includes(name));
  let differing = 0;
  const [fewest, most] = [Math.min(...options.threads), Math.max(...options.threads)];
  for (const threads of options.threads.toSorted((a, b) => a - b)) {
    // A peer without threads is measured once.
    const taking = present.filter(({ threaded = true }) => threaded || threads === fewest);
    const before = ({ name }: Case) => results.cases.find((result) => result.name === name)?.peers ?? [];
    const known = (each: Case) => before(each).filter(({ peer }) => taking.every(({ name }) => name !== peer));
    const bench = new Bench(taking, threads, effort, results.versions);
    try {
      if (selected.length > 0) {
        const limits = options.check ? { threads, flops: Number.NaN, by: "none", bandwidth: Number.NaN } : await bench.limits();
        if (!options.check) results.limits.push(limits);
        for (const each of selected) {
          const result = await bench.measure(
            each,
            limits,
            known(each).map((result) => ({ ...result, remark: `has no threads: as measured with ${showThreads(fewest)}` })),
          );
          results.cases.push(result);
          differing += result.peers.filter(({ cannot }) => cannot?.startsWith("not the arithmetic")).length;
          if (options.profile) console.log(`\n${each.name}, ${showThreads(threads)}\n${await bench.profile()}`);
          console.log(options.check ? checkReport(result) : `\n${caseTable(result)}`);
        }
      }
    } finally {
      bench.stop();
    }
    if (!options.check && options.case.includes(starting) && threads === most) {
      const starts = await measureStarts(lstm, present, threads, Math.ceil(effort.rounds / 3));
      results.starts.push(...starts);
      console.log(`\n${startTable(starts, lstm.title)}`);
    }
    if (options.check) continue;
    mkdirSync(resultsFolder, { recursive: true });
    writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
  }
  const minutes = ((performance.now() - began) / 60_000).toFixed(1);
  if (options.check) console.log(`\n${differing === 0 ? "all do the same arithmetic" : `${differing} differ`}; ${minutes} minutes`);
  else {
    for (const { threads } of results.limits) writeFileSync(file.replace(".json", `-${threads}.svg`), drawRatios(results.cases, threads));
    console.log(`\n${barsTable(results.cases, results.starts)}\n\n${file}, ${minutes} minutes`);
  }
  process.exitCode = differing > 0 ? 1 : 0;
}

program.parse();
const options = program.opts<Options>();
if (options.docs) writeDocs(options.docs === true ? lastResults() : options.docs);
else await measure(options, ["npm run bench", ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : [])].join(" "));
