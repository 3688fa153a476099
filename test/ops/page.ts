import { readFileSync } from "node:fs";
import { grad, type Tensor } from "kasane";
import { isFloat } from "../../src/graph/dtype.js";
import { topologicalOrder } from "../../src/graph/walk.js";
import { readers } from "../../src/onnx/read/index.js";
import { methods } from "../../src/ops/methods.js";
import { operatorOf } from "../../src/ops/operator.js";
import { operators } from "../../src/ops/table.js";
import { prepare } from "../../src/passes/index.js";
import { lower } from "../../src/passes/lower.js";
import { applyRules } from "../../src/passes/rules.js";
import { targetOf } from "../../src/targets/targets.js";
import { type Case, toTensor } from "./cases/case.js";
import { type NamedCase, table } from "./cases.js";
import { differences, notCompared } from "./differential/differences.js";
import { differentiated, lossOf } from "./evaluate.js";
import { isSmooth } from "./smooth.js";

const webgpu = JSON.parse(readFileSync(new URL("webgpu.json", import.meta.url), "utf8")) as Record<string, string>;

/** What is known of an operator from the graphs of all cases. */
interface Use {
  readonly functions: Set<string>;
  readonly devices: Map<string, { kernel: boolean; lowered: boolean }>;
}

/** The page `docs/operators.md`: made from the cases, the operators' declarations, and the record of the tests on WebGPU. */
export function operatorsPage(): string {
  const uses = new Map<string, Use>(Object.keys(operators).map((type) => [type, { functions: new Set(), devices: new Map() }]));
  const functions = Object.entries(table).map(([name, cases]) => functionRow(name, cases, uses));
  const types = Object.entries(operators).map(([type, { gradient, read }]) => {
    const { functions, devices } = uses.get(type) as Use;
    const how = (device: string) => {
      const found = devices.get(device);
      return [found?.kernel ? "kernel" : "", found?.lowered ? "made of others" : ""].filter(Boolean).join(", ") || "-";
    };
    const rule = gradient === "nonDifferentiable" ? "none" : "rule";
    const isRead = read || readers[`:${type}`] ? "yes" : "-";
    return `| ${type} | ${rule} | ${isRead} | ${how("cpu")} | ${how("webgpu")} | ${[...functions].join(", ") || "-"} |`;
  });
  return `# Operators

Written by \`npm run docs:operators\` from the cases in \`test/ops/cases\`, the declarations in \`src/ops/table.ts\` and the record
\`test/ops/webgpu.json\`; \`npm test\` fails where this page is stale.

## Functions

Each number counts cases that a test holds the function to:

- **gradient**: by PyTorch to 1e-5 of the greatest element (\`test/ops/pytorch.test.ts\`); then by difference quotients in float64 to 1e-6,
  the gradient's own gradient too (\`test/ops/differences.test.ts\`). A dash: the result is constant between its steps, or not a float.
- **CPU**, **WebGPU**: values and gradients by PyTorch to 1e-5 on that device, on WebGPU with no operator left to the CPU
  (\`test/ops/webgpu.test.ts\`).

| function | method | gradient: PyTorch, differences | CPU | WebGPU |
| --- | --- | --- | --- | --- |
${functions.join("\n")}

## Differences from PyTorch

\`test/ops/differential.test.ts\` runs six thousand random calls of all functions that PyTorch has too, of all dtypes, with sizes of 0 and 1, infinities,
NaN, subnormal numbers and the extremes of each dtype, by both executors and outside compiled functions. Values and gradients are PyTorch's, and the
executors agree with each other, but for what follows.

${Object.entries(differences)
  .map(([name, reason]) => `- **${name}**: ${reason}`)
  .join("\n")}

Not compared with PyTorch:

${notCompared.map((what) => `- ${what}`).join("\n")}

## Operators of the graph

What graphs are made of. "Kernel": ONNX Runtime computes it there; "made of others": the declaration lowers it, for all dtypes and
settings or for those without a kernel. "Read from ONNX": \`readOnnx\` takes a node of this type for it; a dash: the standard has no such
operator. Operators that no function makes come from gradients, passes, \`scan\` and recurrent layers;
a dash: the cases of the functions have none.

| operator | gradient | read from ONNX | CPU | WebGPU | used by |
| --- | --- | --- | --- | --- | --- |
${types.join("\n")}

## Operators of ONNX that are made of several

\`readOnnx\` and \`loadOnnx\` read these nodes too, by domain; \`test/onnx/nodes.test.ts\` holds them to ONNX's own tests and to ONNX Runtime.

| domain | operators |
| --- | --- |
${compositions().join("\n")}
`;
}

/** The operators that are read as several, a row a domain. */
function compositions(): string[] {
  const keys = Object.keys(readers).map((key) => key.split(":") as [domain: string, type: string]);
  const domains = [...new Set(keys.map(([domain]) => domain))];
  const typesIn = (domain: string) => keys.filter(([own, type]) => own === domain && !(domain === "" && Object.hasOwn(operators, type)));
  return domains.map(
    (domain) =>
      `| ${domain || "ai.onnx"} | ${typesIn(domain)
        .map(([, type]) => type)
        .sort()
        .join(", ")} |`,
  );
}

function functionRow(name: string, cases: readonly Case[], uses: ReadonlyMap<string, Use>): string {
  const named = cases.map((each): NamedCase => ({ ...each, name: `${name}: ${each.what}` }));
  const flowing = named.filter((each) => gradientFlows(each));
  for (const each of named) record(name, each, uses);
  const agreeing = named.filter((each) => webgpu[each.name] === "agrees").length;
  const gradients = flowing.length === 0 ? "-" : `${flowing.length}, ${flowing.filter(isSmooth).length}`;
  const missing = named.filter((each) => webgpu[each.name] !== "agrees").map((each) => `${each.what}: ${webgpu[each.name] ?? "not run"}`);
  const onWebGPU = missing.length === 0 ? `${agreeing}` : `${agreeing}, but not ${missing.join("; ")}`;
  return `| ${name} | ${name in methods ? "yes" : "-"} | ${gradients} | ${named.length} | ${onWebGPU} |`;
}

/** Whether a path of differentiable operators leads from an input of the case to a floating-point output. */
function gradientFlows(each: NamedCase): boolean {
  const inputs = each.inputs.map((input) => toTensor(input));
  const reached = new Set(differentiated(each, inputs));
  const outputs = [each.call(...inputs)].flat();
  for (const node of topologicalOrder(outputs)) {
    if (operatorOf(node).gradient === "nonDifferentiable" || !node.inputs.some((input) => reached.has(input))) continue;
    for (const output of node.outputs) if (isFloat(output.dtype)) reached.add(output);
  }
  return outputs.some((output) => reached.has(output));
}

/** Notes which operators the graph of the case and its gradients has, and which of them a device gets, or gets others for. */
function record(name: string, each: NamedCase, uses: ReadonlyMap<string, Use>): void {
  const inputs = each.inputs.map((input) => toTensor(input));
  const values = [each.call(...inputs)].flat();
  const graph = [...values, ...grad(lossOf(values), differentiated(each, inputs))];
  const plain = typesOf(graph);
  for (const type of typesOf(values)) uses.get(type)?.functions.add(name);
  for (const device of ["cpu", "webgpu"] as const) {
    const lowered = typesOf(applyRules(lower)(graph, targetOf(device)));
    const ready = typesOf(prepare(graph, targetOf(device)));
    for (const type of new Set([...plain, ...ready])) {
      const devices = uses.get(type)?.devices;
      const found = devices?.get(device) ?? { kernel: false, lowered: false };
      const gone = plain.has(type) && !lowered.has(type);
      devices?.set(device, { kernel: found.kernel || ready.has(type), lowered: found.lowered || gone });
    }
  }
}

const typesOf = (outputs: readonly Tensor[]): Set<string> => new Set(topologicalOrder(outputs).map((node) => node.operator.type));
