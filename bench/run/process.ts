import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { benchFolder, commandOf, environmentOf, type PeerDescription } from "./peers.js";

/** What a peer answers when it is started, and to `prepare`, `exact`, `run`, `profile` and `memory`. */
interface Answer {
  readonly versions?: Readonly<Record<string, string>>;
  readonly milliseconds?: number;
  readonly loss?: number;
  readonly bytes?: number;
  readonly text?: string;
  readonly cannot?: string;
  readonly error?: string;
}

/** Thrown where a peer does not answer in time. */
export class TooSlow extends Error {}

/** A peer that runs. */
export class PeerProcess {
  versions: Readonly<Record<string, string>> = {};
  private settle: ((answer: Answer) => void) | undefined;
  private complaints = "";

  private constructor(private readonly child: ChildProcess) {}

  /** Starts a peer and waits until it has loaded its library. */
  static async start(peer: PeerDescription, threads: number): Promise<PeerProcess> {
    const [command, ...args] = commandOf(peer, threads) as [string, ...string[]];
    const child = spawn(command, args, {
      cwd: join(benchFolder, ".."),
      env: environmentOf(threads),
      stdio: ["pipe", "ignore", "pipe", "pipe"],
    });
    const process = new PeerProcess(child);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      process.complaints = (process.complaints + text).slice(-4000);
    });
    createInterface({ input: child.stdio[3] as Readable }).on("line", (line) => process.settle?.(JSON.parse(line)));
    child.stdin?.on("error", () => {});
    const ended = (reason: string) => process.settle?.({ error: `ended with ${reason}: ${process.complaints}` });
    child.on("error", (error) => ended(error.message));
    child.on("exit", (code, signal) => ended(`${signal ?? code}`));
    const { versions = {} } = await process.answer(60);
    process.versions = versions;
    return process;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Sends a command; a peer that does not answer within `seconds` is killed. */
  request(command: Readonly<Record<string, unknown>>, seconds: number): Promise<Answer> {
    const answer = this.answer(seconds);
    this.child.stdin?.write(`${JSON.stringify(command)}\n`);
    return answer;
  }

  /** Runs steps; returns the milliseconds that they took. */
  async run(steps: number): Promise<number> {
    return (await this.request({ do: "run", steps }, 60)).milliseconds as number;
  }

  stop(): void {
    this.settle = undefined;
    this.child.kill("SIGKILL");
  }

  private async answer(seconds: number): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined;
    const answer = await new Promise<Answer | undefined>((resolve) => {
      this.settle = resolve;
      timer = setTimeout(() => resolve(undefined), seconds * 1000);
    });
    clearTimeout(timer);
    this.settle = undefined;
    if (!answer) {
      this.stop();
      throw new TooSlow(`no answer within ${seconds} s`);
    }
    if (answer.error) throw new Error(answer.error);
    return answer;
  }
}
