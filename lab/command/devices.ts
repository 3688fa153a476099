import { spawnSync } from "node:child_process";
import { check, devices } from "kasane";
import { print, printJson } from "../output.js";

const knownDevices = ["cpu", "webgpu", "cuda", "dml", "coreml"];

/** Prints the devices that `--device` takes on this machine. */
export async function listDevices({ json }: { readonly json?: boolean }): Promise<void> {
  const offered = await devices();
  if (json) printJson({ devices: offered });
  else print(offered.join("\n"));
}

/** @throws KasaneError where `--device` was given what this machine lacks */
export function checkDevice(device: string): void {
  if (device === "cpu") return;
  check(knownDevices.includes(device), () => `--device: got "${device}", expected one of ${knownDevices.join(", ")}`);
  const offered = quietDevices();
  check(offered.includes(device), () => `--device: "${device}" is not available here: this machine offers ${offered.join(", ")}`);
}

/** The devices of this machine, asked for in another process: drivers that fail write to stderr, past Node. */
function quietDevices(): string[] {
  const words = [...process.execArgv, process.argv[1] as string, "devices", "--json"];
  const { stdout } = spawnSync(process.execPath, words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return (JSON.parse(stdout) as { devices: string[] }).devices;
}
