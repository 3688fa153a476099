/**
 * Tries hostile files, run folders, command lines, kills and full disks: `npm run hostile -- [--seed N] [--tries N] [--kinds A,B]`.
 * Each must be taken or refused with one line; whatever is neither is printed with the seed that gives it again.
 */
import { parseArgs } from "node:util";
import { kinds, tryAll } from "./tries.js";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: `${Math.floor(Date.now() / 1000)}` },
    tries: { type: "string", default: "200" },
    kinds: { type: "string", default: Object.keys(kinds).join(",") },
  },
});
const [seed, tries] = [Number(values.seed), Number(values.tries)];
console.log(`seed ${seed}`);
let failed = false;
for (const name of values.kinds.split(",")) {
  // Starting a process takes a second.
  const { taken, refused, faults } = await tryAll(
    name,
    seed,
    ["killed", "killedWorkers", "fullDisk"].includes(name) ? Math.ceil(tries / 20) : tries,
  );
  console.log(`${name}: ${taken} taken, ${refused} refused, ${faults.length} faults`);
  for (const fault of faults.slice(0, 5)) console.log(`  ${fault}`);
  failed ||= faults.length > 0;
}
process.exitCode = failed ? 1 : 0;
