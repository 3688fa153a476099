import { files } from "kasane/node";

/** Counts minutes, in addition to those that an earlier run of the command left in a file. */
export class Stopwatch {
  private readonly before: number;
  private readonly started = performance.now();

  constructor(private readonly file: string) {
    this.before = Math.max(0, Number(files.readJson(file, 100) ?? 0)) || 0;
  }

  get minutes(): number {
    return this.before + (performance.now() - this.started) / 60_000;
  }

  stop(): Promise<void> {
    return files.writeAtomically(this.file, `${this.minutes}\n`);
  }
}
